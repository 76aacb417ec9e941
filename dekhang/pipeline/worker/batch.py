"""Frames of the spool → events, lake rows and counts of one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from dekhang.engine.records import Record
from dekhang.pipeline.lakewrite import Rows
from dekhang.pipeline.parse import ParsedEvent
from dekhang.pipeline.parse.audit_join import Joiner
from dekhang.pipeline.parse.quick import parse_many
from dekhang.pipeline.spool import Frame, event_id
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake import is_late
from dekhang.pipeline.stores.schema import HOUR_MS
from dekhang.pipeline.worker.arrivals import Arrivals, note
from dekhang.pipeline.worker.rows import add_rows

SAMPLES_PER_SOURCE = 5
SAMPLE_CHARS = 2_000
DIGEST_BYTES = 16
UPLOAD = "upload"  # a frame's transport; its peer is then the file's name in the inbox
_LOOKUP = 500


@dataclass(slots=True)
class Tally:
    """Counts of one source in one hour of receipt."""

    stored: int = 0
    duplicate: int = 0
    unparsable: int = 0
    late: int = 0
    bytes: int = 0
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    first_received_ms: int | None = None
    last_received_ms: int | None = None


@dataclass(slots=True)
class FileTally:
    """What became of the records of one uploaded file."""

    stored: int = 0
    duplicate: int = 0
    unparsable: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the events of a frame came from."""

    unit_id: int
    source_id: int
    received_ms: int


@dataclass(frozen=True, slots=True)
class Part:
    """What is new in a frame: the same number of ids, raw records and events."""

    frame: Frame
    keys: Sequence[int]
    raws: Sequence[bytes]
    events: Sequence[ParsedEvent]


@dataclass(slots=True)
class Work:
    """Everything that one transaction will write, except what detection adds.

    Args:
        parts: by frame, in the order of `events`.
        events: one a raw record, as the lake keeps them; the record's `key` is its id.
        origins: of each event.
        judged: what detection looks at: the events, but the audit records of one kernel event as one.
        places: for each judged event the index in `events` of its first record.
    """

    parts: list[Part] = field(default_factory=list)
    events: list[ParsedEvent] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    judged: list[ParsedEvent] = field(default_factory=list)
    places: Sequence[int] = ()
    tallies: dict[tuple[int, int], Tally] = field(default_factory=dict)
    samples: dict[int, list[tuple[int, int, str, str]]] = field(default_factory=dict)
    uploads: dict[tuple[int, str], FileTally] = field(default_factory=dict)
    seen: set[tuple[int, bytes]] = field(default_factory=set)
    arrivals: Arrivals = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """What the engine judges; `places` says where each comes from."""
        return [event.record for event in self.judged]

    def rows(self) -> Rows:
        """The events as columns of the lake."""
        rows = Rows()
        for part in self.parts:
            add_rows(rows, part.frame, part.keys, part.raws, part.events)
        return rows


def prepare(connection: Connection, frames: Iterable[tuple[int, Frame]]) -> Work:
    """Parse the records of (writer, frame) pairs, leaving out those whose sender's id was seen before."""
    frames = list(frames)
    work = Work()
    known = _known_ids(connection, frames)
    for writer, frame in frames:
        tally = work.tallies.setdefault((frame.source_id, frame.received_ms // HOUR_MS), Tally())
        tally.first_received_ms = _least(tally.first_received_ms, frame.received_ms)
        tally.last_received_ms = _most(tally.last_received_ms, frame.received_ms)
        note(work.arrivals, frame)
        keys, raws = _new(work, writer, frame, known)
        duplicates = len(frame.records) - len(raws)
        events = parse_many(
            raws, keys, source_kind=frame.source_kind, received_ms=frame.received_ms, scope=frame.unit_id
        )
        work.parts.append(Part(frame, keys, raws, events))
        work.events.extend(events)
        work.origins.extend([Origin(frame.unit_id, frame.source_id, frame.received_ms)] * len(events))
        tally.duplicate += duplicates
        unparsable = _count(tally, raws, events, frame.received_ms)
        if unparsable:
            _take_samples(work, frame, raws, events)
        if frame.transport == UPLOAD:
            file = work.uploads.setdefault((frame.source_id, frame.peer), FileTally())
            file.stored += len(events)
            file.duplicate += duplicates
            file.unparsable += unparsable
    _join(work)
    return work


def _new(work: Work, writer: int, frame: Frame, known: set[tuple[int, bytes]]) -> tuple[Sequence[int], Sequence[bytes]]:
    """Ids and raw records of a frame, without those that the sender has sent before."""
    first = event_id(writer, frame.first_seq)
    if frame.ids is None:
        return range(first, first + len(frame.records)), frame.records
    keys, raws = [], []
    for number, (raw, sender_id) in enumerate(zip(frame.records, frame.ids, strict=True)):
        if sender_id is not None:
            digest = (frame.source_id, _digest(sender_id))
            if digest in known or digest in work.seen:
                continue
            work.seen.add(digest)
        keys.append(first + number)
        raws.append(raw)
    return keys, raws


def _count(tally: Tally, raws: Sequence[bytes], events: Sequence[ParsedEvent], received_ms: int) -> int:
    """Add a frame's events to the counts of its source; returns how many could not be read as expected."""
    if not events:
        return 0
    times = [event.time_ms for event in events]
    first, last = min(times), max(times)
    unparsable = sum([event.problem is not None for event in events])
    tally.stored += len(events)
    tally.bytes += sum(map(len, raws))
    tally.unparsable += unparsable
    tally.first_event_ms = _least(tally.first_event_ms, first)
    tally.last_event_ms = _most(tally.last_event_ms, last)
    if is_late(first, received_ms):
        tally.late += sum([is_late(time_ms, received_ms) for time_ms in times])
    return unparsable


def _take_samples(work: Work, frame: Frame, raws: Sequence[bytes], events: Sequence[ParsedEvent]) -> None:
    """Keep the last few records of a source that could not be read as expected."""
    samples = work.samples.setdefault(frame.source_id, [])
    for raw, event in zip(raws, events, strict=True):
        if event.problem is not None:
            text = raw[: SAMPLE_CHARS * 4].decode("utf-8", "replace")[:SAMPLE_CHARS].replace("\x00", "\ufffd")
            samples.append((event.record.key, frame.received_ms, event.problem, text))
            del samples[:-SAMPLES_PER_SOURCE]


def _join(work: Work) -> None:
    """Fill `judged` and `places`. An audit event that two batches share is judged in two parts."""
    if not any(event.kind == "linux_auditd" for event in work.events):
        work.judged = work.events
        work.places = range(len(work.events))
        return
    joiner = Joiner()
    for event, origin in zip(work.events, work.origins, strict=True):
        work.judged.extend(joiner.feed(event, source=origin.source_id))
    work.judged.extend(joiner.flush())
    place_of = {event.record.key: place for place, event in enumerate(work.events)}
    # in order of arrival, so that correlations see time go forward
    work.judged.sort(key=lambda event: place_of[event.record.key])
    work.places = [place_of[event.record.key] for event in work.judged]


def _digest(sender_id: bytes) -> bytes:
    return hashlib.blake2b(sender_id, digest_size=DIGEST_BYTES).digest()


def _known_ids(connection: Connection, frames: list[tuple[int, Frame]]) -> set[tuple[int, bytes]]:
    asked: dict[int, set[bytes]] = {}
    for _, frame in frames:
        if frame.ids is not None:
            asked.setdefault(frame.source_id, set()).update(_digest(one) for one in frame.ids if one is not None)
    known: set[tuple[int, bytes]] = set()
    for source_id, digests in asked.items():
        waiting = list(digests)
        for start in range(0, len(waiting), _LOOKUP):
            part = waiting[start : start + _LOOKUP]
            marks = ",".join("?" * len(part))
            sql = f"SELECT digest FROM seen_ids WHERE source_id = ? AND digest IN ({marks})"  # noqa: S608 - marks only
            known.update((source_id, digest) for (digest,) in connection.execute(sql, (source_id, *part)))
    return known


def _least(one: int | None, other: int) -> int:
    return other if one is None or other < one else one


def _most(one: int | None, other: int) -> int:
    return other if one is None or other > one else one
