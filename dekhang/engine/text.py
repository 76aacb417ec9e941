"""What text means to the engine: how a value becomes text, and when two texts are the same.

Sigma treats every value as a case-insensitive string. That is decided here, once, for rules and events alike.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import TypeAlias

Scalar: TypeAlias = str | int | float | bool
Value: TypeAlias = "Scalar | Sequence[Value] | None"

SCALARS_PER_VALUE = 1_024  # of one field; a hostile list of a million entries is read this far and no further


def clean(text: str) -> str:
    """Return `text` as valid Unicode in NFC: surrogate pairs joined, lone surrogates replaced by U+FFFD.

    JSON may carry lone surrogates; regular expression engines and automata refuse them.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return unicodedata.normalize("NFC", text)


def fold(text: str) -> str:
    """Return the form of `text` in which case and composition of letters no longer differ."""
    if text.isascii():
        return text.lower()
    # casefold may take letters apart again (ǰ becomes j and a caron), hence the second NFC
    return unicodedata.normalize("NFC", clean(text).casefold())


def text_of(value: Scalar) -> str:
    """Return a scalar as the text that rules compare with: 4624 → "4624", 5.0 → "5", True → "true"."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    return str(value) if value.bit_length() <= 4_096 else hex(value)  # Python refuses to print huge decimals


def scalars(value: object) -> tuple[Scalar, ...]:
    """Return the scalars in a field's value: none for None and unknown types, all members of (nested) lists.

    Mappings inside lists are not flattened: parsers do that, giving each leaf its own name.
    """
    if isinstance(value, (str, int, float)):
        return (value,)
    if not isinstance(value, (list, tuple)):
        return ()
    found: list[Scalar] = []
    waiting: list[object] = [value]
    seen = 0
    while waiting and seen < SCALARS_PER_VALUE:
        seen += 1
        part = waiting.pop()
        if isinstance(part, (str, int, float)):
            found.append(part)
        elif isinstance(part, (list, tuple)):
            waiting.extend(reversed(part[:SCALARS_PER_VALUE]))
    return tuple(found)


def plain_name(name: str) -> str:
    """Return a field name without spaces, as Sigma writes it: Defender's `Threat Name` is a rule's `ThreatName`."""
    return name.replace(" ", "") if " " in name else name


def is_metadata(name: str) -> bool:
    """Return whether a field is a shipper's or ours (`_id`, `_index`, `_src`), no part of what was logged."""
    return name.startswith("_")


_MARKS = re.compile("[\u0300-\u036f]+")


def unaccented(text: str) -> str:
    """Return `text` folded and without accents: what somebody types who does not bother to (`Cảnh Báo Đỏ` → `canh bao do`).

    Equal folds have equal results, and a part of a text has a part of its result.
    """
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFD", clean(text).casefold())).replace("đ", "d")
