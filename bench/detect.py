"""How fast rules are evaluated, against the floor of only reading the JSON.

`./dk bench detect [EVENTS.jsonl(.xz)] [RULES…]`; by default the real events and Windows rules under DEKHANG_SHARED.
Rows: loads (the floor) · cold · warm · unique (every value of the two richest fields made different) · small memory ·
start (rules from the cache). `ratio` is to the floor of the same run.
"""

import gc
import lzma
import os
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from dekhang.engine import Detector, Limits, Record
from dekhang.pipeline.rulebook import load_rules

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
EVENTS = 120_000
SKIPPED = 100_000  # the beginning of the sample is one product only
BATCH = 1_000
RICH_FIELDS = ("CommandLine", "TargetObject", "ScriptBlockText", "Payload", "CallTrace", "TargetFilename")


def run(args: list[str]) -> Iterator[dict[str, Any]]:
    path = Path(args[0]) if args else SHARED / "windows/events.jsonl.xz"
    folders = [Path(folder) for folder in args[1:]] or sorted((SHARED / "sigma").glob("rules*"))
    if not path.exists():
        yield {"bench": "detect", "skipped": f"{path} is missing (set DEKHANG_SHARED)"}
        return
    with tempfile.TemporaryDirectory() as cache:
        load_rules(folders, cache=Path(cache))
        started = time.perf_counter()
        book = load_rules(folders, cache=Path(cache))
        yield {"bench": "detect", "what": "start", "rules": len(book.rules), "seconds": seconds(started)}
    with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file:
        skipped = SKIPPED if path.suffix == ".xz" else 0
        lines = list(islice(file, skipped, skipped + EVENTS))
    gc.collect()
    gc.freeze()
    gc.disable()  # as the worker does
    try:
        started = time.process_time()
        for line in lines:
            orjson.loads(line)
        floor = len(lines) / (time.process_time() - started)
        yield {"bench": "detect", "what": "loads", "events": len(lines), "per_second": round(floor)}
        detector = Detector(book.ruleset)
        for what, subject, unique in (
            ("cold", detector, False),
            ("warm", detector, False),
            ("unique", Detector(book.ruleset), True),
            ("small memory", Detector(book.ruleset, limits=Limits(memory_bytes=200_000)), False),
        ):
            taken, matches = evaluate(subject, lines, unique=unique)
            rate = len(lines) / taken
            yield {
                "bench": "detect",
                "what": what,
                "events": len(lines),
                "matches": matches,
                "per_second": round(rate),
                "ratio": round(rate / floor, 2),
            }
    finally:
        gc.enable()


def evaluate(detector: Detector, lines: list[bytes], *, unique: bool) -> tuple[float, int]:
    """Return the seconds spent in the engine, and the matches found. Making records is the parser's time."""
    taken, matches = 0.0, 0
    for start in range(0, len(lines), BATCH):
        records = []
        for number, line in enumerate(lines[start : start + BATCH], start):
            fields = orjson.loads(line)
            if unique:
                for name in RICH_FIELDS:
                    if isinstance(fields.get(name), str):
                        fields[name] = f"{fields[name]} {number:x}"
            records.append(Record(fields, product="windows"))
        started = time.process_time()
        matches += len(detector.process(records))
        taken += time.process_time() - started
    return taken, matches


def seconds(started: float) -> float:
    return round(time.perf_counter() - started, 2)
