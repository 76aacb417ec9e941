"""History in pieces that can be looked through by themselves: a day of some units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.schema import DAY_MS

UNIT_GROUPS = 8  # of a day: enough for several processes to share one day; units never count together


@dataclass(frozen=True, slots=True)
class Slice:
    """Events of some units whose own time is in [since, until), UTC epoch milliseconds.

    `group` numbers the slices of a day.
    """

    since_ms: int
    until_ms: int
    group: int
    unit_ids: tuple[int, ...]

    @property
    def position(self) -> tuple[int, int]:
        """Its place among all slices of a hunt, whatever days come or go meanwhile."""
        return self.since_ms, self.group


def slices(data: Path, unit_ids: Sequence[int], since_ms: int, until_ms: int) -> list[Slice]:
    """Cut the history of units into slices, oldest first; days of which nothing is stored are left out.

    The same history gives the same slices, however its segments have been merged since.
    """
    units = sorted(unit_ids)
    # neighbours together: the lake is sorted by unit, so a row group belongs to one slice or two
    size = max(1, -(-len(units) // UNIT_GROUPS))
    groups = [tuple(units[start : start + size]) for start in range(0, len(units), size)]
    return [
        Slice(max(since_ms, day * DAY_MS), min(until_ms, (day + 1) * DAY_MS), number, group)
        for day in _days(data, unit_ids, since_ms, until_ms)
        for number, group in enumerate(groups)
    ]


def _days(data: Path, unit_ids: Sequence[int], since_ms: int, until_ms: int) -> list[int]:
    """Days since the epoch that some segment or fresh batch reaches into."""
    if not unit_ids:
        return []
    with database.reading(data) as connection:
        if connection is None:
            return []
        ranges = [
            (int(low), int(high))
            for table in ("segments", "fresh")
            for low, high in connection.execute(
                f"SELECT DISTINCT min_time, max_time FROM {table}"  # noqa: S608 - one of two names
                " WHERE min_unit <= ? AND max_unit >= ? AND max_time >= ? AND min_time < ?",
                (max(unit_ids), min(unit_ids), since_ms, until_ms),
            ).fetchall()
        ]
    found: set[int] = set()
    for low, high in ranges:
        found.update(range(max(low, since_ms) // DAY_MS, min(high, until_ms - 1) // DAY_MS + 1))
    return sorted(found)
