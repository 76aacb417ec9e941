"""May a text contain an indicator? In machine code, in one pass, so that a record without any costs next to nothing.

`may_match` errs on one side only: it is True for some texts without an indicator and never False for one with it.
It cuts a text as `tokens.py` does, hashes what it finds to 64 bits and looks in `slots`.

    slots  uint64, a power of two: a hash table (open addressing, 0 = empty) of
             names     domains, file names: hashed from their end, so that all suffixes of a word cost one pass
             e-mails   the same, going on over @ to the part before it
             links     the host, salted (for the host alone, its path standing in another field), and the host with
                       the first part of the path
             hashes    the first 16 digits and the length
             networks  address bits and prefix length; an address is a network of full length
    gates  uint64: [0] IPv4 prefix lengths in use, bits 0–32 · [1] [2] IPv6 lengths 1–64, 65–128 · [3] flags below ·
             [4:] 65,536 bits: last labels (vn, com, exe) of any name in use. Most words of a log end here, in 8 KB that
             stay in the processor's nearest cache.
"""

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.indicators.addresses import (
    colon_run_may_match,
    colon_run_start,
    colon_run_stop,
    read_ipv4,
    read_ipv6,
    v4_key,
    v4_may_match,
    v6_key,
)
from dekhang.engine.indicators.shapes import Kind
from dekhang.engine.indicators.slots import (
    CLASSES,
    DIGIT,
    DOT,
    HEX,
    IN_WORD,
    LOCAL,
    LOWER,
    Bytes,
    Words,
    add_key,
    finish,
    holds_key,
    step,
)
from dekhang.engine.indicators.tokens import LOCAL_PART_BYTES_MAX, NAME_BYTES_MAX
from dekhang.engine.native import compiled

HAS_NAMES, HAS_EMAILS, HAS_URLS, HAS_ADDRESSES = 1, 2, 4, 8
HAS_HASHES = 240  # 16, 32, 64, 128: of 32, 40, 64, 128 digits
GATES = 4 + 65_536 // 64

Places = NDArray[np.int64]

SEED = np.uint64(0x6465_6B68_616E_6701)
HASH_SEED = np.uint64(0x6D61_2062_616D_0A01)
HOST_SALT = np.uint64(0x686F_7374_5F5F_5F5F)

_0, _1, _4, _6, _48, _63 = (np.uint64(number) for number in (0, 1, 4, 6, 48, 63))
_SLASH, _AT = np.uint64(0x2F), np.uint64(0x40)


@compiled
def hash_key(text: Bytes, start: int, length: int) -> np.uint64:
    state = HASH_SEED ^ np.uint64(length)
    for place in range(start, start + 16):
        state = step(state, np.uint64(LOWER[text[place]]))
    return finish(state)


@compiled
def begins_as_hash(text: Bytes, start: int) -> bool:
    """Return whether the 16 characters that `hash_key` reads are hexadecimal; the rest is for the exact meaning."""
    found = np.uint8(HEX)
    for at in range(np.uint64(start), np.uint64(start + 16)):
        found &= CLASSES[text[at]]
    return bool(found != 0)


@compiled
def core_start(text: Bytes, start: int, stop: int) -> int:
    """Return where the core of a word begins (tokens.py)."""
    while start < stop and (text[start] == 46 or text[start] == 95 or text[start] == 45):
        start += 1
    return start


@compiled
def core_stop(text: Bytes, start: int, stop: int) -> int:
    """Return where the core of a word ends (tokens.py)."""
    while stop > start and (text[stop - 1] == 46 or text[stop - 1] == 95 or text[stop - 1] == 45):
        stop -= 1
    return stop


@compiled
def path_key(text: Bytes, slash: int, stop: int, host: np.uint64) -> np.uint64:
    """Return the key of a link: its host and the first word of its path, which begins behind `slash` (a / or ?)."""
    state = step(host ^ HOST_SALT, _SLASH)
    if text[slash] == 47:
        end = slash + 1
        while end < stop and CLASSES[text[end]] & IN_WORD:
            end += 1
        end = core_stop(text, slash + 1, end)
        for place in range(slash + 1, end):
            state = step(state, np.uint64(LOWER[text[place]]))
    return finish(state)


@compiled
def link_slash(text: Bytes, at: int, stop: int) -> int:
    """Return where the path of a link begins whose host ends at `at`: behind a port or at once; -1 = there is none."""
    if at < stop and text[at] == 58:
        digits = 0
        at += 1
        while at < stop and CLASSES[text[at]] & DIGIT and digits < 6:
            at += 1
            digits += 1
        if digits == 0 or digits > 5:
            return -1
    return at if at < stop and (text[at] == 47 or text[at] == 63) else -1


@compiled
def word_may_match(text: Bytes, first: int, last: int, start: int, stop: int, slots: Words, gates: Words) -> bool:
    """Return whether the word text[start:stop] in the text[first:last] may be an indicator or belong to one."""
    flags = gates[3]
    end = core_stop(text, start, stop)
    begin = core_start(text, start, end)
    size = end - begin
    if size >= 32 and flags & np.uint64(HAS_HASHES):
        for which in range(4):
            length = (32, 40, 64, 128)[which]
            if size < length or (size > length and text[begin + length] != 46):
                continue
            known = flags & np.uint64(16 << which) and begins_as_hash(text, begin)
            if known and holds_key(slots, hash_key(text, begin, length)):
                return True
    if size < 3:
        return False
    if flags & np.uint64(HAS_ADDRESSES) and CLASSES[text[begin]] & DIGIT and CLASSES[text[end - 1]] & DIGIT:
        address = read_ipv4(text, begin, end)
        if address >= 0 and v4_may_match(np.uint64(address), slots, gates):
            return True
    if not flags & np.uint64(HAS_NAMES | HAS_EMAILS | HAS_URLS):
        return False
    state, dots = SEED, 0
    place = end
    limit = max(begin, end - NAME_BYTES_MAX)
    while place > limit:
        place -= 1
        byte = LOWER[text[place]]
        if byte == 46:
            if dots == 0:
                gate = finish(state) >> _48
                if not (gates[_4 + (gate >> _6)] >> (gate & _63)) & _1:
                    return False
            elif holds_key(slots, finish(state)):
                return True
            dots += 1
        state = step(state, np.uint64(byte))
    if dots == 0:
        return False
    if place > begin:  # longer than any name: only what follows a dot can be one
        return text[place - 1] == 46 and holds_key(slots, finish(state))
    if holds_key(slots, finish(state)):
        return True
    if flags & np.uint64(HAS_URLS):
        slash = link_slash(text, end, last) if end == stop else -1
        if slash < 0:
            if holds_key(slots, finish(state ^ HOST_SALT)):
                return True
        elif holds_key(slots, path_key(text, slash, last, state)):
            return True
    if flags & np.uint64(HAS_EMAILS) and begin > first and text[begin - 1] == 64:
        state = step(state, _AT)
        place = begin - 1
        limit = max(first, place - LOCAL_PART_BYTES_MAX)
        while place > limit and CLASSES[text[place - 1]] & LOCAL:
            place -= 1
            state = step(state, np.uint64(LOWER[text[place]]))
        return holds_key(slots, finish(state))
    return False


@compiled
def may_match(text: Bytes, start: int, stop: int, slots: Words, gates: Words) -> bool:
    """Return False only if text[start:stop], one value in UTF-8, contains no indicator of the set.

    Args:
        text: folded (engine/text.py); upper-case ASCII letters are read as lower-case ones all the same.
        slots, gates: from `build`.
    """
    flags = gates[3]
    # most values hold neither a dot nor a double colon: one pass without branches says so, many bytes at a time
    dots, colons = np.uint8(0), np.uint8(0)
    for place in range(np.uint64(start), np.uint64(stop)):
        byte = text[place]
        dots |= np.uint8(byte == 46)
        colons |= np.uint8(byte == 58)
    if colons and flags & np.uint64(HAS_ADDRESSES) and colons_may_match(text, start, stop, slots, gates):
        return True
    if not dots and (stop - start < 32 or not flags & np.uint64(HAS_HASHES)):
        return False
    begin, place, seen = start, start, 0
    while place < stop:
        byte = text[place]
        found = CLASSES[byte]
        if found & IN_WORD:
            seen |= found
            place += 1
            continue
        if (seen & DOT or place - begin >= 32) and word_may_match(text, start, stop, begin, place, slots, gates):
            return True
        if byte == 37 and place + 2 < stop and CLASSES[text[place + 1]] & HEX and CLASSES[text[place + 2]] & HEX:
            place += 2  # the digits of %2F are no part of a word
        place += 1
        begin, seen = place, 0
    return (seen & DOT != 0 or place - begin >= 32) and word_may_match(text, start, stop, begin, place, slots, gates)


@compiled
def colons_may_match(text: Bytes, start: int, stop: int, slots: Words, gates: Words) -> bool:
    """Return whether an IPv6 address may be an indicator."""
    count, doubled = np.uint32(0), np.uint8(0)
    for at in range(np.uint64(start), np.uint64(stop - 1)):  # without branches, as in may_match
        colon = np.uint8(text[at] == 58)
        count += colon
        doubled |= colon & np.uint8(text[at + _1] == 58)
    if count < 6 and not doubled:  # C:\\ and times of day
        return False
    read = start
    for place in range(start, stop):
        if text[place] != 58 or place < read:
            continue
        begin = colon_run_start(text, read, place)
        read = colon_run_stop(text, place, stop)
        if read - begin >= 2 and colon_run_may_match(text, begin, read, slots, gates):
            return True
    return False


@compiled
def name_state(text: Bytes, start: int, stop: int) -> np.uint64:
    state = SEED
    for place in range(stop - 1, start - 1, -1):
        state = step(state, np.uint64(LOWER[text[place]]))
    return state


@compiled
def open_gate(text: Bytes, start: int, stop: int, gates: Words) -> None:
    """Let words pass whose last label is that of the name text[start:stop]."""
    label = stop
    while label > start and text[label - 1] != 46:
        label -= 1
    gate = finish(name_state(text, label, stop)) >> _48
    gates[_4 + (gate >> _6)] |= _1 << (gate & _63)


@compiled
def add_address(text: Bytes, start: int, stop: int, keys: Words, count: int, gates: Words) -> int:
    """Put the key of an address or network into keys[count]; return the number of keys then."""
    slash, length = stop, -1
    for place in range(start, stop):
        if text[place] == 47:
            slash, length = place, 0
        elif length >= 0:
            length = length * 10 + int(text[place]) - 48
    gates[3] |= np.uint64(HAS_ADDRESSES)
    address = read_ipv4(text, start, slash)
    if address >= 0:
        length = 32 if length < 0 else length
        keys[count] = v4_key(np.uint64(address), np.uint64(length))
        gates[0] |= _1 << np.uint64(length)
        return count + 1
    sound, high, low = read_ipv6(text, start, slash)
    if not sound:
        return count
    length = 128 if length < 0 else length
    keys[count] = v6_key(high, low, np.uint64(length))
    if length <= 64:
        gates[1] |= _1 << np.uint64(length - 1)
    else:
        gates[2] |= _1 << np.uint64(length - 65)
    return count + 1


@compiled
def add_link(text: Bytes, start: int, stop: int, keys: Words, count: int, gates: Words) -> int:
    """Put the keys of a link in its normal form into `keys`; return the number of keys then."""
    host = start
    if text[start] == 91:  # IPv6 in brackets: known by its address alone
        while host < stop and text[host] != 93:
            host += 1
        return add_address(text, start + 1, host, keys, count, gates)
    while host < stop and text[host] != 47 and text[host] != 58:
        host += 1
    slash = host
    while slash < stop and text[slash] != 47:
        slash += 1
    gates[3] |= np.uint64(HAS_URLS)
    open_gate(text, start, host, gates)
    state = name_state(text, start, host)
    keys[count] = finish(state ^ HOST_SALT)
    if slash < stop:
        keys[count + 1] = path_key(text, slash, stop, state)
        return count + 2
    return count + 1


@compiled
def collect(text: Bytes, starts: Places, sizes: NDArray[np.uint16], kinds: Bytes, keys: Words, gates: Words) -> int:
    """Put the keys of all indicators into `keys` (room for two each) and open their gates; return how many."""
    count = 0
    for which in range(kinds.size):
        start = int(starts[which])
        stop = start + int(sizes[which])
        kind = kinds[which]
        if kind in (KIND_IP, KIND_NETWORK):
            count = add_address(text, start, stop, keys, count, gates)
        elif kind == KIND_URL:
            count = add_link(text, start, stop, keys, count, gates)
        elif kind == KIND_HASH:
            size = stop - start
            gates[3] |= np.uint64(16 if size == 32 else 32 if size == 40 else 64 if size == 64 else 128)
            keys[count] = hash_key(text, start, size)
            count += 1
        else:
            gates[3] |= np.uint64(HAS_EMAILS if kind == KIND_EMAIL else HAS_NAMES)
            open_gate(text, start, stop, gates)
            keys[count] = finish(name_state(text, start, stop))
            count += 1
    return count


@compiled
def fill(slots: Words, keys: Words, count: int) -> None:
    for which in range(count):
        add_key(slots, keys[which])


KIND_IP, KIND_NETWORK, KIND_URL = int(Kind.IP), int(Kind.NETWORK), int(Kind.URL)
KIND_HASH, KIND_EMAIL = int(Kind.HASH), int(Kind.EMAIL)


def build(text: Bytes, starts: Places, sizes: NDArray[np.uint16], kinds: Bytes) -> tuple[Words, Words]:
    """Return `slots` and `gates` for indicators in normal form.

    Args:
        text: their values one after the other; value i is text[starts[i] : starts[i] + sizes[i]], of kind kinds[i].
    """
    gates = np.zeros(GATES, np.uint64)
    keys = np.zeros(2 * kinds.size + 1, np.uint64)
    count = int(collect(text, starts, sizes, kinds, keys, gates))
    # at most two thirds full; 1,000,000 links with two keys each: 4 Mi slots, 32 MiB
    slots = np.zeros(1 << max(4, (count * 3 // 2).bit_length()), np.uint64)
    fill(slots, keys, count)
    return slots, gates
