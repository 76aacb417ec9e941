"""Reads addresses in a text, in machine code, and finds the networks of a set that they lie in."""

import numpy as np

from dekhang.engine.indicators.slots import (
    CLASSES,
    COLON_RUN,
    HEX,
    LOWER,
    MIX,
    PRIME,
    Bytes,
    Words,
    finish,
    holds_key,
)
from dekhang.engine.native import compiled

V4_SEED = np.uint64(0x6970_7634_0000_0000)
V6_SEED = np.uint64(0x6970_7636_0000_0000)

_0, _1, _4, _16, _32, _48, _64 = (np.uint64(number) for number in (0, 1, 4, 16, 32, 48, 64))
_V4_MAPPED = np.uint64(0xFFFF)
_LOW_32 = np.uint64(0xFFFF_FFFF)
_BYTE = np.uint64(0xFF)


@compiled
def read_ipv4(text: Bytes, start: int, stop: int) -> int:
    """Return the address that text[start:stop] is, -1 when it is none."""
    if stop - start < 7 or stop - start > 15:
        return -1
    address, number, digits, dots = 0, 0, 0, 0
    for place in range(start, stop):
        byte = int(text[place])
        if byte == 46:
            if digits == 0 or dots == 3:
                return -1
            address = address * 256 + number
            number, digits, dots = 0, 0, dots + 1
        elif 48 <= byte <= 57:
            if digits > 0 and number == 0:
                return -1
            number = number * 10 + byte - 48
            digits += 1
            if number > 255:
                return -1
        else:
            return -1
    return address * 256 + number if dots == 3 and digits > 0 else -1


@compiled
def read_ipv6(text: Bytes, start: int, stop: int) -> tuple[bool, np.uint64, np.uint64]:
    """Return whether text[start:stop] is an IPv6 address, and its two halves."""
    high, low = _0, _0
    groups, gap, place = 0, -1, start
    if stop - start < 2 or stop - start > 45:
        return False, high, low
    while place < stop:
        if text[place] == 58:  # a colon here is the second of ::, or the first sign
            if place + 1 < stop and text[place + 1] == 58 and place == start:
                gap = 0
                place += 2
                continue
            if place > start and text[place - 1] == 58 and gap < 0:
                gap = groups
                place += 1
                continue
            return False, _0, _0
        number, digits, after = _0, 0, place
        while after < stop and CLASSES[text[after]] & HEX:
            byte = int(LOWER[text[after]])
            number = (number << _4) | np.uint64(byte - 48 if byte < 58 else byte - 87)
            digits += 1
            after += 1
            if digits > 4:
                return False, _0, _0
        if after < stop and text[after] == 46:
            address = read_ipv4(text, place, stop)
            if address < 0 or groups > 6:
                return False, _0, _0
            high = (high << _16) | (low >> _48)
            low = (low << _16) | np.uint64(address >> 16)
            high = (high << _16) | (low >> _48)
            low = (low << _16) | np.uint64(address & 0xFFFF)
            groups += 2
            place = stop
            break
        if digits == 0 or groups > 7:
            return False, _0, _0
        high = (high << _16) | (low >> _48)
        low = (low << _16) | number
        groups += 1
        place = after
        if place < stop:
            if text[place] != 58 or place + 1 == stop:
                return False, _0, _0
            place += 1
    if gap < 0:
        return groups == 8, high, low
    if groups > 7:
        return False, _0, _0
    # the groups behind :: stay where they are, those before it move to the front
    behind = np.uint64(16 * (groups - gap))
    shift = np.uint64(16 * (8 - groups))
    front_high, front_low = shifted_right(high, low, behind)
    front_high, front_low = shifted_left(front_high, front_low, behind + shift)
    back_high, back_low = last_bits(high, low, behind)
    return True, front_high | back_high, front_low | back_low


@compiled
def shifted_left(high: np.uint64, low: np.uint64, by: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return a 128-bit number shifted by 0–128 bits."""
    if by == _0:
        return high, low
    if by >= _64 + _64:
        return _0, _0
    if by >= _64:
        return low << (by - _64), _0
    return (high << by) | (low >> (_64 - by)), low << by


@compiled
def shifted_right(high: np.uint64, low: np.uint64, by: np.uint64) -> tuple[np.uint64, np.uint64]:
    if by == _0:
        return high, low
    if by >= _64 + _64:
        return _0, _0
    if by >= _64:
        return _0, high >> (by - _64)
    return high >> by, (low >> by) | (high << (_64 - by))


@compiled
def last_bits(high: np.uint64, low: np.uint64, bits: np.uint64) -> tuple[np.uint64, np.uint64]:
    """Return the last 0–128 bits of a 128-bit number."""
    if bits == _0:
        return _0, _0
    if bits >= _64 + _64:
        return high, low
    if bits > _64:
        return high & ((_1 << (bits - _64)) - _1), low
    return _0, low if bits == _64 else low & ((_1 << bits) - _1)


@compiled
def v4_key(address: np.uint64, length: np.uint64) -> np.uint64:
    return finish((V4_SEED | length) * PRIME ^ (address >> (_32 - length)) * MIX)


@compiled
def v6_key(high: np.uint64, low: np.uint64, length: np.uint64) -> np.uint64:
    high, low = shifted_right(high, low, _64 + _64 - length)
    return finish(finish((V6_SEED | length) * PRIME ^ high * MIX) ^ low * MIX)


@compiled
def v4_may_match(address: np.uint64, slots: Words, gates: Words) -> bool:
    lengths = gates[0]
    for first in range(0, 33, 8):
        if not (lengths >> np.uint64(first)) & _BYTE:
            continue
        for length in range(first, min(first + 8, 33)):
            if (lengths >> np.uint64(length)) & _1 and holds_key(slots, v4_key(address, np.uint64(length))):
                return True
    return False


@compiled
def v6_may_match(high: np.uint64, low: np.uint64, slots: Words, gates: Words) -> bool:
    if high == _0 and low >> _32 == _V4_MAPPED and v4_may_match(low & _LOW_32, slots, gates):
        return True
    for half in range(2):
        lengths = gates[1 + half]
        if lengths == _0:
            continue
        for bit in range(64):
            if (lengths >> np.uint64(bit)) & _1:
                length = np.uint64(1 + bit + 64 * half)
                if holds_key(slots, v6_key(high, low, length)):
                    return True
    return False


@compiled
def colon_run_may_match(text: Bytes, start: int, stop: int, slots: Words, gates: Words) -> bool:
    """Return whether text[start:stop], a run of hexadecimal digits, colons and dots, may be an address in `slots`."""
    while stop > start and text[stop - 1] == 46:
        stop -= 1
    while stop > start and text[start] == 46:
        start += 1
    if stop - start < 2 or stop - start > 47:
        return False
    if text[stop - 1] == 58 and text[stop - 2] != 58:
        stop -= 1
    if stop - start >= 2 and text[start] == 58 and text[start + 1] != 58:
        start += 1
    colons, doubled = 0, False
    for place in range(start, stop):
        if text[place] == 58:
            colons += 1
            doubled |= place > start and text[place - 1] == 58
    if not doubled and colons < 6:  # a time of day
        return False
    sound, high, low = read_ipv6(text, start, stop)
    return sound and v6_may_match(high, low, slots, gates)


@compiled
def colon_run_start(text: Bytes, first: int, colon: int) -> int:
    """Return where the run of hexadecimal digits, colons and dots begins that goes through `colon`."""
    while colon > first and CLASSES[text[colon - 1]] & COLON_RUN:
        colon -= 1
    return colon


@compiled
def colon_run_stop(text: Bytes, colon: int, last: int) -> int:
    while colon < last and CLASSES[text[colon]] & COLON_RUN:
        colon += 1
    return colon
