"""JSON documents of log shippers that carry a text line: Filebeat, Fluent Bit, Logstash, rsyslog, syslog-ng, NXLog."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dekhang.pipeline.parse.event import text_of
from dekhang.pipeline.parse.times import any_ms

_MESSAGES = ("message", "MESSAGE", "log", "msg", "Message", "raw_event", "short_message")
_PROGRAMS = ("PROGRAM", "program", "ident", "SYSLOG_IDENTIFIER", "app-name", "appname", "app_name", "SourceName",
             "syslogtag", "tag_name", "programname", "_COMM")  # fmt: skip
_HOSTS = ("HOST", "hostname", "Hostname", "fromhost", "_HOSTNAME", "host.name", "host.hostname", "host", "hostName")
_PIDS = ("PID", "pid", "procid", "ProcessID", "SYSLOG_PID", "_PID", "process.pid")
TIMES = (
    "@timestamp",
    "timereported",
    "ISODATE",
    "timestamp",
    "EventTime",
    "time",
    "date",
    "R_ISODATE",
    "timegenerated",
    "_SOURCE_REALTIME_TIMESTAMP",  # journald: the program's own time, then the journal's
    "__REALTIME_TIMESTAMP",
)
_FACILITIES = ("FACILITY", "facility", "SyslogFacility")
_SEVERITIES = ("PRIORITY", "priority", "severity", "SyslogSeverity", "level")


@dataclass(slots=True)
class Wrapped:
    """The line inside, and what the shipper says about it."""

    message: str
    host: str
    program: str
    pid: str
    facility: str
    severity: str
    time_ms: int | None
    path: str  # of the log file, when the shipper tells it


def recognise(document: dict[str, Any], received_ms: int) -> Wrapped | None:
    """None when the document has no text line."""
    message = _first(document, _MESSAGES)
    if not message:
        event = document.get("event")
        message = text_of(event.get("original")) if isinstance(event, dict) else text_of(event)
        if not message:
            return None
    program = _first(document, _PROGRAMS).rstrip(":")
    pid = _first(document, _PIDS)
    program = program or _journal_identifier(document)
    process = document.get("process")
    if isinstance(process, dict):
        program = program or text_of(process.get("name"))
        pid = pid or text_of(process.get("pid"))
    if program.endswith("]") and "[" in program:  # rsyslog's syslogtag: sshd[123]:
        program, _, rest = program.partition("[")
        pid = pid or rest.rstrip("]")
    host = _first(document, _HOSTS)
    if not host:
        for name in ("host", "agent", "beat"):
            part = document.get(name)
            if isinstance(part, dict):
                host = text_of(part.get("hostname")) or text_of(part.get("name"))
                if host:
                    break
    time_ms = None
    for name in TIMES:
        if name in document:
            time_ms = any_ms(document[name], received_ms)
            if time_ms is not None:
                break
    path = ""
    log = document.get("log")
    if isinstance(log, dict):
        file = log.get("file")
        path = text_of(file.get("path")) if isinstance(file, dict) else ""
    path = path or _first(
        document, ("log.file.path", "filename", "file_name", "path", "fileName", "FileName", "source")
    )
    return Wrapped(
        message,
        host[:255],
        program[:128],
        pid[:32],
        _first(document, _FACILITIES)[:32],
        _first(document, _SEVERITIES)[:32],
        time_ms,
        path[:1_024],
    )


def _journal_identifier(document: dict[str, Any]) -> str:
    """The program's own name in Filebeat's journald input: version 7 under `syslog`, version 8 under `log.syslog`."""
    for owner, name in ((document.get("log"), "appname"), (document, "identifier")):
        inner = owner.get("syslog") if isinstance(owner, dict) else None
        if isinstance(inner, dict) and (text := text_of(inner.get(name))):
            return text
    return ""


def _first(document: dict[str, Any], names: tuple[str, ...]) -> str:
    for name in names:
        value = document.get(name)
        if value is not None:
            text = text_of(value)
            if text:
                return text
    return ""
