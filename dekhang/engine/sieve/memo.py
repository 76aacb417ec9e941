"""What a value of a column satisfies, remembered: most values of a log have been seen before.

Bounded by its arrays: when one is full everything is forgotten. A column may also be held to a number of values; when
it has learned so many it forgets its own by changing the seed of its hashes.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled, inlined
from dekhang.engine.sieve.reading import K1, digest, same

ABSENT = -1


class Memo(NamedTuple):
    """Values and what they satisfy.

    Args:
        table: uint64[n, 4], open addressing, n a power of two: hash (0 = free) · value start << 32 | length ·
            column << 8 | kind · atoms start << 32 | count.
        values: the values as they came, back to back, PADDING behind.
        atoms: int32, what they satisfy.
        used: int64[3]: entries, bytes of values, atoms.
        learned: of each column, values since it last forgot.
        seeds: of each column.
        limits: int64[2]: values per column, bytes of a value: longer ones are quicker classified than found again.
    """

    table: NDArray[np.uint64]
    values: NDArray[np.uint8]
    atoms: NDArray[np.int32]
    used: NDArray[np.int64]
    learned: NDArray[np.int64]
    seeds: NDArray[np.uint64]
    limits: NDArray[np.int64]


def new_memo(
    entries: int, value_bytes: int, atoms: int, columns: int, per_column: int, longest: int, seed: int
) -> Memo:
    """Make an empty memo. `entries` is a power of two; the table is kept at most half full.

    Args: longest: bytes of a value; with PADDING it has to find room in an empty memo.
    """
    return Memo(
        np.zeros((entries, 4), np.uint64),
        np.zeros(value_bytes, np.uint8),
        np.zeros(atoms, np.int32),
        np.zeros(3, np.int64),
        np.zeros(columns, np.int64),
        np.full(columns, seed, np.uint64),
        np.array((per_column, min(longest, value_bytes // 16)), np.int64),
    )


@inlined
def recall(memo: Memo, column: int, kind: int, text: Any, start: int, length: int, code: Any) -> int:
    """Return the slot of a known value, ABSENT when it is not known. `code`: from `code_of`."""
    mask = memo.table.shape[0] - 1
    slot = np.intp(code) & mask
    what = (np.uint64(column) << np.uint64(8)) | np.uint64(kind)
    while memo.table[slot, 0] != np.uint64(0):
        if memo.table[slot, 0] == code and memo.table[slot, 2] == what:
            place = memo.table[slot, 1]
            if np.intp(place & np.uint64(0xFFFFFFFF)) == length and same(
                memo.values, np.intp(place >> np.uint64(32)), text, start, length
            ):
                return int(slot)
        slot = (slot + 1) & mask
    return ABSENT


@inlined
def code_of(memo: Memo, column: int, text: Any, start: int, length: int) -> Any:
    """Return the hash by which a value of a column is known; never 0."""
    return digest(text, start, length, memo.seeds[column] ^ np.uint64(column)) | np.uint64(1)


@compiled
def learn(
    memo: Memo, column: int, kind: int, text: Any, start: int, length: int, code: Any, out: Any, count: int
) -> None:
    """Remember that a value satisfies out[:count]; forget everything first when there is no room."""
    limit = memo.limits[0]
    if limit == 0 or count * 16 > memo.atoms.size:
        return
    entries = memo.table.shape[0]
    if (
        memo.used[0] * 2 >= entries
        or memo.used[1] + length + 16 > memo.values.size
        or memo.used[2] + count > memo.atoms.size
    ):
        for slot in range(entries):
            memo.table[slot, 0] = np.uint64(0)
        for place in range(3):
            memo.used[place] = 0
        for place in range(memo.learned.size):
            memo.learned[place] = 0
    elif memo.learned[column] >= limit:
        memo.seeds[column] = memo.seeds[column] * K1 + np.uint64(1)
        memo.learned[column] = 0
        code = code_of(memo, column, text, start, length)
    mask = entries - 1
    slot = np.intp(code) & mask
    while memo.table[slot, 0] != np.uint64(0):
        slot = (slot + 1) & mask
    at = memo.used[1]
    for offset in range(length):
        memo.values[at + offset] = text[start + offset]
    first = memo.used[2]
    for place in range(count):
        memo.atoms[first + place] = out[place]
    memo.table[slot, 0] = code
    memo.table[slot, 1] = (np.uint64(at) << np.uint64(32)) | np.uint64(length)
    memo.table[slot, 2] = (np.uint64(column) << np.uint64(8)) | np.uint64(kind)
    memo.table[slot, 3] = (np.uint64(first) << np.uint64(32)) | np.uint64(count)
    memo.used[0] += 1
    memo.used[1] = at + length
    memo.used[2] = first + count
    memo.learned[column] += 1
