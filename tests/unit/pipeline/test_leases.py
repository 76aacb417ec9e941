"""Leases: every partition is worked on by one worker, and by another soon after the first has died."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dekhang.pipeline.partitions import ALL
from dekhang.pipeline.stores import database
from dekhang.pipeline.worker.leases import LeasedOwnership
from dekhang.pipeline.worker.ownership import OwnershipLost
from tests.postgres import Keep

LEASE = 6.0


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Hosts:
    """Workers on one database, whose hearts beat when the test says so."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.clock = Clock()
        self.workers: list[LeasedOwnership] = []

    def join(self, name: str) -> LeasedOwnership:
        worker = LeasedOwnership(self.data, name, lease_seconds=LEASE, beat_seconds=3600, clock=self.clock)
        self.workers.append(worker)
        return worker

    def pass_time(self, seconds: float, *alive: LeasedOwnership) -> None:
        """Second after second; those alive beat, and their workers look between two batches."""
        for _ in range(int(seconds)):
            self.clock.now += 1
            for worker in alive:
                worker.beat()
                worker.partitions()


@pytest.fixture
def hosts(tmp_path: Path, keep_records: Keep) -> Iterator[Hosts]:
    keep_records(tmp_path)
    hosts = Hosts(tmp_path)
    yield hosts
    for worker in hosts.workers:
        worker.close()


def works(worker: LeasedOwnership, data: Path) -> bool:
    """Could it commit a batch now?"""
    connection = database.connect(data)
    try:
        with connection.transaction():
            worker.confirm(connection)
        return True
    except OwnershipLost:
        return False
    finally:
        connection.close()


def test_a_worker_alone_holds_everything_at_once(hosts: Hosts) -> None:
    alone = hosts.join("may-1/1")

    assert alone.partitions() == ALL
    assert works(alone, hosts.data)


@pytest.mark.parametrize("count", [2, 3, 5, 16, 17])
def test_workers_share_fairly_and_nothing_twice(hosts: Hosts, count: int) -> None:
    workers = [hosts.join(f"may-{number}/1") for number in range(count)]

    hosts.pass_time(3, *workers)

    held = [worker.partitions() for worker in workers]
    assert frozenset().union(*held) == ALL
    assert sum(map(len, held)) == len(ALL)
    assert max(map(len, held)) == -(-len(ALL) // count)


def test_a_partition_changes_hands_only_after_its_worker_has_let_go_between_two_batches(hosts: Hosts) -> None:
    first = hosts.join("may-1/1")
    first.partitions()
    second = hosts.join("may-2/1")

    for _ in range(3):  # the first is busy with a batch: its heart beats, it does not look
        first.beat()
        second.beat()
    assert second.partitions() == frozenset()
    assert works(first, hosts.data)

    hosts.pass_time(2, first, second)
    assert len(first.partitions()) == len(second.partitions()) == 8
    assert not first.partitions() & second.partitions()


def test_after_a_worker_died_the_others_have_its_partitions_within_a_lease_and_a_beat(hosts: Hosts) -> None:
    first, second = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, first, second)

    hosts.pass_time(LEASE - 1, second)
    assert len(second.partitions()) == 8, "the first may only be slow"
    hosts.pass_time(2, second)

    assert second.partitions() == ALL
    assert first.partitions() == frozenset(), "it knows by its own clock that its lease has run out"


def test_a_worker_that_was_slow_cannot_commit_what_others_have_taken_over(hosts: Hosts) -> None:
    slow, other = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, slow, other)
    assert works(slow, hosts.data)

    hosts.pass_time(LEASE + 1, other)

    assert not works(slow, hosts.data)
    assert works(other, hosts.data)


def test_what_was_lost_and_came_back_is_begun_anew(hosts: Hosts) -> None:
    slow, other = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, slow, other)
    before = slow.partitions()
    hosts.pass_time(LEASE + 1, other)
    other.close()
    slow.beat()  # takes everything back while its worker is still in the old batch

    assert not works(slow, hosts.data), "others have committed meanwhile: the old batch must not"
    assert not slow.partitions() & before, "the worker sees that they were gone"
    assert slow.partitions() == ALL
    assert works(slow, hosts.data)


def test_a_worker_that_stops_leaves_its_partitions_to_be_taken_with_the_next_beat(hosts: Hosts) -> None:
    first, second = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, first, second)

    first.close()
    hosts.pass_time(1, second)

    assert second.partitions() == ALL


def test_a_worker_that_is_started_again_has_its_partitions_back_at_once(hosts: Hosts) -> None:
    died, other = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, died, other)

    again = hosts.join("may-1/1")

    assert len(again.partitions()) == 8
    assert works(again, hosts.data)
    assert not works(died, hosts.data)
    died.beat()
    assert died.partitions() == frozenset()
    assert "cũng mang tên may-1/1" in died.problem


def test_taking_over_waits_for_the_transaction_that_confirmed(hosts: Hosts) -> None:
    slow, other = hosts.join("may-1/1"), hosts.join("may-2/1")
    hosts.pass_time(3, slow, other)
    connection = database.connect(hosts.data)
    with connection.transaction():
        slow.confirm(connection)
        hosts.clock.now += LEASE + 1
        taking = threading.Thread(target=hosts.pass_time, args=(1, other))
        taking.start()
        taking.join(0.2)
        assert len(other.partitions()) <= 8, "the batch under way is still the slow worker's"
    taking.join()
    connection.close()

    hosts.pass_time(2, other)
    assert other.partitions() == ALL


def test_without_the_database_nothing_is_held_after_a_lease(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    worker = LeasedOwnership(tmp_path, "may-1/1", lease_seconds=LEASE, beat_seconds=3600, clock=clock)
    assert worker.partitions() == ALL

    def unreachable(*_: object, **__: object) -> None:
        raise database.Error("unreachable")

    monkeypatch.setattr(database, "connect", unreachable)
    worker._disconnect()
    clock.now += LEASE - 1
    worker.beat()
    assert worker.partitions() == ALL
    clock.now += 2
    worker.beat()
    assert worker.partitions() == frozenset()
    with pytest.raises(OwnershipLost):
        worker.confirm(None)  # type: ignore[arg-type]  # nothing is asked
    monkeypatch.undo()
    worker.beat()
    assert worker.partitions() == ALL
    worker.close()


def test_hearts_beat_by_themselves(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    first = LeasedOwnership(tmp_path, "may-1/1", beat_seconds=0.02)
    second = LeasedOwnership(tmp_path, "may-2/1", beat_seconds=0.02)

    def shared() -> bool:
        return len(first.partitions()) == len(second.partitions()) == 8

    _until(shared)
    second.close()
    _until(lambda: first.partitions() == ALL)
    first.close()


def _until(true: Callable[[], bool]) -> None:
    waited = threading.Event()
    for _ in range(1_000):
        if true():
            return
        waited.wait(0.02)
    raise AssertionError("never")
