"""Every text of `detect` exists in both languages: what is said in code and templates is looked up here."""

import ast
import re
import string
from pathlib import Path

import pytest

import dekhang.cli.detect
from dekhang.cli.detect.english import ENGLISH
from dekhang.cli.detect.tactics import GRAVEST, OTHER, TACTICS, advice
from dekhang.cli.detect.words import LEVEL_NAMES, Words

ROOM = Path(dekhang.cli.detect.__file__).parent
IN_TEMPLATE = re.compile(r'\bwords\(\s*"([^"]*)"')
VIETNAMESE = re.compile("[àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ]", re.IGNORECASE)


def said_in_code(text: str) -> set[str]:
    """Return the first arguments of all calls `words("…")` and `self._words("…")`."""
    said = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name in ("words", "_words"):
                assert isinstance(node.args[0], ast.Constant), f"line {node.lineno}: the text must stand in the call"
                said.add(node.args[0].value)
    return said


def all_said() -> set[str]:
    code = {text for path in ROOM.rglob("*.py") for text in said_in_code(path.read_text("utf-8"))}
    pages = {text for path in ROOM.rglob("*.html") for text in IN_TEMPLATE.findall(path.read_text("utf-8"))}
    # words.py itself looks things up for others, by name
    return code | pages | set(LEVEL_NAMES.values()) | {"không rõ giờ", "{time} giờ VN"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_has_its_english() -> None:
    assert sorted(all_said() - ENGLISH.keys()) == []


def test_no_english_is_left_over() -> None:
    assert sorted(ENGLISH.keys() - all_said()) == []


def test_a_translation_has_the_same_places_for_values() -> None:
    assert [text for text, english in ENGLISH.items() if places(text) != places(english)] == []


def test_the_english_is_english() -> None:
    assert [english for english in ENGLISH.values() if VIETNAMESE.search(english.replace("Đề Kháng", ""))] == []


def test_every_tactic_has_a_name_a_meaning_and_advice_in_both_languages() -> None:
    assert set(GRAVEST) == set(TACTICS)
    for language in ("vi", "en"):
        told = advice(language)
        assert set(told) == {*TACTICS, OTHER}
        assert all(one.name and one.meaning and 2 <= len(one.actions) <= 3 for one in told.values())


@pytest.mark.parametrize(("language", "number"), [("vi", "1.234.567"), ("en", "1,234,567")])
def test_numbers_are_written_as_the_language_does(language: str, number: str) -> None:
    assert Words(language).number(1_234_567) == number


def test_a_log_text_with_braces_is_not_taken_for_a_place() -> None:
    assert (
        Words("vi")("Không ghi được {file}: {reason}.", file="{reason}.html", reason="x")
        == "Không ghi được {reason}.html: x."
    )


def test_a_stretch_within_one_day_says_the_day_once() -> None:
    utc, local = Words("vi").both(1_575_943_200_000, 1_575_943_260_000)
    assert (utc, local) == ("10/12/2019 02:00:00–02:01:00 UTC", "09:00:00–09:01:00 giờ VN")


def test_a_stretch_over_midnight_in_viet_nam_says_both_days() -> None:
    utc, local = Words("vi").both(1_575_997_200_000, 1_575_997_200_000)
    assert (utc, local) == ("10/12/2019 17:00:00 UTC", "11/12/2019 00:00:00 giờ VN")
