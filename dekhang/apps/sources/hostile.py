"""Showing what attackers wrote: every character visible, nothing reordered, nothing endless. HTML is escaped later."""

import json
import unicodedata
from typing import Any

LONGEST = 32 * 1024
SHORT = 300
# characters that reorder or hide what stands beside them (Unicode categories Cc and Cf, and line separators)
_HIDING = {"Cc", "Cf", "Zl", "Zp", "Cs"}


def visible(text: str, limit: int = LONGEST) -> str:
    """`text` with control, bidirectional and invisible characters written out as \\uXXXX; line ends stay."""
    cut = text[:limit]
    if cut.isascii() and cut.isprintable():
        shown = cut
    else:
        shown = "".join(
            char if char in "\n\t" or unicodedata.category(char) not in _HIDING else f"\\u{ord(char):04x}"
            for char in cut
        )
    return shown if len(text) <= limit else f"{shown}… (+{len(text) - limit})"


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
