"""Matches of the engine → rows of table `detections`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from dekhang.engine.records import Match
from dekhang.pipeline.worker.batch import Work

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


def rows(work: Work, matches: Iterable[Match], *, created_ms: int) -> list[tuple[Any, ...]]:
    """Values for `INSERT INTO detections`, in the order of commit.INSERT_DETECTION."""
    found = []
    for match in matches:
        event = work.judged[match.index]
        origin = work.origins[work.places[match.index]]
        rule = match.rule
        fields = event.record.fields
        found.append(
            (
                rule.id,
                str(rule.level),
                rule.family,
                rule.title_vi,
                origin.unit_id,
                origin.source_id,
                origin.event_id,
                event.time_ms,
                origin.received_ms,
                _entity(match, fields) or event.host,
                event.host,
                _shown(match, fields),
                orjson.dumps(list(match.keys[-KEYS_KEPT:])).decode(),
                match.count,
                match.first_ms if match.first_ms is not None else event.time_ms,
                created_ms,
            )
        )
    return found


def _entity(match: Match, fields: Mapping[str, Any]) -> str:
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


def _shown(match: Match, fields: Mapping[str, Any]) -> str:
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
