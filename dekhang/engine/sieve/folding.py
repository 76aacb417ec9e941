"""A value as it stands in JSON → its folded text (engine/text.py: fold) as UTF-8, or "only Python can fold this"."""

import unicodedata
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled
from dekhang.engine.sieve.machine import BEYOND_Z, FROM_A, HIGHS, load8, store8
from dekhang.engine.text import fold

UNFOLDABLE = -1

# Letters that fold alone: one code point to one, never ASCII, composing with no neighbour. Other scripts go to Python.
SIMPLE_RANGES = ((0x80, 0x300), (0x370, 0x530), (0x1E00, 0x2070), (0x20A0, 0x20D0), (0x2100, 0x2600), (0x4E00, 0xA000))
CODE_POINTS = 0x10000


@lru_cache(maxsize=1)
def fold_table() -> NDArray[np.uint16]:
    """Return for each code point below 0x10000 the one it folds to, 0 = only Python knows."""
    table = np.zeros(CODE_POINTS, np.uint16)
    table[0x4E00:0xA000] = np.arange(0x4E00, 0xA000)  # CJK ideographs have no case
    for first, behind in SIMPLE_RANGES[:-1]:
        for point in range(first, behind):
            letter = chr(point)
            folded = fold(letter)
            if (
                len(folded) == 1
                and 0x80 <= ord(folded) < CODE_POINTS
                and not unicodedata.category(letter).startswith(("M", "C"))
                and unicodedata.normalize("NFC", letter) == letter
            ):
                table[point] = ord(folded)
    return table


@compiled
def hex_digit(byte: Any) -> int:
    if byte >= np.uint8(48) and byte <= np.uint8(57):
        return int(byte) - 48
    if byte >= np.uint8(65) and byte <= np.uint8(70):
        return int(byte) - 55
    if byte >= np.uint8(97) and byte <= np.uint8(102):
        return int(byte) - 87
    return -1


@compiled
def put(point: int, out: Any, size: int) -> int:
    """Append a code point below 0x10000 as UTF-8; return the new size."""
    if point < 0x80:
        out[size] = point
        return size + 1
    if point < 0x800:
        out[size] = 0xC0 | (point >> 6)
        out[size + 1] = 0x80 | (point & 0x3F)
        return size + 2
    out[size] = 0xE0 | (point >> 12)
    out[size + 1] = 0x80 | ((point >> 6) & 0x3F)
    out[size + 2] = 0x80 | (point & 0x3F)
    return size + 3


@compiled
def unfold(text: Any, at: int, end: int, folded: bool, table: Any, out: Any) -> int:
    """Write the folded text of text[at:end], the inside of a JSON string, to `out`; return its size or UNFOLDABLE.

    Args:
        text: uint8, PADDING behind.
        folded: letters beyond ASCII are folded already and copied as they are.
        out: uint8 of at least 2 (end - at) + PADDING bytes.
    """
    size = 0
    while at < end:
        word = load8(text, at)
        if word & HIGHS == np.uint64(0):
            # eight ASCII bytes: capitals get bit 0x20; stop at the first backslash
            capitals = ((word + FROM_A) & ~(word + BEYOND_Z)) & HIGHS
            store8(out, size, word | (capitals >> np.uint64(2)))
            slashes = word ^ np.uint64(0x5C5C5C5C5C5C5C5C)
            slashes = (slashes - np.uint64(0x0101010101010101)) & ~slashes & HIGHS
            if slashes == np.uint64(0):
                taken = min(8, end - at)
                at += taken
                size += taken
                continue
        byte = text[at]
        if byte == np.uint8(0x5C):
            if at + 1 >= end:
                return UNFOLDABLE
            code = text[at + 1]
            at += 2
            if code == np.uint8(0x5C) or code == np.uint8(0x22) or code == np.uint8(0x2F):
                out[size] = code
            elif code == np.uint8(0x6E):
                out[size] = 10
            elif code == np.uint8(0x74):
                out[size] = 9
            elif code == np.uint8(0x72):
                out[size] = 13
            elif code == np.uint8(0x62):
                out[size] = 8
            elif code == np.uint8(0x66):
                out[size] = 12
            elif code == np.uint8(0x75):
                if at + 4 > end:
                    return UNFOLDABLE
                point = 0
                for place in range(at, at + 4):
                    digit = hex_digit(text[place])
                    if digit < 0:
                        return UNFOLDABLE
                    point = point * 16 + digit
                at += 4
                if point >= 0x80:
                    point = int(table[point])
                    if point == 0:
                        return UNFOLDABLE
                elif point >= 65 and point <= 90:
                    point += 32
                size = put(point, out, size)
                continue
            else:
                return UNFOLDABLE
            size += 1
        elif byte < np.uint8(0x80):
            if byte >= np.uint8(65) and byte <= np.uint8(90):
                byte = np.uint8(byte | np.uint8(0x20))
            out[size] = byte
            size += 1
            at += 1
        elif folded:
            out[size] = byte
            size += 1
            at += 1
        else:
            if byte >= np.uint8(0xC2) and byte < np.uint8(0xE0) and at + 1 < end:
                if text[at + 1] & 0xC0 != 0x80:
                    return UNFOLDABLE
                point = (int(byte) & 0x1F) << 6 | (int(text[at + 1]) & 0x3F)
                at += 2
            elif byte >= np.uint8(0xE0) and byte < np.uint8(0xF0) and at + 2 < end:
                if text[at + 1] & 0xC0 != 0x80 or text[at + 2] & 0xC0 != 0x80:
                    return UNFOLDABLE
                point = (int(byte) & 0x0F) << 12 | (int(text[at + 1]) & 0x3F) << 6 | (int(text[at + 2]) & 0x3F)
                if point < 0x800:
                    return UNFOLDABLE
                at += 3
            else:
                return UNFOLDABLE
            point = int(table[point])
            if point == 0:
                return UNFOLDABLE
            size = put(point, out, size)
    return size
