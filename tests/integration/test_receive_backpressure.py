"""What waits is bounded: senders are slowed, nothing that was taken is lost, and all goes on by itself."""

import asyncio
import http.client
import random
from pathlib import Path

import pytest

from dekhang.pipeline.lanes import BULK
from dekhang.pipeline.receive import gather
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import Room
from dekhang.pipeline.receive.sender import Senders
from dekhang.pipeline.receive.syslog import SyslogReceiver
from dekhang.pipeline.spool import SpoolReader, SpoolWriter, prune
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.stores.intake import IntakeMap, hash_token, publish
from dekhang.pipeline.stores.quotas import loud_hours
from dekhang.pipeline.worker.loop import Worker as LakeWorker
from tests.receivers import TOKEN, Receiver, free_port, lanes, source

MB = 1 << 20
NOISE = random.Random(7).randbytes(6 << 20).hex()  # does not pack well: 12 MB of text take 6 MB of disk


def lines(count: int, size: int = 1000) -> list[bytes]:
    return [b"<13>%06d %s" % (n, NOISE[n * 997 % 10_000_000 :][:size].encode()) for n in range(count)]


class Worker:
    """Reads what is in the spool and lets go of it, as the worker does once it is in the lake."""

    def __init__(self, data: Path, writer: int) -> None:
        self.folder, self.writer = data / "spool", writer
        self.records: list[bytes] = []
        self._reader = SpoolReader(self.folder, writer)

    def work(self) -> None:
        while frames := self._reader.read(100_000)[0]:
            self.records += [record for frame in frames for record in frame.records]
        prune(self.folder, self.writer, self._reader.position)


def test_a_tcp_sender_is_not_read_while_the_spool_is_full_and_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "HELD_BYTES", 4 * MB)
    monkeypatch.setattr(gather, "SOURCE_HELD_BYTES", 100_000)
    sent = lines(40_000)
    publish(tmp_path, [source(7, addresses=("127.0.0.1",), quota_eps=1_000_000)])

    async def story() -> None:
        refusals = Refusals(tmp_path)
        room = Room(tmp_path / "spool", maximum_bytes=4 * MB)
        writer = SpoolWriter(tmp_path / "spool", 2, free_floor_bytes=0, segment_bytes=MB, gate=room.gate(2))
        spool = lanes(tmp_path, writer, refusals)
        receiver = SyslogReceiver(Senders(IntakeMap(tmp_path)), refusals)
        receiver.gatherer = Gatherer(spool, refusals, receiver.press)
        port = free_port()
        await receiver.listen("127.0.0.1", udp_port=0, tcp_port=port)
        _, line = await asyncio.open_connection("127.0.0.1", port)

        async def send() -> None:
            for n in range(0, len(sent), 100):
                line.write(b"\n".join(sent[n : n + 100]) + b"\n")
                await line.drain()

        sending = asyncio.create_task(send())
        while not (receiver.gatherer.presses(7) and room.is_full()):
            await asyncio.sleep(0.01)
        held_up = receiver.messages
        await asyncio.sleep(0.5)
        assert receiver.messages == held_up < len(sent)
        assert not sending.done()  # the sender waits for the kernel, the kernel for us
        worker = Worker(tmp_path, 2)
        while len(worker.records) < len(sent):
            worker.work()
            await asyncio.sleep(0.02)
        await sending
        line.close()
        assert worker.records == sent
        assert refusals.total == 0
        await receiver.close()
        await receiver.gatherer.close()
        spool.close()
        refusals.close()

    asyncio.run(asyncio.wait_for(story(), 120))


def post(receiver: Receiver, token: str, body: bytes) -> tuple[int, str | None]:
    """Status and Retry-After."""
    connection = http.client.HTTPConnection("127.0.0.1", receiver.http_port, timeout=20)
    connection.request("POST", "/ndjson", body, {"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("retry-after")


def test_what_a_calm_source_sends_after_a_flood_is_in_the_lake_with_the_first_batch(tmp_path: Path) -> None:
    loud, calm = source(7, quota_eps=100), source(8, unit_id=4, token_sha256=hash_token("yen"))
    with Receiver(tmp_path, "http", sources=[loud, calm]) as receiver:
        flood = b"\n".join(b"<13>Dec 10 02:00:00 may-a app: lu %d" % n for n in range(30_000))
        assert [post(receiver, TOKEN, flood)[0] for _ in range(3)] == [200, 200, 200]
        assert post(receiver, "yen", b"<13>Dec 10 02:00:00 may-b app: yen\n" * 10)[0] == 200
        (tmp_path / "rules").mkdir()
        worker = LakeWorker(tmp_path, [tmp_path / "rules"])
        worker.start()
        assert worker.step()
        ledgers = ledger.of_sources(tmp_path, [7, 8])
        assert (ledgers[8].stored, ledgers[8].waiting) == (10, 0)
        assert ledgers[7].waiting > 40_000
        worker.drain()
        worker.close()
        ledgers = ledger.of_sources(tmp_path, [7, 8])
        assert (ledgers[7].stored, ledgers[7].waiting) == (90_000, 0)
        receiver.wait_for(lambda: loud_hours(tmp_path, [7, 8], 0), what="the count of the loud source")
        assert {hour.source_id for hour in loud_hours(tmp_path, [7, 8], 0)} == {7}
        assert sum(hour.bulk_records for hour in loud_hours(tmp_path, [7], 0)) == 90_000


def test_http_is_429_with_retry_after_for_the_loud_source_first_and_not_for_the_calm_one(tmp_path: Path) -> None:
    loud, calm = source(7, quota_eps=1), source(8, unit_id=4, token_sha256=hash_token("yen"))

    def send(token: str, body: bytes) -> tuple[int, str | None]:
        return post(receiver, token, body)

    with Receiver(tmp_path, "http", "--spool-max-mb", "64", sources=[loud, calm]) as receiver:
        body = b"\n".join(lines(10_000))
        receiver.wait_for(lambda: send(TOKEN, body)[0] == 429, seconds=60)
        status, retry_after = send(TOKEN, body)
        assert status == 429 and int(retry_after or 0) > 0
        assert send("yen", b"mot dong\n")[0] == 200
        receiver.wait_for_refusals((7, "source_full"))
        assert (tmp_path / "spool" / str(BULK + 1)).exists()
        assert {frame.source_id for frame in receiver.frames("http")} == {8}
