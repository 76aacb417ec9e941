"""Literals → the arrays in which they are found (literals.py): which four bytes of each are its anchor."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled
from dekhang.engine.sieve.literals import FOLDED, GRAM, LETTER, Literals, gram_key, spread
from dekhang.engine.sieve.machine import PADDING
from dekhang.engine.sieve.reading import K2, digest

STRIDE_MAX = 8
WHOLE = 0xFF  # in place of AT_START | AT_END: compared with the whole value
BITS_PER_GRAM = 64  # of a bitmap: one look in 64 is a false alarm, in the worst case

LiteralsOfColumn = tuple[Sequence[tuple[bytes, int, int]], Sequence[tuple[bytes, int]]]


def pack_literals(columns: Sequence[LiteralsOfColumn]) -> Literals:
    """Arrange the literals of all columns.

    Args:
        columns: of each, (folded text, AT_START | AT_END, atom) to look for anywhere, and (folded text, atom) to compare
            with the whole value.
    """
    made: dict[tuple[int, bytes, int], int] = {}  # column, text, flags (WHOLE: none) → literal
    texts = bytearray()
    places: dict[bytes, int] = {}
    starts: list[int] = []
    lengths: list[int] = []
    atoms: list[list[int]] = []
    flags: list[int] = []
    wholes: list[tuple[int, int]] = []  # column, literal
    grams: dict[tuple[int, int, int], list[tuple[int, int]]] = {}
    strides: list[int] = []
    edges: list[list[int]] = []
    shorts: list[int] = []

    def add(column: int, text: bytes, flag: int, atom: int) -> tuple[int, bool]:
        """Return the literal's number and whether it is new: equal ones of several rules are one."""
        known = made.get((column, text, flag))
        if known is not None:
            atoms[known].append(atom)
            return known, False
        place = places.get(text)
        if place is None:
            place = places[text] = len(texts)
            texts.extend(text)
        starts.append(place)
        lengths.append(len(text))
        atoms.append([atom])
        flags.append(flag)
        made[column, text, flag] = len(starts) - 1
        return len(starts) - 1, True

    for column, (anywhere, whole) in enumerate(columns):
        for text, atom in whole:
            literal, new = add(column, text, WHOLE, atom)
            if new:
                wholes.append((column, literal))
        longer = [text for text, _, _ in anywhere if len(text) >= GRAM]
        stride = min(STRIDE_MAX, min(map(len, longer)) - GRAM + 1) if longer else 0
        common = Counter(gram for text in set(longer) for gram in set(grams_of(text)))
        short: list[int] = []
        sizes = 0
        for text, flag, atom in anywhere:
            literal, new = add(column, text, flag, atom)
            if not new:
                continue
            if len(text) < GRAM and flag:
                short.append(literal)
                continue
            if len(text) < GRAM:
                sizes |= LETTER if is_letter(text) else 1 << len(text)
                gram = int.from_bytes(text, "little") | (FOLDED & ((1 << 8 * len(text)) - 1))
                grams.setdefault((column, len(text), gram), []).append((literal, 0))
                continue
            found = grams_of(text)
            costs = [common[gram] for gram in found]
            at = min(range(len(found) - stride + 1), key=lambda at: sum(costs[at : at + stride]))
            for offset in range(at, at + stride):
                grams.setdefault((column, GRAM, found[offset]), []).append((literal, offset))
        strides.append(stride)
        edges.append(short)
        shorts.append(sizes)
    return _arrays(bytes(texts), starts, lengths, atoms, flags, wholes, grams, strides, shorts, edges)


def is_letter(text: bytes) -> bool:
    """Return whether a text is one letter beyond ASCII, shorter than a gram."""
    return (len(text) == 2 and text[0] >= 0xC0) or (len(text) == 3 and text[0] >= 0xE0)


def grams_of(text: bytes) -> list[int]:
    """Return all runs of four bytes of a text, case set aside, as numbers."""
    low = bytes(byte | 0x20 for byte in text)
    return [int.from_bytes(low[at : at + GRAM], "little") for at in range(len(low) - GRAM + 1)]


def _arrays(
    texts: bytes,
    starts: list[int],
    lengths: list[int],
    atoms: list[list[int]],
    flags: list[int],
    wholes: list[tuple[int, int]],
    grams: dict[tuple[int, int, int], list[tuple[int, int]]],
    strides: list[int],
    shorts: list[int],
    edges: list[list[int]],
) -> Literals:
    per_column = Counter(column for column, _, _ in grams)
    bit_starts = np.zeros(len(strides), np.int32)
    bit_masks = np.zeros(len(strides), np.int32)
    total = 0
    for column in range(len(strides)):
        if per_column[column]:
            bit_starts[column] = total
            bit_masks[column] = power_of_two(BITS_PER_GRAM * per_column[column]) - 1
            total += (int(bit_masks[column]) + 1) // 8
    size = power_of_two(2 * len(grams) + 2)
    found = Literals(
        np.frombuffer(texts + bytes(PADDING), np.uint8).copy(),
        np.array(starts, np.int32),
        np.array(lengths, np.int32),
        *ragged(atoms),
        np.array(flags, np.uint8),
        np.zeros(max(1, total), np.uint8),
        bit_starts,
        bit_masks,
        np.array(strides, np.int32),
        np.array(shorts, np.uint8),
        *ragged(edges),
        np.zeros(size, np.uint64),
        np.zeros(size, np.int32),
        np.zeros(size, np.int32),
        np.array([literal for entries in grams.values() for literal, _ in entries], np.int32),
        np.array([offset for entries in grams.values() for _, offset in entries], np.int32),
        np.zeros(power_of_two(2 * len(wholes) + 2), np.uint64),
        np.full(power_of_two(2 * len(wholes) + 2), -1, np.int32),
    )
    _enter_grams(
        found,
        np.array(list(grams) or np.zeros((0, 3)), np.int64).reshape(-1, 3),
        np.array([len(entries) for entries in grams.values()], np.int64),
    )
    _enter_wholes(found, np.array(wholes or np.zeros((0, 2)), np.int64).reshape(-1, 2))
    return found


def ragged(lists: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return lists of different lengths as (starts with one more at the end, all members)."""
    starts = np.zeros(len(lists) + 1, np.int32)
    np.cumsum([len(one) for one in lists], out=starts[1:]) if lists else None
    return starts, np.fromiter(chain.from_iterable(lists), np.int32, int(starts[-1]))


def power_of_two(least: int) -> int:
    return 1 << max(4, (least - 1).bit_length())


@compiled
def _enter_grams(found: Literals, grams: NDArray[np.int64], counts: NDArray[np.int64]) -> None:
    """Enter (column, size, gram) rows, whose entries stand in that order in gram_literals."""
    first = 0
    mask = found.gram_keys.size - 1
    for row in range(grams.shape[0]):
        column, size, gram = grams[row, 0], grams[row, 1], np.uint64(grams[row, 2])
        looked = gram + np.uint64(size) if size < GRAM else gram
        bit = np.intp(spread(looked)) & found.bit_masks[column]
        found.bits[found.bit_starts[column] + (bit >> 3)] |= np.uint8(1 << (bit & 7))
        key = gram_key(column, size, gram)
        slot = np.intp(spread(key ^ (key >> np.uint64(29)))) & mask
        while found.gram_counts[slot] != 0:
            slot = (slot + 1) & mask
        found.gram_keys[slot] = key
        found.gram_firsts[slot] = first
        found.gram_counts[slot] = counts[row]
        first += counts[row]


@compiled
def _enter_wholes(found: Literals, wholes: Any) -> None:
    mask = found.whole_keys.size - 1
    for row in range(wholes.shape[0]):
        column, literal = wholes[row, 0], wholes[row, 1]
        code = digest(found.texts, found.starts[literal], found.lengths[literal], np.uint64(column) + K2)
        slot = np.intp(code) & mask
        while found.whole_literals[slot] >= 0:
            slot = (slot + 1) & mask
        found.whole_keys[slot] = code
        found.whole_literals[slot] = literal
