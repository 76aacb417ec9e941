"""Reads one JSON object into spans: which field has its value where. Nothing is copied, no Python object is made.

A line that is not simple enough is WEIRD and left to the parser: the sieve may be quick, it may not guess.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled, inlined
from dekhang.engine.sieve.folding import hex_digit
from dekhang.engine.sieve.machine import BACKSLASHES, BLANKS, HIGHS, ONES, QUOTES, load4, load8, lowest_byte, mix

SPANS_MAX = 140_000  # a parser gives at most 512 fields of 256 values
DEPTH_MAX = 12
NAME_BYTES_MAX = 1_024  # a longer name is nobody's field

# what a value is
PLAIN = 0  # text of ASCII without escapes
CODED = 1  # text of ASCII with escapes of signs: \\ \" \n …
LETTERS = 2  # text with other letters, or escapes of letters: \u…
INTEGER = 3
WORD = 4  # true, false
NULL = 5
OTHER = 6  # numbers with a point, an exponent or too many digits

# what is known of a path (Paths.flags)
HEARD = 1  # keywords look at its value
NESTED = 2  # it may hold an object whose names are paths of their own
ODD = 4  # only the parser knows what to do with it
CHANNEL = 8
PROVIDER = 16
EVENT_ID = 32
SUBSTITUTE = 64  # stands for provider or computer when one of them has no name
COMPUTER = 256
FILLED = 128  # null and empty text mean something else than they say: odd
SINGLE = 512  # a list is odd
TEXT = 1_024  # anything but text is odd
NUMBER = 2_048  # anything but a whole number is odd
ONCE = 4_096  # of the objects so marked only one may be in a line
COMPLETE = 8_192  # below it channel, provider and computer have to be named: the parser would say "" for them

# how reading ended, when not with a number of spans
WEIRD = -1
NEW_NAME = -2  # `found` holds parent path, start and end of a name that nobody has seen yet

K1 = np.uint64(0x9E3779B97F4A7C15)
K2 = np.uint64(0xD6E8FEB86659FD93)

QUOTE = np.uint8(0x22)
BACKSLASH = np.uint8(0x5C)
COLON = np.uint8(0x3A)
COMMA = np.uint8(0x2C)
OPEN = np.uint8(0x7B)
CLOSE = np.uint8(0x7D)
OPEN_LIST = np.uint8(0x5B)
CLOSE_LIST = np.uint8(0x5D)
BLANK = np.uint8(0x20)
TAB = np.uint8(0x09)
LINE_FEED = np.uint8(0x0A)
RETURN = np.uint8(0x0D)
POINT = np.uint8(0x2E)
PLUS = np.uint8(0x2B)
EXPONENT = np.uint8(0x65)  # with bit 0x20 set
MINUS = np.uint8(0x2D)
ZERO = np.uint8(0x30)
NINE = np.uint8(0x39)
LEAST = tuple(np.uint8(byte) for byte in b"9223372036854775808")
TRUE = np.uint64(int.from_bytes(b"true", "little"))
FALSE = np.uint64(int.from_bytes(b"fals", "little"))
NULL_WORD = np.uint64(int.from_bytes(b"null", "little"))


class Paths(NamedTuple):
    """Names seen so far, as a tree: a path is a name below another path. Python adds (paths.py), the kernel reads.

    Args:
        table: open addressing, path + 1 by hash of (parent, name); 0 = free. Size is a power of two.
        hashes: of each path.
        parents, starts, lengths: of each path: the path above, and its name in `names`.
        names: all names back to back, PADDING behind.
        columns: the column that its values are tested in, -1 = none.
        flags: HEARD … FILLED.
        following: the path that came next last time: a guess that saves hashing. Written by the kernel.
        seen: line in which it was read last. Written by the kernel.
    """

    table: NDArray[np.int32]
    hashes: NDArray[np.uint64]
    parents: NDArray[np.int32]
    starts: NDArray[np.int32]
    lengths: NDArray[np.int32]
    names: NDArray[np.uint8]
    columns: NDArray[np.int32]
    flags: NDArray[np.uint16]
    following: NDArray[np.int32]
    seen: NDArray[np.int32]


class Spans(NamedTuple):
    """The values of one line: path, first byte, byte behind, and PLAIN … OTHER; `above`: DEPTH_MAX paths, to work with."""

    paths: NDArray[np.int32]
    starts: NDArray[np.int32]
    ends: NDArray[np.int32]
    kinds: NDArray[np.uint8]
    above: NDArray[np.int32]


@inlined
def digest(text: Any, start: Any, length: Any, seed: Any) -> Any:
    """Return a hash of a piece of text; needs PADDING behind it."""
    state = mix(np.uint64(seed) ^ K1, np.uint64(length) ^ K2)
    at = start
    left = length
    if left >= 32:  # two chains: the processor multiplies for both at once
        other = state ^ K2
        while left >= 32:
            state = mix(load8(text, at) ^ state, load8(text, at + 8) ^ K1)
            other = mix(load8(text, at + 16) ^ other, load8(text, at + 24) ^ K2)
            at += 32
            left -= 32
        state = mix(state, other ^ K1)
    while left >= 16:
        state = mix(load8(text, at) ^ state, load8(text, at + 8) ^ K1)
        at += 16
        left -= 16
    if left >= 8:
        state = mix(load8(text, at) ^ state, K2)
        at += 8
        left -= 8
    if left > 0:
        word = load8(text, at) & ((np.uint64(1) << np.uint64(left * 8)) - np.uint64(1))
        state = mix(word ^ state, K1)
    return mix(state ^ K2, K1)


@inlined
def same(left: Any, at: Any, right: Any, start: Any, length: Any) -> bool:
    """Return whether two pieces of text are equal; needs PADDING behind both."""
    done = 0
    while length - done >= 32:
        low = (load8(left, at + done) ^ load8(right, start + done)) | (
            load8(left, at + done + 8) ^ load8(right, start + done + 8)
        )
        high = (load8(left, at + done + 16) ^ load8(right, start + done + 16)) | (
            load8(left, at + done + 24) ^ load8(right, start + done + 24)
        )
        if low | high != np.uint64(0):
            return False
        done += 32
    while length - done >= 8:
        if load8(left, at + done) != load8(right, start + done):
            return False
        done += 8
    rest = length - done
    if rest > 0:
        mask = (np.uint64(1) << np.uint64(rest * 8)) - np.uint64(1)
        return bool((load8(left, at + done) ^ load8(right, start + done)) & mask == np.uint64(0))
    return True


@compiled
def text_end(text: Any, at: int, end: int) -> Any:
    """Return where a text ends (its closing quote), and what is in it; -1 when it is broken.

    What is in it: PLAIN, CODED or LETTERS.

    Args:
        at: the byte behind the opening quote.
    """
    letters = np.uint64(0)
    coded = 0
    while at < end:
        word = load8(text, at)
        quotes = word ^ QUOTES
        quotes = (quotes - ONES) & ~quotes & HIGHS
        escapes = word ^ BACKSLASHES
        escapes = (escapes - ONES) & ~escapes & HIGHS
        # bytes below a blank; only exact for the lowest one, which is the one that matters
        controls = (word - BLANKS) & ~word & HIGHS
        if quotes == np.uint64(0) and escapes == np.uint64(0) and controls == np.uint64(0):
            letters |= word
            at += 8
            continue
        first = lowest_byte(quotes | escapes | controls)
        letters |= word & ((np.uint64(1) << np.uint64(first * 8)) - np.uint64(1))
        at += first
        if at >= end:
            break
        byte = text[at]
        if byte == QUOTE:
            return at, LETTERS if letters & HIGHS != np.uint64(0) else coded
        if byte != BACKSLASH:
            return -1, 0
        code = text[at + 1]
        at += 2
        if code == np.uint8(0x75):
            coded = LETTERS
            for place in range(at, at + 4):
                if hex_digit(text[place]) < 0:
                    return -1, 0
            at += 4
        elif (
            code == BACKSLASH  # a chain of comparisons is what the machine does best
            or code == QUOTE
            or code == np.uint8(0x2F)
            or code == np.uint8(0x6E)
            or code == np.uint8(0x74)
            or code == np.uint8(0x72)
            or code == np.uint8(0x62)
            or code == np.uint8(0x66)
        ):
            coded = max(coded, CODED)
        else:
            return -1, 0
    return -1, 0


@inlined
def behind_blanks(text: Any, at: Any, end: Any) -> Any:
    """Return the first place from `at` where no blank of JSON stands. Other control bytes are none."""
    while at < end and text[at] <= BLANK:
        blank = text[at]
        if blank != BLANK and blank != TAB and blank != LINE_FEED and blank != RETURN:
            break
        at += 1
    return at


@compiled
def is_number(text: Any, start: int, end: int) -> bool:
    """Return whether a piece of text is a number as JSON writes them (RFC 8259, section 6)."""
    at = start + 1 if text[start] == MINUS else start
    first = at
    while at < end and text[at] >= ZERO and text[at] <= NINE:
        at += 1
    if at == first or (text[first] == ZERO and at - first > 1):
        return False
    if at < end and text[at] == POINT:
        at += 1
        first = at
        while at < end and text[at] >= ZERO and text[at] <= NINE:
            at += 1
        if at == first:
            return False
    if at < end and text[at] | BLANK == EXPONENT:
        at += 1
        if at < end and (text[at] == PLUS or text[at] == MINUS):
            at += 1
        first = at
        while at < end and text[at] >= ZERO and text[at] <= NINE:
            at += 1
        if at == first:
            return False
    return bool(at == end)


@compiled
def whole_number(text: Any, start: int, end: int) -> bool:
    """Return whether digits, with or without a sign, are read as the whole number that they are written as."""
    negative = text[start] == MINUS
    first = start + 1 if negative else start
    digits = end - first
    if digits < 1 or digits > 19 or (text[first] == ZERO and (negative or digits > 1)):
        return False
    if negative and digits == 19:  # 2^63 = 9223372036854775808: what is smaller becomes a float
        for place in range(19):
            most = LEAST[place]
            if text[first + place] != most:
                return bool(text[first + place] < most)
    return True


@compiled
def find_path(paths: Paths, text: Any, start: int, length: int, parent: int) -> int:
    """Return the path of a name below another path, -1 when it is new."""
    code = digest(text, start, length, np.uint64(parent + 1))
    mask = paths.table.size - 1
    slot = np.intp(code) & mask
    while True:
        path = paths.table[slot] - 1
        if path < 0:
            return -1
        if (
            paths.hashes[path] == code
            and paths.parents[path] == parent
            and paths.lengths[path] == length
            and same(paths.names, paths.starts[path], text, start, length)
        ):
            return int(path)
        slot = (slot + 1) & mask


@compiled
def read_line(text: Any, at: int, end: int, root: int, line: int, paths: Paths, spans: Spans, found: Any) -> int:
    """Read the object between `at` and `end`; return the number of spans, or WEIRD or NEW_NAME.

    Args:
        text: uint8 with PADDING behind the last line.
        root: path whose names stand at the top.
        line: number that no other line had since `paths.seen` was cleared.
        found: int64[6]; filled with the spans of channel, provider and event id (-1 = none), with 0 for a substitute
            or 1 for an object that is COMPLETE (-1 = neither), whether some value does not stand there as it is read
            (LETTERS, OTHER), and the span of the computer; or, for NEW_NAME, with parent, start and end of the name.
    """
    for place in range(6):
        found[place] = -1
    strange = 0
    depth = 0
    parent = root
    before = root  # the path read last, for the guess
    count = 0
    at = behind_blanks(text, at, end)
    if at >= end or text[at] != OPEN:
        return WEIRD
    at += 1
    needs_name = False  # after a comma an object may not close
    closed = False
    once = False
    while at < end:
        byte = text[at]
        if byte <= BLANK:
            at = behind_blanks(text, at, end)
            if at >= end:
                return WEIRD
            byte = text[at]
        if byte == CLOSE and not needs_name:
            at += 1
            if depth == 0:
                closed = True
                break
            depth -= 1
            parent = spans.above[depth]
            at = behind_blanks(text, at, end)
            if at < end and text[at] == COMMA:
                if depth == 0:
                    return WEIRD  # as above
                at += 1
                needs_name = True
            elif at >= end or text[at] != CLOSE:
                return WEIRD
            continue
        if byte != QUOTE:
            return WEIRD
        # -- name
        at += 1
        path = paths.following[before]
        length = paths.lengths[path]
        if (
            paths.parents[path] == parent
            and at + length < end
            and text[at + length] == QUOTE
            and same(paths.names, paths.starts[path], text, at, length)
        ):
            stop = at + length
        else:
            stop, coded = text_end(text, at, end)
            if stop < 0:
                return WEIRD
            length = stop - at
            if length > NAME_BYTES_MAX:
                return WEIRD
            path = find_path(paths, text, at, length, parent)
            if path < 0:
                found[0] = parent
                found[1] = at
                found[2] = stop
                return NEW_NAME
            paths.following[before] = path
        before = path
        if paths.seen[path] == line:
            return WEIRD  # the same name twice: the parser decides which one counts
        paths.seen[path] = line
        flags = paths.flags[path]
        at = stop + 1
        at = behind_blanks(text, at, end)
        if at >= end or text[at] != COLON:
            return WEIRD
        at += 1
        at = behind_blanks(text, at, end)
        if at >= end:
            return WEIRD
        # -- value
        if flags & ODD:
            return WEIRD
        byte = text[at]
        if byte == OPEN:
            if not flags & NESTED or depth == DEPTH_MAX:
                return WEIRD
            if depth == 0 and count:
                return WEIRD  # parsers read either what is in such an object or what stands beside it
            if flags & ONCE:
                if once:
                    return WEIRD
                once = True
            if flags & COMPLETE:
                found[3] = 1
            spans.above[depth] = parent
            depth += 1
            parent = path
            at += 1
            needs_name = False
            continue
        in_list = byte == OPEN_LIST
        if in_list:
            if flags & (NESTED | SINGLE):
                return WEIRD
            at += 1
        first = count
        while True:
            at = behind_blanks(text, at, end)
            if at >= end:
                return WEIRD
            byte = text[at]
            if in_list and byte == CLOSE_LIST and count == first:
                at += 1  # an empty list: the field is there, its value is not
                if flags & FILLED or count == SPANS_MAX:
                    return WEIRD
                spans.paths[count] = path
                spans.starts[count] = at
                spans.ends[count] = at
                spans.kinds[count] = NULL
                count += 1
                break
            start = at
            if byte == QUOTE:
                start = at + 1
                stop, coded = text_end(text, start, end)
                if stop < 0:
                    return WEIRD
                at = stop + 1
                kind = coded
                strange |= coded & LETTERS
            elif byte == MINUS or (byte >= ZERO and byte <= NINE):
                at += 1
                while at < end and text[at] >= ZERO and text[at] <= NINE:
                    at += 1
                kind = INTEGER if whole_number(text, start, at) else OTHER
                if at < end and text[at] != COMMA and text[at] != CLOSE and text[at] != CLOSE_LIST and text[at] > BLANK:
                    kind = OTHER
                    while at < end and text[at] != COMMA and text[at] != CLOSE and text[at] != CLOSE_LIST:
                        if text[at] <= BLANK:
                            break
                        at += 1
                if kind == OTHER:
                    if not is_number(text, start, at):
                        return WEIRD
                    strange = LETTERS  # 1e3 is read as 1000: keywords have to look at the value itself
                stop = at
            else:
                word = load4(text, at)
                if word == TRUE:
                    kind = WORD
                    at += 4
                elif word == FALSE and text[at + 4] == np.uint8(0x65):
                    kind = WORD
                    at += 5
                elif word == NULL_WORD:
                    kind = NULL
                    at += 4
                else:
                    return WEIRD
                stop = at
            if flags & (NESTED | FILLED | TEXT | NUMBER):
                if flags & NESTED and not flags & HEARD and kind != NULL:
                    return WEIRD  # an object was expected
                if flags & FILLED and (kind == NULL or start == stop):
                    return WEIRD
                if flags & TEXT and kind > LETTERS:
                    return WEIRD
                if flags & NUMBER and kind != INTEGER:
                    return WEIRD
            if count == SPANS_MAX:
                return WEIRD
            spans.paths[count] = path
            spans.starts[count] = start
            spans.ends[count] = stop
            spans.kinds[count] = kind
            count += 1
            if not in_list:
                break
            at = behind_blanks(text, at, end)
            if at >= end:
                return WEIRD
            if text[at] == COMMA:
                at += 1
                continue
            if text[at] != CLOSE_LIST:
                return WEIRD
            at += 1
            break
        if flags & (CHANNEL | PROVIDER | EVENT_ID | SUBSTITUTE | COMPUTER):
            if in_list or count == first:
                return WEIRD
            if flags & CHANNEL:
                place = 0
            elif flags & PROVIDER:
                place = 1
            elif flags & EVENT_ID:
                place = 2
            elif flags & COMPUTER:
                place = 5
            else:
                place = 3
            if place != 3:
                if found[place] >= 0:
                    return WEIRD  # two names for one fact
                found[place] = first
            elif found[3] < 0:
                found[3] = 0
        at = behind_blanks(text, at, end)
        if at >= end:
            return WEIRD
        if text[at] == COMMA:
            at += 1
            needs_name = True
        elif text[at] == CLOSE:
            needs_name = False
        else:
            return WEIRD
    if not closed:
        return WEIRD
    if behind_blanks(text, at, end) < end:
        return WEIRD
    found[4] = strange
    return count
