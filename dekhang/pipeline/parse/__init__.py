"""Raw log records → events of one shape. Content decides what a record is; the source's kind only breaks ties.

Nothing an attacker writes can raise here or take more than linear time; what is not understood stays raw.
"""

from __future__ import annotations

import json
import logging
from typing import Any

import orjson

from dekhang.engine.records import Record
from dekhang.pipeline.parse import (
    antivirus,
    auditd,
    auth,
    carried,
    cloud,
    network,
    suricata,
    syslog,
    sysmon_linux,
    vpn,
    web,
    windows,
    windows_xml,
    wrapped,
    zeek,
)
from dekhang.pipeline.parse.event import (
    FIELDS_PER_RECORD,
    TRUNCATED,
    VALUE_CHARS,
    Facts,
    Fields,
    ParsedEvent,
    bound,
    flatten,
)
from dekhang.pipeline.parse.expected import is_expected, surprise
from dekhang.pipeline.parse.times import any_ms, is_plausible

__all__ = ["ParsedEvent", "parse"]

logger = logging.getLogger(__name__)

_WRAPPINGS = 3  # a JSON document in a syslog line in a JSON document, no deeper


def parse(raw: bytes, *, source_kind: str, received_ms: int, scope: int = 0, key: int = 0) -> ParsedEvent:
    """Read one raw record. Never raises.

    Args:
        raw: as received, any bytes.
        source_kind: windows, linux, web, suricata, syslog, or "" when nobody said.
        received_ms: time of receipt, UTC epoch ms: gives the year to times without one.
        scope, key: handed on to the engine's Record: unit and event id.
    """
    try:
        facts = _read(raw, source_kind, received_ms)
    except Exception:  # a bug of ours must not let one line stop the pipeline; the line stays raw and is counted
        logger.exception("parser failed on a record of %d bytes from a %s source", len(raw), source_kind or "?")
        facts = Facts("raw", {"message": raw[:VALUE_CHARS].decode("utf-8", "replace")})
    fields = facts.fields
    if len(raw) > VALUE_CHARS or len(fields) > FIELDS_PER_RECORD:  # else nothing can be too long
        bounded = bound(fields)
        facts.fields_are_raw = facts.fields_are_raw and bounded is fields and "_truncated" not in fields
        fields = bounded
    problem = None
    time_ms = facts.time_ms
    if time_ms is not None and not is_plausible(time_ms, received_ms):
        problem = (
            "Giờ ghi trong bản ghi không hợp lý (trước năm 2000 hoặc quá một ngày sau lúc nhận) nên giờ nhận được dùng "
            "thay; hãy chỉnh đồng hồ của máy gửi."
        )
        time_ms = None
    if not is_expected(facts.kind, source_kind):
        problem = surprise(facts.kind, source_kind)
    from_event = time_ms is not None
    if time_ms is None:
        time_ms = received_ms
    record = Record(fields, facts.product, facts.service, facts.category, time_ms, scope, key)
    return ParsedEvent(facts.kind, time_ms, from_event, facts.host, record, problem, facts.fields_are_raw)


def _read(raw: bytes, source_kind: str, received_ms: int) -> Facts:
    if raw[:1] == b"{":
        document = _load(raw)
        if document is not None:
            return _of_document(document, raw, source_kind, received_ms, _WRAPPINGS)
    text = _decode(raw).strip("\r\n\x00 \t\ufeff")
    return _of_text(text, source_kind, received_ms, _WRAPPINGS)


def _decode(raw: bytes) -> str:
    """UTF-8, or UTF-16 as Windows' own tools write it: told by its mark or by the first sign being `<` or `{`."""
    start = raw[:2]
    if start in (b"\xff\xfe", b"<\x00", b"{\x00"):
        return raw.decode("utf-16-le", "replace")
    if start in (b"\xfe\xff", b"\x00<", b"\x00{"):
        return raw.decode("utf-16-be", "replace")
    return raw.decode("utf-8", "replace")


def _load(raw: bytes) -> dict[str, Any] | None:
    """A JSON object; a second, forgiving reading for what strict readers refuse (lone surrogates, NaN, bad UTF-8)."""
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError:
        try:
            forgiving = json.loads(raw.decode("utf-8", "replace"), parse_constant=lambda _: None)
            document = orjson.loads(json.dumps(forgiving, ensure_ascii=False).encode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return None
    return document if isinstance(document, dict) else None


def _of_document(document: dict[str, Any], raw: bytes, source_kind: str, received_ms: int, wrappings: int) -> Facts:
    facts = windows.recognise(document, received_ms)
    if facts is not None:
        return _with_host(sysmon_linux.told(facts))
    if ("event" in document or "otlp" in document) and wrappings:
        parcel = carried.unwrap(document, received_ms)
        if parcel is not None:
            return _of_carried(parcel, source_kind, received_ms, wrappings - 1)
    facts = (
        suricata.recognise(document, received_ms)
        or zeek.recognise(document, received_ms)
        or network.of_document(document, received_ms)
        or web.recognise_document(document, received_ms)
        or cloud.recognise(document, received_ms)
        or antivirus.of_document(document, received_ms)
    )
    if facts is not None:
        return _with_host(facts)
    inner = wrapped.recognise(document, received_ms) if wrappings else None
    if inner is None:
        time_ms = next(
            (found for name in wrapped.TIMES if (found := any_ms(document.get(name), received_ms)) is not None), None
        )
        facts = Facts("raw", {"message": raw.decode("utf-8", "replace")}, time_ms=time_ms)
    else:
        facts = _of_wrapped(inner, source_kind, received_ms, wrappings - 1)
    if facts.kind == "linux_auditd" and "serial" not in facts.fields:  # journald keeps it beside its text
        serial = document.get("_AUDIT_ID")
        if isinstance(serial, str) and serial.isascii() and serial.isdigit() and len(serial) < 19:
            facts.fields["serial"] = int(serial)
    if facts.kind == "raw":  # an application's own JSON: a mapping of the user's may know its names
        facts.fields = {**flatten(document), **facts.fields}
    return _with_host(facts)


def _of_carried(parcel: carried.Carried, source_kind: str, received_ms: int, wrappings: int) -> Facts:
    event = parcel.event
    if isinstance(event, str):
        product = web.product_of(parcel.path)
        facts = _of_text(event.strip("\r\n\x00 \t"), source_kind, received_ms, wrappings, product=product)
    else:
        raw = orjson.dumps(event, default=str)
        facts = _of_document(event, raw, source_kind, received_ms, wrappings)
    facts.fields_are_raw = False  # the raw record has the envelope around them
    facts.host = facts.host or parcel.host
    if facts.time_ms is None:
        facts.time_ms = parcel.time_ms
    if facts.kind == "raw":
        facts.fields = {**flatten(parcel.more), **facts.fields}
    return _with_host(facts)


def _of_wrapped(inner: wrapped.Wrapped, source_kind: str, received_ms: int, wrappings: int) -> Facts:
    text = inner.message.strip("\r\n\x00 \t")
    facts = None
    if inner.program:
        line = syslog.Line(text, inner.host, inner.program, inner.pid, inner.facility, inner.severity, inner.time_ms)
        facts = _of_line(line, source_kind, received_ms, wrappings)
    else:
        facts = _of_text(text, source_kind, received_ms, wrappings, product=web.product_of(inner.path))
    if not facts.host:
        facts.host = inner.host
        _with_host(facts)
    if facts.time_ms is None:
        facts.time_ms = inner.time_ms
    return facts


def _of_text(text: str, source_kind: str, received_ms: int, wrappings: int, *, product: str = "") -> Facts:
    if text.startswith("{") and wrappings:
        document = _load(text.encode("utf-8", "replace"))
        if document is not None:
            return _of_document(document, text.encode("utf-8", "replace"), source_kind, received_ms, wrappings - 1)
    if windows_xml.looks_like_event(text):
        facts = _of_xml(text, received_ms)
        if facts is not None:
            return facts
    if text.startswith(("type=", "node=")):
        facts = auditd.recognise(text)
        if facts is not None:
            facts.fields["message"] = text
            return _with_host(facts)
    line = syslog.read(text, received_ms)
    if line is not None:
        return _of_line(line, source_kind, received_ms, wrappings)
    facts = (
        web.recognise_line(text, product=product)
        or network.of_file_line(text, received_ms)
        or antivirus.of_line("", text)
    )
    if facts is not None:
        return _with_host(facts)
    return _with_host(Facts("raw", {"message": text}))


def _of_xml(text: str, received_ms: int) -> Facts | None:
    document = windows_xml.read(text)
    facts = windows.recognise(document, received_ms) if document is not None else None
    if facts is None or document is None:
        return None
    if TRUNCATED in document.get("Event", {}):
        facts.fields[TRUNCATED] = True
    facts.fields_are_raw = False
    return _with_host(sysmon_linux.told(facts))


def _of_line(line: syslog.Line, source_kind: str, received_ms: int, wrappings: int) -> Facts:
    """A syslog line whose header has been read: its message decides."""
    message = line.message
    facts: Facts | None = None
    if wrappings and message.startswith(("{", "@cee:")):
        start = message.find("{")
        document = _load(message[start:].encode("utf-8", "replace")) if 0 <= start <= 8 else None
        if document is not None:
            facts = _of_document(document, message.encode("utf-8", "replace"), source_kind, received_ms, wrappings - 1)
            if facts.kind in ("raw", "syslog"):
                facts = None
    elif windows_xml.looks_like_event(message):
        facts = _of_xml(message, received_ms)
    if facts is None and line.program not in auth.PROGRAMS:
        facts = network.of_message(line, received_ms)
    if facts is None:
        facts = auditd.recognise_journal(line.program, message)
        if facts is None and message.startswith(("type=", "node=")):
            facts = auditd.recognise(message)
        if facts is not None:
            facts.fields["message"] = message
    if facts is None and "[" in message and '"' in message:
        facts = web.recognise_line(message, product=web.product_of(line.program))
    if facts is None and line.program not in auth.PROGRAMS:
        facts = antivirus.of_line(line.program, message)
    if facts is None:
        facts = _of_program(line)
    facts.host = facts.host or line.host
    if facts.time_ms is None:
        facts.time_ms = line.time_ms
    if line.sequence is not None:
        facts.fields["syslog_sequence"] = line.sequence
    return _with_host(facts)


def _of_program(line: syslog.Line) -> Facts:
    fields: Fields = {"message": line.message}
    if line.program:
        fields["program"] = line.program
    if line.pid:
        fields["pid"] = int(line.pid) if line.pid.isdecimal() and len(line.pid) < 12 else line.pid
    if line.facility:
        fields["facility"] = line.facility
    if line.severity:
        fields["severity"] = line.severity
    if line.program in vpn.PROGRAMS:  # before auth: what they say of a login is not a login on this machine
        fields.update(vpn.facts(line.message))
    elif line.program in auth.PROGRAMS or line.facility in ("auth", "authpriv"):
        fields.update(auth.facts(line.program, line.message))
        return Facts("linux_auth", fields, "linux", "auth", host=line.host, time_ms=line.time_ms)
    return Facts("syslog", fields, category="syslog", host=line.host, time_ms=line.time_ms)


def _with_host(facts: Facts) -> Facts:
    if facts.kind != "windows" and facts.host:
        facts.fields["host"] = facts.host
    return facts
