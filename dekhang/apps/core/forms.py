"""Form fields shared by all apps: what people type, in one normal form and without characters that mislead the eye."""

import unicodedata
from typing import Any

from django import forms

COMBINING_IN_A_ROW = 4  # Vietnamese needs two when decomposed; more only serves to write across other lines
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_JOINERS = frozenset("\u200c\u200d")  # hold emoji and some scripts together


def readable(text: str, *, several_lines: bool) -> str:
    """`text` in NFC, without control and bidirectional characters or piles of accents; line ends only if wanted.

    Dropped and not refused: they come along when people copy from chat and office documents.
    """
    if not several_lines and text.isascii() and text.isprintable():
        return " ".join(text.split())  # most cells of a long list: codes, addresses, dates
    if several_lines:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n\n")
    else:
        text = " ".join(text.split())
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks > COMBINING_IN_A_ROW:
            continue
        if category not in _HIDDEN or char in _JOINERS or (several_lines and char in "\n\t"):
            kept.append(char)
    return "".join(kept).strip()


class TextField(forms.CharField):
    """What a person writes for other people to read. One line, unless the widget is a textarea."""

    def to_python(self, value: Any) -> str:
        return readable(super().to_python(value), several_lines=isinstance(self.widget, forms.Textarea))
