"""Splunk's HTTP Event Collector as its clients speak it, against a real receiver process."""

import gzip
import http.client
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dekhang.pipeline.parse import parse
from dekhang.pipeline.receive.hec import read_events
from tests.receivers import TOKEN, Receiver, source

SPLUNK = {"Authorization": f"Splunk {TOKEN}"}
CHANNEL = {**SPLUNK, "X-Splunk-Request-Channel": "fe0ecfad-13d5-401b-847d-77833bd77131"}
EVENT = "/services/collector/event"


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    sources = [source(), source(8, token_sha256="", retired=True)]
    with Receiver(tmp_path_factory.mktemp("hec"), "http", sources=sources) as running:
        yield running


def send(
    receiver: Receiver, path: str, body: bytes = b"", headers: dict[str, str] = SPLUNK, method: str = "POST"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text)


def test_events_one_after_another_are_kept_as_they_came(tmp_path: Path) -> None:
    first = (
        b'{"time":1575943200.5,"host":"may-a","source":"/var/log/auth.log","sourcetype":"linux_secure","event":"mot"}'
    )
    second = '{"event":{"a":"hai","ký tự":"ạ"},"fields":{"khu":"1"}}'.encode()
    third = b'{"event": "ba }{"}'
    with Receiver(tmp_path, "http") as receiver:
        assert send(receiver, EVENT, first + second + b"\n\n" + third + b"\n") == (200, {"text": "Success", "code": 0})
        assert (
            send(receiver, "/services/collector", gzip.compress(first), {**SPLUNK, "Content-Encoding": "gzip"})[0]
            == 200
        )
        assert send(receiver, "/services/collector/event/1.0", first)[0] == 200
        assert receiver.records() == [first, second, third, first, first]
        assert {frame.transport for frame in receiver.frames()} == {"http_hec"}


def test_raw_lines_keep_what_the_address_says_of_them(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        assert send(receiver, "/services/collector/raw", b"mot\nhai\n", CHANNEL)[0] == 200
        assert (
            send(receiver, "/services/collector/raw?host=may-a&sourcetype=x&source=%2Fvar%2Flog", b"ba\n", CHANNEL)[0]
            == 200
        )
        records = receiver.records()
        assert records[:2] == [b"mot", b"hai"]
        assert json.loads(records[2]) == {"host": "may-a", "source": "/var/log", "sourcetype": "x", "event": "ba"}


def test_an_acknowledgement_is_true_for_what_was_given_out_and_false_for_what_was_not(receiver: Receiver) -> None:
    acks = [send(receiver, EVENT, b'{"event":"x"}', CHANNEL)[1]["ackId"] for _ in range(3)]
    assert acks == [acks[0], acks[0] + 1, acks[0] + 2]
    asked = json.dumps({"acks": [*acks, acks[-1] + 1000, -1]}).encode()
    status, answer = send(receiver, "/services/collector/ack", asked, CHANNEL)
    assert status == 200
    assert answer == {"acks": {**{str(one): True for one in acks}, str(acks[-1] + 1000): False, "-1": False}}
    assert send(receiver, f"/services/collector/ack?channel={'0' * 36}", asked)[1]["acks"][str(acks[0])] is True


def test_acknowledgements_given_before_a_restart_stay_true(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        ack = send(receiver, EVENT, b'{"event":"x"}', CHANNEL)[1]["ackId"]
        receiver.kill()
        receiver.start()
        asked = json.dumps({"acks": [ack]}).encode()
        assert send(receiver, "/services/collector/ack", asked, CHANNEL)[1] == {"acks": {str(ack): True}}
        assert receiver.records() == [b'{"event":"x"}']


@pytest.mark.parametrize(
    ("path", "headers", "body", "status", "code", "text"),
    [
        # who asks
        (EVENT, {}, b'{"event":"x"}', 401, 2, "Token is required"),
        (EVENT, {"Authorization": "Splunk sai"}, b'{"event":"x"}', 403, 4, "Invalid token"),
        # what it sends
        (EVENT, SPLUNK, b"", 400, 5, "No data"),
        (EVENT, SPLUNK, b" \n", 400, 5, "No data"),
        (EVENT, SPLUNK, b"rac", 400, 6, "Invalid data format"),
        (EVENT, SPLUNK, b"[1]", 400, 6, "Invalid data format"),
        (EVENT, SPLUNK, b'{"time":1}', 400, 12, "Event field is required"),
        (EVENT, SPLUNK, b'{"event":""}', 400, 13, "Event field cannot be blank"),
        (EVENT, SPLUNK, b'{"event":null}', 400, 13, "Event field cannot be blank"),
        # channels
        ("/services/collector/ack", SPLUNK, b'{"acks":[1]}', 400, 10, "Data channel is missing"),
        (EVENT, {**SPLUNK, "X-Splunk-Request-Channel": "x" * 500}, b'{"event":"x"}', 400, 11, "Invalid data channel"),
        ("/services/collector/ack", CHANNEL, b'{"acks":1}', 400, 6, "Invalid data format"),
        ("/services/collector/ack", CHANNEL, b"rac", 400, 6, "Invalid data format"),
    ],
)  # fmt: skip
def test_faults_have_the_status_code_and_words_of_splunks_documentation(
    receiver: Receiver, path: str, headers: dict[str, str], body: bytes, status: int, code: int, text: str
) -> None:
    found, answer = send(receiver, path, body, headers)
    assert (found, answer["code"], answer["text"]) == (status, code, text)


def test_good_events_before_and_after_a_bad_one_are_kept_and_its_number_is_told(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        status, answer = send(receiver, EVENT, b'{"event":"a"}{"time":1}{"event":"b"}{"event":"c"} rac')
        assert (status, answer) == (
            400, {"text": "Event field is required", "code": 12, "invalid-event-number": 1},
        )  # fmt: skip
        assert receiver.records() == [b'{"event":"a"}', b'{"event":"b"}', b'{"event":"c"}']
        receiver.wait_for_refusals((7, "malformed"), 2)


def test_events_on_a_channel_that_is_none_are_counted_as_refused(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        channel = {**SPLUNK, "X-Splunk-Request-Channel": "x" * 129}
        assert send(receiver, EVENT, b'{"event":"a"}', channel)[0] == 400
        receiver.wait_for_refusals((7, "malformed"))


def test_health_needs_no_token_and_a_full_spool_is_busy(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http", "--spool-max-mb", "1") as receiver:
        assert send(receiver, "/services/collector/health", headers={}, method="GET") == (
            200, {"text": "HEC is healthy", "code": 17},
        )  # fmt: skip
        noise = random.Random(1).randbytes(400_000).hex()
        receiver.wait_for(lambda: send(receiver, EVENT, json.dumps({"event": noise}).encode())[0] == 503, seconds=60)
        status, answer = send(receiver, EVENT, json.dumps({"event": noise}).encode())
        assert (status, answer["code"], answer["text"]) == (503, 9, "Server is busy")
        assert send(receiver, "/services/collector/health/1.0", headers={}, method="GET")[1]["code"] == 18
        receiver.wait_for_refusals((7, "spool_full"))


def test_any_bytes_as_events_never_raise_and_every_object_is_accounted_for() -> None:
    assert len(read_events(b'{"event":1}' * 50).records) == 50
    deep = read_events(b'{"event":' * 100_000)
    assert (deep.records, deep.wrong) == ([], 6)
    assert read_events(b"\xff\xfe{").wrong == 6
    big = read_events(b'{"event":"' + b"x" * 1_100_000 + b'"}{"event":"y"}')
    assert (big.records, big.wrong, big.wrong_number) == ([b'{"event":"y"}'], 6, 0)
    long = b'{"event":"' + b"x" * 900_000 + b'"}'
    many = read_events((long + b'{"event":12}  {"event":"y"}') * 6)
    assert (len(many.records), many.wrong) == (18, 0)


def test_one_huge_object_is_refused_before_it_becomes_a_hundred_times_its_size() -> None:
    events = read_events(b'{"event":1}{"event":[' + b"[]," * 2_000_000 + b"[]]}")
    assert [(reason.value, one.records) for reason, one in events.refused.items()] == [("oversize", 1)]
    assert events.records == [b'{"event":1}']
    pretty = json.dumps({"event": {"a": [1, 2]}}, indent=2).encode()
    assert len(read_events(b"\n".join([pretty] * 30)).records) == 30


# ------------------------------------------------------------------------------------------------ the parser


def read(document: object, kind: str = "linux"):
    return parse(json.dumps(document).encode(), source_kind=kind, received_ms=1_575_950_000_000)


def test_the_line_inside_is_read_as_if_it_came_itself() -> None:
    event = read(
        {
            "time": "1575943200.250", "host": "may-a", "source": "/var/log/auth.log", "sourcetype": "linux_secure",
            "event": "Dec 10 02:00:01 may-b sshd[77]: Failed password for root from 192.0.2.7 port 40000 ssh2",
        }
    )  # fmt: skip
    assert event.kind == "linux_auth" and event.problem is None
    assert event.record.fields["src_ip"] == "192.0.2.7"
    assert event.host == "may-b"  # what the line says goes before the envelope
    assert event.record.time_ms == 1_575_943_201_000


def test_the_envelope_tells_time_and_host_where_the_event_does_not() -> None:
    event = read({"time": 1575943200.25, "host": "may-a", "event": "chuyện gì đó", "fields": {"khu": "1"}}, "")
    assert (event.host, event.time_ms, event.record.fields["message"]) == ("may-a", 1_575_943_200_250, "chuyện gì đó")
    assert event.record.fields["khu"] == "1"


def test_a_windows_event_inside_is_a_windows_event_and_the_lake_keeps_its_fields() -> None:
    flat = {"EventID": 4625, "Channel": "Security", "Computer": "dc01", "TargetUserName": "admin"}
    event = read({"time": 1575943200, "host": "x", "sourcetype": "_json", "event": flat}, "windows")
    assert (event.kind, event.host, event.fields_are_raw) == ("windows", "dc01", False)
    assert event.record.fields["TargetUserName"] == "admin"
    xml = (
        '<Event xmlns="http://schemas.microsoft.com/win/2004/08/events/event"><System><Provider Name="P"/><EventID>4625'
        "</EventID><Channel>Security</Channel><Computer>dc02</Computer></System><EventData><Data Name='A'>b</Data>"
        "</EventData></Event>"
    )
    event = read({"sourcetype": "XmlWinEventLog", "event": xml}, "windows")
    assert (event.kind, event.host, event.record.fields["A"]) == ("windows", "dc02", "b")
