"""Which row groups cannot contain a text: a bitmap per row group of the short pieces that occur in it.

Every three characters that stand side by side set a bit, and so do a sixteenth of all eights, and the eights of digits
with a dot: the first prune words, the second long hexadecimal numbers, the third addresses, for the threes of numbers
occur everywhere. A needle is looked for only where the
bits of all its pieces are set. So a bitmap may let through too much, and never holds back what is there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow.compute as pc

from dekhang.pipeline.stores.lake.searchtext import NEEDLE_CHARS, plain, readings, texts

BITS_LOG2 = 17  # of a piece's hash; a bitmap of fewer bits squeezes neighbours into one
LEAST_BYTES = 512
BITS_PER_PIECE = 2.5  # a third of the bits are set; more would cost more than they prune
FULL = 0.75  # with a larger share of bits set a bitmap prunes next to nothing and is not kept

_THREE = 0x9E3779B1
_EIGHT = 0x9E3779B97F4A7C15
_SAMPLED_BELOW = 1 << 60  # a sixteenth
_EACH = 0x0101010101010101
_MASK = (1 << BITS_LOG2) - 1
_STEP = 1 << 15  # bytes at once: what is computed stays in the processor's cache

_LOWER = np.arange(256, dtype=np.uint8)
_LOWER[65:91] += 32


def bitmap_of(table: Any, *, budget_bytes: int) -> Any:
    """The bitmap of these rows as bytes in a numpy array; empty: it would prune nothing."""
    seen = np.zeros(1 << BITS_LOG2, dtype=np.uint8)
    for column, special in texts(table):
        if special:
            others = np.ones(len(column), dtype=bool)
            others[[index for index, _ in special]] = False
            column = pc.drop_null(column.filter(others))
            together = "\n".join(reading for _, text in special for reading in readings(text))
            _mark(seen, np.frombuffer(together.encode("ascii", "replace"), dtype=np.uint8))
        _mark(seen, _LOWER[_bytes_of(column)])
    places = np.flatnonzero(seen)
    wanted_bytes = int(len(places) * BITS_PER_PIECE) // 8
    size_bytes = max(LEAST_BYTES, min(wanted_bytes, budget_bytes, (1 << BITS_LOG2) // 8))
    bits = np.zeros(size_bytes * 8, dtype=np.uint8)
    bits[_squeezed(places, size_bytes)] = 1
    return np.packbits(bits, bitorder="little") if bits.mean() <= FULL else np.zeros(0, dtype=np.uint8)


def places_of(needle: str) -> Any:
    """What must be marked where `needle` occurs, as numbers of BITS_LOG2 bits; none: it is too short to tell."""
    text = plain(needle[:NEEDLE_CHARS]).encode()
    places = set()
    for start in range(len(text) - 2):
        piece = text[start : start + 3]
        if piece.isascii():
            places.add((int.from_bytes(piece, "little") * _THREE & 0xFFFFFFFF) >> (32 - BITS_LOG2))
    for start in range(len(text) - 7):
        piece = text[start : start + 8]
        number = int.from_bytes(piece, "little") * _EIGHT & 0xFFFFFFFFFFFFFFFF
        if piece.isascii() and (number < _SAMPLED_BELOW or _is_address(piece)):
            places.add(number >> 43 & _MASK)
    return np.array(sorted(places), dtype=np.int64)


def _is_address(piece: bytes) -> bool:
    """As a part of an address looks: digits and dots (and slashes, which makes it one comparison), with a dot."""
    return b"." in piece and all(0x2E <= byte <= 0x39 for byte in piece)


def may_hold(bitmap: Any, places: Any) -> bool:
    """False: no text with these `places` is among the rows of `bitmap`."""
    if not len(bitmap) or not len(places):
        return True
    bits = _squeezed(places, len(bitmap))
    return bool(((bitmap[bits >> 3] >> (bits & 7)) & 1).all())


def any_held(bitmap: Any, places: Any, starts: Any) -> bool:
    """False: none of many texts is among the rows of `bitmap`.

    Args:
        places: of all texts one after the other; starts: where in it those of each text begin. Each has some.
    """
    if not len(bitmap) or not len(places):
        return True
    bits = _squeezed(places, len(bitmap))
    found = ((bitmap[bits >> 3] >> (bits & 7)) & 1).astype(bool)
    return bool(np.logical_and.reduceat(found, starts).any())


def _squeezed(places: Any, size_bytes: int) -> Any:
    return places * (size_bytes * 8) >> BITS_LOG2


def _bytes_of(column: Any) -> Any:
    """All text of an Arrow string array, one after the other. Pieces across two rows set some bits for nothing."""
    if not len(column):
        return np.zeros(0, dtype=np.uint8)
    _, offsets, content = column.buffers()
    if content is None:
        return np.zeros(0, dtype=np.uint8)
    ends = np.frombuffer(offsets, dtype=np.int32)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]]


def _mark(seen: Any, text: Any) -> None:
    text = text[text != 0x5C]  # backslashes
    length = len(text)
    if length < 3:
        return
    padded = np.concatenate([text, np.zeros(8, dtype=np.uint8)])
    for start in range(0, length - 2, _STEP):
        count = min(_STEP, length - 2 - start)
        words: Any = np.ndarray((count,), np.dtype("<u4"), padded, start, (1,))
        seen[((words & np.uint32(0xFFFFFF)) * np.uint32(_THREE)) >> np.uint32(32 - BITS_LOG2)] = 1
    if length < 8:
        return
    longs: Any = np.ndarray((length - 7,), np.dtype("<u8"), padded, 0, (1,))
    for start in range(0, length - 7, _STEP):
        numbers = longs[start : start + _STEP] * np.uint64(_EIGHT)
        _mark_eights(seen, numbers[numbers < np.uint64(_SAMPLED_BELOW)])
    digits = text - np.uint8(0x2E) <= 0x39 - 0x2E  # smaller ones wrap around to big ones
    for shift in (1, 2, 4):  # then: are all eight from here on such?
        digits = digits[:-shift] & digits[shift:]
    addresses = longs[np.flatnonzero(digits)]
    dots = addresses ^ np.uint64(0x2E * _EACH)  # a byte that has become zero was a dot
    addresses = addresses[(dots - np.uint64(_EACH)) & ~dots & np.uint64(0x80 * _EACH) != 0]
    _mark_eights(seen, addresses * np.uint64(_EIGHT))


def _mark_eights(seen: Any, numbers: Any) -> None:
    seen[(numbers >> np.uint64(43)) & np.uint64(_MASK)] = 1
