"""Three NATS servers, PostgreSQL, S3, a receiver and two workers, all real; then the leader and a worker are killed.

`DEKHANG_CHAOS_SECONDS=300` goes on for so long: every 20 s another leader and another worker die and come back.
"""

import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dekhang.engine import Detector
from dekhang.pipeline import lakefiles, lakewrite, place
from dekhang.pipeline.parse import parse
from dekhang.pipeline.place import Place
from dekhang.pipeline.rulebook import load_rules
from dekhang.pipeline.stores import database, detections, ledger
from dekhang.pipeline.stores.intake import hash_token, path_of
from dekhang.pipeline.transport import cluster
from tests.chaos.test_worker_kill import RULES
from tests.cluster import NatsCluster, S3Server, wait_until
from tests.postgres import PostgresServer
from tests.receivers import PROJECT, TOKEN, Receiver, source

SECONDS = float(os.environ.get("DEKHANG_CHAOS_SECONDS", "0"))
ROUND_SECONDS = 20.0
CALM_SECONDS = 5.0  # before the first kill
BACK_SECONDS = 10.0  # what we promise …
MOST_SHARE = 0.9  # … of the throughput; a stream whose election is a draw waits for a second one, which NATS decides …
PATIENCE_SECONDS = 60.0  # … and what this test bears of a machine that is busy with other things
SENDERS = 8
UNITS = range(16)  # one of each partition; source and unit have the same number
RECORDS = 20  # in one request
PAUSE_SECONDS = 0.15


@dataclass
class Host:
    """A machine of the cluster: a data folder and what runs on it."""

    data: Path
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def run(self, name: str, *command: str) -> None:
        log = (self.data / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", *command, "--data", str(self.data)],
            cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)}, stdout=log, stderr=log,
        )  # fmt: skip
        log.close()

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(30)

    def close(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def log(self, name: str) -> str:
        return (self.data / f"{name}.log").read_text(errors="replace")[-3_000:]


class Load:
    """Senders that send steadily, and remember what was acknowledged."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self.acknowledged: dict[int, list[str]] = {unit: [] for unit in UNITS}
        self.repeated = Counter[int]()  # acknowledged a second time, under the same key
        self.doubtful: set[str] = set()  # sent, and the answer was no or none
        self.refused = Counter[int]()
        self.last_begun: dict[int, float] = dict.fromkeys(UNITS, 0.0)  # of requests that were acknowledged
        self.times: list[float] = []
        self._threads = [threading.Thread(target=self._send, args=(number,)) for number in range(SENDERS)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _send(self, sender: int) -> None:
        own = [unit for unit in UNITS if unit % SENDERS == sender]
        number = 0
        while not self._ending.is_set():
            unit = own[number % len(own)]
            lines = [_line(unit, number * RECORDS + one) for one in range(RECORDS)]
            number += 1
            # half of the senders know how to repeat a request; the others count on the first answer
            key = f"{sender}-{number}" if sender % 2 else ""
            while True:
                begun = time.monotonic()
                status = self._post(unit, lines, key)
                with self._lock:
                    if status == 200:
                        self.acknowledged[unit] += lines
                        self.last_begun[unit] = max(self.last_begun[unit], begun)
                        self.times.append(time.monotonic())
                        break
                    if status:
                        self.refused[unit] += RECORDS
                    if not key:
                        self.doubtful.update(lines)
                        break
                if self._ending.is_set() and time.monotonic() - begun > PATIENCE_SECONDS:
                    self.doubtful.update(lines)
                    break
                time.sleep(0.2)
            self._ending.wait(PAUSE_SECONDS)

    def _post(self, unit: int, lines: list[str], key: str) -> int:
        """The answer's status; 0: none."""
        headers = {"Authorization": f"Bearer {TOKEN}-{unit}", "Content-Type": "application/x-ndjson"}
        if key:
            headers["Idempotency-Key"] = key
        request = urllib.request.Request(f"{self._url}/ndjson", "\n".join(lines).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def counts(self) -> dict[int, int]:
        with self._lock:
            return {unit: len(lines) for unit, lines in self.acknowledged.items()}

    def per_second(self, since: float, until: float) -> float:
        with self._lock:
            return sum(since <= one < until for one in self.times) * RECORDS / (until - since)


def _line(unit: int, number: int) -> str:
    """An address sends for twenty seconds of event time and is never heard again: what the engine has to remember is
    bounded, and what it forgets when it has too much, groups that were quiet longest, changes nothing."""
    moment = time.strftime("%b %d %H:%M:%S", time.gmtime(1_575_943_200 + number))
    what = "Accepted" if number % 97 == 0 else "Failed"
    return (
        f"{moment} may-{unit} sshd[{number}]: {what} password for root from 2001:db8::{number // 20:x} port 40000 ssh2"
    )


@pytest.fixture
def hosts(tmp_path: Path, postgres: PostgresServer) -> Iterator[tuple[NatsCluster, dict[str, Host]]]:
    nats = NatsCluster(tmp_path / "nats")
    s3 = S3Server(tmp_path / "s3")
    hosts = {}
    try:
        nats.start()
        objects = s3.start().bucket("kho-nhat-ky")
        records = postgres.new_database()
        for name in ("may-nhan", "may-1", "may-2", "may-xem"):
            hosts[name] = Host(tmp_path / name)
            place.write(Place(tmp_path / name, name, database=records, transport=nats.address, objects=objects))
        yield nats, hosts
    finally:
        for host in hosts.values():
            host.close()
        if "may-xem" in hosts:
            cluster.of(hosts["may-xem"].data).close()  # this process's own connection
        nats.close()
        s3.close()


@pytest.mark.chaos
@pytest.mark.timeout(int(SECONDS) + 400)
def test_killed_leader_and_worker_cost_nothing_and_work_goes_on(
    tmp_path: Path, hosts: tuple[NatsCluster, dict[str, Host]], capsys: pytest.CaptureFixture[str]
) -> None:
    nats, of = hosts
    dice = random.Random(20191210)
    rules = tmp_path / "rules"
    rules.mkdir()
    for number, text in enumerate(RULES.split("---\n")[:3]):
        (rules / f"{number}.yml").write_text(text)
    front, watching = of["may-nhan"], of["may-xem"].data
    sources = [source(unit, unit_id=unit, token_sha256=hash_token(f"{TOKEN}-{unit}")) for unit in UNITS]
    front.run("sharing", "dekhang.pipeline.sharing")  # brings the list of sources to the receiver's host
    workers = {name: of[name] for name in ("may-1", "may-2")}
    for host in workers.values():
        host.run("worker", "dekhang.pipeline.worker", "--rules", str(rules))
    told = []
    with Receiver(front.data, "http", sources=sources) as receiver:
        wait_until(path_of(front.data).exists, "the list of sources")
        wait_until(lambda: _holders(watching) == {"may-1/1": 8, "may-2/1": 8}, "both workers at work")
        with Load(receiver.url) as load:
            wait_until(lambda: all(load.counts().values()), "every source's first acknowledgement")
            wait_until(lambda: all(_stored(watching).get(unit) for unit in UNITS), "every source's first stored record")
            time.sleep(CALM_SECONDS)
            rounds = max(1, round(SECONDS / ROUND_SECONDS))
            for number in range(rounds):
                leader = nats.leader()
                assert leader is not None
                name = dice.choice(list(workers))
                told.append(_kill_and_wait(nats, leader, workers[name], load, watching))
                if number + 1 < rounds:
                    time.sleep(ROUND_SECONDS / 2)
                    nats.start_one(leader)
                    workers[name].run("worker", "dekhang.pipeline.worker", "--rules", str(rules))
                    wait_until(lambda: nats.leader() is not None, "a leader")
                    time.sleep(ROUND_SECONDS / 2)
        wait_until(lambda: not any(account.waiting for account in _accounts(watching).values()), "everything stored")
    with capsys.disabled():
        for line in told:
            print(f"\n  {line}", end="", flush=True)
    assert all(line.back_seconds < PATIENCE_SECONDS for line in told)
    assert told[-1].per_second_after > told[-1].per_second_before / 2

    rows = _lake(watching)
    raws = rows.column("raw").to_pylist()
    stored = Counter(raws)
    acknowledged = {line for lines in load.acknowledged.values() for line in lines}
    assert acknowledged <= stored.keys(), "an acknowledged record is not in the lake"
    assert set(stored.values()) == {1}, "a record is in the lake twice"
    assert stored.keys() - acknowledged <= load.doubtful
    ids = rows.column("event_id").to_pylist()
    assert len(set(ids)) == len(ids)
    by_source = Counter(rows.column("source_id").to_pylist())
    for unit, account in _accounts(watching).items():
        assert account.stored == by_source[unit]
        assert account.waiting == 0
        assert account.refused == load.refused[unit]
        assert account.received == account.stored + account.refused + account.duplicate
    assert _detected(watching) == _expected(rows, rules)
    assert len(acknowledged) > 1_000 and len(_detected(watching)) > 100


@dataclass(frozen=True)
class Told:
    """How a kill was borne; seconds after it."""

    leader: int
    worker: str
    most_seconds: float  # until of nine sources in ten something newer than the kill was in the lake …
    acknowledged_seconds: float  # … until every source had a new request acknowledged …
    back_seconds: float  # … and was in the lake again
    per_second_before: float
    per_second_after: float

    def __str__(self) -> str:
        return (
            f"killed NATS leader n{self.leader} and worker of {self.worker}: nine sources in ten stored again after"
            f" {self.most_seconds:.1f} s (promised {BACK_SECONDS:.0f}), all acknowledged after {self.acknowledged_seconds:.1f} s"
            f" and stored after {self.back_seconds:.1f} s, {self.per_second_before:.0f} → {self.per_second_after:.0f} records/s"
        )


def _kill_and_wait(nats: NatsCluster, leader: int, worker: Host, load: Load, watching: Path) -> Told:
    nats.kill(leader)
    worker.kill("worker")
    killed = time.monotonic()
    before = load.counts()
    most = acknowledged = 0.0

    def is_back() -> bool:
        nonlocal most, acknowledged
        stored = _stored(watching)
        back = sum(stored.get(unit, 0) > count for unit, count in before.items())
        if not most and back >= MOST_SHARE * len(UNITS):
            most = time.monotonic() - killed
        if not acknowledged and min(load.last_begun.values()) > killed:
            acknowledged = time.monotonic() - killed
        return bool(acknowledged) and back == len(UNITS)

    wait_until(is_back, f"records of every source, {worker.data.name} is dead", PATIENCE_SECONDS)
    all_back = time.monotonic() - killed
    time.sleep(CALM_SECONDS)
    return Told(
        leader,
        worker.data.name,
        most,
        acknowledged,
        all_back,
        load.per_second(killed - CALM_SECONDS, killed),
        load.per_second(killed + all_back, killed + all_back + CALM_SECONDS),
    )


def _holders(data: Path) -> dict[str, int]:
    """Worker → how many partitions it holds."""
    with database.reading(data) as connection:
        rows = [] if connection is None else connection.execute("SELECT holder, count(*) FROM leases GROUP BY holder")
        return {holder.partition("#")[0]: count for holder, count in rows}


def _stored(data: Path) -> dict[int, int]:
    with database.reading(data) as connection:
        assert connection is not None
        return dict(connection.execute("SELECT source_id, sum(stored) FROM counters GROUP BY source_id").fetchall())


def _accounts(data: Path) -> dict[int, ledger.SourceLedger]:
    return ledger.of_sources(data, list(UNITS))


def _lake(data: Path) -> pa.Table:
    """Every row, from the files in S3, in the order of event ids."""
    files, connection = lakefiles.of(data), database.connect(data)
    while lakewrite.flush(files, connection, now_ms=0, least_rows=1):
        pass
    assert connection.execute("SELECT count(*) FROM fresh").fetchone()[0] == 0
    manifest = connection.execute("SELECT path, bytes, sha256 FROM segments").fetchall()
    connection.close()
    paths = [files.local(path, size_bytes=size, sha256=digest) for path, size, digest in manifest]
    return pa.concat_tables([pq.ParquetFile(path).read() for path in paths]).sort_by("event_id")


def _detected(data: Path) -> set[tuple[str, int, int]]:
    found = detections.after(data, 0, 1_000_000)
    triples = {(one.rule_id, one.event_id, one.count) for one in found}
    assert len(triples) == len(found)
    return triples


def _expected(rows: pa.Table, rules: Path) -> set[tuple[str, int, int]]:
    """What one undisturbed engine says of the same events in the same order, partition by partition."""
    by_unit: dict[int, list[dict[str, object]]] = defaultdict(list)
    for row in rows.select(["event_id", "unit_id", "received_at", "raw"]).to_pylist():
        by_unit[row["unit_id"]].append(row)
    expected = set()
    ruleset = load_rules([rules], cache=None).ruleset
    for unit, events in by_unit.items():
        records = [
            parse(
                event["raw"].encode(), source_kind="linux", received_ms=int(event["received_at"].timestamp() * 1000),
                scope=unit, key=event["event_id"],
            ).record
            for event in events
        ]  # fmt: skip
        for match in Detector(ruleset).process(records):
            expected.add((match.rule.id, records[match.index].key, match.count))
    return expected
