"""The lake's keeper at work while others read, and killed while it works: every event is there exactly once, always."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dekhang.pipeline import lakefiles, lakewrite
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import Lake

ROOT = Path(__file__).resolve().parents[2]
NOON = 1_575_979_200_000  # 2019-12-10T12:00:00Z
UNITS = range(1, 8)

KEEP = """
import sys
from pathlib import Path
from dekhang.pipeline.lakewrite import batches, merge
from dekhang.pipeline.lakewrite.keeper import Keeper
batches.FLUSH_ROWS, merge.MERGE_FILES, merge.SETTLED_SECONDS = 200, 3, 0
batches.flush.__kwdefaults__["least_rows"] = 200
merge.compact_once.__kwdefaults__["min_files"] = 3
keeper = Keeper(Path(sys.argv[1]))
print("ready", flush=True)
while True:
    keeper.work()
"""

READ = """
import sys, time
from pathlib import Path
from dekhang.pipeline.stores.lake import Lake
lake, rounds, last = Lake(Path(sys.argv[1])), 0, 0
print("ready", flush=True)
while not Path(sys.argv[2]).exists():
    found = [one for table in lake.scan(range(1, 8), columns=["event_id"]) for one in table.column("event_id").to_pylist()]
    assert len(found) == len(set(found)), "an event was there twice"
    assert len(found) >= last, f"{last} events became {len(found)}"
    assert lake.count(range(1, 8), 0) >= len(found)
    events = lake.events(found[-3:], unit_ids=range(1, 8))
    assert sorted(e.event_id for e in events) == sorted(found[-3:]), "an event vanished"
    assert len(lake.recent(range(1, 8), limit=5)) >= min(5, len(found))
    last, rounds = len(found), rounds + 1
print(rounds, flush=True)
"""


class Ingest:
    """A worker's writes, without its engine."""

    def __init__(self, data: Path) -> None:
        self.files, self.connection = lakefiles.of(data), database.connect(data)
        self.sequence = 0

    def write(self, count: int) -> None:
        rows = lakewrite.Rows()
        for _ in range(count):
            self.sequence += 1
            row = dict.fromkeys(rows.columns, "")
            row |= {
                "event_id": 1 << 47 | self.sequence, "unit_id": 1 + self.sequence % 7, "source_id": 1,
                "time": NOON + self.sequence, "received_at": NOON + self.sequence, "kind": "syslog", "fields": "{}",
                "raw": f"line {self.sequence}", "raw_base64": False, "problem": None,
            }  # fmt: skip
            for name, column in rows.columns.items():
                column.append(row[name])
        written = lakewrite.write_rows(self.files, rows, created_ms=NOON)
        with self.connection.transaction():
            lakewrite.add_to_manifest(self.connection, written)


def start(script: str, *arguments: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "ready\n", process.communicate()[1]
    return process


def all_ids(data: Path) -> list[int]:
    tables = Lake(data).scan(UNITS, columns=["event_id"])
    return sorted(one & 0xFFFFFFFF for table in tables for one in table.column("event_id").to_pylist())


@pytest.mark.chaos
def test_two_readers_never_miss_or_repeat_an_event_while_batches_come_and_files_merge(tmp_path: Path) -> None:
    data, done = tmp_path / "data", tmp_path / "done"
    ingest = Ingest(data)
    ingest.write(1)
    readers = [start(READ, data, done) for _ in range(2)]
    keeper = start(KEEP, data)
    while ingest.sequence < 3_000:
        ingest.write(70)
        time.sleep(0.02)
    time_left = time.monotonic() + 60
    merges = 0
    while merges < 2 and time.monotonic() < time_left:
        bodies = [body for (body,) in ingest.connection.execute("SELECT body FROM lake_chain")]
        merges = sum('"kind":"merge"' in body for body in bodies)
        ingest.write(70)
        time.sleep(0.02)
    keeper.kill()
    keeper.communicate()
    done.touch()
    for reader in readers:
        said, error = reader.communicate(timeout=60)
        assert reader.returncode == 0, error
        assert int(said) >= 3

    assert merges >= 2
    assert all_ids(data) == list(range(1, ingest.sequence + 1))


@pytest.mark.chaos
def test_kill_9_of_the_keeper_at_random_moments_leaves_every_event_once(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ingest = Ingest(data)
    dice = random.Random(1912)
    flushed = 0
    for _ in range(8):
        keeper = start(KEEP, data)
        for _ in range(6):
            ingest.write(60)
        time.sleep(dice.uniform(0, 0.5))
        keeper.send_signal(signal.SIGKILL)
        keeper.communicate()
        assert all_ids(data) == list(range(1, ingest.sequence + 1))
        flushed += ingest.connection.execute("SELECT count(*) FROM segments").fetchone()[0] > 0
    assert flushed >= 3

    lakewrite.flush(ingest.files, ingest.connection, now_ms=NOON, least_rows=1)
    lakewrite.remove_orphans(ingest.files, ingest.connection, {lakewrite.KEEPER})
    lakewrite.empty_garbage(ingest.files, ingest.connection, now_ms=1 << 60)
    named = {path for (path,) in ingest.connection.execute("SELECT path FROM segments")}
    on_disk = {file.path for file in ingest.files.listing() if file.path.endswith(".parquet")}
    assert on_disk == named
    assert all_ids(data) == list(range(1, ingest.sequence + 1))
