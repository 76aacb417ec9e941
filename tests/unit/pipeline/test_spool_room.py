"""Bounded disk: the loud stop first, then everybody; the alarm comes before; all recover by themselves."""

import asyncio
import os
from pathlib import Path

import pytest

from dekhang.pipeline.lanes import BULK
from dekhang.pipeline.receive import gather
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import NEWS, NoRoom, Room
from dekhang.pipeline.spool import Batch, SpoolReader, SpoolWriter, prune
from dekhang.pipeline.stores.intake import IntakeSource, publish
from dekhang.pipeline.stores.reasons import Reason
from tests.receivers import lanes

MB = 1024 * 1024


def batch(source_id: int, size: int = 1 * MB) -> Batch:
    return Batch(source_id, 3, "linux", "http_bulk", 0, "192.0.2.1", [os.urandom(size)])


class Spool:
    """Writers of one folder behind one room of `maximum` bytes."""

    def __init__(self, folder: Path, maximum: int) -> None:
        self.folder = folder / "spool"
        self.room = Room(self.folder, maximum_bytes=maximum)
        self.writers: dict[int, SpoolWriter] = {}

    def writer(self, number: int) -> SpoolWriter:
        if number not in self.writers:
            self.writers[number] = SpoolWriter(
                self.folder, number, free_floor_bytes=0, segment_bytes=MB, gate=self.room.gate(number)
            )
        return self.writers[number]

    def append(self, number: int, one: Batch) -> None:
        writer = self.writer(number)
        writer.append(one)
        writer.sync()
        self.room.look()

    def close(self) -> None:
        for writer in self.writers.values():
            writer.close()


@pytest.fixture
def spool(tmp_path: Path):
    made = Spool(tmp_path, 20 * MB)
    yield made
    made.close()


def reason_of(spool: Spool, number: int, one: Batch) -> Reason | None:
    try:
        spool.append(number, one)
    except NoRoom as refused:
        return refused.reason
    return None


def test_a_loud_source_is_stopped_at_its_own_share_and_another_loud_one_is_not(spool: Spool) -> None:
    taken = 0
    while reason_of(spool, BULK + 1, batch(7)) is None:
        taken += 1
    assert taken == 6  # a quarter of 20 MB, and the segment that is being written
    assert reason_of(spool, BULK + 1, batch(7)) is Reason.SOURCE_FULL
    assert reason_of(spool, BULK + 1, batch(8)) is None
    assert reason_of(spool, 1, batch(7)) is None


def test_all_loud_sources_together_leave_room_for_what_is_urgent(spool: Spool) -> None:
    source_id = 100
    while (reason := reason_of(spool, BULK + 1, batch(source_id))) is None:
        source_id += 1
    assert reason is Reason.SPOOL_FULL
    assert source_id == 116
    assert reason_of(spool, 1, batch(7)) is None
    assert spool.room.facts()["spool_level"] == "full"


def test_a_full_spool_refuses_everybody_in_a_sentence_and_recovers_when_the_worker_has_caught_up(spool: Spool) -> None:
    while (reason := reason_of(spool, 1, batch(7))) is None:
        pass
    assert reason is Reason.SPOOL_FULL
    with pytest.raises(NoRoom, match="gửi lại sau"):
        spool.writer(2).append(batch(8))
    with SpoolReader(spool.folder, 1) as reader:  # the worker
        while reader.read()[0]:
            pass
        prune(spool.folder, 1, reader.position)
    spool.room.look()
    assert reason_of(spool, 2, batch(8)) is None


def test_the_alarm_is_said_before_anything_is_refused(spool: Spool) -> None:
    levels = []
    for _ in range(30):
        if reason_of(spool, 1, batch(7)) is not None:
            break
        levels.append(spool.room.facts()["spool_level"])
    assert levels.index("alarm") in range(9, 12)
    assert levels[0] == "ok" and "full" in levels[-1]
    assert "worker" in spool.room.facts()["spool_problem"]
    assert "Hết chỗ" in NEWS["full"] and NEWS.keys() == {"alarm", "full"}


def test_who_asks_whether_there_is_room_again_hears_it_without_sending(
    spool: Spool,
) -> None:
    while reason_of(spool, 1, batch(7)) is None:
        pass
    assert spool.room.is_full()
    with SpoolReader(spool.folder, 1) as reader:
        while reader.read()[0]:
            pass
        prune(spool.folder, 1, reader.position)
    spool.room._next_look = 0.0  # half a second later
    assert not spool.room.is_full()
    assert spool.room.facts()["spool_level"] == "ok"


def test_a_restart_counts_again_what_each_loud_source_has_waiting(spool: Spool) -> None:
    while reason_of(spool, BULK + 1, batch(7)) is None:
        pass
    spool.close()
    again = Spool(spool.folder.parent, 20 * MB)
    try:
        assert reason_of(again, BULK + 1, batch(7)) is Reason.SOURCE_FULL
        assert reason_of(again, BULK + 1, batch(8)) is None
    finally:
        again.close()


def test_without_a_setting_the_bound_is_a_share_of_the_free_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free = disk.f_bavail * disk.f_frsize
    assert 0 < Room(tmp_path / "spool").maximum_bytes <= free
    assert Room(tmp_path / "spool", free_floor_bytes=free * 2).maximum_bytes == 1  # nothing left: nothing may wait


def test_a_source_that_has_to_wait_holds_up_no_other_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather, "RETRY_SECONDS", 0.02)
    loud, calm = IntakeSource(7, 3, "linux", quota_eps=1), IntakeSource(8, 4, "linux")
    publish(tmp_path, [loud, calm])

    async def story() -> None:
        refusals = Refusals(tmp_path)
        closed = True

        def gate(one: Batch) -> None:
            if closed:
                raise NoRoom(Reason.SOURCE_FULL, "chờ")

        express = SpoolWriter(tmp_path / "spool", 2, free_floor_bytes=0)
        bulk = SpoolWriter(tmp_path / "spool", BULK + 2, free_floor_bytes=0, gate=gate)
        both = lanes(tmp_path, express, refusals, bulk)
        pressed: list[bool] = []
        gatherer = Gatherer(both, refusals, lambda: pressed.append(gatherer.presses(7)))
        gatherer.add(loud, "syslog_tcp", "192.0.2.1", [b"x"] * 100, 100)
        async with asyncio.timeout(10):
            while not gatherer.presses(7):
                await asyncio.sleep(0.01)
            assert not gatherer.presses(8)
            gatherer.add(calm, "syslog_tcp", "192.0.2.2", [b"y"], 1)
            gatherer.add(loud, "syslog_tcp", "192.0.2.1", [b"z"], 1)
            while both.express.records < 1:
                await asyncio.sleep(0.01)
            assert both.bulk.records == 0
            closed = False
            while gatherer.presses(7):
                await asyncio.sleep(0.01)
        await gatherer.close()
        both.close()
        assert pressed == [True, False]
        assert refusals.total == 0
        refusals.close()

    asyncio.run(story())
    with SpoolReader(tmp_path / "spool", BULK + 2) as reader:
        assert [one for frame in reader.read()[0] for one in frame.records] == [b"x"] * 100 + [b"z"]
