"""The loop: lines in, pairs of line and rule that could match out (docs/explanation/engine.md)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.indicators.scan import may_match
from dekhang.engine.native import compiled
from dekhang.engine.sieve.deciding import Programs, Routes, could_match
from dekhang.engine.sieve.folding import UNFOLDABLE, unfold
from dekhang.engine.sieve.literals import Found, Literals, add_atom, equal, find, find_letters, lower
from dekhang.engine.sieve.memo import ABSENT, Memo, code_of, learn, recall
from dekhang.engine.sieve.reading import (
    HEARD,
    INTEGER,
    LETTERS,
    NEW_NAME,
    NULL,
    OTHER,
    PLAIN,
    WEIRD,
    Paths,
    Spans,
    digest,
    read_line,
    same,
)
from dekhang.engine.text import SCALARS_PER_VALUE

# why `sift` returned
DONE = 0
NAME_WANTED = 1  # found: parent, start, end of a name to add to the paths
ROUTE_WANTED = 2  # found: start and end of channel (-1: none), of provider (-1), of event id, whether channel and …
FULL = 3  # the candidates have to be taken out first

UNKNOWN = -2  # Lines.routes: to be found from channel and event id
NO_ROUTE = -1  # nothing reads such records
FIELDS_MAX = 512  # of more the parsers keep only the first
VALUES_MAX = SCALARS_PER_VALUE - 1  # of a longer list the reference reads only the beginning
SYSMON_OF_LINUX = tuple(np.uint8(byte) for byte in b"linux-sysmon")  # its events look like those of Windows


class Columns(NamedTuple):
    """What a value's being there means, before its text is looked at. All by column.

    Args:
        present_starts, present: atoms of a present field (exists); one more start at the end.
        valued_starts, valued: atoms of a value that is not null, with those that only the reference can decide.
        unsure_starts, unsure: atoms that folding may hide in letters of other scripts.
        lettered_starts, lettered: atoms that can hold in a value with letters beyond ASCII.
        raw: of a column of keywords, the column of texts of which one stands in the line as it came wherever a keyword
            stands in a value; -1 = there is none.
        whole: uint8, 1 = some literals are compared with the whole value.
        indicators: uint8, 1 = indicators are looked for.
    """

    present_starts: NDArray[np.int32]
    present: NDArray[np.int32]
    valued_starts: NDArray[np.int32]
    valued: NDArray[np.int32]
    unsure_starts: NDArray[np.int32]
    unsure: NDArray[np.int32]
    lettered_starts: NDArray[np.int32]
    lettered: NDArray[np.int32]
    raw: NDArray[np.int32]
    whole: NDArray[np.uint8]
    indicators: NDArray[np.uint8]


class Lines(NamedTuple):
    """What is read.

    Args:
        text: uint8, PADDING behind.
        starts, ends: of each line.
        routes: of each line; UNKNOWN = find it.
        odd: in and out, uint8: 1 = the line is left to the parser.
    """

    text: NDArray[np.uint8]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    routes: NDArray[np.int32]
    odd: NDArray[np.uint8]


class RouteTable(NamedTuple):
    """Routes by the bytes of channel (or provider) and event id.

    Args:
        keys: uint64, open addressing by hash; 0 = free.
        starts, channels, events: of each slot, where in `texts` the two texts stand together, and their lengths.
        providers: uint8, 1 = the first text is a provider.
        routes: of each slot.
        counts: of each slot, lines so far. Written by the kernel.
        texts: PADDING behind.
    """

    keys: NDArray[np.uint64]
    starts: NDArray[np.int32]
    channels: NDArray[np.int32]
    events: NDArray[np.int32]
    providers: NDArray[np.uint8]
    routes: NDArray[np.int32]
    counts: NDArray[np.int64]
    texts: NDArray[np.uint8]


class Scratch(NamedTuple):
    """Room to work in.

    Args:
        held: by atom, the line in which it held last.
        asked: by program, the line in which it was asked last.
        of_value: what the value at hand satisfies.
        line_atoms: int32, of the line at hand: room for all atoms.
        folded: uint8, twice the longest line and PADDING.
        found: int64[6].
        serial: int64[1], number of the last line.
    """

    held: NDArray[np.int32]
    asked: NDArray[np.int32]
    of_value: Found
    line_atoms: NDArray[np.int32]
    folded: NDArray[np.uint8]
    found: NDArray[np.int64]
    serial: NDArray[np.int64]


@compiled
def route_code(text: Any, first: int, first_end: int, event: int, event_end: int, provider: int) -> Any:
    return digest(
        text, event, event_end - event, digest(text, first, first_end - first, np.uint64(provider))
    ) | np.uint64(1)


@compiled
def find_route(
    table: RouteTable, text: Any, first: int, first_end: int, event: int, event_end: int, provider: int
) -> int:
    """Return the slot of a channel (or provider) and event id, UNKNOWN when nobody has said."""
    code = route_code(text, first, first_end, event, event_end, provider)
    mask = table.keys.size - 1
    slot = np.intp(code) & mask
    while table.keys[slot] != np.uint64(0):
        if (
            table.keys[slot] == code
            and table.providers[slot] == provider
            and table.channels[slot] == first_end - first
            and table.events[slot] == event_end - event
            and same(table.texts, table.starts[slot], text, first, first_end - first)
            and same(table.texts, table.starts[slot] + (first_end - first), text, event, event_end - event)
        ):
            return int(slot)
        slot = (slot + 1) & mask
    return UNKNOWN


@compiled
def is_of_windows(text: Any, spans: Spans, provider: int) -> bool:
    """Return whether a provider is one of Windows; False also when it takes reading to know."""
    if spans.kinds[provider] != PLAIN:
        return False
    start = spans.starts[provider]
    if spans.ends[provider] - start != len(SYSMON_OF_LINUX):
        return True
    for place in range(len(SYSMON_OF_LINUX)):  # noqa: SIM110 - compiled code has no generators
        if lower(text[start + place]) != SYSMON_OF_LINUX[place]:
            return True
    return False


@compiled
def classify(
    columns: Columns,
    literals: Literals,
    column: int,
    text: Any,
    start: int,
    end: int,
    kind: int,
    folded: bool,
    fold_table: Any,
    scratch: Scratch,
    indicator_slots: Any,
    indicator_gates: Any,
    indicator_atom: int,
) -> int:
    """Fill scratch.of_value with what a value satisfies or could satisfy; return how many, or WEIRD."""
    out = scratch.of_value
    out.ticket[0] += 1
    count = 0
    for place in range(columns.present_starts[column], columns.present_starts[column + 1]):
        count = add_atom(columns.present[place], out, count)
    if kind == NULL:
        return count
    for place in range(columns.valued_starts[column], columns.valued_starts[column + 1]):
        count = add_atom(columns.valued[place], out, count)
    size = unfold(text, start, end, folded, fold_table, scratch.folded)
    if size == UNFOLDABLE:
        return WEIRD
    if folded and kind == LETTERS:
        for place in range(columns.unsure_starts[column], columns.unsure_starts[column + 1]):
            count = add_atom(columns.unsure[place], out, count)
    if kind == LETTERS:
        for place in range(columns.lettered_starts[column], columns.lettered_starts[column + 1]):
            count = add_atom(columns.lettered[place], out, count)
        count = find_letters(literals, column, scratch.folded, 0, size, out, count)
    if columns.whole[column]:
        count = equal(literals, column, scratch.folded, 0, size, out, count)
    count = find(literals, column, scratch.folded, 0, size, out, count)
    if columns.indicators[column] and may_match(scratch.folded, 0, size, indicator_slots, indicator_gates):
        count = add_atom(indicator_atom, out, count)
    return count


@compiled
def hear(
    columns: Columns,
    literals: Literals,
    routes: Routes,
    first: int,
    last: int,
    text: Any,
    start: int,
    end: int,
    kind: int,
    folded: bool,
    fold_table: Any,
    scratch: Scratch,
) -> int:
    """Fill scratch.of_value with the keywords of routes.keywords[first:last] in a value; return how many, or WEIRD."""
    if kind == OTHER:
        return WEIRD
    out = scratch.of_value
    out.ticket[0] += 1
    count = 0
    size = unfold(text, start, end, folded, fold_table, scratch.folded)
    if size == UNFOLDABLE:
        return WEIRD
    for place in range(first, last):
        column = routes.keywords[place]
        if kind == LETTERS:
            for one in range(columns.lettered_starts[column], columns.lettered_starts[column + 1]):
                count = add_atom(columns.lettered[one], out, count)
            count = find_letters(literals, column, scratch.folded, 0, size, out, count)
        if columns.whole[column]:
            count = equal(literals, column, scratch.folded, 0, size, out, count)
        count = find(literals, column, scratch.folded, 0, size, out, count)
        if folded and kind == LETTERS:
            for one in range(columns.unsure_starts[column], columns.unsure_starts[column + 1]):
                count = add_atom(columns.unsure[one], out, count)
        for one in range(columns.valued_starts[column], columns.valued_starts[column + 1]):
            count = add_atom(columns.valued[one], out, count)
    return count


@compiled
def sift(
    lines: Lines,
    first: int,
    root: int,
    folded: bool,
    paths: Paths,
    spans: Spans,
    columns: Columns,
    literals: Literals,
    programs: Programs,
    routes: Routes,
    route_table: RouteTable,
    memo: Memo,
    scratch: Scratch,
    fold_table: Any,
    indicator_slots: Any,
    indicator_gates: Any,
    indicator_atom: int,
    hit_lines: Any,
    hit_programs: Any,
    hits: Any,
) -> tuple[int, int]:
    """Sift lines from number `first`; return (DONE, NAME_WANTED, ROUTE_WANTED or FULL, the line to go on with).

    Args:
        folded: the texts are folded already; then no line can be odd.
        hit_lines, hit_programs: out: candidates, in order of lines; hits[0] counts them.
    """
    text = lines.text
    found = scratch.found
    n_programs = programs.starts.size
    for number in range(first, lines.starts.size):
        if hits[0] + n_programs > hit_lines.size:
            return FULL, number
        if lines.odd[number]:
            continue
        scratch.serial[0] += 1
        line = scratch.serial[0]
        count = read_line(text, lines.starts[number], lines.ends[number], root, line, paths, spans, found)
        if count == NEW_NAME:
            return NAME_WANTED, number
        if count == WEIRD:
            lines.odd[number] = 1
            continue
        if count > VALUES_MAX and not folded:
            lines.odd[number] = 1
            continue
        strange = found[4] != 0
        # -- route
        route = int(lines.routes[number])
        if route == UNKNOWN:
            event = found[2]
            provider = 0
            named = found[0]
            if named < 0:
                named = found[1]
                provider = 1
            if (
                event < 0
                or named < 0
                or spans.kinds[event] != INTEGER
                or spans.kinds[named] > LETTERS
                or (found[3] >= 0 and (found[5] < 0 or found[1] < 0 or spans.starts[found[1]] == spans.ends[found[1]]))
                or (found[3] == 1 and found[0] < 0)
                or (found[1] >= 0 and not is_of_windows(text, spans, found[1]))
                or count > FIELDS_MAX
            ):
                lines.odd[number] = 1
                continue
            slot = find_route(
                route_table,
                text,
                spans.starts[named],
                spans.ends[named],
                spans.starts[event],
                spans.ends[event],
                provider,
            )
            if slot == UNKNOWN:
                found[3] = named
                found[4] = event
                found[5] = provider
                return ROUTE_WANTED, number
            route = int(route_table.routes[slot])
            route_table.counts[slot] += 1
        if route < 0:
            continue
        # -- atoms
        held_count = 0
        odd = False
        first_keywords = routes.keyword_starts[route]
        last_keywords = routes.keyword_starts[route + 1]
        for span in range(count):
            path = spans.paths[span]
            start = spans.starts[span]
            end = spans.ends[span]
            kind = int(spans.kinds[span])
            column = paths.columns[path]
            if column >= 0 and routes.columns[route, column]:
                if kind == OTHER:
                    odd = True
                    break
                known_as = kind + 16 if folded else kind  # what is folded already says less
                entry = ABSENT
                code = np.uint64(0)
                if end - start <= memo.limits[1]:
                    code = code_of(memo, column, text, start, end - start)
                    entry = recall(memo, column, known_as, text, start, end - start, code)
                if entry != ABSENT:
                    packed = memo.table[entry, 3]
                    known = np.intp(packed >> np.uint64(32))
                    for one in range(known, known + np.intp(packed & np.uint64(0xFFFFFFFF))):
                        atom = memo.atoms[one]
                        if scratch.held[atom] != line:
                            scratch.held[atom] = line
                            scratch.line_atoms[held_count] = atom
                            held_count += 1
                else:
                    size = classify(
                        columns,
                        literals,
                        column,
                        text,
                        start,
                        end,
                        kind,
                        folded,
                        fold_table,
                        scratch,
                        indicator_slots,
                        indicator_gates,
                        indicator_atom,
                    )
                    if size == WEIRD:
                        odd = True
                        break
                    if end - start <= memo.limits[1]:
                        learn(memo, column, known_as, text, start, end - start, code, scratch.of_value.atoms, size)
                    for one in range(size):
                        atom = scratch.of_value.atoms[one]
                        if scratch.held[atom] != line:
                            scratch.held[atom] = line
                            scratch.line_atoms[held_count] = atom
                            held_count += 1
        if odd:
            lines.odd[number] = 1
            continue
        # -- keywords
        heard = False
        for place in range(first_keywords, last_keywords):
            raw = columns.raw[routes.keywords[place]]
            scratch.of_value.ticket[0] += 1
            if raw < 0 or find(literals, raw, text, lines.starts[number], lines.ends[number], scratch.of_value, 0):
                heard = True
                break
        if heard or (strange and first_keywords < last_keywords):
            for span in range(count):
                if not paths.flags[spans.paths[span]] & HEARD or spans.kinds[span] == NULL:
                    continue
                if not heard and spans.kinds[span] != LETTERS and spans.kinds[span] != OTHER:
                    continue  # as it came it held no keyword
                size = hear(
                    columns,
                    literals,
                    routes,
                    first_keywords,
                    last_keywords,
                    text,
                    spans.starts[span],
                    spans.ends[span],
                    int(spans.kinds[span]),
                    folded,
                    fold_table,
                    scratch,
                )
                if size == WEIRD:
                    odd = True
                    break
                for one in range(size):
                    atom = scratch.of_value.atoms[one]
                    if scratch.held[atom] != line:
                        scratch.held[atom] = line
                        scratch.line_atoms[held_count] = atom
                        held_count += 1
            if odd:
                lines.odd[number] = 1
                continue
        # -- rules
        for one in range(held_count):
            atom = scratch.line_atoms[one]
            for place in range(programs.trigger_starts[atom], programs.trigger_starts[atom + 1]):
                program = programs.triggered[place]
                if routes.programs[route, program] and scratch.asked[program] != line:
                    scratch.asked[program] = line
                    if could_match(programs, program, scratch.held, line):
                        hit_lines[hits[0]] = number
                        hit_programs[hits[0]] = program
                        hits[0] += 1
        for place in range(routes.always_starts[route], routes.always_starts[route + 1]):
            program = routes.always[place]
            if could_match(programs, program, scratch.held, line):
                hit_lines[hits[0]] = number
                hit_programs[hits[0]] = program
                hits[0] += 1
    return DONE, lines.starts.size
