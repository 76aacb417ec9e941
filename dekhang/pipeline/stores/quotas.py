"""Fair shares: how fast a source may send before it waits in a line of its own, and which ones did.

Nothing is refused for being fast. A source above its quota goes to the bulk lane, where it delays itself and nobody else
(docs/decisions/0008). Table `quota_hours` is written by the receivers, about once a second while a source is loud.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database, schema

# records a second: ten times a busy domain controller, a twenty-fifth of what two cores take (docs/reference/measurements.md)
QUOTA_EPS = 1_000
BURST_SECONDS = 30  # so many seconds' worth may come at once: a machine that was offline delivers what it kept
LOUD_NOW_MS = 60_000


@dataclass(frozen=True, slots=True)
class LoudHour:
    """One hour (of receipt, from `start_ms`, UTC) in which a source was above its quota.

    `bulk_records`, `bulk_bytes`: what it sent in the bulk lane; `peak_eps`: its fastest second there; `quota_eps`: its
    quota then; `since_ms`: when the latest loud spell began; `last_ms`: when it was last loud.
    """

    source_id: int
    start_ms: int
    bulk_records: int
    bulk_bytes: int
    peak_eps: int
    quota_eps: int
    since_ms: int
    last_ms: int

    def is_loud(self, now_ms: int) -> bool:
        """True while the source sends in the bulk lane."""
        return now_ms - self.last_ms <= LOUD_NOW_MS


def loud_hours(data: Path, sources: Collection[int], since_ms: int) -> list[LoudHour]:
    """Hours from `since_ms` on in which any of `sources` was loud, latest first."""
    wanted = set(sources)
    return [hour for hour in _since(data, since_ms // schema.HOUR_MS) if hour.source_id in wanted]


def loud_now(data: Path, now_ms: int) -> list[LoudHour]:
    """Sources that are in the bulk lane now, loudest first."""
    latest: dict[int, LoudHour] = {}
    for hour in _since(data, now_ms // schema.HOUR_MS - 1):
        if hour.is_loud(now_ms):
            latest.setdefault(hour.source_id, hour)
    return sorted(latest.values(), key=lambda one: -one.peak_eps)


def _since(data: Path, hour: int) -> list[LoudHour]:
    with database.reading(data) as connection:
        if connection is None:
            return []
        rows = connection.execute(
            "SELECT source_id, hour, bulk_records, bulk_bytes, peak_eps, quota_eps, since_ms, last_ms FROM quota_hours"
            " WHERE hour >= ? ORDER BY hour DESC, source_id",
            (hour,),
        )
        return [LoudHour(source_id, number * schema.HOUR_MS, *rest) for source_id, number, *rest in rows]
