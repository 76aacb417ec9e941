"""Gaps in numbers that senders give their records: what never came, though it was written.

A *stream* is one log of one machine: the Windows channel of a computer (EventRecordID), the syslog of a host (RFC 5424,
meta sequenceId). Programs of a host may count together or each for itself; so each is a *lane* of its own, and a number
is missing only when its lane jumped over it and no other lane of the stream has it.

Numbers are judged in event order, not in order of arrival: what comes late fills its gap, and a smaller number with a later
time is a log that began anew (reboot, new log, reinstalled machine), not a gap. Whether a gap is worth telling is decided
when somebody asks (stores.sequences): first it must have had time to be filled.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dekhang.engine.text import Value
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker.batch import Work

JUMP_MAX = 1_000_000  # further ahead is another log, not so many lost records: hours of the busiest Security log
STREAMS_PER_SOURCE = 200  # a collector of a whole unit; further ones are not followed, and a forged host costs nothing
LANES_PER_STREAM = 100  # programs of one host
GAPS_PER_STREAM = 100  # the smallest goes
CLOCK_SLACK_MS = 60_000  # records written at the same moment may have their numbers and times the other way round
RECENT_NUMBERS = 1_000  # of a lane: how often it jumps is counted over about so many
STREAM_DAYS = 30  # a stream unheard for longer begins anew
GAP_DAYS = 90
NAME_CHARS = 200
_LARGEST = (1 << 63) - 1

StreamKey = tuple[int, str, str]  # source, host, log
Heard = dict[StreamKey, dict[str, list[tuple[int, int]]]]  # stream → lane → (number, event time)


@dataclass(slots=True)
class Lane:
    """Numbers from `begin` to `last` have come, or are in a gap of the stream."""

    begin: int
    last: int
    last_ms: int
    seen: int = 1  # numbers, of the recent ones
    jumps: int = 0  # gaps, among them


@dataclass(slots=True)
class Gap:
    """Numbers from `first` to `last` never came, between events of `after_ms` and `before_ms`."""

    first: int
    last: int
    after_ms: int
    before_ms: int
    noticed_ms: int


@dataclass(slots=True)
class Stream:
    lanes: dict[str, Lane] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)


def advance(stream: Stream, heard: Mapping[str, Sequence[tuple[int, int]]], *, now_ms: int) -> None:
    """Take in the numbers of one batch, in whatever order they came."""
    batch = sorted({number for numbers in heard.values() for number, _ in numbers})
    awaited = stream.gaps
    _fill(stream, batch)
    for name, numbers in heard.items():
        ordered = sorted(set(numbers))
        lane = stream.lanes.get(name)
        if lane is None:
            if len(stream.lanes) >= LANES_PER_STREAM:
                continue
            (number, time_ms), *ordered = ordered
            lane = stream.lanes[name] = Lane(number, number, time_ms)
        for number, time_ms in _anew(stream, name, lane, ordered, awaited):
            lane.seen += 1
            if number > lane.last + 1:
                gaps = _between(stream, name, Gap(lane.last + 1, number - 1, lane.last_ms, time_ms, now_ms), batch)
                lane.jumps += bool(gaps)
                stream.gaps.extend(gaps)
            if number > lane.last:
                lane.last = number
                lane.last_ms = max(lane.last_ms, time_ms)
        if lane.seen > RECENT_NUMBERS:
            lane.seen, lane.jumps = lane.seen // 2, lane.jumps // 2
    if len(stream.gaps) > GAPS_PER_STREAM:
        stream.gaps.sort(key=lambda gap: gap.first - gap.last)
        del stream.gaps[GAPS_PER_STREAM:]


def _anew(
    stream: Stream, name: str, lane: Lane, ordered: list[tuple[int, int]], awaited: list[Gap]
) -> Iterable[tuple[int, int]]:
    """The numbers to go on with: after a new beginning only those behind it."""
    restart = [
        (number, time_ms)
        for number, time_ms in ordered
        if number < lane.last
        and time_ms > lane.last_ms + CLOCK_SLACK_MS
        and not any(gap.first <= number <= gap.last for gap in awaited)
    ]
    if restart:  # smaller, yet later: the log began again, and the lanes that counted with this one did, too
        lane.begin, lane.last_ms = restart[0]
        lane.last = lane.begin
        began_ms = min(time_ms for _, time_ms in restart)
        for other in [key for key, value in stream.lanes.items() if key != name and value.last_ms < began_ms]:
            del stream.lanes[other]
        return restart[1:]
    far = next((place for place, one in enumerate(ordered) if one[0] > lane.last + JUMP_MAX), None)
    if far is not None:
        lane.begin, lane.last_ms = ordered[far]
        lane.last = lane.begin
        return ordered[far + 1 :]
    return ordered


def _between(stream: Stream, name: str, gap: Gap, batch: list[int]) -> list[Gap]:
    """What of the gap neither another lane covers nor another record of the batch fills."""
    parts = [(gap.first, gap.last)]
    for other, covered in stream.lanes.items():
        if other != name:
            parts = [rest for part in parts for rest in _without(part, covered.begin, covered.last)]
    return [rest for first, last in parts for rest in _filled(replace(gap, first=first, last=last), batch)]


def _without(part: tuple[int, int], begin: int, end: int) -> list[tuple[int, int]]:
    if end < part[0] or begin > part[1]:
        return [part]
    return [rest for rest in ((part[0], begin - 1), (end + 1, part[1])) if rest[0] <= rest[1]]


def _fill(stream: Stream, numbers: list[int]) -> None:
    if stream.gaps:
        stream.gaps = [rest for gap in stream.gaps for rest in _filled(gap, numbers)]


def _filled(gap: Gap, numbers: list[int]) -> list[Gap]:
    """The gap without these numbers, which are in order: itself, less of it, or nothing."""
    rests: list[Gap] = []
    first = gap.first
    for place in range(bisect_left(numbers, gap.first), bisect_right(numbers, gap.last)):
        number = numbers[place]
        if number > first:
            rests.append(replace(gap, first=first, last=number - 1))
        first = number + 1
    return [*rests, replace(gap, first=first)] if first <= gap.last else rests


# -- in the worker's transaction


def heard_in(work: Work) -> Heard:
    """The numbers of a batch by stream and lane."""
    found: dict[tuple[int, str, Value, Value], list[tuple[Value, int]]] = {}
    for event, origin in zip(work.events, work.origins, strict=True):  # hot: every event comes through here
        fields = event.record.fields
        is_windows = event.kind == "windows"
        number = fields.get("EventRecordID" if is_windows else "syslog_sequence")
        if number is None:
            continue
        log = fields.get("Channel") if is_windows else ""
        key = (origin.source_id, event.host, log, "" if is_windows else fields.get("program", ""))
        try:
            found[key].append((number, event.time_ms))
        except KeyError:
            found[key] = [(number, event.time_ms)]
        except TypeError:  # a list where a name belongs
            continue
    heard: Heard = {}
    for (source_id, host, log, lane), numbers in found.items():
        valid = [(whole, time_ms) for said, time_ms in numbers if (whole := _number(said)) is not None]
        if valid and isinstance(log, str) and isinstance(lane, str):
            stream = heard.setdefault((source_id, name_of(host).lower(), name_of(log).lower()), {})
            stream.setdefault(name_of(lane), []).extend(valid)
    return heard


def name_of(text: str) -> str:
    """A name that somebody else chose, as every database takes it."""
    text = text[:NAME_CHARS]
    return (
        text if text.isascii() and "\x00" not in text else text.encode(errors="replace").decode().replace("\x00", "?")
    )


def _number(value: Value) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 19:
        value = int(value)
    return value if isinstance(value, int) and 0 < value <= _LARGEST else None


def keep(connection: database.Connection, heard: Heard, *, now_ms: int) -> None:
    """Move the streams of a batch on, inside its transaction."""
    if not heard:
        return
    followed = _followed(connection, {source_id for source_id, _, _ in heard})
    for key, numbers in heard.items():
        streams = followed.setdefault(key[0], set())
        if key[1:] not in streams:
            if len(streams) >= STREAMS_PER_SOURCE:
                continue
            streams.add(key[1:])
            stream = Stream()
        else:
            stream = _read(connection, key)
        before = Stream(dict(stream.lanes), [replace(gap) for gap in stream.gaps])
        advance(stream, numbers, now_ms=now_ms)
        _write(connection, key, stream, numbers, before, now_ms)


def _followed(connection: database.Connection, sources: Collection[int]) -> dict[int, set[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    for source_id in sources:
        rows = connection.execute("SELECT DISTINCT host, log FROM sequences WHERE source_id = ?", (source_id,))
        found[source_id] = {(host, log) for host, log in rows}
    return found


def _read(connection: database.Connection, key: StreamKey) -> Stream:
    lanes = connection.execute(
        "SELECT lane, first_number, last_number, last_ms, seen, jumps FROM sequences"
        " WHERE source_id = ? AND host = ? AND log = ?",
        key,
    )
    gaps = connection.execute(
        "SELECT first_number, last_number, after_ms, before_ms, noticed_ms FROM sequence_gaps"
        " WHERE source_id = ? AND host = ? AND log = ?",
        key,
    )
    return Stream({name: Lane(*facts) for name, *facts in lanes}, [Gap(*facts) for facts in gaps])


def _values(gap: Gap) -> tuple[int, int, int, int, int]:
    return gap.first, gap.last, gap.after_ms, gap.before_ms, gap.noticed_ms


def _write(
    connection: database.Connection,
    key: StreamKey,
    stream: Stream,
    numbers: Collection[str],
    before: Stream,
    now_ms: int,
) -> None:
    connection.executemany(
        "DELETE FROM sequences WHERE source_id = ? AND host = ? AND log = ? AND lane = ?",
        [(*key, name) for name in before.lanes.keys() - stream.lanes.keys()],
    )
    connection.executemany(
        "INSERT INTO sequences (source_id, host, log, lane, first_number, last_number, last_ms, seen, jumps, heard_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source_id, host, log, lane) DO UPDATE SET"
        " first_number = excluded.first_number, last_number = excluded.last_number, last_ms = excluded.last_ms,"
        " seen = excluded.seen, jumps = excluded.jumps, heard_ms = excluded.heard_ms",
        [
            (*key, name, lane.begin, lane.last, lane.last_ms, lane.seen, lane.jumps, now_ms)
            for name, lane in stream.lanes.items()
            if name in numbers
        ],
    )
    gaps_before, gaps = {_values(gap) for gap in before.gaps}, {_values(gap) for gap in stream.gaps}
    connection.executemany(
        "DELETE FROM sequence_gaps WHERE source_id = ? AND host = ? AND log = ? AND first_number = ?",
        [(*key, gap[0]) for gap in gaps_before - gaps],
    )
    connection.executemany(
        "INSERT INTO sequence_gaps (source_id, host, log, first_number, last_number, after_ms, before_ms, noticed_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source_id, host, log, first_number) DO UPDATE SET"
        " last_number = excluded.last_number, after_ms = excluded.after_ms, before_ms = excluded.before_ms,"
        " noticed_ms = excluded.noticed_ms",
        [(*key, *gap) for gap in gaps - gaps_before],
    )


def forget(connection: database.Connection, *, now_ms: int) -> None:
    """Streams of machines that are gone, and gaps that are history."""
    connection.execute("DELETE FROM sequences WHERE heard_ms < ?", (now_ms - STREAM_DAYS * DAY_MS,))
    connection.execute("DELETE FROM sequence_gaps WHERE noticed_ms < ?", (now_ms - GAP_DAYS * DAY_MS,))
