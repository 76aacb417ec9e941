"""Partitions: several workers share out the units, and whoever takes a partition over goes on where it stands."""

import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from dekhang.pipeline import lakewrite
from dekhang.pipeline.lakewrite.rows import Rows, table_of
from dekhang.pipeline.lakewrite.segments import write_segment
from dekhang.pipeline.partitions import ALL, PARTITIONS, partition_of, share
from dekhang.pipeline.spool import START, Batch, Position, SpoolReader, SpoolWriter, event_id, waiting
from dekhang.pipeline.stores import database, detections, heartbeat, ledger, routes, schema
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.database.postgres import close_idle
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker.leases import LeasedOwnership
from dekhang.pipeline.worker.loop import Worker
from dekhang.pipeline.worker.ownership import FileOwnership, OwnershipLost, PartitionsTaken
from tests.postgres import PostgresServer, keep_in

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
HOUR = RECEIVED // 3_600_000
UNITS = range(1, 41)
RULES = """
title: SSH login failed
id: 3f2f1f0a-0000-4000-8000-000000000001
name: failed
logsource: {product: linux, service: auth}
detection:
  bad: {action: login_failed}
  condition: bad
level: low
---
title: SSH brute force
id: 3f2f1f0a-0000-4000-8000-000000000002
correlation:
  type: event_count
  rules: [failed]
  group-by: [src_ip]
  timespan: 5m
  condition: {gte: 7}
level: medium
"""


def failed(number: int) -> bytes:
    return f"Dec 10 02:00:{number:02d} may-chu sshd[1]: Failed password for root from 192.0.2.7 port 4000 ssh2".encode()


class Place:
    """A data folder that two receivers fill with records of forty units, and workers that come and go."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.rules = folder / "rules"
        self.rules.mkdir()
        for number, text in enumerate(RULES.split("---\n")):
            (self.rules / f"{number}.yml").write_text(text)
        self.spools = {writer: SpoolWriter(self.data / "spool", writer, segment_bytes=5_000) for writer in (1, 2)}
        self.sent: dict[int, int] = {}  # event id → unit

    def send(self, number: int, units: Sequence[int] = UNITS, copies: int = 1) -> None:
        """From every unit a failed login; the same moment and address everywhere."""
        for unit in units:
            writer = 1 + unit % 3 % 2
            batch = Batch(unit, unit, "linux", "tail", RECEIVED, "192.0.2.250", [failed(number)] * copies)
            first = event_id(writer, self.spools[writer].append(batch))
            self.sent.update({first + one: unit for one in range(copies)})
        for spool in self.spools.values():
            spool.sync()

    def worker(self, number: int = 1, of: int = 1, **options: int) -> Worker:
        worker = Worker(self.data, [self.rules], ownership=FileOwnership(self.data, (number, of)), **options)
        worker.start()
        return worker

    def stored(self) -> dict[int, int]:
        """Event id → unit of all that is in the lake, each as often as it is there."""
        found: Counter[int] = Counter()
        units: dict[int, int] = {}
        ids = sorted(self.sent)
        for start in range(0, len(ids), 1_000):
            for event in Lake(self.data).events(ids[start : start + 1_000], unit_ids=list(UNITS)):
                found[event.event_id] += 1
                units[event.event_id] = event.unit_id
        assert set(found.values()) <= {1}
        return units

    def segments(self) -> dict[int, int]:
        """Writer → how many files its spool has."""
        return {writer: len(list((self.data / "spool" / str(writer)).glob("*.seg"))) for writer in self.spools}

    def brute_force(self) -> Counter[int]:
        """Unit → how often the correlation told of it."""
        return Counter(one.unit_id for one in detections.after(self.data, 0, 10_000) if one.rule_id.endswith("2"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    for spool in made.spools.values():
        spool.close()


def test_every_partition_is_one_workers_however_many_there_are() -> None:
    for workers in range(1, PARTITIONS + 1):
        shares = [share(number, workers) for number in range(1, workers + 1)]
        assert sorted(one for part in shares for one in part) == sorted(ALL)


def test_the_number_of_workers_may_change_while_a_correlation_is_counting(place: Place) -> None:
    """Seven failures are counted by one worker, then three, then two, then one: told once in every unit."""
    moment = 0
    for workers in (1, 3, 2, 16, 1):
        team = [place.worker(number, workers) for number in range(1, workers + 1)]
        for _ in range(2):
            place.send(moment)
            moment += 1
            for worker in team:
                worker.drain()
        for worker in team:
            worker.close()

    assert place.stored() == place.sent
    assert place.brute_force() == Counter(dict.fromkeys(UNITS, 1))
    for account in ledger.of_sources(place.data, list(UNITS)).values():
        assert (account.received, account.stored, account.waiting) == (10, 10, 0)


def test_a_new_owner_repeats_nothing_where_its_partitions_are_not_equally_far(place: Place) -> None:
    place.send(0)
    first = place.worker(1, 2)
    first.drain()  # the other half waits
    first.close()
    place.send(1)
    both = place.worker(batch_records=7)
    both.drain()
    both.close()

    assert place.stored() == place.sent
    assert {one.stored for one in ledger.of_sources(place.data, list(UNITS)).values()} == {2}


def test_what_waits_is_counted_by_how_far_each_partition_is(place: Place) -> None:
    place.send(0)
    place.send(1)
    worker = place.worker(2, 2)
    worker.drain()
    worker.close()
    place.send(2)

    accounts = ledger.of_sources(place.data, list(UNITS))

    done = {unit for unit in UNITS if partition_of(unit) in share(2, 2)}
    assert {unit for unit, one in accounts.items() if (one.stored, one.waiting) == (2, 1)} == done
    assert {unit for unit, one in accounts.items() if (one.stored, one.waiting) == (0, 3)} == set(UNITS) - done


def test_records_of_other_partitions_are_passed_over(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, 1) as spool:
        for unit in (1, 2, 17, 3):
            spool.append(Batch(unit, unit, "linux", "tail", RECEIVED, "192.0.2.250", [b"%d" % unit]))
        spool.sync()
        with SpoolReader(tmp_path, 1, {1: START}) as reader:
            frames, behind = reader.read()
            assert [frame.unit_id for frame in frames] == [1, 17]
            assert reader.positions == {1: behind} and reader.waiting() == {}
            spool.append(Batch(33, 33, "linux", "tail", RECEIVED, "192.0.2.250", [b"33"] * 5))
            spool.append(Batch(34, 34, "linux", "tail", RECEIVED, "192.0.2.250", [b"34"]))
            spool.sync()
            assert reader.waiting() == {(33, HOUR): 5}
        assert waiting(tmp_path, 1, {1: behind, 2: behind}) == {(33, HOUR): 5, (34, HOUR): 1}
        with SpoolReader(tmp_path, 1, {1: behind, 2: START}) as reader:
            assert [frame.unit_id for frame in reader.read()[0]] == [2, 33, 34]


def test_a_damaged_record_of_another_partition_is_the_others_loss(tmp_path: Path) -> None:
    with SpoolWriter(tmp_path, 1) as spool:
        for unit in (1, 2, 3):
            spool.append(Batch(unit, unit, "linux", "tail", RECEIVED, "192.0.2.250", [b"unit %d " % unit * 40]))
    path = next(iter((tmp_path / "1").glob("*.seg")))
    content = bytearray(path.read_bytes())
    second = content.index(b"\xabDK\n", content.index(b"\xabDK\n") + 1)
    third = content.index(b"\xabDK\n", second + 1)
    content[third - 3] ^= 0xFF  # in the payload of the second
    path.write_bytes(content)

    found = {}
    for partitions in ((0, 1, 3), (2,)):
        with SpoolReader(tmp_path, 1, dict.fromkeys(partitions, START)) as reader:
            frames, _ = reader.read()
            found[partitions] = ([frame.unit_id for frame in frames], reader.lost_records, len(reader.problems))

    assert found == {(0, 1, 3): ([1, 3], 0, 0), (2,): ([], 1, 1)}


def test_spool_segments_stay_until_the_slowest_worker_is_behind_them(place: Place) -> None:
    for moment in range(12):
        place.send(moment, copies=50)
    before = place.segments()
    assert min(before.values()) >= 3
    first = place.worker(1, 2)
    first.drain()
    assert place.segments() == before
    second = place.worker(2, 2)
    second.drain()
    assert place.segments() == {1: 1, 2: 1}
    first.close()
    second.close()
    assert place.stored().keys() == place.sent.keys()


def test_a_worker_with_nothing_of_its_own_lets_the_spool_go_on(place: Place) -> None:
    evens = [unit for unit in UNITS if unit % 2 == 0]
    busy, idle = place.worker(1, 2), place.worker(2, 2)
    for moment in range(12):
        place.send(moment, evens, copies=60)
    busy.drain()
    assert idle.drain() == 0
    assert min(place.segments().values()) > 1
    idle.step()  # keeps house
    assert place.segments() == {1: 1, 2: 1}
    busy.close()
    idle.close()


def test_two_workers_on_one_partition_are_refused_with_a_sentence(tmp_path: Path) -> None:
    first = FileOwnership(tmp_path, (1, 2))
    second = FileOwnership(tmp_path, (2, 2))
    with pytest.raises(PartitionsTaken, match="Một worker khác"):
        FileOwnership(tmp_path, (1, 3))
    first.close()
    second.close()
    third = FileOwnership(tmp_path, (1, 3))  # nothing of the refused one is still locked
    assert third.partitions() == share(1, 3)
    third.close()


class Taken:
    """An ownership that is taken away while a batch is under way."""

    def __init__(self) -> None:
        self.held = ALL

    def partitions(self) -> frozenset[int]:
        return self.held

    def confirm(self, connection: Connection) -> None:
        self.held = share(1, 2)
        raise OwnershipLost

    def close(self) -> None:
        pass


def test_a_worker_that_lost_its_partitions_cannot_commit(place: Place) -> None:
    place.send(0)
    late = Worker(place.data, [place.rules], ownership=Taken())
    late.start()
    with pytest.raises(OwnershipLost):
        late.drain()
    assert {one.stored for one in ledger.of_sources(place.data, list(UNITS)).values()} == {0}
    late.close()

    worker = place.worker()
    worker.drain()
    worker.close()
    assert place.stored() == place.sent
    assert {one.stored for one in ledger.of_sources(place.data, list(UNITS)).values()} == {1}


class Given:
    """An ownership that is told what it holds."""

    def __init__(self) -> None:
        self.problem = ""
        self.held = ALL

    def partitions(self) -> frozenset[int]:
        return self.held

    def confirm(self, connection: Connection) -> None:
        pass

    def close(self) -> None:
        pass


@pytest.mark.parametrize("held", [ALL, share(1, 2)], ids=["the same partitions", "partitions that moved meanwhile"])
def test_a_worker_that_could_not_start_afresh_does_so_before_its_next_batch(place: Place, held: frozenset[int]) -> None:
    """Its engine has counted the batch that failed, and its readers may be of partitions that are another's by now."""
    worker = Worker(place.data, [place.rules], ownership=(ownership := Given()))
    worker.start()
    place.send(0, copies=4)  # twice four would be told
    with sqlite3.connect(schema.path_of(place.data)) as other:
        other.execute("ALTER TABLE engine_state RENAME TO away")
        with pytest.raises(database.Error):
            worker.step()
        ownership.held = held
        worker._retry()
        other.execute("ALTER TABLE away RENAME TO engine_state")
    other.close()

    assert worker.step()
    worker.close()

    accounts = ledger.of_sources(place.data, list(UNITS))
    assert {unit for unit, one in accounts.items() if one.stored == 4} == {
        unit for unit in UNITS if partition_of(unit) in held
    }
    assert place.brute_force() == Counter()
    noted = routes.of_units(place.data, UNITS, since_ms=0)
    assert {unit for unit, found in noted.items() if found} == {unit for unit, one in accounts.items() if one.stored}


def test_a_worker_that_lost_sight_of_its_commit_waits_until_the_server_has_done_it(
    place: Place, postgres: PostgresServer
) -> None:
    """Else it would read the old positions, and delete as orphans the files that the commit names."""
    keep_in(postgres.new_database())(place.data)
    worker = Worker(place.data, [place.rules], ownership=LeasedOwnership(place.data, "may-1/1"))
    worker.start()
    lost = database.connect(place.data)  # the connection on whose COMMIT no answer came
    again = threading.Thread(target=worker._rewind)
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    with lost.transaction():
        worker.ownership.confirm(lost)
        lost.execute("INSERT INTO positions VALUES (3, 9, 0, 77, 78)")
        again.start()
        while again.is_alive() and lost.execute(waits).fetchone() == (0,):
            again.join(0.01)
        assert again.is_alive()
    again.join(30)

    assert worker._committed[3, 9] == Position(0, 77, 78)
    lost.close()
    worker.close()
    close_idle()


def test_a_worker_that_lost_its_partitions_writes_no_files_of_small_batches(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who took them over has deleted these files as orphans: small batches must not leave the database for them."""
    place.send(0)
    worker = place.worker()
    worker.drain()
    worker.close()
    late = Worker(place.data, [place.rules], ownership=Taken())
    late.start()
    monkeypatch.setattr(lakewrite, "OVERFLOW", 0)
    with pytest.raises(OwnershipLost):
        late.step()  # keeps house
    for path in (place.data / "lake").rglob("*.parquet"):
        path.unlink()
    late.close()

    assert place.stored() == place.sent


def test_a_starting_worker_does_not_take_for_an_orphan_what_another_is_writing(place: Place) -> None:
    writing = place.worker(2, 2)
    place.send(0)
    rows = Rows()
    work = {"event_id": 1, "unit_id": 1, "source_id": 1, "time": RECEIVED, "received_at": RECEIVED, "raw_base64": False}
    for name, column in rows.columns.items():
        column.append(work.get(name, ""))
    table = table_of(rows)
    segment = write_segment(writing.lake, "2019-12-10", table, created_ms=RECEIVED, holder=min(share(2, 2)))
    starting = place.worker(1, 2)

    assert (place.data / "lake" / segment.path).exists()
    writing.close()
    again = place.worker(2, 2)  # its own, from before: no transaction can be on its way
    assert not (place.data / "lake" / segment.path).exists()
    starting.close()
    again.close()


def test_positions_and_state_from_before_partitions_are_taken_over_by_all(place: Place) -> None:
    for moment in range(6):
        place.send(moment)
    worker = place.worker()
    worker.drain()
    old = worker._reading.readers[1].positions[0], worker._reading.readers[2].positions[0]
    state = worker._detector.state()
    worker.close()
    path = schema.path_of(place.data)
    path.rename(path.with_name("kept.db"))
    with sqlite3.connect(path) as first:  # as the first version of the tables would have it
        for statement in schema.MIGRATIONS[0].split(";"):
            first.execute(statement)
        first.executemany(
            "INSERT INTO positions VALUES (?, ?, ?, ?)",
            [(writer, one.segment, one.offset, one.next_seq) for writer, one in zip((1, 2), old, strict=True)],
        )
        first.execute("INSERT INTO engine_state VALUES (1, ?, 0)", (state,))
        first.execute("PRAGMA user_version = 1")
    first.close()

    place.send(6)
    team = [place.worker(number, 2) for number in (1, 2)]
    assert sum(worker.drain() for worker in team) == len(UNITS)
    for worker in team:
        worker.close()

    assert place.brute_force() == Counter(dict.fromkeys(UNITS, 1))


def test_the_signs_of_life_of_several_workers_are_found_in_order(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        heartbeat.beat(tmp_path, heartbeat.worker_name(number), ready=True)
    heartbeat.beat(tmp_path, "http", ready=True)

    assert list(heartbeat.workers(heartbeat.read(tmp_path))) == ["worker", "worker-2", "worker-10"]


def test_a_position_reads_back_what_it_wrote() -> None:
    assert Position.load(Position(3, 4, 5).dump()) == Position(3, 4, 5)
