"""Many batches, one fsync; and what happens to them when the disk refuses."""

import asyncio
import os
import sqlite3
import time
from pathlib import Path

import pytest

from dekhang.pipeline.receive import gather
from dekhang.pipeline.receive.commit import INLINE_BYTES, Committer
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch, SpoolError, SpoolReader, SpoolWriter
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason
from tests.receivers import lanes

SOURCE = IntakeSource(7, 3, "linux")


def batch(*records: bytes) -> Batch:
    return Batch(7, 3, "linux", "http_bulk", 0, "192.0.2.1", records)


def stored(folder: Path) -> list[bytes]:
    with SpoolReader(folder, 1) as reader:
        return [record for frame in reader.read(1_000_000)[0] for record in frame.records]


def fill(writer: SpoolWriter, full: bool) -> None:
    """Make the disk look nearly full, or not."""
    writer._free_floor_bytes = 1 << 60 if full else 0
    writer._next_free_check = 0.0


def test_batches_that_come_together_share_an_fsync(tmp_path: Path) -> None:
    async def many() -> Committer:
        committer = Committer(SpoolWriter(tmp_path, 1, free_floor_bytes=0))
        await asyncio.gather(*(committer.commit(batch(b"%d" % n)) for n in range(100)))
        committer.close()
        return committer

    committer = asyncio.run(many())
    assert committer.batches == 100
    assert committer.syncs <= 3
    assert sorted(stored(tmp_path)) == sorted(b"%d" % n for n in range(100))


def test_a_flush_that_fails_in_an_unforeseen_way_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        writer = SpoolWriter(tmp_path, 1, free_floor_bytes=0)
        committer = Committer(writer)

        def fail() -> int:
            raise RuntimeError("unforeseen")

        monkeypatch.setattr(writer, "sync", fail)
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(committer.commit(batch(b"one")), 20)
        monkeypatch.undo()
        await asyncio.wait_for(committer.commit(batch(b"two")), 20)
        committer.close()

    asyncio.run(run())


@pytest.mark.parametrize("size", [10, INLINE_BYTES + 1])
def test_a_refused_fsync_fails_every_batch_under_way_and_none_of_them_stays(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.fdatasync
    refusing = True

    def fdatasync(fd: int) -> None:
        time.sleep(0.02)  # so that more batches are appended meanwhile
        if refusing:
            raise OSError(5, "Input/output error")
        real(fd)

    async def story() -> list[object]:
        nonlocal refusing
        committer = Committer(SpoolWriter(tmp_path, 1, free_floor_bytes=0))
        monkeypatch.setattr(os, "fdatasync", fdatasync)

        async def later(n: int) -> int:
            await asyncio.sleep(n * 0.003)
            return await committer.commit(batch(b"x" * size, b"%d" % n))

        failed = await asyncio.gather(*map(later, range(12)), return_exceptions=True)
        refusing = False
        await committer.commit(batch(b"sau"))
        committer.close()
        return failed

    failed = asyncio.run(story())
    assert all(isinstance(one, SpoolError) for one in failed)
    assert stored(tmp_path) == [b"sau"]


def test_lines_wait_for_a_full_disk_senders_are_held_and_all_is_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gather, "RETRY_SECONDS", 0.02)
    monkeypatch.setattr(gather, "HELD_BYTES", 20_000)

    async def story() -> None:
        refusals = Refusals(tmp_path)
        writer = SpoolWriter(tmp_path, 1, free_floor_bytes=0)
        spool = lanes(tmp_path, writer, refusals)
        fill(writer, True)
        pressed: list[bool] = []
        gatherer = Gatherer(spool, refusals, lambda: pressed.append(gatherer.presses(SOURCE.source_id)))
        for n in range(300):
            gatherer.add(SOURCE, "syslog_tcp", "192.0.2.1", [b"%d" % n], len(b"%d" % n))
        await asyncio.sleep(0.3)
        assert set(pressed) == {True}
        assert refusals.total == 0
        fill(writer, False)
        async with asyncio.timeout(10):
            while pressed[-1]:
                await asyncio.sleep(0.01)
        assert gatherer.held_bytes == 0
        await gatherer.close()
        spool.close()
        refusals.close()

    asyncio.run(story())
    assert stored(tmp_path) == [b"%d" % n for n in range(300)]


def test_what_cannot_be_held_any_longer_is_refused_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "HELD_BYTES", 5_000)

    async def story() -> int:
        refusals = Refusals(tmp_path)
        writer = SpoolWriter(tmp_path, 1, free_floor_bytes=0)
        fill(writer, True)
        gatherer = Gatherer(lanes(tmp_path, writer, refusals), refusals, lambda: None)
        for n in range(1000):
            gatherer.add(SOURCE, "syslog_udp", "192.0.2.1", [b"%d" % n], len(b"%d" % n))
        await gatherer.close()  # the disk is still full: the rest is counted as well
        total = refusals.total
        refusals.close()
        return total

    assert asyncio.run(story()) == 1000
    assert stored(tmp_path) == []


def test_refusals_are_added_up_per_source_hour_and_reason(tmp_path: Path) -> None:
    for _ in range(2):  # two processes, one after the other
        refusals = Refusals(tmp_path)
        refusals.add(7, Reason.OVERSIZE, 2, size_bytes=10, example=b"\xffvi du", peer="192.0.2.1")
        refusals.add(7, Reason.OVERSIZE, 1, size_bytes=5)
        refusals.add(0, Reason.WRONG_TOKEN, 0)
        refusals.close()
    connection = sqlite3.connect(tmp_path / "pipeline.db")
    rows = connection.execute(
        "SELECT source_id, reason, sum(records), sum(bytes), example, peer FROM refusals"
    ).fetchall()
    connection.close()
    assert rows == [(7, "oversize", 6, 30, "\ufffdvi du", "192.0.2.1")]


def test_refusals_wait_for_a_locked_database(tmp_path: Path) -> None:
    refusals = Refusals(tmp_path)
    refusals.add(7, Reason.NOISE)
    assert refusals.flush()
    assert refusals._connection is not None
    refusals._connection.execute("PRAGMA busy_timeout = 10")
    other = database.connect(tmp_path)
    other.execute("BEGIN IMMEDIATE")
    refusals.add(7, Reason.NOISE)
    assert not refusals.flush()
    other.execute("COMMIT")
    refusals.close()
    assert other.execute("SELECT sum(records) FROM refusals").fetchone() == (2,)
    other.close()
