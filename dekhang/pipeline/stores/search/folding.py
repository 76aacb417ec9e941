"""When two texts are the same to a person who searches: letters without case and without Vietnamese marks.

Every character is folded on its own, so that the same meaning can be written as a regular expression: the letters that
fold to `a` are a character class, marks that stand by themselves (decomposed text) may follow any letter.
"""

from __future__ import annotations

import functools
import unicodedata
from collections import defaultdict

MARKS = "\u0300-\u036f"  # combining marks: dropped
_FOLDED_BELOW = 0x2000  # letters of scripts with case; what is above stands for itself


@functools.lru_cache(maxsize=4096)
def fold_character(character: str) -> str:
    """Return one character, or nothing for a combining mark: Ệ → e, Đ → d, ß → ß."""
    if "\u0300" <= character <= "\u036f":
        return ""
    if ord(character) >= _FOLDED_BELOW:
        return character
    plain = "".join(c for c in unicodedata.normalize("NFD", character.casefold()) if not "\u0300" <= c <= "\u036f")
    if plain == "đ":
        return "d"
    return plain if len(plain) == 1 else character


def fold(text: str) -> str:
    """Return `text` as it is compared."""
    if text.isascii():
        return text.lower()
    return "".join(map(fold_character, text))


@functools.cache
def _alike() -> dict[str, str]:
    """Return folded character → all characters that fold to it."""
    found: dict[str, list[str]] = defaultdict(list)
    for code in range(1, _FOLDED_BELOW):
        found[fold_character(chr(code))].append(chr(code))
    return {folded: "".join(characters) for folded, characters in found.items() if folded}


def expression_of(character: str) -> str:
    """Return an RE2 expression of the characters that fold to a folded one."""
    characters = _alike().get(character, character)
    if len(characters) == 1:
        return _escaped(characters)
    return "[" + "".join(map(_escaped, characters)) + "]"


def _escaped(character: str) -> str:
    return character if character.isalnum() else f"\\x{{{ord(character):x}}}"
