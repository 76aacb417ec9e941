"""One measurement of `bench/detect.py` in a process of its own, so that its memory is its own.

`python -m bench.detect_part '{"variant": …, "events": path, "rules": [folders], "cache": folder, …}'` prints a JSON line.
"""

import gc
import json
import random
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
from evtx import PyEvtxParser

from dekhang.cli.detect.scan import Scan
from dekhang.engine import Detector, Limits, compile_rules
from dekhang.pipeline.indicatorbook import load_indicators
from dekhang.pipeline.rulebook import load_rules

LIMITS = {"small-cache": Limits(values_per_field=1_000), "no-cache": Limits(values_per_field=0)}


def main() -> None:
    order: dict[str, Any] = json.loads(sys.argv[1])
    measure = {"floor": floor, "evtx": evtx}.get(order["variant"], detect)
    row = measure(order)
    row["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(row))


def floor(order: dict[str, Any]) -> dict[str, Any]:
    """orjson.loads of every line, and nothing else."""
    gc.disable()
    events, started = 0, time.process_time()
    with Path(order["events"]).open("rb") as file:
        for line in file:
            orjson.loads(line)
            events += 1
    return {"events": events, "seconds": time.process_time() - started}


def detector(order: dict[str, Any], limits: Limits | None = None) -> Detector:
    book = load_rules([Path(one) for one in order["rules"]], cache=Path(order["cache"]))
    ruleset = book.ruleset
    if "count" in order:
        rules = sorted(ruleset.rules, key=lambda rule: (rule.logsource.product != "windows", rule.id))
        windows = sum(rule.logsource.product == "windows" for rule in rules)
        kept = random.Random(14).sample(rules[:windows], min(order["count"], windows))
        kept += rules[windows:][: max(0, order["count"] - windows)]
        ruleset = compile_rules(kept, ruleset.mapping)
    indicators = None
    if "indicators" in order:
        indicators = load_indicators([Path(order["indicators"])], cache=Path(order["cache"])).set
    return Detector(replace(ruleset), limits=limits, indicators=indicators)


def detect(order: dict[str, Any]) -> dict[str, Any]:
    """The command without its output: file → records → matches."""
    variant, path = order["variant"], Path(order["events"])
    subject = detector(order, LIMITS.get(variant))
    gc.collect()
    gc.freeze()
    scan = Scan(subject, 0, workers=order.get("workers", 1))
    row: dict[str, Any] = {"rules": len(subject.ruleset.rules)}
    for attempt in ("cold", "warm") if order.get("twice") else ("cold",):
        scan.counts.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        matches = sum(1 for _ in scan.files([path], lambda *_: None))
        row[attempt] = {
            "seconds": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "matches": matches,
            "events": sum(one.read for one in scan.counts.values()),
        }
    return row


def evtx(order: dict[str, Any]) -> dict[str, Any]:
    """EVTX: the package's own iteration over JSON, against the command without its output. Wall time, best of five."""
    paths = [Path(one) for one in order["files"]]
    scan = Scan(detector(order), 0)
    best: dict[str, float] = {}
    events = 0
    for _ in range(5):
        started = time.perf_counter()
        events = sum(sum(1 for _ in PyEvtxParser(str(path)).records_json()) for path in paths)
        best["bare"] = min(best.get("bare", 1e9), time.perf_counter() - started)
        scan.counts.clear()
        started = time.perf_counter()
        sum(1 for _ in scan.files(paths, lambda *_: None))
        best["ours"] = min(best.get("ours", 1e9), time.perf_counter() - started)
    return {"events": events, "bare": best["bare"], "seconds": best["ours"], "rules": len(scan.detector.ruleset.rules)}


if __name__ == "__main__":
    main()
