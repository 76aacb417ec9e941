"""How fast logs are judged, against the floor of only reading their JSON.

`./dk bench detect [EVENTS.jsonl(.xz)] [RULES…]`; by default the real Windows events and all rules under DEKHANG_SHARED.
Every variant runs in a process of its own over the same file: file → records → matches, all but the printing.

floor        orjson.loads of every line, one core                    cold, warm   first and second pass of one detector
unique       CommandLine, TargetObject, TargetFilename all distinct  small-cache  1,000 values remembered of a field
no-cache     nothing remembered                                      workers-N    processes; wall time, `speedup` to workers-1
rules-N      so many rules                                           indicators   a million indicators besides the rules
evtx         against the evtx package's own JSON iteration           start-…      `dekhang detect` of one small file
"""

import json
import lzma
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

SHARED = Path(os.environ.get("DEKHANG_SHARED", Path(__file__).resolve().parents[2] / "shared")) / "data"
DISTINCT = ("CommandLine", "TargetObject", "TargetFilename")
RULE_COUNTS = (375, 750, 1_500, 3_000)
INDICATORS = 1_000_000


def run(args: list[str]) -> Iterator[dict[str, Any]]:
    path = Path(args[0]) if args else SHARED / "windows/events.jsonl.xz"
    folders = [str(Path(folder).resolve()) for folder in args[1:]]
    folders = folders or [str(one) for one in sorted((SHARED / "sigma").glob("rules*"))]
    if not path.exists():
        yield {"bench": "detect", "skipped": f"{path} is missing (set DEKHANG_SHARED)"}
        return
    with tempfile.TemporaryDirectory() as work:
        yield from _Run(path, folders, Path(work)).rows()


class _Run:
    def __init__(self, path: Path, folders: list[str], work: Path) -> None:
        self.folders = folders
        self.work = work
        self.events = work / "events.jsonl"
        with lzma.open(path) if path.suffix == ".xz" else path.open("rb") as file, self.events.open("wb") as out:
            shutil.copyfileobj(file, out, 8 << 20)

    def rows(self) -> Iterator[dict[str, Any]]:
        first = self.work / "first.jsonl"
        with self.events.open("rb") as file:
            first.write_bytes(b"".join(islice(file, 2_000)))
        self.part("compile", first)  # caches of rules and machine code
        yield self.floor("floor", self.events)
        both = self.between_floors("cold", self.events, twice=True)
        for attempt in ("cold", "warm"):
            yield self.row(attempt, self.events, both, attempt)
        distinct = self.distinct()
        yield self.floor("floor-unique", distinct)
        for variant, path in (("unique", distinct), ("small-cache", self.events), ("no-cache", self.events)):
            yield self.row(variant, path, self.between_floors(variant, path))
        yield from self.workers()
        for count in RULE_COUNTS:
            variant = f"rules-{count}"
            yield self.row(variant, self.events, self.between_floors(variant, self.events, count=count))
        yield from self.indicators()
        yield from self.evtx()
        yield from self.starts()

    def part(self, variant: str, path: Path, **more: Any) -> dict[str, Any]:
        order = {
            "variant": variant,
            "events": str(path),
            "rules": self.folders,
            "cache": str(self.work / "cache"),
            **more,
        }
        done = subprocess.run(
            [sys.executable, "-m", "bench.detect_part", json.dumps(order)], check=True, stdout=subprocess.PIPE
        )
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def floor(self, variant: str, path: Path) -> dict[str, Any]:
        found = self.part("floor", path)
        return {
            "bench": "detect",
            "variant": variant,
            "events": found["events"],
            "bytes": path.stat().st_size,
            "floor_events_per_second": round(found["events"] / found["seconds"]),
        }

    def between_floors(self, variant: str, path: Path, **more: Any) -> tuple[dict[str, Any], float]:
        """Measure a variant, and the floor right before and after it: other guests of the machine come and go."""
        before = self.floor("floor", path)["floor_events_per_second"]
        found = self.part(variant, path, **more)
        after = self.floor("floor", path)["floor_events_per_second"]
        return found, (before + after) / 2

    def row(
        self,
        variant: str,
        path: Path,
        measured: tuple[dict[str, Any], float],
        attempt: str = "cold",
        seconds: str = "seconds",
    ) -> dict[str, Any]:
        found, floor = measured
        one = found[attempt]
        rate = one["events"] / one[seconds]
        return {
            "bench": "detect",
            "variant": variant,
            "events": one["events"],
            "bytes": path.stat().st_size,
            "rules": found["rules"],
            "matches": one["matches"],
            "events_per_second": round(rate),
            "floor_events_per_second": round(floor),
            "ratio": round(rate / floor, 2),
            "peak_mb": found["peak_mb"],
        }

    def distinct(self) -> Path:
        path = self.work / "distinct.jsonl"
        with self.events.open("rb") as source, path.open("wb") as out:
            for number, line in enumerate(source):
                fields = orjson.loads(line)
                for name in DISTINCT:
                    if isinstance(fields.get(name), str):
                        fields[name] = f"{fields[name]} {number:x}"
                out.write(orjson.dumps(fields) + b"\n")
        return path

    def workers(self) -> Iterator[dict[str, Any]]:
        alone = 0.0
        for count in (1, 2):
            measured = self.between_floors(f"workers-{count}", self.events, workers=count)
            row = self.row(f"workers-{count}", self.events, measured, "cold", "wall")
            alone = alone or row["events_per_second"]
            yield row | {"speedup": round(row["events_per_second"] / alone, 2)}

    def indicators(self) -> Iterator[dict[str, Any]]:
        path = self.work / "indicators.txt"
        chance = random.Random(14)
        with path.open("w") as out:
            for number in range(INDICATORS // 4):
                out.write(
                    f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}.{chance.randrange(256)}\n"
                )
                out.write(f"h{number:x}.{chance.getrandbits(40):x}.example\n")
                out.write(f"http://w{number:x}.example/{chance.getrandbits(64):x}\n")
                out.write(f"{chance.getrandbits(256):064x}\n")
        self.part("indicators", self.work / "first.jsonl", indicators=str(path))  # read once, kept
        without = self.part("cold", self.events, twice=True)
        measured = self.between_floors("indicators", self.events, indicators=str(path), twice=True)
        for attempt in ("cold", "warm"):
            row = self.row(f"indicators-{attempt}", self.events, measured, attempt)
            slower = measured[0][attempt]["seconds"] / without[attempt]["seconds"] - 1
            yield row | {"indicators": INDICATORS, "slower_percent": round(100 * slower)}

    def evtx(self) -> Iterator[dict[str, Any]]:
        files = sorted((SHARED / "windows/evtx").glob("*.evtx")) + [
            path for path in sorted((SHARED / "windows/evtx_damaged").glob("*.evtx")) if "irregular" in path.name
        ]
        if not files:
            return
        found = self.part("evtx", self.events, files=[str(path) for path in files])
        yield {
            "bench": "detect",
            "variant": "evtx",
            "events": found["events"],
            "bytes": sum(path.stat().st_size for path in files),
            "rules": found["rules"],
            "events_per_second": round(found["events"] / found["seconds"]),
            "evtx_package_events_per_second": round(found["events"] / found["bare"]),
            "times_the_package": round(found["seconds"] / found["bare"], 2),
            "peak_mb": found["peak_mb"],
        }

    def starts(self) -> Iterator[dict[str, Any]]:
        small = next(iter(sorted((SHARED / "windows/evtx").glob("*.evtx"))), None)
        if small is None:
            return
        command = [sys.executable, "-m", "dekhang", "detect", str(small), "--format", "jsonl"]
        command += [part for folder in self.folders for part in ("--rules", folder)]
        for variant, rules, code in (
            ("start-cached", "kept", None),
            ("start-rules-uncached", "new", None),
            ("start-nothing-cached", "empty", str(self.work / "native")),
        ):
            environment = os.environ | ({"NUMBA_CACHE_DIR": code} if code else {})
            if variant == "start-cached":
                subprocess.run(
                    [*command, "--rules-cache", str(self.work / rules)], check=True, stdout=subprocess.DEVNULL
                )
            started = time.perf_counter()
            subprocess.run(
                [*command, "--rules-cache", str(self.work / rules)],
                check=True,
                stdout=subprocess.DEVNULL,
                env=environment,
            )
            yield {"bench": "detect", "variant": variant, "seconds": round(time.perf_counter() - started, 2)}
