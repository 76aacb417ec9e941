"""Signs of life: each part writes `run/<part>.json` every two seconds; `dekhang up` and doctor read them.

Of several hosts `pipeline.sharing` puts each one's into their database, where `everywhere` finds the others'.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database

BEAT_SECONDS = 2.0
STALE_SECONDS = 6.0  # three beats missed
GONE_MS = 7 * 86_400_000
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


@dataclass(frozen=True, slots=True)
class Beat:
    """The last sign of life of one part; `facts` as `read` gives them."""

    host: str
    part: str
    facts: dict[str, Any]


def everywhere(data: Path) -> list[Beat]:
    """The last beats of all hosts' parts, this host's first.

    Raises:
        database.Error: the hosts' database is not available.
    """
    place = Place.of(data)
    beats = [Beat(place.host, part, facts) for part, facts in read(data).items()]
    if not place.database:
        return beats
    with database.reading(data) as connection:
        if connection is None:
            return beats
        # an age by the database's clock, told by ours: other hosts' clocks may be wrong
        ahead_ms = time.time_ns() // 1_000_000 - connection.now_ms()
        rows = connection.execute(
            "SELECT host, part, at_ms, facts FROM beats WHERE host <> ? ORDER BY host, part", (place.host,)
        )
    return beats + [
        Beat(host, part, {**orjson.loads(facts), "at_ms": at_ms + ahead_ms}) for host, part, at_ms, facts in rows
    ]


def share(connection: database.Connection, host: str, beats: dict[str, dict[str, Any]]) -> None:
    """Put a host's beats where the others see them; parts that it no longer has go, hosts that are gone after a week."""
    ahead_ms = connection.now_ms() - time.time_ns() // 1_000_000
    with connection.transaction():
        connection.execute("DELETE FROM beats WHERE host = ? OR at_ms < ?", (host, connection.now_ms() - GONE_MS))
        connection.executemany(
            "INSERT INTO beats (host, part, at_ms, facts) VALUES (?, ?, ?, ?)",
            [
                (host, part, int(facts.get("at_ms", 0)) + ahead_ms, orjson.dumps(facts).decode())
                for part, facts in sorted(beats.items())
            ],
        )


def worker_name(number: int) -> str:
    """The name of worker `number`, from 1."""
    return WORKER if number == 1 else f"{WORKER}-{number}"


def kind_of(part: str) -> str:
    """`worker` of `worker-3`; every other part is its own kind."""
    return WORKER if part.startswith(f"{WORKER}-") else part


def workers(beats: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those of `read` that are workers', by name, in order of their numbers."""
    found = {name: facts for name, facts in beats.items() if kind_of(name) == WORKER}
    return dict(sorted(found.items(), key=lambda one: (len(one[0]), one[0])))


def is_alive(facts: dict[str, Any], *, now_ms: int | None = None) -> bool:
    """True when the beat is fresh: not older than STALE_SECONDS."""
    now_ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    at_ms = facts.get("at_ms")
    return isinstance(at_ms, int) and now_ms - at_ms <= STALE_SECONDS * 1000


def clear(data: Path, part: str) -> None:
    """Remove the beat of a part that has ended in order."""
    (data / "run" / f"{part}.json").unlink(missing_ok=True)
