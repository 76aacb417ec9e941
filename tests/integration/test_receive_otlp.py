"""OTLP/HTTP logs: protobuf and JSON as exporters send them, against a real receiver process."""

import gzip
import http.client
import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from dekhang.pipeline.parse import parse
from dekhang.pipeline.receive import otlp
from dekhang.pipeline.receive.bulk import LINES, TooManyLines
from dekhang.pipeline.receive.otlp import read_json, read_protobuf
from tests.receivers import TOKEN, Receiver, source

PROTOBUF = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-protobuf"}
JSON = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
RECEIVED_MS = 1_575_950_000_000
TIME_NS = 1_575_943_200_000_000_000


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with Receiver(tmp_path_factory.mktemp("otlp"), "http", sources=[source()]) as running:
        yield running


def send(receiver: Receiver, body: bytes, headers: dict[str, str], path: str = "/v1/logs") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
    connection.request("POST", path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, answer.getheader("content-type") or "", text


def text(value: str) -> AnyValue:
    return AnyValue(string_value=value)


def request(*bodies: AnyValue, attributes: dict[str, AnyValue] | None = None) -> ExportLogsServiceRequest:
    """What an exporter would send: one resource, one scope."""
    message = ExportLogsServiceRequest()
    group = message.resource_logs.add()
    group.resource.attributes.add(key="host.name", value=text("may-a"))
    group.resource.attributes.add(key="service.name", value=text("cổng"))
    scoped = group.scope_logs.add()
    scoped.scope.name, scoped.scope.version = "filelog", "1.2"
    for body in bodies:
        record = scoped.log_records.add(
            time_unix_nano=TIME_NS, observed_time_unix_nano=TIME_NS + 5, severity_number=9, severity_text="INFO",
            trace_id=bytes(range(16)), span_id=bytes(range(8)),
        )  # fmt: skip
        record.body.CopyFrom(body)
        for name, value in (attributes or {}).items():
            record.attributes.add(key=name, value=value)
    return message


NESTED = AnyValue(
    kvlist_value=KeyValueList(
        values=[
            KeyValue(key="so", value=AnyValue(int_value=7)),
            KeyValue(key="ds", value=AnyValue(array_value=ArrayValue(values=[text("a"), AnyValue(bool_value=True)]))),
            KeyValue(key="thô", value=AnyValue(bytes_value=b"\x00\xff")),
        ]
    )
)
AS_JSON = {
    "resourceLogs": [
        {
            "resource": {
                "attributes": [
                    {"key": "host.name", "value": {"stringValue": "may-a"}},
                    {"key": "service.name", "value": {"stringValue": "cổng"}},
                ]
            },
            "scopeLogs": [
                {
                    "scope": {"name": "filelog", "version": "1.2"},
                    "logRecords": [
                        {
                            "timeUnixNano": str(TIME_NS), "observedTimeUnixNano": str(TIME_NS + 5),
                            "severityNumber": 9, "severityText": "INFO",
                            "traceId": "000102030405060708090a0b0c0d0e0f", "spanId": "0001020304050607",
                            "body": {
                                "kvlistValue": {
                                    "values": [
                                        {"key": "so", "value": {"intValue": "7"}},
                                        {
                                            "key": "ds",
                                            "value": {
                                                "arrayValue": {"values": [{"stringValue": "a"}, {"boolValue": True}]}
                                            },
                                        },
                                        {"key": "thô", "value": {"bytesValue": "AP8="}},
                                    ]
                                }
                            },
                            "attributes": [{"key": "log.file.path", "value": {"stringValue": "/var/log/x"}}],
                        }
                    ],
                }
            ],
        }
    ]
}  # fmt: skip


def test_protobuf_and_json_of_the_same_record_become_the_same_flat_object() -> None:
    [from_protobuf] = read_protobuf(
        request(NESTED, attributes={"log.file.path": text("/var/log/x")}).SerializeToString()
    ).records
    [from_json] = read_json(json.dumps(AS_JSON).encode()).records
    assert json.loads(from_protobuf) == json.loads(from_json) == {
        "otlp": 1, "time": TIME_NS, "observed_time": TIME_NS + 5, "severity": "INFO", "severity_number": 9,
        "body": {"so": 7, "ds": ["a", True], "thô": "AP8="},
        "trace_id": "000102030405060708090a0b0c0d0e0f", "span_id": "0001020304050607",
        "resource.host.name": "may-a", "resource.service.name": "cổng",
        "scope.name": "filelog", "scope.version": "1.2", "attributes.log.file.path": "/var/log/x",
    }  # fmt: skip


def test_requests_are_stored_and_answered_in_their_own_encoding(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        status, kind, answer = send(receiver, request(text("mot"), text("hai")).SerializeToString(), PROTOBUF)
        assert (status, kind) == (200, "application/x-protobuf")
        assert ExportLogsServiceResponse.FromString(answer) == ExportLogsServiceResponse()
        packed = gzip.compress(request(text("ba")).SerializeToString())
        assert send(receiver, packed, {**PROTOBUF, "Content-Encoding": "gzip"})[0] == 200
        assert send(receiver, json.dumps(AS_JSON).encode(), JSON) == (200, "application/json", b"{}")
        assert send(receiver, b"", PROTOBUF)[0] == 200  # an empty request is a valid one
        bodies = [json.loads(record)["body"] for record in receiver.records()]
        assert bodies == ["mot", "hai", "ba", {"so": 7, "ds": ["a", True], "thô": "AP8="}]
        assert {frame.transport for frame in receiver.frames()} == {"http_otlp"}


def test_what_is_too_long_is_a_partial_success_in_both_encodings(tmp_path: Path) -> None:
    long = "x" * 1_100_000
    body = request(text(long), text("ngan")).SerializeToString()
    with Receiver(tmp_path, "http") as receiver:
        status, _, answer = send(receiver, body, PROTOBUF)
        partial = ExportLogsServiceResponse.FromString(answer).partial_success
        assert (status, partial.rejected_log_records) == (200, 1)
        assert "1000000" in partial.error_message
        record = {"body": {"stringValue": long}}
        as_json = json.dumps(
            {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"body": {"stringValue": "b"}}]}]}]}
        )
        assert json.loads(send(receiver, as_json.encode(), JSON)[2])["partialSuccess"]["rejectedLogRecords"] == "1"
        receiver.wait_for_refusals((7, "oversize"), 2)
        assert len(receiver.records()) == 2


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"\xff\xff rac", PROTOBUF, 400),
        (b"rac", JSON, 400),
        (b"[]", JSON, 400),
        (b"{}", {**JSON, "Content-Type": "text/plain"}, 415),
        (b"x", {"Content-Type": "application/x-protobuf"}, 401),
        (b"x", {**PROTOBUF, "Authorization": "Bearer sai"}, 401),
        (b"khong phai gzip", {**PROTOBUF, "Content-Encoding": "gzip"}, 400),
    ],
)
def test_faults_are_answered_with_a_status_message_in_the_requests_encoding(
    receiver: Receiver, body: bytes, headers: dict[str, str], status: int
) -> None:
    found, kind, answer = send(receiver, body, headers)
    assert found == status
    if headers.get("Content-Type") == "application/json":
        assert json.loads(answer)["message"]
    else:  # google.rpc.Status: field 1 code, field 2 message
        assert kind == "application/x-protobuf" and answer[0] == 0x08 and answer[2] == 0x12


def test_other_signals_are_404_with_a_sentence(receiver: Receiver) -> None:
    status, _, answer = send(receiver, b"{}", JSON, "/v1/traces")
    assert status == 404 and "/v1/logs" in json.loads(answer)["message"]


@pytest.mark.parametrize("encoding", ["protobuf", "json"])
def test_a_large_resource_is_not_repeated_for_more_records_than_memory_holds(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(otlp, "BUILT_BYTES", 1_000_000)
    resource, count = "r" * 100_000, 1000
    if encoding == "json":
        attribute = {"key": "a", "value": {"stringValue": resource}}
        group = {"resource": {"attributes": [attribute]}, "scopeLogs": [{"logRecords": [{}] * count}]}
        logs = read_json(json.dumps({"resourceLogs": [group]}).encode())
    else:
        message = ExportLogsServiceRequest()
        made = message.resource_logs.add()
        made.resource.attributes.add(key="a").value.string_value = resource
        scoped = made.scope_logs.add()
        for _ in range(count):
            scoped.log_records.add()
        logs = read_protobuf(message.SerializeToString())
    assert len(logs.records) == 10
    assert len(logs.records) + logs.rejected == count


def test_records_of_two_bytes_do_not_become_gigabytes_of_objects() -> None:
    def field(number: int, content: bytes) -> bytes:
        size, out = len(content), bytearray([number << 3 | 2])
        while size > 0x7F:
            out.append(size & 0x7F | 0x80)
            size >>= 7
        return bytes(out) + bytes([size]) + content

    for content in (
        field(1, field(2, field(2, b"") * (2 * LINES + 1))),
        field(1, field(2, b"") * (2 * LINES + 1)),
        field(1, b"") * (2 * LINES + 1),
    ):
        with pytest.raises(TooManyLines):
            read_protobuf(content)
    with pytest.raises(TooManyLines):
        read_json(b'{"resourceLogs":[' + b"{}," * (otlp.VALUES // 2) + b"{}]}")
    with pytest.raises(ValueError, match="OTLP"):
        read_protobuf(b"\x0b\x0c")  # a group, behind which nothing would be counted
    assert len(read_protobuf(field(1, field(2, field(2, b"") * 3))).records) == 3
    with pytest.raises(ValueError, match="cắt"):
        read_protobuf(field(1, field(2, field(2, b"xyz")))[:-1])


def test_a_record_that_would_become_many_times_its_size_is_refused_and_the_others_are_kept() -> None:
    message = request(text("mot"))
    scoped = message.resource_logs[0].scope_logs[0]
    swollen = scoped.log_records.add()
    for _ in range(otlp.WIRE_BYTES // 2 + 1):
        swollen.attributes.add()
    scoped.log_records.add().body.string_value = "hai"
    logs = read_protobuf(message.SerializeToString())
    assert [json.loads(record)["body"] for record in logs.records] == ["mot", "hai"]
    assert logs.rejected == 1 and logs.rejected_bytes > otlp.WIRE_BYTES


def test_odd_json_never_raises_anything_but_a_value_error() -> None:
    for odd in (
        b'{"resourceLogs":{}}', b'{"resourceLogs":[1,null,{"scopeLogs":[{"logRecords":[7,{"body":5}]}]}]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"x","severityNumber":true,"attributes":[{}]}]}]}]}',
        b'{"resourceLogs":[{"resource":[],"scopeLogs":[{"scope":7,"logRecords":[{"body":{"intValue":"9999999999999999999999"}}]}]}]}',
    ):  # fmt: skip
        for record in read_json(odd).records:
            parse(record, source_kind="", received_ms=RECEIVED_MS)
    deep: object = {"stringValue": "x"}
    for _ in range(100):
        deep = {"arrayValue": {"values": [deep]}}
    [record] = read_json(
        json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": deep}]}]}]}).encode()
    ).records
    assert len(record) < 200


# ------------------------------------------------------------------------------------------------ the parser


def parsed(body: AnyValue, kind: str, attributes: dict[str, AnyValue] | None = None):
    [record] = read_protobuf(request(body, attributes=attributes).SerializeToString()).records
    return parse(record, source_kind=kind, received_ms=RECEIVED_MS)


def test_a_body_that_is_a_line_is_read_as_if_it_came_itself() -> None:
    event = parsed(text("Dec 10 02:00:01 may-b sshd[77]: Failed password for root from 192.0.2.7 port 4 ssh2"), "linux")
    assert (event.kind, event.host, event.record.fields["src_ip"]) == ("linux_auth", "may-b", "192.0.2.7")
    assert event.problem is None
    event = parsed(text('192.0.2.1 - - [10/Dec/2019:02:00:00 +0000] "GET /a HTTP/1.1" 200 5 "-" "x"'), "web")
    assert (event.kind, event.host) == ("web_access", "may-a")


def test_what_nobody_recognises_keeps_resource_and_attributes_and_the_records_own_time() -> None:
    event = parsed(text("chuyện gì đó"), "", {"khu": text("1")})
    assert (event.time_ms, event.time_from_event, event.host) == (TIME_NS // 1_000_000, True, "may-a")
    fields = event.record.fields
    assert (fields["message"], fields["attributes.khu"], fields["resource.service.name"]) == (
        "chuyện gì đó",
        "1",
        "cổng",
    )


def pairs(**values: AnyValue) -> AnyValue:
    return AnyValue(kvlist_value=KeyValueList(values=[KeyValue(key=name, value=one) for name, one in values.items()]))


@pytest.mark.parametrize("shape", ["list", "map"])
def test_events_of_the_collectors_windows_receiver_are_windows_events(shape: str) -> None:
    data = pairs(TargetUserName=text("admin"), IpAddress=text("192.0.2.9"))
    if shape == "list":
        single = [pairs(TargetUserName=text("admin")), pairs(IpAddress=text("192.0.2.9"))]
        data = pairs(data=AnyValue(array_value=ArrayValue(values=single)))
    body = pairs(
        channel=text("Security"),
        computer=text("dc01"),
        event_id=pairs(id=AnyValue(int_value=4625), qualifiers=AnyValue(int_value=0)),
        provider=pairs(name=text("Microsoft-Windows-Security-Auditing"), guid=text("{1}")),
        record_id=AnyValue(int_value=77),
        system_time=text("2019-12-10T02:00:00.123Z"),
        level=text("Information"),
        message=text("An account failed to log on."),
        event_data=data,
    )
    event = parsed(body, "windows")
    fields = event.record.fields
    assert (event.kind, event.host, event.problem, event.fields_are_raw) == ("windows", "dc01", None, False)
    assert (fields["EventID"], fields["Channel"], fields["TargetUserName"]) == (4625, "Security", "admin")
    assert (fields["IpAddress"], fields["Provider_Name"]) == ("192.0.2.9", "Microsoft-Windows-Security-Auditing")
    assert event.time_ms == 1_575_943_200_123


def test_a_body_that_is_windows_xml_is_a_windows_event() -> None:
    xml = (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="P"/><EventID>1'
        "</EventID><Channel>C</Channel><Computer>dc02</Computer></System></Event>"
    )
    assert parsed(text(xml), "windows").host == "dc02"


def test_a_journald_body_is_read_as_the_program_wrote_it() -> None:
    body = pairs(
        MESSAGE=text("Failed password for root from 192.0.2.7 port 4 ssh2"),
        SYSLOG_IDENTIFIER=text("sshd"),
        _HOSTNAME=text("may-c"),
    )
    event = parsed(body, "linux")
    assert (event.kind, event.host, event.record.fields["action"]) == ("linux_auth", "may-c", "login_failed")


EXPORTER = """
import sys
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.resources import Resource
import logging
provider = LoggerProvider(resource=Resource.create({"host.name": "may-sdk"}))
exporter = OTLPLogExporter(endpoint=sys.argv[1], headers={"authorization": "Bearer " + sys.argv[2]})
provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
logger = logging.getLogger("x")
logger.addHandler(LoggingHandler(logger_provider=provider))
for n in range(100):
    logger.error("lan %d", n)
provider.shutdown()
"""


@pytest.mark.skipif(
    importlib.util.find_spec("opentelemetry.exporter") is None,
    reason="opentelemetry-exporter-otlp-proto-http is not installed (it is no dependency of ours)",
)
def test_the_opentelemetry_sdk_exports_to_us(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        command = [sys.executable, "-W", "ignore", "-c", EXPORTER, f"{receiver.url}/v1/logs", TOKEN]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        records = [json.loads(record) for record in receiver.wait_for_records(100)]
    assert {record["resource.host.name"] for record in records} == {"may-sdk"}
    assert sorted(record["body"] for record in records) == sorted(f"lan {n}" for n in range(100))
