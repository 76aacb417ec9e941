"""Syslog headers: RFC 5424, RFC 3164, and what daemons really write (ISO times, no priority)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dekhang.pipeline.parse.times import iso_ms, stamp_ms

FACILITIES = (
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
    "ntp", "audit", "alert", "clock", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
)  # fmt: skip
SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")

# every repetition is possessive or bounded: attackers write these lines
_PRI = re.compile(r"<(\d{1,3})>")
_V5424 = re.compile(r"1 (\S{1,64}+) (\S{1,255}+) (\S{1,128}+) (\S{1,128}+) (\S{1,128}+) ?")
_HEAD = re.compile(
    r"(?:(?P<stamp>[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d\d:\d\d:\d\d)(?:\.\d{1,9})?(?: \d{4})?"
    r"|(?P<iso>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)):? "
)
_TAG = re.compile(r"(?P<program>[A-Za-z_(][^\s:\[\]]{0,127}+)(?:\[(?P<pid>[^\]\s]{1,32})\])?: ?")
_SEQUENCE = re.compile(r'\[meta(?: [a-zA-Z]{1,32}+="[^"\]]{0,256}+")*? sequenceId="(\d{1,10}+)"')
_HOST = re.compile(
    r"([^\s\[\]=,|]{1,255}+) "
)  # `date=…`, `system,info` and `CEF:0|…` are where devices leave the host out


@dataclass(slots=True)
class Line:
    """A syslog line taken apart; unknown parts are "" or None."""

    message: str
    host: str = ""
    program: str = ""
    pid: str = ""
    facility: str = ""
    severity: str = ""
    time_ms: int | None = None
    sequence: int | None = None  # RFC 5424 7.3.1, the originator's own count of its messages


def read(text: str, received_ms: int) -> Line | None:
    """Take a syslog line apart; None when it has neither a priority nor a time at its head."""
    facility = severity = ""
    rest = text
    priority = _PRI.match(text)
    if priority is not None:
        number = int(priority[1])
        if number < 192:
            facility, severity = FACILITIES[number >> 3], SEVERITIES[number & 7]
        rest = text[priority.end() :]
        modern = _V5424.match(rest)
        if modern is not None:
            return _modern(rest, modern, facility, severity, received_ms)
    line = Line("", facility=facility, severity=severity)
    head = _HEAD.match(rest)
    if head is None:
        if priority is None:
            return None
        _tag(rest, line)
        return line
    if head["stamp"] is not None:
        line.time_ms = stamp_ms(head["stamp"], received_ms)
    else:
        line.time_ms = iso_ms(head["iso"].replace(",", "."), received_ms)
    rest = rest[head.end() :]
    host = _HOST.match(rest)
    # "host tag: text" and "tag: text" (a daemon writing to a local socket) both occur
    if host is not None and not host[1].endswith(":"):
        line.host = host[1]
        rest = rest[host.end() :]
    _tag(rest, line)
    if line.host and not line.program and rest.startswith(line.host + " "):
        _tag(rest[len(line.host) + 1 :], line)  # some relays put the host twice
    return line


def _tag(rest: str, line: Line) -> None:
    tag = _TAG.match(rest)
    if tag is None:
        line.message = rest
        return
    line.program = tag["program"].strip("()").rpartition("/")[2]
    line.pid = tag["pid"] or ""
    line.message = rest[tag.end() :]


def _modern(rest: str, head: re.Match[str], facility: str, severity: str, received_ms: int) -> Line:
    def known(value: str) -> str:
        return "" if value == "-" else value

    message = _after_structured_data(rest, head.end())
    counted = _SEQUENCE.search(rest, head.end(), len(rest) - len(message)) if rest.startswith("[", head.end()) else None
    return Line(
        message.removeprefix("\ufeff"),
        host=known(head[2]),
        program=known(head[3]).rpartition("/")[2],
        pid=known(head[4]),
        facility=facility,
        severity=severity,
        time_ms=iso_ms(head[1], received_ms),
        sequence=int(counted[1]) if counted is not None else None,
    )


def _after_structured_data(rest: str, start: int) -> str:
    """Text behind `-` or `[id name="value"]…`; quotes inside values may be escaped."""
    if rest.startswith("-", start):
        return rest[start + 1 :].removeprefix(" ")
    position = start
    while rest.startswith("[", position):
        quoted = False
        position += 1
        while position < len(rest):
            letter = rest[position]
            if letter == "\\" and quoted:
                position += 1
            elif letter == '"':
                quoted = not quoted
            elif letter == "]" and not quoted:
                break
            position += 1
        position += 1
    return rest[position:].removeprefix(" ")
