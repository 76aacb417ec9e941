"""Events → columns of the lake, a frame at a time: what is the same in all records of a frame is told once."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from dekhang.pipeline.lakewrite import Rows
from dekhang.pipeline.parse import ParsedEvent
from dekhang.pipeline.spool import Frame

MESSAGE_CHARS = 4_000
COLUMN_CHARS = 256
CODE_CHARS = 64

_USERS = ("user", "TargetUserName", "User", "SubjectUserName", "AccountName", "cs-username")
_ADDRESSES = ("src_ip", "IpAddress", "SourceIp", "c-ip", "SourceAddress", "ClientAddress")
_SUMMARIES = ("Message", "CommandLine", "ScriptBlockText", "TargetFilename", "TargetObject", "ImageLoaded", "QueryName",
              "ServiceName", "TaskName", "Image", "ShareName", "ObjectName")  # fmt: skip
_CODES: dict[str, tuple[str, ...]] = {  # kind → names, the first present counts
    "windows": ("EventID",), "linux_sysmon": ("EventID",), "linux_auth": ("action",), "linux_auditd": ("type",),
    "web_access": ("sc-status",), "proxy": ("sc-status",), "suricata": ("alert.signature_id",),
    "firewall": ("action",), "dns": ("record_type",), "antivirus": ("Signature",),
    "cloud": ("eventName", "eventType", "operationName", "OperationName", "action", "riskEventType", "verb"),
}  # fmt: skip
_WINDOWS = ("windows", "linux_sysmon")
_ASKED = frozenset((*_USERS, *_ADDRESSES, *_SUMMARIES))


def add_rows(
    rows: Rows, frame: Frame, keys: Sequence[int], raws: Sequence[bytes], events: Sequence[ParsedEvent]
) -> None:
    """Append the rows of a frame's events, which came as `raws` and have the ids `keys`."""
    columns = rows.columns
    count = len(events)
    columns["event_id"].extend(keys)
    columns["unit_id"].extend([frame.unit_id] * count)
    columns["source_id"].extend([frame.source_id] * count)
    columns["received_at"].extend([frame.received_ms] * count)
    columns["time"].extend([event.time_ms for event in events])
    columns["kind"].extend([event.kind for event in events])
    columns["host"].extend([event.host[:COLUMN_CHARS] for event in events])
    columns["problem"].extend([event.problem for event in events])
    records = [event.record for event in events]
    columns["product"].extend([record.product for record in records])
    columns["service"].extend([record.service for record in records])
    columns["category"].extend([record.category for record in records])
    texts = _texts(raws)
    columns["raw"].extend([text for text, _ in texts])
    columns["raw_base64"].extend([is_base64 for _, is_base64 in texts])
    columns["event_code"].extend([_event_code(event) for event in events])
    shown = [_shown(event, text[1]) for event, text in zip(events, texts, strict=True)]
    for place, name in enumerate(("user", "src_ip", "message", "fields")):
        columns[name].extend([one[place] for one in shown])


def _texts(raws: Sequence[bytes]) -> list[tuple[str, bool]]:
    """Raw records as text, and whether it is base64: not every reader of Parquet takes NUL in text."""
    found = []
    for raw in raws:
        try:
            text = raw.decode()
        except UnicodeDecodeError:
            found.append((base64.b64encode(raw).decode("ascii"), True))
            continue
        found.append((base64.b64encode(raw).decode("ascii"), True) if "\x00" in text else (text, False))
    return found


def _event_code(event: ParsedEvent) -> str:
    """What kind of event it is in its own log: the Windows number, the audit type, the status, the signature."""
    for name in _CODES.get(event.kind, ()):
        value = event.record.fields.get(name)
        if isinstance(value, (str, int)):
            return str(value)[:CODE_CHARS]
    return ""


def _shown(event: ParsedEvent, is_base64: bool) -> tuple[str, str, str, str | None]:
    """User, source address, message and fields as JSON; no fields when the raw record says the same."""
    fields = event.record.fields
    present = _ASKED & fields.keys()  # few of those names are in one event
    user = _first(fields, _USERS, present)
    address = _first(fields, _ADDRESSES, present)
    if event.kind in _WINDOWS:
        summary = _first(fields, _SUMMARIES, present, MESSAGE_CHARS)
        return user, address, summary, None if event.fields_are_raw and not is_base64 else _json(fields)
    message = fields.get("message")
    others = _json({name: value for name, value in fields.items() if name != "message"})
    if not isinstance(message, str):
        return user, address, "", others
    return user, address, message[:MESSAGE_CHARS].replace("\x00", "\ufffd"), others


def _first(
    fields: Mapping[str, Any], names: tuple[str, ...], present: frozenset[str], limit: int = COLUMN_CHARS
) -> str:
    if present.isdisjoint(names):
        return ""
    for name in names:
        if name in present:
            value = fields[name]
            if value and value.__class__ is str and value != "-":
                text: str = value[:limit]
                return text
    return ""


def _json(fields: Mapping[str, Any]) -> str:
    try:
        return orjson.dumps(fields).decode()
    except (TypeError, ValueError):  # integers beyond 64 bits and the like: text will do
        return orjson.dumps({str(name): str(value) for name, value in fields.items()}).decode()
