"""Real receivers whose place names a NATS cluster: everything they take goes there, nothing into a spool."""

import json
import random
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.pipeline import place
from dekhang.pipeline.lanes import BULK, CLUSTER
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.transport import cluster
from dekhang.pipeline.transport.cluster import Transport
from dekhang.pipeline.transport.streams import Stream
from tests.cluster import NatsCluster, wait_until
from tests.integration.test_receive_files import upload, wait_for_state
from tests.receivers import TOKEN, Receiver, source

UNIT = 3


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsCluster]:
    server = NatsCluster(tmp_path / "nats", servers=1).start()
    yield server
    server.close()


@pytest.fixture
def data(tmp_path: Path, server: NatsCluster) -> Path:
    data = tmp_path / "data"
    place.write(Place(data, "may-1", transport=server.address))
    return data


@pytest.fixture
def transport(data: Path) -> Iterator[Transport]:
    """As a worker sees the cluster."""
    transport = cluster.of(data)
    yield transport
    transport.close()


def stored(transport: Transport, count: int) -> dict[int, list[bytes]]:
    """Writer → the first `count` records of the unit's lanes, in order."""
    readers = transport.readers([UNIT], {})
    found: dict[int, list[bytes]] = {}

    def enough() -> bool:
        for reader in readers:
            for frame in reader.read()[0]:
                found.setdefault(reader.writer, []).extend(frame.records)
        return sum(map(len, found.values())) >= count

    wait_until(enough, f"{count} records, {found}")
    for reader in readers:
        reader.close()
    return found


def post(receiver: Receiver, body: bytes) -> tuple[int, dict[str, object]]:
    request = urllib.request.Request(
        f"{receiver.url}/ndjson", body, {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/x-ndjson"}
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_http_syslog_and_uploads_go_to_the_cluster(data: Path, transport: Transport) -> None:
    registered = source(addresses=("127.0.0.1",))
    with Receiver(data, "http", sources=[registered]) as http, Receiver(data, "lines", sources=[registered]) as lines:
        assert post(http, b'{"a": 1}\n{"a": 2}\n')[0] == 200
        with socket.create_connection(("127.0.0.1", lines.syslog_port)) as connection:
            connection.sendall(b"<13>Dec 10 09:00:00 may sshd: mot\n")
        wait_for_state(lines, upload(data, "tep", b"dong 1\ndong 2\n"), "done")

        found = stored(transport, 5)

    assert sorted(found[CLUSTER + UNIT]) == [b"<13>Dec 10 09:00:00 may sshd: mot", b'{"a": 1}', b'{"a": 2}']
    assert found[CLUSTER + BULK + UNIT] == [b"dong 1", b"dong 2"], "files are bulk by nature"
    assert not (data / "spool").exists()


def test_senders_wait_while_the_cluster_is_away_and_nothing_is_lost(
    data: Path, server: NatsCluster, transport: Transport
) -> None:
    with Receiver(data, "http") as receiver:
        assert post(receiver, b'{"n": 1}\n')[0] == 200
        server.kill(0)
        server.start_one(0)
        assert post(receiver, b'{"n": 2}\n')[0] == 200
        assert receiver.stop() < 3

    assert stored(transport, 2) == {CLUSTER + UNIT: [b'{"n": 1}', b'{"n": 2}']}


def test_a_full_stream_is_429_and_counted_with_its_reason(tmp_path: Path, server: NatsCluster) -> None:
    data = tmp_path / "data"
    place.write(Place(data, "may-1", transport=server.address.replace("room_gb=0.5", "room_gb=0.03")))
    with Receiver(data, "http") as receiver:
        for number in range(40):
            noise = random.Random(number).randbytes(450_000).hex().encode()  # hardly compresses
            status, answer = post(receiver, b'{"n": %d, "x": "%s"}\n' % (number, noise))
            if status != 200:
                break
        assert status == 429, "1 MB of room never full"
        assert "đã đầy" in json.dumps(answer, ensure_ascii=False)
        receiver.wait_for_refusals((7, "spool_full"))
        facts = receiver.wait_for(
            lambda: (told := heartbeat.read(data)["http"])["spool_level"] != "ok" and told, seconds=60, what="the alarm"
        )
        assert facts["spool_level"] in ("alarm", "full")
        assert f"luồng {Stream(UNIT, bulk=False).name} của cụm NATS" in facts["spool_problem"]
        assert 0 < facts["spool_bytes"] < facts["spool_max_bytes"]
