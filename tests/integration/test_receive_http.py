"""Real clients against a real HTTP receiver process."""

import base64
import concurrent.futures
import gzip
import http.client
import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import elasticsearch
import elasticsearch.helpers
import pytest
import zstandard

from dekhang.pipeline.stores.intake import publish
from tests.receivers import TOKEN, Receiver, source

BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture(scope="module")
def shared_receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    """One process for the tests that only look at answers and at what they added themselves."""
    sources = [source(), source(8, token_sha256="", retired=True), source(9, unit_id=4)]
    with Receiver(tmp_path_factory.mktemp("http"), "http", sources=sources[:2]) as running:
        yield running
        assert running.stop() < 2


def send(
    receiver: Receiver, path: str, body: bytes = b"", headers: dict[str, str] = BEARER, method: str = "POST"
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read()
    assert answer.getheader("x-elastic-product") == "Elasticsearch"
    connection.close()
    return answer.status, json.loads(text) if text[:1] in (b"{", b"[") else text.decode()


def client(receiver: Receiver, **options: Any) -> elasticsearch.Elasticsearch:
    options = {"bearer_auth": TOKEN, **options}
    return elasticsearch.Elasticsearch(receiver.url, **options)


def test_the_python_client_sends_bulk_and_every_document_is_in_the_spool_once(tmp_path: Path) -> None:
    documents = [{"_index": "logs-linux", "n": number, "message": f"dòng {number}"} for number in range(2500)]
    with Receiver(tmp_path, "http") as receiver, client(receiver) as elastic:
        assert elastic.info()["version"]["number"].startswith("8.")
        sent, errors = elasticsearch.helpers.bulk(elastic, iter(documents), chunk_size=500)
        assert (sent, errors) == (2500, [])
        stored = [json.loads(record) for record in receiver.records()]
        assert sorted(one["n"] for one in stored) == list(range(2500))
        frame = receiver.frames()[0]
        assert (frame.source_id, frame.unit_id, frame.source_kind, frame.transport) == (7, 3, "linux", "http_bulk")
        assert frame.peer == "127.0.0.1"


def test_the_python_client_finds_what_it_asks_for_before_sending(shared_receiver: Receiver) -> None:
    with client(shared_receiver) as elastic:
        assert elastic.ping()
        assert elastic.cluster.health()["status"] == "green"
        assert elastic.license.get()["license"]["status"] == "active"
        assert elastic.indices.exists_index_template(name="winlogbeat")
        assert elastic.indices.put_index_template(name="x", index_patterns=["x-*"])["acknowledged"]
        assert elastic.ilm.put_lifecycle(name="x", policy={"phases": {}})["acknowledged"]
        assert "x" in elastic.ilm.get_lifecycle(name="x")
        assert elastic.indices.exists(index="filebeat-8.1.0")
        assert elastic.indices.create_data_stream(name="logs-x")["acknowledged"]
        assert elastic.ingest.put_pipeline(id="p", processors=[])["acknowledged"]
        assert elastic.nodes.info()["nodes"]["dekhang-1"]["http"]["publish_address"].startswith("127.0.0.1")
        created = elastic.index(index="logs-x", document={"a": 1}, refresh=True)
        assert created["result"] == "created"
        assert elastic.create(index="logs-x", id="một/hai", document={"a": 2})["_id"] == "một/hai"


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/_license", "license"),  # Filebeat, Logstash
        ("/_xpack", "features"),  # Filebeat 7
        ("/_nodes/ingest", "nodes"),
        ("/_nodes/_all/http", "nodes"),  # sniffing clients
        ("/_ilm/policy/filebeat", "filebeat"),
        ("/_data_stream/filebeat-8.17.0", "data_streams"),
        ("/_index_template/filebeat-8.17.0", "index_templates"),
        ("/_ingest/pipeline/filebeat", "filebeat"),
    ],
)
def test_questions_of_shippers_are_answered(shared_receiver: Receiver, path: str, field: str) -> None:
    status, answer = send(shared_receiver, path, method="GET")
    assert status == 200
    assert field in answer


def test_what_a_beat_asks_before_its_first_bulk_is_answered_as_it_expects(tmp_path: Path) -> None:
    """The requests of Filebeat 7 and 8 in their order, each on its own connection as Beats do it."""
    beat = {**BEARER, "Accept": "application/json", "Connection": "close"}
    packed = {**beat, "Content-Encoding": "gzip", "Content-Type": "application/json; charset=UTF-8"}
    events = b"".join(b'{"create":{"_index":"winlogbeat-8.17.0"}}\n{"message":"%d"}\n' % n for n in range(3))
    with Receiver(tmp_path, "http") as receiver:
        version = send(receiver, "/", headers=beat, method="GET")[1]["version"]["number"]
        assert tuple(map(int, version.split("."))) >= (8, 19, 0)  # a cluster older than the beat is refused
        licence = send(receiver, "/_license?human=false", headers=beat, method="GET")[1]["license"]
        assert (licence["status"], licence["type"]) == ("active", "basic")
        assert send(receiver, "/_ilm/policy/winlogbeat", headers=beat, method="GET")[0] == 200
        for template in ("/_index_template/winlogbeat-8.17.0", "/_template/winlogbeat-7.17.0"):
            assert send(receiver, template, headers=beat, method="HEAD")[0] == 200
            body = gzip.compress(json.dumps({"mappings": {"x": "y" * 300_000}}).encode())
            assert send(receiver, template, body, packed, "PUT") == (200, {"acknowledged": True})
        assert send(receiver, "/_data_stream/winlogbeat-8.17.0", headers=beat, method="GET")[0] == 200
        path = "/_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status"
        status, answer = send(receiver, path, gzip.compress(events), packed)
        assert (status, answer) == (200, {"errors": False, "items": [{"create": {"status": 201}}] * 3})
        assert receiver.records() == [b'{"message":"%d"}' % n for n in range(3)]


def test_rsyslogs_health_question_is_answered_in_text(shared_receiver: Receiver) -> None:
    assert "green" in send(shared_receiver, "/_cat/health", method="GET")[1]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": f"Bearer {TOKEN}"},
        {"Authorization": f"ApiKey {TOKEN}"},
        {"Authorization": "ApiKey " + base64.b64encode(f"id:{TOKEN}".encode()).decode()},
        {"Authorization": "Basic " + base64.b64encode(f"elastic:{TOKEN}".encode()).decode()},
        {"X-DK-Token": TOKEN},
    ],
)
def test_each_way_to_carry_the_token_is_accepted(shared_receiver: Receiver, headers: dict[str, str]) -> None:
    assert send(shared_receiver, "/", headers=headers, method="GET")[0] == 200


@pytest.mark.parametrize(
    ("headers", "reason"),
    [({}, "missing_token"), ({"X-DK-Token": "sai"}, "wrong_token"), ({"Authorization": "Basic !!"}, "wrong_token")],
)
def test_without_the_right_token_the_answer_is_401_and_it_is_counted(
    shared_receiver: Receiver, headers: dict[str, str], reason: str
) -> None:
    before = shared_receiver.refusals().get((0, reason), 0)
    kept = len(shared_receiver.records())
    status, answer = send(shared_receiver, "/_bulk", b'{"index":{}}\n{"a":1}\n', headers)
    if headers.get("Authorization"):
        reason = "missing_token"  # no reading of it gives a token
        before = shared_receiver.refusals().get((0, reason), 0)
    assert status == answer["status"] == 401
    assert "Kết nối nguồn log" in answer["error"]["reason"]
    shared_receiver.wait_for_refusals((0, reason), max(1, before))
    assert len(shared_receiver.records()) == kept


def test_the_python_client_raises_its_own_error_for_a_wrong_token(shared_receiver: Receiver) -> None:
    with client(shared_receiver, bearer_auth="sai") as elastic, pytest.raises(elasticsearch.AuthenticationException):
        elastic.bulk(operations=[{"index": {}}, {"a": 1}], index="x")


def test_a_bulk_keeps_what_it_cannot_read_and_answers_per_item(tmp_path: Path) -> None:
    body = (
        b'{"create":{"_index":"a","_id":"1"}}\n{"x":1}\n'
        b"khong phai lenh\n"
        b'{"index":{}}\n{hong json\r\n'
        b'{"delete":{"_id":"1"}}\n'
        b'{"update":{"_id":"1"}}\n{"doc":{}}\n'
        b'{"index":{}}\n'
    )
    with Receiver(tmp_path, "http") as receiver:
        status, answer = send(receiver, "/mac-dinh/_bulk", body)
        assert receiver.records() == [b'{"x":1}', b"khong phai lenh", b"{hong json"]
        receiver.wait_for_refusals((7, "unsupported"), 2)
        receiver.wait_for_refusals((7, "malformed"), 1)
    items = [(action, about["status"]) for item in answer["items"] for action, about in item.items()]
    assert status == 200
    assert answer["errors"] is True
    assert items == [("create", 201), ("index", 201), ("index", 201), ("delete", 400), ("update", 400), ("index", 400)]
    assert answer["items"][2]["index"]["_index"] == "mac-dinh"


def test_ids_of_sender_and_idempotency_keys_reach_the_spool(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        send(receiver, "/_bulk", b'{"index":{"_index":"a","_id":"x1"}}\n{}\n{"index":{"_index":"a"}}\n{}\n')
        for _ in range(2):
            send(receiver, "/ndjson", b"mot\nhai\n", {**BEARER, "Idempotency-Key": "goi-1"})
        send(receiver, "/ndjson", b"mot\nhai\n")
        frames = receiver.frames()
    assert frames[0].ids == [b"a\0x1", None]
    assert frames[1].ids == frames[2].ids
    assert len(set(frames[1].ids or [])) == 2
    assert frames[3].ids is None


def test_lines_and_json_arrays_come_gzip_zstd_or_plain(tmp_path: Path) -> None:
    text = "một\r\nhai\n\nba".encode()
    with Receiver(tmp_path, "http") as receiver:
        assert send(receiver, "/ndjson", text) == (200, {"accepted": 3, "truncated": 0})
        send(receiver, "/", gzip.compress(text), {**BEARER, "Content-Encoding": "gzip"})
        send(receiver, "/", zstandard.compress(text), {**BEARER, "Content-Encoding": "zstd"})
        send(receiver, "/", b' [{"a": 1},\n {"b": "]"}] ')
        records = receiver.records()
    assert records == ["một".encode(), b"hai", b"ba"] * 3 + [b'{"a": 1}', b'{"b": "]"}']


def zip_bomb(encoding: str) -> bytes:
    """300 MB of zeros, packed."""
    if encoding == "gzip":
        packed = io.BytesIO()
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as file:
            for _ in range(300):
                file.write(bytes(1 << 20))
        return packed.getvalue()
    compressor = zstandard.ZstdCompressor().compressobj()
    return b"".join(compressor.compress(bytes(1 << 20)) for _ in range(300)) + compressor.flush()


@pytest.mark.parametrize("encoding", ["gzip", "zstd"])
def test_a_zip_bomb_is_413_and_costs_little_memory(tmp_path: Path, encoding: str) -> None:
    with Receiver(tmp_path, "http") as receiver:
        before = receiver.memory_mb()
        status, answer = send(receiver, "/_bulk", zip_bomb(encoding), {**BEARER, "Content-Encoding": encoding})
        assert status == 413, answer
        assert receiver.memory_mb() - before < 80
        receiver.wait_for_refusals((7, "oversize"))
        assert send(receiver, "/ndjson", b"van nhan\n")[0] == 200


def test_many_zip_bombs_at_once_are_asked_to_wait_and_stay_within_memory(tmp_path: Path) -> None:
    """Each unpacks to just under the limit; together they would be 500 MB."""
    body = gzip.compress((b"x" * 999 + b"\n") * 31_000, 6)

    def one(_: int) -> int:
        return send(receiver, "/ndjson", body, {**BEARER, "Content-Encoding": "gzip"})[0]

    with Receiver(tmp_path, "http") as receiver, concurrent.futures.ThreadPoolExecutor(16) as pool:
        before = receiver.memory_mb()
        statuses = list(pool.map(one, range(16)))
        assert set(statuses) <= {200, 429}
        assert 200 in statuses
        assert receiver.memory_mb() - before < 350, statuses
        assert len(receiver.records()) == statuses.count(200) * 31_000


def test_a_body_of_100_mb_is_413_and_the_next_one_is_taken(tmp_path: Path) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(100):
            yield b"a" * (1 << 20)

    with Receiver(tmp_path, "http") as receiver:
        before = receiver.memory_mb()
        connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
        try:
            connection.request("POST", "/ndjson", body=endless(), headers=BEARER, encode_chunked=True)
        except OSError:
            pass  # the receiver may hang up before all of it is sent
        else:
            assert connection.getresponse().status == 413
        connection.close()
        assert receiver.memory_mb() - before < 120
        assert send(receiver, "/ndjson", b"van nhan\n")[0] == 200


def test_a_line_over_a_megabyte_is_cut_and_counted(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        _, answer = send(receiver, "/ndjson", b"ngan\n" + b"d" * 1_500_000 + b"\nngan nua\n")
        assert answer == {"accepted": 3, "truncated": 1}
        assert [len(record) for record in receiver.records()] == [4, 1_000_000, 8]
        receiver.wait_for_refusals((7, "oversize"))


@pytest.mark.parametrize(
    ("path", "body", "headers", "method", "expected"),
    [
        ("/_bulk", b"xx", {"Content-Encoding": "gzip"}, "POST", 400),
        ("/ndjson", gzip.compress(b"a" * 999, mtime=0)[:-9], {"Content-Encoding": "gzip"}, "POST", 400),
        ("/ndjson", b"x", {"Content-Encoding": "br"}, "POST", 415),
        ("/_search", b"{}", {}, "POST", 404),
        ("/logs", b"", {}, "DELETE", 405),
        ("/x/_doc", b"", {}, "POST", 400),
        ("/ndjson", b"\n" * 500_000, {}, "POST", 413),
        ("/ndjson", b"", {}, "POST", 200),
        ("/_bulk", b"\x00\xff\xfe\n" * 10, {}, "POST", 200),  # noise is kept raw, like every line it cannot read
    ],
    ids=["not-gzip", "cut-gzip", "brotli", "search", "delete", "no-document", "too-many-lines", "empty", "noise"],
)
def test_odd_requests_get_a_status_and_a_sentence(
    shared_receiver: Receiver, path: str, body: bytes, headers: dict[str, str], method: str, expected: int
) -> None:
    status, answer = send(shared_receiver, path, body, BEARER | headers, method)
    assert status == expected
    if status >= 400:
        assert answer["error"]["reason"].endswith((".", ")"))


def test_what_is_sent_to_a_wrong_address_is_counted_for_its_source(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        assert send(receiver, "/index/_sarch", b"{}")[0] == 404
        receiver.wait_for_refusals((7, "wrong_address"))
        assert send(receiver, "/_search", b"", BEARER, "GET")[0] == 404  # a look is no record


def test_a_retired_source_is_403_and_a_new_one_is_known_within_a_second(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http", sources=[source(8, retired=True)]) as receiver:
        status, answer = send(receiver, "/ndjson", b"x\n")
        assert status == 403
        assert "ngừng sử dụng" in answer["error"]["reason"]
        receiver.wait_for_refusals((8, "retired"))
        publish(tmp_path, [source(9)])
        receiver.wait_for(lambda: send(receiver, "/ndjson", b"x\n")[0] == 200, seconds=1.5)
        assert receiver.frames()[-1].source_id == 9


def test_requests_at_the_same_time_share_fsyncs_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    def one_client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
        for turn in range(20):
            connection.request("POST", "/ndjson", body=f"{number}-{turn}\n".encode(), headers=BEARER)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b'{"accepted":1,"truncated":0}')
        connection.close()

    with Receiver(tmp_path, "http") as receiver, concurrent.futures.ThreadPoolExecutor(16) as pool:
        list(pool.map(one_client, range(16)))
        records = receiver.records()
        assert sorted(records) == sorted(f"{n}-{t}".encode() for n in range(16) for t in range(20))
        receiver.stop()


def test_a_full_disk_is_429_with_retry_after(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http", "--free-floor-mb", str(1 << 40)) as receiver:
        connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
        connection.request("POST", "/_bulk", body=b'{"index":{}}\n{"a":1}\n', headers=BEARER)
        answer = connection.getresponse()
        assert answer.status == 429
        assert int(answer.getheader("retry-after") or 0) > 0
        assert "trống" in json.loads(answer.read())["error"]["reason"]
        connection.close()
        receiver.wait_for_refusals((7, "disk_full"))


def test_a_port_in_use_is_one_sentence_with_the_option_and_code_2(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "dekhang.pipeline.receive", "http", "--data", str(tmp_path), "--port", port]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 2
    assert port in ended.stderr
    assert "--port" in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_sigterm_ends_within_two_seconds_even_with_senders_that_hold_on(tmp_path: Path) -> None:
    with Receiver(tmp_path, "http") as receiver:
        send(receiver, "/ndjson", b"giu lai\n")
        slow = socket.create_connection(("127.0.0.1", receiver.http_port))
        slow.sendall(b"POST /ndjson HTTP/1.1\r\nHost: a\r\nX-DK-Token: " + TOKEN.encode() + b"\r\n")
        slow.sendall(b"Content-Length: 100\r\n\r\nabc")
        time.sleep(0.1)
        assert receiver.stop() < 2
        slow.close()
        assert receiver.records() == [b"giu lai"]
        assert not (tmp_path / "run" / "http.json").exists()
