"""Frames of the spool → events, lake rows and counts of one transaction."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from dekhang.engine.records import Record
from dekhang.pipeline.lakewrite import Rows
from dekhang.pipeline.parse import ParsedEvent, parse
from dekhang.pipeline.parse.audit_join import Joiner
from dekhang.pipeline.spool import Frame, event_id
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake import is_late
from dekhang.pipeline.stores.schema import DAY_MS, HOUR_MS
from dekhang.pipeline.worker.arrivals import Arrivals, note

SAMPLES_PER_SOURCE = 5
SAMPLE_CHARS = 2_000
MESSAGE_CHARS = 4_000
COLUMN_CHARS = 256
DIGEST_BYTES = 16
UPLOAD = "upload"  # a frame's transport; its peer is then the file's name in the inbox
_LOOKUP = 500

_USERS = ("user", "TargetUserName", "User", "SubjectUserName", "AccountName", "cs-username")
_ADDRESSES = ("src_ip", "IpAddress", "SourceIp", "c-ip", "SourceAddress", "ClientAddress")
_SUMMARIES = ("Message", "CommandLine", "ScriptBlockText", "TargetFilename", "TargetObject", "ImageLoaded", "QueryName",
              "ServiceName", "TaskName", "Image", "ShareName", "ObjectName")  # fmt: skip


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
    """Where an event came from."""

    event_id: int
    unit_id: int
    source_id: int
    received_ms: int


@dataclass(slots=True)
class Work:
    """Everything that one transaction will write, except what detection adds.

    Args:
        events: one a raw record, as the lake keeps them.
        origins: of each event.
        judged: what detection looks at: the events, but the audit records of one kernel event as one.
        places: for each judged event the index in `events` of its first record.
    """

    events: list[ParsedEvent] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    judged: list[ParsedEvent] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    rows: Rows = field(default_factory=Rows)
    tallies: dict[tuple[int, int], Tally] = field(default_factory=dict)
    samples: dict[int, list[tuple[int, int, str, str]]] = field(default_factory=dict)
    uploads: dict[tuple[int, str], FileTally] = field(default_factory=dict)
    seen: dict[tuple[int, bytes], int] = field(default_factory=dict)
    arrivals: Arrivals = field(default_factory=dict)

    @property
    def records(self) -> list[Record]:
        """What the engine judges; `places` says where each comes from."""
        return [event.record for event in self.judged]


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
        day = frame.received_ms // DAY_MS
        ids = frame.ids
        before = (tally.stored, tally.duplicate, tally.unparsable)
        for number, raw in enumerate(frame.records):
            if ids is not None and (sender_id := ids[number]) is not None:
                digest = (frame.source_id, _digest(sender_id))
                if digest in known or digest in work.seen:
                    tally.duplicate += 1
                    continue
                work.seen[digest] = day
            _add(work, tally, frame, event_id(writer, frame.first_seq + number), raw)
        if frame.transport == UPLOAD:
            file = work.uploads.setdefault((frame.source_id, frame.peer), FileTally())
            file.stored += tally.stored - before[0]
            file.duplicate += tally.duplicate - before[1]
            file.unparsable += tally.unparsable - before[2]
    _join(work)
    return work


def _join(work: Work) -> None:
    """Fill `judged` and `places`. An audit event that two batches share is judged in two parts."""
    if not any(event.kind == "linux_auditd" for event in work.events):
        work.judged = work.events
        work.places = list(range(len(work.events)))
        return
    joiner = Joiner()
    for event, origin in zip(work.events, work.origins, strict=True):
        work.judged.extend(joiner.feed(event, source=origin.source_id))
    work.judged.extend(joiner.flush())
    place_of = {origin.event_id: place for place, origin in enumerate(work.origins)}
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


def _add(work: Work, tally: Tally, frame: Frame, key: int, raw: bytes) -> None:
    received_ms = frame.received_ms
    event = parse(raw, source_kind=frame.source_kind, received_ms=received_ms, scope=frame.unit_id, key=key)
    time_ms = event.time_ms
    tally.stored += 1
    tally.bytes += len(raw)
    if tally.first_event_ms is None or time_ms < tally.first_event_ms:
        tally.first_event_ms = time_ms
    if tally.last_event_ms is None or time_ms > tally.last_event_ms:
        tally.last_event_ms = time_ms
    if is_late(time_ms, received_ms):
        tally.late += 1
    if event.problem is not None:
        tally.unparsable += 1
        samples = work.samples.setdefault(frame.source_id, [])
        text = raw[: SAMPLE_CHARS * 4].decode("utf-8", "replace")[:SAMPLE_CHARS].replace("\x00", "\ufffd")
        samples.append((key, received_ms, event.problem, text))
        del samples[:-SAMPLES_PER_SOURCE]
    work.events.append(event)
    work.origins.append(Origin(key, frame.unit_id, frame.source_id, received_ms))
    _add_row(work.rows.columns, event, frame, key, raw)


def _add_row(columns: dict[str, list[Any]], event: ParsedEvent, frame: Frame, key: int, raw: bytes) -> None:
    record = event.record
    fields = record.fields
    columns["event_id"].append(key)
    columns["unit_id"].append(frame.unit_id)
    columns["source_id"].append(frame.source_id)
    columns["time"].append(event.time_ms)
    columns["received_at"].append(frame.received_ms)
    columns["kind"].append(event.kind)
    columns["host"].append(event.host[:COLUMN_CHARS])
    columns["product"].append(record.product)
    columns["service"].append(record.service)
    columns["category"].append(record.category)
    columns["event_code"].append(_event_code(event))
    columns["user"].append(_first(fields, _USERS))
    columns["src_ip"].append(_first(fields, _ADDRESSES))
    text, is_base64 = _raw_text(raw)
    columns["raw"].append(text)
    columns["raw_base64"].append(is_base64)
    columns["problem"].append(event.problem)
    if event.kind in ("windows", "linux_sysmon"):
        columns["message"].append(_first(fields, _SUMMARIES, MESSAGE_CHARS))
        columns["fields"].append(None if event.fields_are_raw and not is_base64 else _json(fields))
    else:
        message = fields.get("message")
        columns["message"].append(message[:MESSAGE_CHARS].replace("\x00", "\ufffd") if isinstance(message, str) else "")
        columns["fields"].append(_json({name: value for name, value in fields.items() if name != "message"}))


_CODES: dict[str, tuple[str, ...]] = {  # kind → names, the first present counts
    "windows": ("EventID",), "linux_sysmon": ("EventID",), "linux_auth": ("action",), "linux_auditd": ("type",),
    "web_access": ("sc-status",), "proxy": ("sc-status",), "suricata": ("alert.signature_id",),
    "firewall": ("action",), "dns": ("record_type",), "antivirus": ("Signature",),
    "cloud": ("eventName", "eventType", "operationName", "OperationName", "action", "riskEventType", "verb"),
}  # fmt: skip


def _event_code(event: ParsedEvent) -> str:
    """What kind of event it is in its own log: the Windows number, the audit type, the status, the signature."""
    for name in _CODES.get(event.kind, ()):
        value = event.record.fields.get(name)
        if isinstance(value, (str, int)):
            return str(value)[:64]
    return ""


def _first(fields: Mapping[str, Any], names: tuple[str, ...], limit: int = COLUMN_CHARS) -> str:
    for name in names:
        value = fields.get(name)
        if value and value.__class__ is str and value != "-":
            text: str = value[:limit]
            return text
    return ""


def _raw_text(raw: bytes) -> tuple[str, bool]:
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode("ascii"), True
    if "\x00" in text:  # not every reader of Parquet takes NUL in text
        return base64.b64encode(raw).decode("ascii"), True
    return text, False


def _json(fields: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except (TypeError, ValueError):  # integers beyond 64 bits and the like: text will do
        return orjson.dumps({str(name): str(value) for name, value in fields.items()}).decode()


def _least(one: int | None, other: int) -> int:
    return other if one is None or other < one else one


def _most(one: int | None, other: int) -> int:
    return other if one is None or other > one else one
