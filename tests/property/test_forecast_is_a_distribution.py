"""The forecast is a distribution: it adds up, it is monotone, and it equals what going through every future gives."""

from datetime import date, timedelta
from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.apps.scoreboard.figures import TrendPoint
from dekhang.apps.scoreboard.forecast import WEEKS_NEEDED, chances, forecast, weekly_gains

TODAY = date(2020, 6, 1)
GAINS = st.lists(st.integers(-3, 6), min_size=WEEKS_NEEDED, max_size=8).map(tuple)


def points_of(proven, *, units=20, days=7):
    """A point every `days` days, the last one today."""
    first = TODAY - timedelta(days=days * (len(proven) - 1))
    return [TrendPoint(first + timedelta(days=days * n), units, units, p, True) for n, p in enumerate(proven)]


@given(GAINS, st.integers(1, 30), st.integers(0, 10))
@settings(max_examples=50)
def test_chances_grow_with_time_and_stay_between_none_and_all(gains, remaining, more):
    found = chances(gains, remaining, remaining + more)
    assert found[0] == 0.0
    assert all(0.0 <= a <= b <= 1.0 for a, b in pairwise(found))


@given(GAINS, st.integers(1, 20), st.integers(0, 5))
@settings(max_examples=50)
def test_more_progress_never_makes_it_later(gains, remaining, more):
    slow, fast = (chances(g, remaining, 30) for g in (gains, tuple(gain + more for gain in gains)))
    assert all(a <= b + 1e-9 for a, b in zip(slow, fast, strict=True))


@given(st.lists(st.integers(-2, 4), min_size=1, max_size=3).map(tuple), st.integers(1, 6), st.integers(0, 3))
@settings(max_examples=60)
def test_it_equals_going_through_every_future(gains, remaining, more):
    """The obvious way: every sequence of drawn weeks, one by one."""
    drawn, units = (*gains, 0), remaining + more
    for weeks in range(4):
        futures = list(product(drawn, repeat=weeks))
        reached = 0
        for future in futures:
            left = remaining
            for gain in future:
                left = min(units, max(0, left - gain)) if left else 0
            reached += left == 0
        assert abs(chances(gains, remaining, units)[weeks] - reached / len(futures)) < 1e-9


@given(st.lists(st.integers(0, 20), min_size=2, max_size=30), st.integers(-30, 200))
@settings(max_examples=80)
def test_a_forecast_is_in_order_and_of_the_future(proven, days):
    one = forecast(points_of(proven), TODAY + timedelta(days=days))
    assert one is not None
    assert one.remaining == 20 - proven[-1]
    dates = [day for day in (one.early, one.likely, one.late) if day is not None]
    assert dates == sorted(dates)
    assert all(day > TODAY for day in dates)
    assert one.chance is None or 0 <= one.chance <= 1
    if days < 0 and one.remaining:
        assert one.chance == 0  # what is over cannot be kept any more


@given(st.lists(st.integers(0, 20), min_size=3, max_size=20))
def test_daily_points_give_the_same_weeks_as_weekly_ones(proven):
    weekly = points_of(proven)
    daily = [
        TrendPoint(point.day + timedelta(days=n), point.units, point.declared, point.proven, True)
        for point in weekly[:-1]
        for n in range(7)
    ] + weekly[-1:]
    assert weekly_gains(daily) == weekly_gains(weekly)
