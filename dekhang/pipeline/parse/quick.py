"""Many records that arrived together → events, quickly: the two shapes that most records have are read straight away.

These are flat Windows events as JSON, and lines of a server's log of logins behind a header of RFC 3164. What is only
a little different goes the usual way, `parse`, whose answer this is (tests/property/test_parse_quick_equals_parse.py).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable

import orjson

from dekhang.engine.records import Record
from dekhang.pipeline.parse import auth, parse, syslog, vpn, windows
from dekhang.pipeline.parse.event import FIELDS_PER_RECORD, VALUE_CHARS, Fields, ParsedEvent
from dekhang.pipeline.parse.expected import is_expected
from dekhang.pipeline.parse.times import any_ms, is_plausible, stamp_ms

logger = logging.getLogger(__name__)

# what `syslog.read` takes apart, without its rarer turns: years, fractions, hosts that are none, paths of programs
_LINE = re.compile(
    r"(?:<(\d{1,3})>)?([A-Z][a-z]{2} {1,2}\d{1,2} \d\d:\d\d:\d\d) (?!\d{4} )([^\s\[\]=,|:]{1,255}+) "
    r"([A-Za-z_][^\s:\[\]()/]{0,127}+)(?:\[(\d{1,11})\])?: ?"
)
_STRIPPED = "\r\n\x00 \t\ufeff"  # at the end; what begins with one of these goes the usual way
_PROGRAMS = auth.PROGRAMS - vpn.PROGRAMS
_OTHERWISE = ("{", "@cee:", "<", "type=", "node=")  # messages that are records of another kind
_PLAIN = frozenset((str, int, float, bool, type(None)))  # values of a flat document that need no second look
_SYSMON = "Microsoft-Windows-Sysmon"

Reader = Callable[[bytes, int], ParsedEvent | None]  # raw record, its key


def parse_many(
    raws: Iterable[bytes], keys: Iterable[int], *, source_kind: str, received_ms: int, scope: int
) -> list[ParsedEvent]:
    """The same as `parse` of each. Never raises.

    Args:
        keys: of each record, as of `parse`.
    """
    of_document = _windows_reader(source_kind, received_ms, scope)
    of_line = _login_reader(source_kind, received_ms, scope)
    events = []
    for raw, key in zip(raws, keys, strict=True):
        try:
            event = (of_document if raw[:1] == b"{" else of_line)(raw, key)
        except Exception:  # a bug of ours: `parse` has its own guard
            logger.exception("the quick way failed on a record of %d bytes", len(raw))
            event = None
        if event is None:
            event = parse(raw, source_kind=source_kind, received_ms=received_ms, scope=scope, key=key)
        events.append(event)
    return events


def _nothing(raw: bytes, key: int) -> None:
    """For kinds of source that should send something else: `parse` has the sentence for it."""


def _windows_reader(source_kind: str, received_ms: int, scope: int) -> Reader:
    if not is_expected("windows", source_kind):
        return _nothing
    times: dict[str, int | None] = {}
    loads, sysmon, plain = orjson.loads, _SYSMON, _PLAIN

    def read(raw: bytes, key: int) -> ParsedEvent | None:
        try:
            document = loads(raw)
        except orjson.JSONDecodeError:
            return None
        if (
            document.get("EventID").__class__ is not int
            or not plain.issuperset(map(type, document.values()))
            or len(raw) > VALUE_CHARS
            or len(document) > FIELDS_PER_RECORD
        ):
            return None
        computer, provider = document.get("Computer"), document.get("Provider_Name")
        if computer.__class__ is not str or provider.__class__ is not str:
            return None
        if provider != sysmon and provider.lower() == "linux-sysmon":
            return None
        for name in windows.TIMES:
            if name in document:
                said = document[name]
                if said.__class__ is not str:
                    return None
                try:
                    time_ms = times[said]
                except KeyError:
                    time_ms = times[said] = any_ms(said, received_ms)
                break
        else:
            return None
        if time_ms is None or not is_plausible(time_ms, received_ms):
            return None
        record = Record(document, "windows", "", "", time_ms, scope, key)
        return ParsedEvent("windows", time_ms, True, computer, record, None, True)

    return read


def _login_reader(source_kind: str, received_ms: int, scope: int) -> Reader:
    if not is_expected("linux_auth", source_kind):
        return _nothing
    times: dict[str, int | None] = {}
    match, programs, facts = _LINE.match, _PROGRAMS, auth.facts

    def read(raw: bytes, key: int) -> ParsedEvent | None:
        if len(raw) > VALUE_CHARS:
            return None
        text = raw.decode("utf-8", "replace").rstrip(_STRIPPED)
        head = match(text)
        if head is None:
            return None
        priority, stamp, host, program, pid = head.groups()
        if program not in programs:
            return None
        message = text[head.end() :]
        if message.startswith(_OTHERWISE) or ("[" in message and '"' in message):
            return None
        try:
            time_ms = times[stamp]
        except KeyError:
            time_ms = times[stamp] = stamp_ms(stamp, received_ms)
        if time_ms is None or not is_plausible(time_ms, received_ms):
            return None
        fields: Fields = {"message": message, "program": program}
        if pid:
            fields["pid"] = int(pid)
        if priority and (number := int(priority)) < 192:
            fields["facility"] = syslog.FACILITIES[number >> 3]
            fields["severity"] = syslog.SEVERITIES[number & 7]
        fields.update(facts(program, message))
        fields["host"] = host
        record = Record(fields, "linux", "auth", "", time_ms, scope, key)
        return ParsedEvent("linux_auth", time_ms, True, host, record)

    return read
