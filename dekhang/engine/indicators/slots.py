"""What all of the scanner shares: classes of bytes, hashing, and the table of 64-bit keys."""

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled

Bytes = NDArray[np.uint8]
Words = NDArray[np.uint64]

# what a byte can be part of
IN_WORD, DOT, HEX, LOCAL, COLON_RUN, DIGIT = 1, 2, 4, 8, 16, 32


def _classes() -> Bytes:
    classes = np.zeros(256, np.uint8)
    for byte in range(256):
        char = chr(byte).lower() if byte < 128 else "\0"
        if char in "abcdefghijklmnopqrstuvwxyz0123456789._-":
            classes[byte] |= IN_WORD | LOCAL
        if char in "0123456789abcdef":
            classes[byte] |= HEX | COLON_RUN
        if char in "0123456789":
            classes[byte] |= DIGIT
        if char in ":.":
            classes[byte] |= COLON_RUN
        if char == "+":
            classes[byte] |= LOCAL
        if char == ".":
            classes[byte] |= DOT
    return classes


def _lower() -> Bytes:
    lower = np.arange(256, dtype=np.uint8)
    lower[65:91] += 32
    return lower


CLASSES = _classes()
LOWER = _lower()

PRIME = np.uint64(0x0000_0100_0000_01B3)
MIX = np.uint64(0x9FB2_1C65_1E98_DF25)

_0, _1 = np.uint64(0), np.uint64(1)
_29, _32 = np.uint64(29), np.uint64(32)


@compiled
def step(state: np.uint64, byte: np.uint64) -> np.uint64:
    return (state ^ byte) * PRIME


@compiled
def finish(state: np.uint64) -> np.uint64:
    """Return the key of a hash state: well mixed, never 0."""
    state ^= state >> _32
    state *= MIX
    state ^= state >> _29
    return state if state != _0 else _1


@compiled
def holds_key(slots: Words, key: np.uint64) -> bool:
    mask = np.uint64(slots.size - 1)
    at = key & mask
    while True:
        found = slots[at]
        if found == key:
            return True
        if found == _0:
            return False
        at = (at + _1) & mask


@compiled
def add_key(slots: Words, key: np.uint64) -> None:
    mask = np.uint64(slots.size - 1)
    at = key & mask
    while slots[at] != _0 and slots[at] != key:
        at = (at + _1) & mask
    slots[at] = key
