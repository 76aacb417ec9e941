"""Bands: more proof never lowers a unit, and nothing but proof raises it."""

from dataclasses import replace
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.scoreboard.bands import formula_on, index_of, place

FORMULA = formula_on(date(2019, 12, 10))
KEYS = sorted(FORMULA.points)
states = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(list(ClaimState)), min_size=1)
points = st.fixed_dictionaries({key: st.floats(0.1, 100) for key in KEYS})


def rank(placed):
    return [band.key for band in FORMULA.bands].index(placed.band.key)


@given(states, st.sampled_from(KEYS), points)
def test_proving_one_more_duty_never_lowers_index_or_band(before, key, weights):
    formula = replace(FORMULA, points=weights)
    before.setdefault(key, ClaimState.UNKNOWN)
    now, then = place({**before, key: ClaimState.PROVEN}, formula), place(before, formula)
    assert now.index >= then.index
    assert rank(now) <= rank(then)


@given(states, st.sampled_from(KEYS), st.sampled_from([s for s in ClaimState if s != ClaimState.PROVEN]))
def test_no_word_of_the_unit_itself_earns_a_point(before, key, state):
    before[key] = ClaimState.UNKNOWN
    assert index_of({**before, key: state}, FORMULA.points) == index_of(before, FORMULA.points)


@given(states)
def test_the_index_is_between_nothing_and_everything(some):
    assert 0 <= place(some, FORMULA).index <= 100
    assert index_of(dict.fromkeys(some, ClaimState.PROVEN), FORMULA.points) == 100


@given(states, st.sampled_from(KEYS))
def test_a_refuted_declaration_keeps_a_unit_out_of_the_best_bands(some, key):
    some[key] = ClaimState.REFUTED
    assert place(some, FORMULA).band.key not in "AB"


@given(states, st.floats(0.1, 50))
def test_weights_count_only_against_each_other(some, factor):
    scaled = {key: value * factor for key, value in FORMULA.points.items()}
    assert abs(index_of(some, scaled) - index_of(some, FORMULA.points)) < 1e-9


def test_nothing_that_weighs_is_no_band_and_not_band_e():
    assert place({}, FORMULA) is None
    assert place({"awareness": ClaimState.PROVEN}, formula_on(date(2019, 1, 1))) is None
