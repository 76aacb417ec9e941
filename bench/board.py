"""`./dk bench board`: every list and board page over a simulated province, one JSON line a page.

    ./dk bench board                                    700 units, 100,000 people, 1,000,000 evidence rows and alerts, made anew
    ./dk bench board --data DIR                         over a folder that `dekhang simulate` made
    ./dk bench board --units 20 --people 100 …          another size      --rounds 20   --only alerts

Pages are asked of the real WSGI application, in process, one after another, with real sessions of each role: the time of
granian and of the wire is not in it. `p95_cpu_ms` is what the processor spent, whatever else the machine does.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
SIZES = {"units": 700, "people": 100_000, "evidence": 1_000_000, "alerts": 1_000_000, "months": 24}


def run(args: list[str]) -> Iterator[dict[str, object]]:
    parser = argparse.ArgumentParser(prog="./dk bench board")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--only", default="")
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    given = parser.parse_args(args)
    if given.data is not None:
        yield from _pages(given.data, given.rounds, given.only)
        return
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-") as folder:
        data = Path(folder) / "data"
        sizes = [word for name in SIZES for word in (f"--{name}", str(getattr(given, name)))]
        subprocess.run(
            [sys.executable, "-m", "dekhang", "simulate", "--data", str(data), *sizes], cwd=PROJECT, check=True
        )
        yield from _pages(data, given.rounds, given.only)


def _pages(data: Path, rounds: int, only: str) -> Iterator[dict[str, object]]:
    command = [sys.executable, "-m", "bench._measure", "--data", str(data), "--rounds", str(rounds), "--only", only]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True) as measuring:
        assert measuring.stdout is not None
        for line in measuring.stdout:
            yield json.loads(line)
    if measuring.returncode:
        raise SystemExit(measuring.returncode)
