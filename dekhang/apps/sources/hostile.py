"""Showing what attackers wrote: every character visible, nothing reordered, nothing endless. HTML is escaped later."""

import json
import unicodedata
from collections.abc import Iterator
from typing import Any

from dekhang.apps.core.forms import COMBINING_IN_A_ROW

LONGEST = 32 * 1024
SHORT = 300
# characters that reorder or hide what stands beside them (Unicode categories Cc and Cf, and line separators)
_HIDING = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def visible(text: str, limit: int = LONGEST) -> str:
    """`text` with what hides, reorders or piles up (more than 4 accents) written out as \\uXXXX; line ends stay."""
    cut = text[:limit]
    if cut.isascii() and cut.isprintable():
        shown = cut
    else:
        shown = "".join(_shown(cut))
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit})"


def _shown(text: str) -> Iterator[str]:
    marks = 0
    for char in text:
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        hides = category in _HIDING and char not in "\n\t"
        yield f"\\u{ord(char):04x}" if hides or marks > COMBINING_IN_A_ROW else char


def one_text(value: Any) -> str:
    """A field's value as one text: lists by commas, the rest as JSON would write it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "—"}[value]
    if isinstance(value, list):
        return ", ".join(one_text(part) for part in value[:100])
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)[:LONGEST]
    return str(value)
