"""What the rules found: an append-only stream, read by position."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from dekhang.pipeline.stores import database


@dataclass(frozen=True, slots=True)
class Detection:
    """A rule that matched. Times are UTC epoch milliseconds.

    `fields`: what the rule looked at plus a little context; `event_ids`: the events behind it, for `Lake.events`.
    """

    id: int
    rule_id: str
    rule_level: str
    family: str
    title: str
    unit_id: int
    source_id: int
    event_id: int
    event_ms: int
    received_ms: int
    entity: str
    host: str
    fields: dict[str, Any]
    event_ids: tuple[int, ...]
    count: int
    first_ms: int
    created_at: int


_NAMES = tuple(one.name for one in fields(Detection))
_COLUMNS = ", ".join(_NAMES)


def after(data: Path, detection_id: int, limit: int = 1_000) -> list[Detection]:
    """Detections with a higher id, in order of id. Ids grow without being reused, so the last one is a position."""
    return _ask(data, "WHERE id > ? ORDER BY id LIMIT ?", (detection_id, limit))


def get(data: Path, detection_id: int) -> Detection | None:
    found = _ask(data, "WHERE id = ?", (detection_id,))
    return found[0] if found else None


def of_units(data: Path, unit_ids: Collection[int], *, limit: int = 100) -> list[Detection]:
    """The newest detections of these units, newest first."""
    units = sorted(set(unit_ids))[:30_000]
    if not units:
        return []
    marks = ",".join("?" * len(units))
    return _ask(data, f"WHERE unit_id IN ({marks}) ORDER BY id DESC LIMIT ?", (*units, limit))


@dataclass(frozen=True, slots=True)
class LastOfRule:
    """How often a rule matched, and when the newest of it happened (UTC epoch ms)."""

    times: int
    last_ms: int


def last_by_rule(data: Path, unit_id: int, *, since_ms: int) -> dict[str, LastOfRule]:
    """What was really found at a unit since then, by rule."""
    with database.reading(Path(data)) as connection:
        if connection is None:
            return {}
        rows = connection.execute(
            "SELECT rule_id, count(*), max(event_ms) FROM detections WHERE unit_id = ? AND received_ms >= ? GROUP BY rule_id",
            (unit_id, since_ms),
        )
        return {rule_id: LastOfRule(times, last_ms) for rule_id, times, last_ms in rows}


def _ask(data: Path, where: str, values: tuple[int, ...]) -> list[Detection]:
    with database.reading(data) as connection:
        if connection is None:
            return []
        rows = connection.execute(f"SELECT {_COLUMNS} FROM detections {where}", values)  # noqa: S608 - both are ours
    return [_detection(row) for row in rows]


def _detection(row: tuple[Any, ...]) -> Detection:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    values["fields"] = orjson.loads(values["fields"])
    values["event_ids"] = tuple(orjson.loads(values["event_ids"]))
    return Detection(**values)
