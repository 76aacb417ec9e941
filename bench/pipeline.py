"""How much a second the whole pipeline takes, and how long an attack goes unseen, beside other receivers.

    ./dk bench pipeline [--seconds S] [--workers N] [--only VARIANT …] [--rules DIR …]

Real receivers, workers and the lake's keeper as processes, and a sender in a process of its own that replays real
Windows events (HTTP `_bulk`) or lines of a server's auth.log (TCP syslog) with the times of now (`_streams.py`).
What is meant by each variant and figure: docs/reference/bench-pipeline.md.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench import _peers, _streams
from bench._running import Running
from dekhang.pipeline.stores import heartbeat

ROOT = Path(__file__).resolve().parents[1]
GOALS = {"windows": 25_000, "linux": 60_000}  # records a second
HASTE = 1.5  # times the goal: so fast is sent when it is to go as fast as it can. More would only wait in the spool
RECEIVE_SECONDS = 20.0  # at most, of the receivers alone: a spool that nobody empties fills the disk
NAMES = {"windows": "http-bulk", "linux": "syslog-tcp"}
VARIANTS = [
    "receive-only", "receive-only-http",
    *(f"{name}{how}" for name in NAMES.values() for how in ("", "-no-detection", "-half-load")),
]  # fmt: skip


def run(args: list[str]) -> Iterator[dict[str, Any]]:
    parser = argparse.ArgumentParser(prog="dk bench pipeline")
    parser.add_argument("--seconds", type=float, default=60.0, help="of sending, each variant (%(default)s)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), metavar="N")
    parser.add_argument("--only", nargs="+", choices=VARIANTS, default=VARIANTS, metavar="VARIANT")
    parser.add_argument("--rules", nargs="+", type=Path, metavar="DIR", help="rule folders; usually ours and SigmaHQ's")
    options = parser.parse_args(args)
    if not (_streams.SHARED / "windows/events.jsonl.xz").exists():
        yield {"bench": "pipeline", "skipped": "needs the real material: set DEKHANG_SHARED"}
        return
    rules = options.rules or [ROOT / "rules", *sorted((_streams.SHARED / "sigma").glob("rules*"))]
    with tempfile.TemporaryDirectory(prefix="dekhang-bench-") as name:
        folder = Path(name)
        for number, variant in enumerate(one for one in VARIANTS if one in options.only):
            if variant.startswith("receive-only"):
                yield from receiving(variant, folder / f"{number}", min(options.seconds, RECEIVE_SECONDS))
            else:
                yield working(variant, folder / f"{number}", options.seconds, options.workers, rules, folder / "cache")


def working(variant: str, folder: Path, seconds: float, workers: int, rules: list[Path], cache: Path) -> dict[str, Any]:
    """Everything at work: as fast as it goes, or at half of the goal with an attack now and then."""
    kind = next(kind for kind, name in NAMES.items() if variant.startswith(name))
    half = variant.endswith("-half-load")
    if variant.endswith("-no-detection"):
        rules = []
    with Running(folder / "data", kind, workers=workers, rules=rules, cache=cache) as running:
        in_force = heartbeat.read(running.data)[heartbeat.WORKER]["rules"]
        figures = running.measure(seconds, rate=GOALS[kind] * (0.5 if half else HASTE), attacks=half)
    return {"bench": "pipeline", "variant": variant, "workers": workers, "rules": in_force, **figures, **_no_peer()}


def receiving(variant: str, folder: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """Our receiver alone; over syslog, beside others that take the same stream."""
    kind = "windows" if variant.endswith("-http") else "linux"
    with Running(folder / "data", kind, workers=0, rules=[], cache=folder.parent / "cache") as running:
        ours = running.measure(seconds)
        addresses = running.addresses
    others = {}
    if kind == "linux":
        for peer in ("rsyslog", "syslog-ng"):
            others[peer] = _peers.measure(peer, folder / peer, addresses, seconds)
            yield {"bench": "pipeline", "variant": f"receive-only-{peer}", **others[peer]}
    speeds = {name: figures["events_per_second"] for name, figures in others.items() if "skipped" not in figures}
    slower = min(speeds, key=lambda name: speeds[name], default=None)
    yield {
        "bench": "pipeline",
        "variant": variant,
        **ours,
        **(_no_peer() if slower is None else _beside(slower, ours["events_per_second"] / speeds[slower])),
    }


def _no_peer() -> dict[str, Any]:
    return {"peer": None, "peer_ratio": None}


def _beside(peer: str, ratio: float) -> dict[str, Any]:
    return {"peer": peer, "peer_ratio": round(ratio, 2)}
