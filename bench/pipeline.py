"""Events a second from the spool into the lake, with detection, on one core.

    ./dk bench pipeline [--events N] [--sigma DIR] [--shared DIR]

Real Windows events, auth lines, access lines and Suricata records of DEKHANG_SHARED go into a spool as a receiver
would write them; then one worker empties it. `against_json` compares with `orjson.loads` alone on the same events.
"""

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import orjson
import psutil

from dekhang.pipeline.formats import open_records
from dekhang.pipeline.parse import parse
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import ledger
from dekhang.pipeline.worker.loop import Worker

ROOT = Path(__file__).resolve().parents[1]
BATCH = 500
FILES = (  # source kind, file, share of the events asked for
    ("windows", "windows/events.jsonl.xz", 0.8),
    ("linux", "linux/auth.log", 0.08),
    ("web", "web/apache_access.log", 0.1),
    ("suricata", "network/suricata_eve_alerts.jsonl", 0.02),
)


def run(args: list[str]) -> Iterator[dict[str, object]]:
    parser = argparse.ArgumentParser(prog="dk bench pipeline")
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--sigma", type=Path, help="a folder of further Sigma rules")
    parser.add_argument("--shared", type=Path, default=Path(os.environ.get("DEKHANG_SHARED", ROOT.parent / "shared")))
    options = parser.parse_args(args)
    data = options.shared / "data"
    if not data.is_dir():
        yield {"bench": "pipeline", "skipped": "needs the real material: set DEKHANG_SHARED"}
        return
    records = {kind: take(data / name, int(options.events * share)) for kind, name, share in FILES}
    yield from parsing(records)
    yield emptying("none", [], records)
    yield emptying("ours", [ROOT / "rules"], records)
    if options.sigma:
        yield emptying("ours + sigma", [ROOT / "rules", options.sigma], records)


def take(path: Path, count: int) -> list[bytes]:
    """`count` records, the file repeated as often as needed."""
    found: list[bytes] = []
    while len(found) < count:
        for _, raw in open_records(path):
            found.append(raw)
            if len(found) >= count:
                break
    return found


def parsing(records: dict[str, list[bytes]]) -> Iterator[dict[str, object]]:
    now_ms = time.time_ns() // 1_000_000
    for kind, raws in records.items():
        gc.collect()
        gc.disable()
        started = time.process_time()
        for raw in raws:
            parse(raw, source_kind=kind, received_ms=now_ms)
        seconds = time.process_time() - started
        row: dict[str, object] = {
            "bench": "parse",
            "kind": kind,
            "events": len(raws),
            "events_s": round(len(raws) / seconds),
        }
        if kind in ("windows", "suricata"):
            started = time.process_time()
            for raw in raws:
                orjson.loads(raw)
            row["against_json"] = round(seconds / (time.process_time() - started), 2)
        gc.enable()
        yield row


def emptying(rules: str, folders: list[Path], records: dict[str, list[bytes]]) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-") as folder:
        data = Path(folder)
        total = size = 0
        now_ms = time.time_ns() // 1_000_000
        with SpoolWriter(data / "spool", 1) as spool:
            queues = {kind: list(raws) for kind, raws in records.items()}
            for start in range(0, max(map(len, queues.values())), BATCH):  # sources interleave, as they do in life
                for number, (kind, raws) in enumerate(queues.items(), start=1):
                    part = raws[start : start + BATCH]
                    if part:
                        spool.append(Batch(number, number, kind, "http_bulk", now_ms, "192.0.2.1", part))
                        total += len(part)
                        size += sum(map(len, part))
        worker = Worker(data, folders)
        started = time.perf_counter()
        worker.start()
        loading = time.perf_counter() - started
        started, started_cpu = time.perf_counter(), time.process_time()
        stored = worker.drain()
        seconds, cpu = time.perf_counter() - started, time.process_time() - started_cpu
        facts = worker.facts()
        (lake_bytes,) = worker.connection.execute("SELECT sum(bytes) FROM segments").fetchone()
        worker.close()
        account = ledger.of_sources(data, [1, 2, 3, 4])
        assert stored == total == sum(one.received for one in account.values())
        return {
            "bench": "pipeline",
            "rules": rules,
            "rules_in_force": facts["rules"],
            "events": total,
            "events_s": round(total / seconds),
            "events_cpu_s": round(total / cpu),
            "mb_s": round(size / seconds / 1e6, 1),
            "detections": facts["detections"],
            "loading_s": round(loading, 2),
            "lake_bytes_per_event": round(lake_bytes / total, 1),
            "raw_bytes_per_event": round(size / total, 1),
            "rss_mb": round(psutil.Process().memory_info().rss / 1e6),
        }
