"""Envelopes of transports around an event: Splunk's HEC and OpenTelemetry's OTLP, as `receive` keeps them.

What is inside is read as if it had come by itself; the envelope only tells host, time and file where that does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from dekhang.pipeline.parse.event import text_of
from dekhang.pipeline.parse.times import any_ms

_HEC = frozenset({"time", "host", "source", "sourcetype", "index", "event", "fields"})
_HOSTS = ("resource.host.name", "attributes.host.name", "attributes.hostname", "attributes.net.host.name")
_PATHS = ("attributes.log.file.path", "attributes.log.file.name")
_NS = 1_000_000


@dataclass(slots=True)
class Carried:
    """The event inside (text or an object), and what the envelope says about it."""

    event: str | dict[str, Any]
    host: str
    path: str
    time_ms: int | None
    more: dict[str, Any] = field(default_factory=dict)  # of the envelope, for events that nobody recognises


def unwrap(document: dict[str, Any], received_ms: int) -> Carried | None:
    """None when the document is no such envelope."""
    if "otlp" in document:
        return _otlp(document)
    if "event" in document and document.keys() <= _HEC:
        return _hec(document, received_ms)
    return None


def _hec(document: dict[str, Any], received_ms: int) -> Carried:
    event = document["event"]
    fields = document.get("fields")
    return Carried(
        event if isinstance(event, (str, dict)) else text_of(event) or str(event),
        text_of(document.get("host"))[:255],
        text_of(document.get("source"))[:1_024],
        any_ms(document.get("time"), received_ms),
        fields if isinstance(fields, dict) else {},
    )


def _otlp(document: dict[str, Any]) -> Carried:
    body = document.get("body")
    more = {name: value for name, value in document.items() if name not in ("otlp", "body")}
    event: str | dict[str, Any]
    if isinstance(body, dict):
        event = windows_event(body) or body
    elif body is None or body == "":
        event = {
            name.removeprefix("attributes."): value for name, value in more.items() if name.startswith("attributes.")
        }
    else:
        event = body if isinstance(body, str) else text_of(body)
    time_ms = None
    for name in ("time", "observed_time"):
        stamp = document.get(name)
        if isinstance(stamp, int) and stamp > 0:
            time_ms = stamp // _NS
            break
    host = next((found for name in _HOSTS if (found := text_of(document.get(name)))), "")
    path = next((found for name in _PATHS if (found := text_of(document.get(name)))), "")
    return Carried(event, host[:255], path[:1_024], time_ms, more)


def windows_event(body: dict[str, Any]) -> dict[str, Any] | None:
    """The flat event of what the collector's windowseventlog receiver sends; None for other bodies."""
    about = body.get("event_id")
    if not isinstance(about, dict) or "id" not in about or not isinstance(body.get("channel"), str):
        return None
    event: dict[str, Any] = {}
    data = body.get("event_data")
    if isinstance(data, dict) and isinstance(data.get("data"), list):  # [{"TargetUserName": "x"}, {"": "unnamed"}, …]
        data = {name: value for one in data["data"] if isinstance(one, dict) for name, value in one.items()}
    if isinstance(data, dict):
        event.update({name: value for name, value in data.items() if name and not isinstance(value, (dict, list))})
    provider = body.get("provider")
    provider = provider if isinstance(provider, dict) else {}
    execution = body.get("execution")
    execution = execution if isinstance(execution, dict) else {}
    facts = {
        "Channel": body["channel"],
        "EventID": about["id"],
        "Provider_Name": provider.get("name") or provider.get("event_source"),
        "Computer": body.get("computer"),
        "SystemTime": body.get("system_time"),
        "EventRecordID": body.get("record_id"),
        "Level": body.get("level"),
        "Message": body.get("message") if isinstance(body.get("message"), str) else None,
        "Execution_ProcessID": execution.get("process_id"),
        "Execution_ThreadID": execution.get("thread_id"),
    }
    event.update({name: value for name, value in facts.items() if value is not None})
    return event
