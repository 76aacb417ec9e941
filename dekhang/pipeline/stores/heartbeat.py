"""Signs of life: each part writes `run/<part>.json` every two seconds; `dekhang up` and doctor read them."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import orjson

BEAT_SECONDS = 2.0
STALE_SECONDS = 6.0  # three beats missed
WORKER = "worker"  # the first one's name; further ones are worker-2, worker-3 …


def beat(data: Path, part: str, **facts: Any) -> None:
    """Write `run/<part>.json`: the facts given, plus `part`, `pid` and `at_ms` (UTC). Readers never see half a file."""
    folder = data / "run"
    folder.mkdir(parents=True, exist_ok=True)
    body = {"ready": False, **facts, "part": part, "pid": os.getpid(), "at_ms": time.time_ns() // 1_000_000}
    draft = folder / f".{part}.{os.getpid()}.tmp"
    draft.write_bytes(orjson.dumps(body, default=str))
    draft.replace(folder / f"{part}.json")


def read(data: Path) -> dict[str, dict[str, Any]]:
    """The last beat of every part, by name; a file that cannot be read is left out."""
    beats: dict[str, dict[str, Any]] = {}
    for path in sorted((data / "run").glob("*.json")):
        try:
            facts = orjson.loads(path.read_bytes())
        except (OSError, orjson.JSONDecodeError):
            continue
        if isinstance(facts, dict):
            beats[path.stem] = facts
    return beats


def worker_name(number: int) -> str:
    """The name of worker `number`, from 1."""
    return WORKER if number == 1 else f"{WORKER}-{number}"


def workers(beats: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of `read` that are workers', by name, in order of their numbers."""
    found = {name: facts for name, facts in beats.items() if name == WORKER or name.startswith(f"{WORKER}-")}
    return dict(sorted(found.items(), key=lambda one: (len(one[0]), one[0])))


def is_alive(facts: dict[str, Any], *, now_ms: int | None = None) -> bool:
    """True when the beat is fresh: not older than STALE_SECONDS."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    at_ms = facts.get("at_ms")
    return isinstance(at_ms, int) and now_ms - at_ms <= STALE_SECONDS * 1000


def clear(data: Path, part: str) -> None:
    """Remove the beat of a part that has ended in order."""
    (data / "run" / f"{part}.json").unlink(missing_ok=True)
