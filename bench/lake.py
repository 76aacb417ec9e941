"""The lake with millions of real events: how long questions take, with indexes and without, and what building it costs.

    ./dk bench lake [--events N] [--days D] [--units U] [--rounds R] [--folder DIR]

Real Windows events of DEKHANG_SHARED, spread over units and days with times of their own, go the worker's way: batches,
merges, indexes. Each question is asked R times of the merged lake, and R/5 times of the same files with their indexes taken
away, in the same run; the ratio of the two is what the indexes are worth. Rows of questions have CPU times besides.
"""

import argparse
import itertools
import json
import lzma
import os
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dekhang.pipeline import lakefiles
from dekhang.pipeline.lakewrite import Rows, add_to_manifest, compact_once, write_rows
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.schema import DAY_MS

ROOT = Path(__file__).resolve().parents[1]
EVENTS = Path(os.environ.get("DEKHANG_SHARED", ROOT.parent / "shared")) / "data" / "windows" / "events.jsonl.xz"
START_MS = int(datetime(2019, 11, 11, tzinfo=UTC).timestamp() * 1000)
BATCH_ROWS = 10_000
REAL_EVENTS = 359_031
RARE = ("203.0.113.77", "evil-c2.example.vn", "5f2b7e1c9a3d4e6f8091a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e6f7")


def run(args: list[str]) -> Iterator[dict[str, Any]]:
    parser = argparse.ArgumentParser(prog="dk bench lake")
    parser.add_argument("--events", type=int, default=300_000, help="5000000 for what is promised")
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--units", type=int, default=124)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--folder", type=Path, help="keep the lake here, or use the one that is here")
    options = parser.parse_args(args)
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-lake-") as name:
        data = options.folder or Path(name)
        about = {"bench": "lake", "events": options.events, "days": options.days, "units": options.units}
        if not (data / "pipeline.db").exists():
            yield {**about, "variant": "build", **build(data, options.events, options.days, options.units)}
        yield {**about, "variant": "size", **size(data)}
        bare = data / "bare"
        without_indexes(data, bare)
        end_ms = START_MS + options.days * DAY_MS
        for variant, ask in questions(options.units, end_ms):
            yield {**about, "variant": variant, **compared(ask, Lake(data), Lake(bare), options.rounds)}


def build(data: Path, events: int, days: int, units: int) -> dict[str, Any]:
    """A lake as a worker and the merges of a month leave it."""
    files, connection = lakefiles.of(data), database.connect(data)
    dice = random.Random(14)
    started, cpu = time.monotonic(), time.process_time()
    writing = merging = longest = longest_transaction = 0.0
    for day, rows in batches(events, days, units, dice):
        before = time.process_time()
        now_ms = START_MS + day * DAY_MS
        written = write_rows(files, rows, created_ms=now_ms)
        with connection.transaction():
            add_to_manifest(connection, written)
        writing += time.process_time() - before
    watch = _Watch(connection)
    while True:
        before, at = time.process_time(), time.monotonic()
        if not compact_once(files, watch, now_ms=START_MS + (days + 2) * DAY_MS):  # type: ignore[arg-type]
            break
        merging += time.process_time() - before
        longest = max(longest, time.monotonic() - at)
    longest_transaction = watch.longest_seconds
    connection.execute("DELETE FROM garbage")
    named = {path for (path,) in connection.execute("SELECT path FROM segments")}
    for file in list(files.listing()):
        if file.path.endswith(".parquet") and file.path not in named:
            files.forget(file.path)
    connection.close()
    return {
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "write_rows_per_cpu_second": int(events / writing),
        "merge_rows_per_cpu_second": int(events / merging),
        "longest_merge_seconds": round(longest, 2),
        "longest_transaction_seconds": round(longest_transaction, 4),
    }


class _Watch:
    """A connection that remembers its longest transaction: how long a merge can hold up the worker."""

    def __init__(self, connection: database.Connection) -> None:
        self._connection = connection
        self.longest_seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def transaction(self) -> Any:
        return _Timed(self, self._connection.transaction())


class _Timed:
    def __init__(self, watch: _Watch, transaction: Any) -> None:
        self._watch, self._transaction = watch, transaction

    def __enter__(self) -> Any:
        self._transaction.__enter__()
        self._begun = time.monotonic()

    def __exit__(self, *fault: Any) -> Any:
        result = self._transaction.__exit__(*fault)
        self._watch.longest_seconds = max(self._watch.longest_seconds, time.monotonic() - self._begun)
        return result


def batches(events: int, days: int, units: int, dice: random.Random) -> Iterator[tuple[int, Rows]]:
    """Batches in the order of receipt. The machine's name and the time of each real event are replaced.

    Each unit sees a stretch of the real events of its own, in their order, as its machines would have logged it.
    """
    with lzma.open(EVENTS, "rt", encoding="utf-8") as file:
        real = [line.rstrip("\n") for line in itertools.islice(file, min(REAL_EVENTS, max(events, 50_000)))]
    at = {unit: dice.randrange(len(real)) for unit in range(1, units + 1)}
    sequence = 0
    for day in range(days):
        rows, left = Rows(), events // days
        while left:
            for _ in range(min(left, BATCH_ROWS)):
                unit = 1 + sequence % units
                line = real[at[unit] % len(real)]
                at[unit] += 1
                sequence += 1
                time_ms = START_MS + day * DAY_MS + int((events // days - left) / (events // days) * DAY_MS)
                _add(rows, sequence, unit, time_ms, line, dice)
                left -= 1
            yield day, rows
            rows = Rows()


def _add(rows: Rows, sequence: int, unit: int, time_ms: int, line: str, dice: random.Random) -> None:
    event = json.loads(line) if sequence % 50 == 0 else None
    if sequence % 20_011 == 0:  # a trace that somebody will look for
        line = line[:-1] + f',"Seen":"{RARE[sequence // 20_011 % len(RARE)]}"}}'
    values: dict[str, Any] = dict.fromkeys(rows.columns, "")
    values |= {
        "event_id": 1 << 47 | sequence, "unit_id": unit, "source_id": unit * 3 + sequence % 3,
        "time": time_ms, "received_at": time_ms + dice.randrange(2_000), "kind": "windows", "product": "windows",
        "host": f"pc-{unit}-{sequence % 7}", "event_code": str(event.get("EventID", "")) if event else "1",
        "message": line[:200], "fields": None, "raw": line, "raw_base64": False, "problem": None,
    }  # fmt: skip
    for name, column in rows.columns.items():
        column.append(values[name])


def size(data: Path) -> dict[str, Any]:
    connection = database.connect(data)
    rows, segments, size_bytes, index_bytes = connection.execute(
        "SELECT sum(rows), count(*), sum(bytes), sum(index_bytes) FROM segments"
    ).fetchone()
    connection.close()
    return {
        "rows": rows, "segments": segments, "bytes_per_row": round(size_bytes / rows, 1),
        "index_share": round(index_bytes / size_bytes, 4),
    }  # fmt: skip


def without_indexes(data: Path, bare: Path) -> None:
    """The same files, but the manifest knows of no index."""
    shutil.rmtree(bare, ignore_errors=True)
    bare.mkdir()
    (bare / "lake").symlink_to((data / "lake").resolve())
    connection = database.connect(data)
    connection.execute("VACUUM INTO ?", (str(bare / "pipeline.db"),))
    connection.close()
    connection = database.connect(bare)
    connection.execute("UPDATE segments SET index_bytes = 0")
    connection.close()


def questions(units: int, end_ms: int) -> Iterator[tuple[str, Callable[[Lake, int], Any]]]:
    """(name, question); a question gets the number of the round, so that no two rounds ask the same unit."""

    def unit(number: int) -> int:
        return 1 + number * 7 % units

    def find(needle: str, days: int) -> Callable[[Lake, int], Any]:
        return lambda lake, number: lake.scan(
            [unit(number)], since_ms=end_ms - days * DAY_MS, until_ms=end_ms, needles=[needle],
            columns=["event_id", "time", "raw"], limit=100,
        ).table()  # fmt: skip

    everyone = range(1, units + 1)
    yield "substring that is rare, one unit, 30 days", find("evil-c2.example", 30)
    yield "substring that is nowhere, one unit, 30 days", find("Mimikatz.Không.Có", 30)
    yield "substring that is everywhere, one unit, 30 days", find("system32", 30)
    yield "address, one unit, 30 days", find(RARE[0], 30)
    yield "SHA-256, one unit, 30 days", find(RARE[2], 30)
    yield "SHA-256, all units, 30 days", lambda lake, number: lake.scan(everyone, needles=[RARE[2]]).table()
    yield "event by id, one unit", lambda lake, number: lake.events(
        [1 << 47 | 1 + number * 7 + units * 97 * number], unit_ids=everyone
    )  # fmt: skip
    yield (
        "event by id, all units allowed",
        lambda lake, number: lake.events([1 << 47 | (1 + 1009 * number)], unit_ids=everyone),
    )
    yield "newest 100 of a unit", lambda lake, number: lake.recent([unit(number)], limit=100)
    yield "newest 100 of all units", lambda lake, number: lake.recent(everyone, limit=100)
    yield "count, one unit, 30 days", lambda lake, number: lake.count([unit(number)], 0)
    yield (
        "histogram of a source by hour",
        lambda lake, number: lake.histogram(unit(number) * 3, 0, 3600, unit_ids=[unit(number)]),
    )


def compared(ask: Callable[[Lake, int], Any], lake: Lake, bare: Lake, rounds: int) -> dict[str, Any]:
    first = timed(ask, lake, rounds)
    other = timed(ask, bare, max(1, rounds // 5))
    return {
        "p50_ms": first["p50"], "p95_ms": first["p95"], "cpu_ms": first["cpu"], "without_p50_ms": other["p50"],
        "without_cpu_ms": other["cpu"], "ratio": round(first["p50"] / other["p50"], 3),
        "cpu_ratio": round(first["cpu"] / other["cpu"], 3) if other["cpu"] else None,
    }  # fmt: skip


def timed(ask: Callable[[Lake, int], Any], lake: Lake, rounds: int) -> dict[str, float]:
    ask(lake, 0)
    seconds, cpu = [], time.process_time()
    for number in range(rounds):
        at = time.perf_counter()
        ask(lake, number)
        seconds.append(time.perf_counter() - at)
    cpu = (time.process_time() - cpu) / rounds
    seconds.sort()
    return {
        "p50": round(statistics.median(seconds) * 1000, 2),
        "p95": round(seconds[int(len(seconds) * 0.95)] * 1000, 2),
        "cpu": round(cpu * 1000, 2),
    }
