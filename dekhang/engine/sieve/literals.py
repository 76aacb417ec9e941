"""Which literals of a column stand in a text: one look at every few bytes, and a comparison where a look says maybe.

Of each literal four neighbouring bytes, its anchor, are known in a bitmap of the column. A text is looked at in steps of
`stride` bytes: a literal of n bytes has n - 3 places for an anchor, so `stride` ≤ n - 3 of them are known and one is
met wherever the literal stands. Literals of two and three bytes are looked for at every byte, if a column has any;
those that stand where a value begins or ends are compared there. A test for a single sign is left to the reference.
Case is set aside by setting bit 0x20 in text and anchor alike; the comparison behind it is exact.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy import int64
from numpy.typing import NDArray

from dekhang.engine.native import compiled, inlined
from dekhang.engine.sieve.machine import HIGHS, load4, load8
from dekhang.engine.sieve.reading import K1, K2, digest, same

AT_START = 1
AT_END = 2

GRAM = 4
LETTER = 0x80
FOLDED = 0x20202020


class Literals(NamedTuple):
    """The literals of all columns.

    Args:
        texts: folded UTF-8 back to back, PADDING behind.
        starts, lengths: of each literal in `texts`.
        atom_starts, atoms: of each literal, the atoms that hold when it is found; one more start at the end.
        flags: AT_START, AT_END of each.
        bits: bitmaps of all columns.
        bit_starts, bit_masks: of each column: its first byte in `bits`, and its number of bits, which is a power of two less one, 0 = no literals to look for.
        strides: of each column.
        shorts: of each column: bit n set = it has literals of n bytes (2, 3) to look for; LETTER = of one letter beyond
            ASCII (2, 3 bytes), looked for only where such letters are.
        edge_starts, edges: by column, literals shorter than a gram at start or end; one more start at the end.
        gram_keys, gram_firsts, gram_counts: open addressing by (column, length of gram, gram); count 0 = free.
        gram_literals, gram_offsets: the literals of a gram, and where in the literal it stands.
        whole_keys, whole_literals: open addressing by hash of (column, whole text): literals that a value equals; -1 = free.
    """

    texts: NDArray[np.uint8]
    starts: NDArray[np.int32]
    lengths: NDArray[np.int32]
    atom_starts: NDArray[np.int32]
    atoms: NDArray[np.int32]
    flags: NDArray[np.uint8]
    bits: NDArray[np.uint8]
    bit_starts: NDArray[np.int32]
    bit_masks: NDArray[np.int32]
    strides: NDArray[np.int32]
    shorts: NDArray[np.uint8]
    edge_starts: NDArray[np.int32]
    edges: NDArray[np.int32]
    gram_keys: NDArray[np.uint64]
    gram_firsts: NDArray[np.int32]
    gram_counts: NDArray[np.int32]
    gram_literals: NDArray[np.int32]
    gram_offsets: NDArray[np.int32]
    whole_keys: NDArray[np.uint64]
    whole_literals: NDArray[np.int32]


class Found(NamedTuple):
    """The atoms that a value satisfies, each once.

    Args:
        atoms: int32, room for all there are.
        noted: by atom, the ticket under which it was added last.
        ticket: int32[1]; another one for each value.
    """

    atoms: NDArray[np.int32]
    noted: NDArray[np.int32]
    ticket: NDArray[np.int32]


@compiled
def gram_key(column: int, size: int, gram: Any) -> Any:
    """Return the key of a gram in the table."""
    return (np.uint64(column) << np.uint64(40)) | (np.uint64(size) << np.uint64(32)) | np.uint64(gram)


@compiled
def spread(word: Any) -> Any:
    """Return a gram's bits mixed, for bitmap and table."""
    return (np.uint64(word) * K1) >> np.uint64(24)


@compiled
def lower(byte: Any) -> Any:
    """Return an ASCII capital as its small letter, any other byte as it is."""
    if byte >= np.uint8(65) and byte <= np.uint8(90):
        return np.uint8(byte | np.uint8(0x20))
    return byte


@compiled
def stands(texts: Any, start: int, length: int, text: Any, at: int) -> bool:
    """Return whether a folded literal stands in a text at `at`, ASCII case aside."""
    for offset in range(length):  # noqa: SIM110 - compiled code has no generators
        if lower(text[at + offset]) != texts[start + offset]:
            return False
    return True


@compiled
def add_atom(atom: int, found: Found, count: int) -> int:
    """Append an atom that is not there yet."""
    if found.noted[atom] == found.ticket[0]:
        return count
    found.noted[atom] = found.ticket[0]
    found.atoms[count] = atom
    return count + 1


@compiled
def add_atoms(literals: Literals, literal: int, found: Found, count: int) -> int:
    """Append the atoms of a literal."""
    for place in range(literals.atom_starts[literal], literals.atom_starts[literal + 1]):
        count = add_atom(literals.atoms[place], found, count)
    return count


@compiled
def met(
    literals: Literals,
    column: Any,
    size: Any,
    gram: Any,
    text: Any,
    start: Any,
    stop: Any,
    at: Any,
    found: Found,
    count: Any,
) -> Any:
    """Add the atoms of the literals that have this gram and stand around `at`.

    Callers turn numbers into int64: for constants and other widths numba would compile it once more each.
    """
    key = gram_key(column, size, gram)
    mask = literals.gram_keys.size - 1
    slot = np.intp(spread(key ^ (key >> np.uint64(29)))) & mask
    while literals.gram_counts[slot] != 0:
        if literals.gram_keys[slot] == key:
            first = literals.gram_firsts[slot]
            for entry in range(first, first + literals.gram_counts[slot]):
                literal = literals.gram_literals[entry]
                begin = at - literals.gram_offsets[entry]
                length = literals.lengths[literal]
                if begin < start or begin + length > stop:
                    continue
                flags = literals.flags[literal]
                if flags & AT_START and begin != start:
                    continue
                if flags & AT_END and begin + length != stop:
                    continue
                if stands(literals.texts, literals.starts[literal], length, text, begin):
                    count = add_atoms(literals, literal, found, count)
            return count
        slot = (slot + 1) & mask
    return count


@inlined
def find(literals: Literals, column: int, text: Any, start: int, stop: int, found: Found, count: int) -> int:
    """Add the atoms of the literals of `column` that stand in text[start:stop]; return the new count.

    Args:
        text: uint8, PADDING behind; ASCII of either case, or folded.
        found: atoms found so far in found.atoms[:count].
    """
    for place in range(literals.edge_starts[column], literals.edge_starts[column + 1]):
        literal = literals.edges[place]
        length = literals.lengths[literal]
        at = start if literals.flags[literal] & AT_START else stop - length
        if length <= stop - start and stands(literals.texts, literals.starts[literal], length, text, at):
            count = add_atoms(literals, literal, found, count)
    mask = literals.bit_masks[column]
    stride = literals.strides[column]
    if stride > 0:
        base = literals.bit_starts[column]
        at = start
        last = stop - GRAM
        while at <= last:
            word = load4(text, at) | np.uint64(FOLDED)
            bit = np.intp(spread(word)) & mask
            if literals.bits[base + (bit >> 3)] >> (bit & 7) & 1:
                count = met(
                    literals,
                    int64(column),
                    int64(GRAM),
                    word,
                    text,
                    int64(start),
                    int64(stop),
                    int64(at),
                    found,
                    int64(count),
                )
            at += stride
    shorts = literals.shorts[column]
    if shorts:
        base = literals.bit_starts[column]
        for size in range(2, GRAM):
            if shorts & (1 << size):
                small = (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
                for at in range(start, stop - size + 1):
                    word = (load4(text, at) | np.uint64(FOLDED)) & small
                    bit = np.intp(spread(word + np.uint64(size))) & mask
                    if literals.bits[base + (bit >> 3)] >> (bit & 7) & 1:
                        count = met(
                            literals,
                            int64(column),
                            int64(size),
                            word,
                            text,
                            int64(start),
                            int64(stop),
                            int64(at),
                            found,
                            int64(count),
                        )
    return count


@compiled
def find_letters(literals: Literals, column: int, text: Any, start: int, stop: int, found: Found, count: int) -> int:
    """Add the atoms of the literals of one letter beyond ASCII; arguments as of `find`, the text is UTF-8."""
    if not literals.shorts[column] & LETTER:
        return count
    mask = literals.bit_masks[column]
    base = literals.bit_starts[column]
    at = start
    while at < stop:
        if load8(text, at) & HIGHS == np.uint64(0):
            at += 8
            continue
        byte = text[at]
        if byte < np.uint8(0xC0):
            at += 1
            continue
        if byte >= np.uint8(0xF0):
            at += 4
            continue
        size = 2 if byte < np.uint8(0xE0) else 3
        small = (np.uint64(1) << np.uint64(8 * size)) - np.uint64(1)
        word = (load4(text, at) | np.uint64(FOLDED)) & small
        bit = np.intp(spread(word + np.uint64(size))) & mask
        if literals.bits[base + (bit >> 3)] >> (bit & 7) & 1:
            count = met(
                literals,
                int64(column),
                int64(size),
                word,
                text,
                int64(start),
                int64(stop),
                int64(at),
                found,
                int64(count),
            )
        at += size
    return count


@compiled
def equal(literals: Literals, column: int, text: Any, start: int, stop: int, found: Found, count: int) -> int:
    """Add the atoms of the literals of `column` that text[start:stop], folded, equals."""
    code = digest(text, start, stop - start, np.uint64(column) + K2)
    mask = literals.whole_keys.size - 1
    slot = np.intp(code) & mask
    while literals.whole_literals[slot] >= 0:
        literal = literals.whole_literals[slot]
        if (
            literals.whole_keys[slot] == code
            and literals.lengths[literal] == stop - start
            and same(literals.texts, literals.starts[literal], text, start, stop - start)
        ):
            return add_atoms(literals, literal, found, count)
        slot = (slot + 1) & mask
    return count
