"""OpenTelemetry's OTLP/HTTP for logs: `/v1/logs`, protobuf and JSON.

Each LogRecord becomes one flat JSON object (docs/reference/intake.md), which `parse.carried` unwraps:
`otlp` 1 · `time`, `observed_time` (ns UTC) · `severity`, `severity_number` · `body` · `event_name` · `trace_id`, `span_id`
(hex) · `resource.<name>`, `scope.name`, `scope.version`, `scope.<name>`, `attributes.<name>`.
Facts: the OTLP specification 1.x, "OTLP/HTTP" and "Partial Success".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.bulk import LINES, TooManyLines, ids_from_key
from dekhang.pipeline.receive.request import Answer, Desk, Headers, Reply, Request
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
SIGNALS = ("logs", "traces", "metrics")  # below /v1; only the first is taken
DEPTH = 16  # of values in values
VALUES = 5_000_000  # of a JSON request: about 64 bytes of memory each, however few stand for them in the text
WIRE_BYTES = 2 * RECORD_BYTES  # of one record, resource or scope: two bytes of protobuf may become a hundred of memory
BUILT_BYTES = 128 * 1024 * 1024  # of all records of a request: four times its 32 MB

M = TypeVar("M", bound=Message)


@dataclass(slots=True)
class Logs:
    """A request taken apart: records to store, and those that were not."""

    records: list[bytes] = field(default_factory=list)
    rejected: int = 0
    rejected_bytes: int = 0
    example: bytes = b""
    built_bytes: int = 0

    @property
    def is_full(self) -> bool:
        """May no further record be built? Each repeats its resource, which the sender may make as large as it likes."""
        return self.built_bytes > BUILT_BYTES or len(self.records) >= LINES

    def add(self, record: dict[str, Any]) -> None:
        try:
            raw = orjson.dumps(record)
        except (TypeError, ValueError):  # integers beyond 64 bits, lone surrogates: text will do
            raw = orjson.dumps(_as_text(record))
        self.built_bytes += len(raw)
        if len(raw) > RECORD_BYTES:
            self.reject(len(raw))
            self.example = raw[:400]
        else:
            self.records.append(raw)

    def reject(self, size_bytes: int) -> None:
        self.rejected += 1
        self.rejected_bytes += size_bytes


def read_protobuf(content: bytes) -> Logs:
    """Take an ExportLogsServiceRequest apart, one record after another: its objects never exist all at once.

    Raises ValueError when it is none, TooManyLines when it has more than twice LINES records and groups around them.
    """
    logs = Logs()
    count = 0
    for group_at, group_end in _parts(content, 0, len(content), 1):  # ResourceLogs
        count += 1
        about = _message(Resource(), content, _parts(content, group_at, group_end, 1))
        resource = _named("resource.", ((one.key, _value(one.value)) for one in about.attributes))
        for scoped_at, scoped_end in _parts(content, group_at, group_end, 2):  # ScopeLogs
            count += 1
            of = _message(InstrumentationScope(), content, _parts(content, scoped_at, scoped_end, 1))
            scope = _scope(of.name, of.version, ((one.key, _value(one.value)) for one in of.attributes))
            for part in _parts(content, scoped_at, scoped_end, 2):  # LogRecord
                count += 1
                if count > 2 * LINES:
                    raise TooManyLines
                if logs.is_full or part[1] - part[0] > WIRE_BYTES:
                    logs.reject(part[1] - part[0])
                    continue
                record = _message(LogRecord(), content, [part])
                logs.add(
                    _flat(
                        record.time_unix_nano,
                        record.observed_time_unix_nano,
                        record.severity_text,
                        record.severity_number,
                        _value(record.body),
                        record.event_name,
                        record.trace_id.hex(),
                        record.span_id.hex(),
                        resource,
                        scope,
                        ((one.key, _value(one.value)) for one in record.attributes),
                    )
                )
        if count > 2 * LINES:
            raise TooManyLines
    return logs


def _message(message: M, content: bytes, parts: Iterable[tuple[int, int]]) -> M:
    """Read a message from its part; said several times, it is all of them together. Raises ValueError."""
    try:
        for at, end in parts:
            if end - at > WIRE_BYTES:
                raise ValueError(f"một phần dài quá {WIRE_BYTES} byte")
            message.MergeFromString(content[at:end])
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return message


def _parts(content: bytes, at: int, end: int, number: int) -> Iterator[tuple[int, int]]:
    """Where the messages of field `number` lie in a protobuf message. Raises ValueError."""
    while at < end:
        key, at = _read_varint(content, at)
        kind = key & 7
        if kind == 2:
            size, at = _read_varint(content, at)
            if at + size > end:
                raise ValueError("dữ liệu bị cắt giữa chừng")
            if key >> 3 == number:
                yield at, at + size
            at += size
        elif kind == 0:
            _, at = _read_varint(content, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError("trường có kiểu không dùng trong OTLP")


def _read_varint(content: bytes, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(content):
            raise ValueError("dữ liệu bị cắt giữa chừng")
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("số dài quá 10 byte")


def read_json(content: bytes) -> Logs:
    """The same from OTLP's JSON: lowerCamelCase names, 64-bit numbers as text, ids in hex. Raises ValueError, TooManyLines."""
    if content.count(b"{") + content.count(b"[") + content.count(b",") > VALUES:
        raise TooManyLines
    document = orjson.loads(content)
    if not isinstance(document, dict):
        raise ValueError("không phải một đối tượng JSON")
    logs = Logs()
    for group in _objects(document, "resourceLogs"):
        resource = _named("resource.", _pairs(_object(group, "resource")))
        for scoped in _objects(group, "scopeLogs"):
            about = _object(scoped, "scope")
            scope = _scope(_text(about.get("name")), _text(about.get("version")), _pairs(about))
            for record in _objects(scoped, "logRecords"):
                if logs.is_full:
                    logs.rejected += 1
                    continue
                logs.add(
                    _flat(
                        _number(record.get("timeUnixNano")),
                        _number(record.get("observedTimeUnixNano")),
                        _text(record.get("severityText")),
                        _number(record.get("severityNumber")),
                        _json_value(record.get("body")),
                        _text(record.get("eventName")),
                        _text(record.get("traceId")),
                        _text(record.get("spanId")),
                        resource,
                        scope,
                        _pairs(record),
                    )
                )
    return logs


def _flat(
    time_ns: int,
    observed_ns: int,
    severity: str,
    severity_number: int,
    body: Any,
    event_name: str,
    trace_id: str,
    span_id: str,
    resource: dict[str, Any],
    scope: dict[str, Any],
    attributes: Iterable[tuple[str, Any]],
) -> dict[str, Any]:
    record: dict[str, Any] = {"otlp": 1}
    for name, value in (
        ("time", time_ns), ("observed_time", observed_ns), ("severity", severity), ("severity_number", severity_number),
        ("body", body), ("event_name", event_name), ("trace_id", trace_id), ("span_id", span_id),
    ):  # fmt: skip
        if value not in (0, "", None):
            record[name] = value
    record.update(resource)
    record.update(scope)
    record.update(_named("attributes.", attributes))
    return record


def _named(prefix: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    return {prefix + name: value for name, value in pairs}


def _scope(name: str, version: str, pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    about = _named("scope.", pairs)
    if name:
        about["scope.name"] = name
    if version:
        about["scope.version"] = version
    return about


def _value(value: Any, depth: int = DEPTH) -> Any:
    """An AnyValue as JSON; bytes as base64."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "bytes_value":
        return base64.b64encode(found).decode("ascii")
    if kind == "array_value":
        return [_value(one, depth - 1) for one in found.values] if depth else "…"
    if kind == "kvlist_value":
        return {one.key: _value(one.value, depth - 1) for one in found.values} if depth else "…"
    return found


def _json_value(value: object, depth: int = DEPTH) -> Any:
    if not isinstance(value, dict):
        return None
    for name, found in value.items():
        if name == "intValue":
            return _number(found)
        if name == "arrayValue":
            return [_json_value(one, depth - 1) for one in _objects(found, "values")] if depth else "…"
        if name == "kvlistValue":
            return (
                {_text(one.get("key")): _json_value(one.get("value"), depth - 1) for one in _objects(found, "values")}
                if depth
                else "…"
            )
        if name in ("stringValue", "boolValue", "doubleValue", "bytesValue"):
            return found if isinstance(found, (str, int, float, bool)) else None
    return None


def _pairs(owner: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for one in _objects(owner, "attributes"):
        yield _text(one.get("key")), _json_value(one.get("value"))


def _objects(owner: object, name: str) -> list[dict[str, Any]]:
    found = owner.get(name) if isinstance(owner, dict) else None
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _object(owner: dict[str, Any], name: str) -> dict[str, Any]:
    found = owner.get(name)
    return found if isinstance(found, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return 0
    try:
        return int(value)
    except ValueError:
        return 0


def _as_text(record: dict[str, Any]) -> dict[str, str]:
    return {
        str(name).encode("utf-8", "replace").decode(): str(value).encode("utf-8", "replace").decode()
        for name, value in record.items()
    }


class Otlp:
    """See request.Dialect."""

    def asks_without_token(self, request: Request) -> bool:
        return False

    def takes(self, request: Request) -> bool:
        return request.method == "POST" and request.parts == ["v1", "logs"]

    def answer(self, request: Request, desk: Desk) -> Reply | None:
        return None

    async def take(self, request: Request, source: IntakeSource, content: bytes, desk: Desk) -> Reply:
        read = _reader_of(request)
        if read is None:
            desk.refuse(source.source_id, Reason.MALFORMED, 1, request, size_bytes=len(content))
            raise Answer(415, f"Kiểu nội dung phải là {PROTOBUF} hoặc {JSON}.")
        try:
            logs: Logs = await desk.in_thread(content, read, content)
        except ValueError as error:
            desk.refuse(source.source_id, Reason.MALFORMED, 1, request, size_bytes=len(content), example=content[:200])
            raise Answer(400, f"Nội dung không phải một yêu cầu OTLP logs: {error}.") from error
        desk.refuse(
            source.source_id, Reason.OVERSIZE, logs.rejected, request,
            size_bytes=logs.rejected_bytes, example=logs.example,
        )  # fmt: skip
        key = request.header("idempotency-key")
        await desk.store(
            "http_otlp", request, source, logs.records, ids_from_key(key, len(logs.records)) if key else None
        )
        why = (
            f"{logs.rejected} bản ghi dài quá {RECORD_BYTES} byte, hoặc vượt {LINES} bản ghi hay "
            f"{BUILT_BYTES // 1024 // 1024} MB một lần gửi."
            if logs.rejected
            else ""
        )
        if _is_json(request):
            partial = {"rejectedLogRecords": str(logs.rejected), "errorMessage": why} if logs.rejected else {}
            return Reply(200, {"partialSuccess": partial} if partial else {})
        answer = ExportLogsServiceResponse()
        if logs.rejected:
            answer.partial_success.rejected_log_records = logs.rejected
            answer.partial_success.error_message = why
        return Reply(200, answer.SerializeToString(), kind=PROTOBUF)

    def error(self, request: Request, early: Answer) -> Reply:
        """A google.rpc.Status: `code` and `message`."""
        code = {400: 3, 401: 16, 403: 7, 404: 5, 413: 3, 415: 3, 429: 8, 503: 14}.get(early.status, 13)
        if _is_json(request):
            return Reply(early.status, {"code": code, "message": str(early)}, early.headers)
        text = str(early).encode()
        raw = b"\x08" + bytes([code]) + b"\x12" + _varint(len(text)) + text
        return Reply(early.status, raw, early.headers, kind=PROTOBUF)

    def headers(self, request: Request) -> Headers:
        return [("content-type", JSON)]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _content_type(request: Request) -> str:
    return (request.header("content-type") or "").partition(";")[0].strip().lower()


def _is_json(request: Request) -> bool:
    return _content_type(request) == JSON


def _reader_of(request: Request) -> Callable[[bytes], Logs] | None:
    return {PROTOBUF: read_protobuf, "application/protobuf": read_protobuf, JSON: read_json}.get(_content_type(request))
