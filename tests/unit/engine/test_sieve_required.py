"""What the sieve looks for instead of a pattern: every value that matches contains one of the texts."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine.expressions import RegexTest
from dekhang.engine.sieve.required import required_literals


@pytest.mark.parametrize(
    ("pattern", "texts"),
    [
        ("(?i)waitfor\\s+delay", ("waitfor",)),
        ("(sleep|benchmark)\\(", ("benchmark(", "sleep(")),
        ("no-?hu", ("no-hu", "nohu")),
        ("[Bb]k[89]", ("bk8", "bk9")),
        ("(ab|\\d)x", ()),  # one branch may be anything
        ("(abc)*", ()),
        ("(abc){2,}", ("abc",)),
        ("a.b", ()),  # single letters are everywhere
        ("a(?=bc)", ()),
        ("đường", ("ng",)),  # only ASCII counts
        ("[[:alpha:]]abc", ()),  # Python reads it otherwise than RE2
        ("(", ()),
    ],
)
def test_the_texts_of_a_pattern(pattern: str, texts: tuple[str, ...]) -> None:
    assert required_literals(RegexTest(pattern)) == texts


def test_a_pattern_with_very_many_texts_has_few_or_none() -> None:
    assert len(required_literals(RegexTest("[abcd]" * 12))) <= 128
    assert len(required_literals(RegexTest("|".join(f"word{n}" for n in range(500))))) <= 128


PIECES = st.sampled_from(
    [
        "ab",
        "c",
        "Xy",
        "[de]",
        "[^f]",
        "\\d",
        ".",
        "(ab|cd)",
        "(a|b|)",
        "g?",
        "(hi)?",
        "(jk)+",
        "(l|mn){2,3}",
        "\\b",
        "^",
        "o*",
    ]
)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.data())
def test_what_matches_contains_one_of_the_texts(pattern: str, data: st.DataObject) -> None:
    texts = required_literals(RegexTest(pattern))
    value = data.draw(st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True))
    assert not texts or any(text in value.casefold() for text in texts), (pattern, value, texts)
