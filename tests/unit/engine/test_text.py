"""When two texts are the same, and what becomes of hostile ones."""

from hypothesis import given
from hypothesis import strategies as st

from dekhang.engine.text import SCALARS_PER_VALUE, clean, fold, scalars, text_of


def test_vietnamese_is_equal_however_it_was_typed() -> None:
    assert fold("TỈNH TÂY NINH") == fold("ti\u0309nh ta\u0302y ninh")


def test_lone_surrogates_become_replacement_characters_and_pairs_are_joined() -> None:
    assert clean("a\ud800b") == "a\ufffdb"
    assert clean("\ud83d\ude00") == "😀"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_folded_text_can_always_be_encoded(text: str) -> None:
    fold(text).encode()
    clean(text).encode()


def test_scalars_of_a_list_a_thousand_deep_are_found() -> None:
    value: object = "x"
    for _ in range(1_000):
        value = [value]
    assert scalars(value) == ("x",)


def test_a_list_of_a_million_is_read_as_far_as_the_bound() -> None:
    assert 0 < len(scalars(["x"] * 1_000_000)) <= SCALARS_PER_VALUE


def test_nothing_else_is_a_value() -> None:
    assert scalars(None) == scalars({"a": 1}) == scalars(object()) == ()


def test_numbers_too_long_for_python_to_print_still_have_a_text() -> None:
    assert text_of(10**6000).startswith("0x")
    assert text_of(float("inf")) == "inf"
