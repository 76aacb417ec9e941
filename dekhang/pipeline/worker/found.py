"""Matches of the engine → rows of table `detections`."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from dekhang.engine.records import Match
from dekhang.pipeline.stores.lake import EVENTS_AT_ONCE, UNREADABLE, Lake, StoredEvent
from dekhang.pipeline.stores.ledger import UNKNOWN_SOURCE
from dekhang.pipeline.worker.batch import Work

logger = logging.getLogger(__name__)

FIELDS_BYTES = 8_192
VALUE_CHARS = 1_024
ENTITY_CHARS = 256
KEYS_KEPT = 20

# what an officer wants to see beside the fields that the rule looked at
_CONTEXT = (
    "EventID", "Channel", "Computer", "User", "TargetUserName", "SubjectUserName", "user", "target_user", "Image",
    "CommandLine", "ParentImage", "ParentCommandLine", "NewProcessName", "IpAddress", "SourceIp", "DestinationIp",
    "DestinationPort", "TargetFilename", "ServiceName", "TaskName", "WorkstationName", "LogonType", "program",
    "action", "src_ip", "src_port", "dest_ip", "dest_port", "command", "exe", "c-ip", "cs-method", "cs-uri",
    "cs-host", "sc-status", "cs-user-agent", "alert.signature", "alert.category", "message",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _About:
    """The event that a detection stands at."""

    event_id: int
    unit_id: int
    source_id: int
    time_ms: int
    received_ms: int
    host: str
    fields: Mapping[str, Any]


def rows(work: Work, matches: Sequence[Match], *, lake: Lake, created_ms: int) -> list[tuple[Any, ...]]:
    """Values for `INSERT INTO detections`, in the order of commit.INSERT_DETECTION.

    A match stands at the record that completed it. One about a window that is over stands at the window's last event:
    the record that showed its end has nothing to do with it, and may show the end of many windows.

    Args:
        lake: has the events of earlier batches.
    """
    last_events = _last_events(work, [match for match in matches if match.ended], lake)
    found = []
    for match in matches:
        about = last_events[_last(match)] if match.ended else _of_batch(work, match.index)
        rule = match.rule
        found.append(
            (
                rule.id,
                str(rule.level),
                rule.family,
                rule.title_vi,
                about.unit_id,
                about.source_id,
                about.event_id,
                match.last_ms if match.ended and match.last_ms is not None else about.time_ms,
                about.received_ms,
                entity_of(match, about.fields) or about.host,
                about.host,
                shown_of(match, about.fields),
                orjson.dumps(list(match.keys[-KEYS_KEPT:])).decode(),
                match.count,
                match.first_ms if match.first_ms is not None else about.time_ms,
                created_ms,
            )
        )
    return found


def _last(match: Match) -> tuple[int, int]:
    return match.scope, match.keys[-1]


def _of_batch(work: Work, index: int) -> _About:
    event = work.judged[index]
    origin = work.origins[work.places[index]]
    return _About(
        work.events[work.places[index]].record.key,
        origin.unit_id,
        origin.source_id,
        event.time_ms,
        origin.received_ms,
        event.host,
        event.record.fields,
    )


def _last_events(work: Work, ended: Sequence[Match], lake: Lake) -> dict[tuple[int, int], _About]:
    """(unit, event id) → the event, for the last event of every window; most came in earlier batches."""
    if not ended:
        return {}
    found: dict[tuple[int, int], _About] = {}
    index_of = {event.record.key: index for index, event in enumerate(work.judged)}
    missing: dict[int, set[int]] = {}
    for unit_id, event_id in dict.fromkeys(map(_last, ended)):
        if event_id in index_of:
            found[unit_id, event_id] = _of_batch(work, index_of[event_id])
        else:
            missing.setdefault(unit_id, set()).add(event_id)
    for unit_id, ids in missing.items():
        for event in _stored(lake, unit_id, sorted(ids)):
            found[unit_id, event.event_id] = _About(
                event.event_id, unit_id, event.source_id, event.time_ms, event.received_ms, event.host, event.fields
            )
    for match in ended:
        # gone from the lake: what the window itself knows is still worth telling
        at_ms = match.last_ms or 0
        found.setdefault(_last(match), _About(match.keys[-1], match.scope, UNKNOWN_SOURCE, at_ms, at_ms, "", {}))
    return found


def _stored(lake: Lake, unit_id: int, ids: list[int]) -> Iterator[StoredEvent]:
    for start in range(0, len(ids), EVENTS_AT_ONCE):
        try:
            yield from lake.events(ids[start : start + EVENTS_AT_ONCE], unit_ids=[unit_id])
        except UNREADABLE:  # a damaged file must not hold up every unit's detections
            logger.exception("the last events of %d windows could not be read back", len(ids))


def entity_of(match: Match, fields: Mapping[str, Any]) -> str:
    """The first present of the rule's entity fields: in what the correlation grouped by, then in the record."""
    group = dict(match.group)
    for name in match.rule.entity:
        for value in (group.get(name), fields.get(name)):
            text = _text(value)
            if text and text != "-":
                return text[:ENTITY_CHARS]
    return ""


def _text(value: object) -> str:
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool) or value is None:
        return ""
    return str(value) if isinstance(value, (str, int, float)) else ""


def shown_of(match: Match, fields: Mapping[str, Any]) -> str:
    """Matched fields first, then context, as long as they fit FIELDS_BYTES."""
    shown: dict[str, Any] = {}
    size = 2
    for source in (match.fields, {name: fields[name] for name in _CONTEXT if name in fields}):
        for name, value in source.items():
            if name in shown or value is None or value == "":
                continue
            kept = _bounded(value)
            try:
                cost = len(orjson.dumps({name[:256]: kept}))
            except TypeError:  # lone surrogates: left out, the event itself has them
                continue
            if size + cost <= FIELDS_BYTES:
                shown[name[:256]] = kept
                size += cost
    return orjson.dumps(shown).decode()


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        value = value.replace("\0", "\ufffd")  # not every database keeps NUL, inside JSON neither
        return value if len(value) <= VALUE_CHARS else value[:VALUE_CHARS] + "…"
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if value.bit_length() < 63 else str(value)[:VALUE_CHARS] if value.bit_length() < 4_096 else "…"
    if isinstance(value, float):
        return value
    if isinstance(value, (list, tuple)):
        return [_bounded(item) for item in list(value)[:20]]
    return str(value)[:VALUE_CHARS]
