"""Transport over a real NATS server: acknowledged is stored once, read in order, lost only if it is told."""

import asyncio
import collections
import random
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from dekhang.pipeline.spool import START, Batch, Frame, Position, SpoolError, SpoolFull, event_id
from dekhang.pipeline.transport import nats_reader, nats_writer, streams
from dekhang.pipeline.transport.address import Cluster
from dekhang.pipeline.transport.link import Link, LinkThread
from dekhang.pipeline.transport.nats_reader import Counter, NatsReader, Purger
from dekhang.pipeline.transport.nats_writer import NatsCommitter, NatsSpool
from dekhang.pipeline.transport.streams import BY_WRITER, Stream
from tests.cluster import NatsCluster, wait_until

UNIT = 3
STREAM = Stream(UNIT, bulk=False)
HOUR = 437_762


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsCluster]:
    """One server: what it takes to kill one of three is in tests/chaos."""
    server = NatsCluster(tmp_path_factory.mktemp("nats") / "server", servers=1).start()
    yield server
    server.close()


@pytest.fixture
def cluster(server: NatsCluster) -> Cluster:
    return Cluster.of(server.address)


@pytest.fixture
def thread(cluster: Cluster) -> Iterator[LinkThread]:
    """A connection to a server without streams."""
    thread = LinkThread(cluster, "test")

    async def delete_all() -> None:
        jetstream = await thread.link.jetstream()
        for info in await jetstream.streams_info():
            await jetstream.delete_stream(info.config.name)

    thread.call(delete_all())
    yield thread
    thread.close()


@pytest.fixture
def open_reader(thread: LinkThread) -> Iterator[Callable[..., NatsReader]]:
    opened: list[NatsReader] = []

    def open_one(position: Position = START, stream: Stream = STREAM) -> NatsReader:
        opened.append(NatsReader(thread, stream, position))
        return opened[-1]

    yield open_one
    for reader in opened:
        reader.close()


def batch(*records: bytes, source: int = 7, ids: list[bytes | None] | None = None, unit: int = UNIT) -> Batch:
    return Batch(source, unit, "linux", "http_bulk", HOUR * 3_600_000, "192.0.2.7", records, ids)


def sending(
    cluster: Cluster,
    work: Callable[[NatsCommitter], Coroutine[Any, Any, Any]],
    *,
    bulk: bool = False,
    committed: Mapping[int, int] | None = None,
) -> Any:
    """What `work` returns that is given a committer."""

    async def run() -> Any:
        async def known() -> Mapping[int, int]:
            return committed or {}

        link = Link(cluster, "test")
        committer = NatsCommitter(link, cluster, bulk=bulk, committed=known)
        try:
            return await work(committer)
        finally:
            committer.close()
            await link.close()

    return asyncio.run(run())


def read_until(reader: NatsReader, enough: Callable[[list[Frame]], bool]) -> list[Frame]:
    frames: list[Frame] = []

    def read() -> bool:
        frames.extend(reader.read()[0])
        return enough(frames)

    wait_until(read, f"enough of {reader.stream.name}, got {len(frames)} frames, {reader.problems}")
    return frames


def records_of(frames: list[Frame]) -> list[bytes]:
    return [record for frame in frames for record in frame.records]


def test_a_committed_batch_is_read_with_all_that_was_known_of_it(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    sent = batch(b"mot", b"\x00\xff hai", ids=[b"id-1", None])

    first_id = sending(cluster, lambda committer: committer.commit(sent))

    (frame,) = read_until(open_reader(), lambda frames: len(frames) == 1)
    assert (frame.source_id, frame.unit_id, frame.source_kind, frame.transport) == (7, UNIT, "linux", "http_bulk")
    assert (frame.records, frame.ids, frame.peer) == (list(sent.records), sent.ids, "192.0.2.7")
    assert frame.received_ms == sent.received_ms
    assert first_id == event_id(1000 + UNIT, frame.first_seq)


def test_batches_that_wait_together_leave_together_and_in_order(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def many(committer: NatsCommitter) -> tuple[int, list[int]]:
        ids = await asyncio.gather(*(committer.commit(batch(b"%d" % number)) for number in range(200)))
        return committer.syncs, ids

    messages, ids = sending(cluster, many)

    assert messages < 50
    assert ids == sorted(ids)
    frames = read_until(open_reader(), lambda frames: len(frames) == 200)
    assert records_of(frames) == [b"%d" % number for number in range(200)]
    assert [event_id(1000 + UNIT, frame.first_seq) for frame in frames] == ids


def test_a_batch_larger_than_a_message_arrives_whole(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    records = [b"%06d" % number + bytes(number % 251 for number in range(300)) for number in range(9_000)]
    records[5] = bytes(range(256)) * 3_900  # a record of almost 1 MB

    sending(cluster, lambda committer: committer.commit(batch(*records)))

    assert records_of(read_until(open_reader(), lambda frames: len(records_of(frames)) >= 9_000)) == records


def test_lanes_and_partitions_are_streams_of_their_own(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    sending(cluster, lambda committer: committer.commit(batch(b"gap")))
    sending(cluster, lambda committer: committer.commit(batch(b"nhieu")), bulk=True)
    sending(cluster, lambda committer: committer.commit(batch(b"phan khac", unit=16 + 5)))

    for stream, record in ((STREAM, b"gap"), (Stream(UNIT, True), b"nhieu"), (Stream(5, False), b"phan khac")):
        reader = open_reader(stream=stream)
        assert records_of(read_until(reader, lambda frames: len(frames) == 1)) == [record]


def test_the_next_owner_starts_behind_the_committed_position(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def one_by_one(committer: NatsCommitter) -> None:
        for number in range(10):
            await committer.commit(batch(b"%d" % number))

    sending(cluster, one_by_one)
    first = open_reader()
    wait_until(lambda: sum(first.waiting().values()) == 10, "all counted")
    frames, position = [], START
    while len(frames) < 4:
        got, position = first.read(max_records=1)
        frames += got

    second = open_reader(Position.load(position.dump()))

    assert records_of(read_until(second, lambda frames: len(frames) == 6)) == [
        b"%d" % number for number in range(4, 10)
    ]
    assert second.positions == {UNIT: second.position}
    assert first.lost_records == second.lost_records == 0


def test_what_waits_is_counted_by_source_and_hour_without_reading_it(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def two(committer: NatsCommitter) -> None:
        await committer.commit(batch(b"a", b"b", source=7))
        await committer.commit(batch(b"c", source=8))

    reader = open_reader()
    sending(cluster, two)

    assert reader.waiting() == {(7, HOUR): 2, (8, HOUR): 1}
    read_until(reader, lambda frames: len(frames) == 2)
    assert reader.waiting() == {}
    sending(cluster, lambda committer: committer.commit(batch(b"d", source=8)))
    assert reader.waiting() == {(8, HOUR): 1}


def test_a_long_backlog_is_counted_in_blocks_and_exactly_wherever_the_lake_is(
    cluster: Cluster, thread: LinkThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_reader, "COUNTED_SINGLY", 3)
    monkeypatch.setattr(nats_reader, "COUNTED_TOGETHER", 5)

    async def many(committer: NatsCommitter) -> None:
        for number in range(30):
            await committer.commit(batch(b"x", source=7 + number % 2))

    sending(cluster, many)
    counter = Counter(STREAM)

    def waiting(behind: int) -> dict[tuple[int, int], int]:
        return thread.call(counter.count(thread.link, behind), seconds=30)

    assert waiting(0) == {(7, HOUR): 15, (8, HOUR): 15}
    assert len(counter._counted) < 12
    for behind in (1, 4, 6, 7, 13, 14, 22, 29, 30):
        assert waiting(behind) == dict(collections.Counter((7 + number % 2, HOUR) for number in range(behind, 30)))
    sending(cluster, lambda committer: committer.commit(batch(b"y", source=8)))
    assert waiting(30) == {(8, HOUR): 1}


def test_a_damaged_message_costs_only_itself_and_is_counted(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    sending(cluster, lambda committer: committer.commit(batch(b"truoc")))

    async def damage() -> None:
        jetstream = await thread.link.jetstream()
        await jetstream.publish(STREAM.subject, b"khong phai goi cua ta", headers={"Dk-Records": f"7:{HOUR}=12"})

    thread.call(damage())
    sending(cluster, lambda committer: committer.commit(batch(b"sau")))

    reader = open_reader()
    assert records_of(read_until(reader, lambda frames: len(frames) == 2)) == [b"truoc", b"sau"]
    assert reader.lost_records == 12
    assert reader.problems == [f"Gói 2 của luồng {STREAM.name} bị hỏng; mất 12 bản ghi."]


def test_messages_that_vanished_from_the_stream_are_a_loss_that_is_told(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def five(committer: NatsCommitter) -> None:
        for number in range(5):
            await committer.commit(batch(b"%d" % number))

    sending(cluster, five)

    async def purge() -> None:
        await streams.purge(await thread.link.jetstream(), STREAM, 4)

    thread.call(purge())

    reader = open_reader(Position(0, 1, 0))
    assert records_of(read_until(reader, lambda frames: len(frames) == 1)) == [b"4"]
    assert reader.lost_records == 3
    assert reader.problems == [f"Thiếu 3 gói trước gói 5 của luồng {STREAM.name}."]


def test_a_stream_that_was_deleted_goes_on_with_new_numbers_and_the_reader_says_so(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    old_id = sending(cluster, lambda committer: committer.commit(batch(b"cu")))
    reader = open_reader()
    read_until(reader, lambda frames: len(frames) == 1)

    async def delete() -> None:
        await (await thread.link.jetstream()).delete_stream(STREAM.name)

    thread.call(delete())
    new_id = sending(
        cluster,
        lambda committer: committer.commit(batch(b"moi")),
        committed={STREAM.writer: reader.position.offset},
    )

    assert new_id > old_id
    assert records_of(read_until(reader, lambda frames: len(frames) == 1)) == [b"moi"]
    assert reader.problems == [f"Luồng {STREAM.name} đã bị xóa và tạo lại; những gói chưa xử lý trong đó đã mất."]


def test_a_stream_made_again_while_its_reader_was_ahead_of_the_lake_is_no_gap_of_a_million(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def three(committer: NatsCommitter) -> None:
        for number in range(3):
            await committer.commit(batch(b"%d" % number))

    sending(cluster, three)
    reader = open_reader()
    read_until(reader, lambda frames: len(frames) == 3)

    async def delete() -> None:
        await (await thread.link.jetstream()).delete_stream(STREAM.name)

    thread.call(delete())
    sending(cluster, lambda committer: committer.commit(batch(b"moi")), committed={STREAM.writer: 1})

    assert records_of(read_until(reader, lambda frames: len(frames) == 1)) == [b"moi"]
    assert (reader.lost_records, ["xóa và tạo lại" in one for one in reader.problems]) == (1, [True])


def test_more_damaged_messages_than_are_read_ahead_do_not_stop_a_reader(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_reader, "AHEAD_BYTES", 10)
    sending(cluster, lambda committer: committer.commit(batch(b"truoc")))

    async def damage() -> None:
        jetstream = await thread.link.jetstream()
        for _ in range(3 * nats_reader.FETCH_MESSAGES):
            await jetstream.publish(STREAM.subject, b"khong phai goi cua ta")

    thread.call(damage())
    sending(cluster, lambda committer: committer.commit(batch(b"sau")))

    assert records_of(read_until(open_reader(), lambda frames: len(frames) == 2)) == [b"truoc", b"sau"]


def test_a_full_stream_refuses_and_takes_again_after_the_workers_caught_up(
    server: NatsCluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    small = Cluster.of(server.address.replace("room_gb=0.5", "room_gb=0.03"))  # 1 MB a stream
    noise = [random.Random(number).randbytes(50_000) for number in range(4)]  # does not compress

    async def fill(committer: NatsCommitter) -> int:
        for taken in range(100):
            try:
                await committer.commit(batch(*noise))
            except SpoolFull as full:
                assert "đã đầy" in str(full)
                return taken
        raise AssertionError("never full")

    taken = sending(small, fill)
    assert taken >= 1

    reader = open_reader()
    read_until(reader, lambda frames: len(records_of(frames)) == taken * len(noise))
    Purger(thread).purge(STREAM.writer, reader.position.offset, now=time.monotonic())
    wait_until(lambda: not _messages(thread, STREAM), "purged")
    sending(small, lambda committer: committer.commit(batch(*noise)))
    read_until(reader, lambda frames: len(records_of(frames)) == len(noise))
    assert reader.lost_records == 0


def _messages(thread: LinkThread, stream: Stream) -> int:
    async def ask() -> int:
        return (await (await thread.link.jetstream()).stream_info(stream.name)).state.messages

    return thread.call(ask())


def test_a_server_that_dies_and_comes_back_costs_nothing_that_was_acknowledged(
    tmp_path: Path,
) -> None:
    server = NatsCluster(tmp_path / "server", servers=1).start()
    cluster = Cluster.of(server.address)
    try:

        async def load(committer: NatsCommitter) -> list[bytes]:
            acknowledged: list[bytes] = []

            async def send(name: bytes) -> None:
                for number in range(60):
                    record = b"%s-%d" % (name, number)
                    await committer.commit(batch(record))
                    acknowledged.append(record)

            senders = asyncio.gather(*(send(b"%d" % one) for one in range(8)))
            while len(acknowledged) < 50:
                await asyncio.sleep(0.01)
            server.kill(0)
            await asyncio.sleep(0.5)
            server.start_one(0)
            await senders
            return acknowledged

        acknowledged = sending(cluster, load)

        thread = LinkThread(cluster, "test")
        reader = NatsReader(thread, STREAM, START)
        stored = records_of(read_until(reader, lambda frames: len(records_of(frames)) >= 480))
        assert sorted(stored) == sorted(acknowledged)
        assert reader.lost_records == 0
        reader.close()
        thread.close()
    finally:
        server.close()


def test_a_reader_goes_on_after_its_server_died(tmp_path: Path) -> None:
    server = NatsCluster(tmp_path / "server", servers=1).start()
    cluster = Cluster.of(server.address)
    thread = LinkThread(cluster, "test")
    try:
        sending(cluster, lambda committer: committer.commit(batch(b"truoc")))
        reader = NatsReader(thread, STREAM, START)
        read_until(reader, lambda frames: len(frames) == 1)

        server.kill(0)
        server.start_one(0)
        sending(cluster, lambda committer: committer.commit(batch(b"sau")))

        assert records_of(read_until(reader, lambda frames: len(frames) == 1)) == [b"sau"]
        assert reader.lost_records == 0
        reader.close()
    finally:
        thread.close()
        server.close()


def test_without_an_answer_senders_are_told_to_wait_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nats_writer, "ANSWER_SECONDS", 1.0)
    monkeypatch.setattr(nats_writer, "SILENT_SECONDS", 0.3)
    nowhere = Cluster.of("nats://127.0.0.1:1?replicas=1")

    async def try_it(committer: NatsCommitter) -> float:
        first = asyncio.ensure_future(committer.commit(batch(b"a")))
        await asyncio.sleep(0.6)
        with pytest.raises(SpoolFull, match="không trả lời"):
            await committer.commit(batch(b"b"))
        started = time.monotonic()
        with pytest.raises(SpoolError, match="không xác nhận"):
            await first
        return time.monotonic() - started

    assert sending(nowhere, try_it) < 30


def test_bytes_on_their_way_are_bounded(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nats_writer, "HELD_BYTES", 1_000)

    async def flood(committer: NatsCommitter) -> list[Any]:
        sent = (committer.commit(batch(b"x" * 400)) for _ in range(10))
        answers = await asyncio.gather(*sent, return_exceptions=True)
        await committer.commit(batch(b"sau con lu"))
        return answers

    answers = sending(cluster, flood)

    assert sum(isinstance(answer, int) for answer in answers) == 2
    assert sum(isinstance(answer, SpoolFull) for answer in answers) == 8


def test_the_files_receiver_appends_and_syncs_as_to_a_spool(
    cluster: Cluster, thread: LinkThread, open_reader: Callable[..., NatsReader]
) -> None:
    async def committed() -> Mapping[int, int]:
        return {}

    spool = NatsSpool(thread, cluster, bulk=True, committed=committed)
    spool.append(batch(b"dong 1", ids=[b"tep:1"]))
    spool.append(batch(b"dong 2", ids=[b"tep:2"]))
    spool.sync()
    spool.close()

    reader = open_reader(stream=Stream(UNIT, bulk=True))
    assert records_of(read_until(reader, lambda frames: len(frames) == 2)) == [b"dong 1", b"dong 2"]


def test_several_processes_prepare_the_streams_at_once(cluster: Cluster, thread: LinkThread) -> None:
    faults: list[BaseException] = []

    def prepare() -> None:
        try:
            sending(cluster, lambda committer: committer.commit(batch(b"x")))
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    assert faults == []
    assert sum(_messages(thread, stream) for stream in BY_WRITER.values()) == 4
