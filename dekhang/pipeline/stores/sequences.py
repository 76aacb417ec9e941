"""What senders numbered and never sent: gaps, told once they have had time to be filled."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dekhang.pipeline.stores import database, schema

TELL_AFTER_MS = 600_000  # shippers that were cut off deliver what they kept within minutes
# A sender told to leave events out jumps all the time; a lost connection loses many numbers at once, seldom.
PICKED_EVERY = 20  # numbers a jump …
PICKED_JUMPS = 5  # … and so many of them: then the sender picks, and nobody can say what is lost


@dataclass(frozen=True, slots=True)
class Gap:
    """`missing` records of one log of one machine, between events of these times (UTC epoch ms)."""

    source_id: int
    host: str
    log: str  # the Windows channel; "" for syslog
    missing: int
    after_ms: int
    before_ms: int
    noticed_ms: int


@dataclass(frozen=True, slots=True)
class Counted:
    """A log whose records have numbers. `picked`: its sender leaves events out, so gaps mean nothing."""

    source_id: int
    host: str
    log: str
    heard_ms: int
    picked: bool


def streams(data: Path, source_ids: Collection[int]) -> list[Counted]:
    """The logs with numbers of these sources, by source, machine and log."""
    with database.reading(data) as connection:
        if connection is None:
            return []
        return [
            Counted(source_id, host, log, heard_ms, jumps >= PICKED_JUMPS and jumps * PICKED_EVERY > seen)
            for part in schema.parts(source_ids)
            for source_id, host, log, heard_ms, seen, jumps in connection.execute(
                "SELECT source_id, host, log, max(heard_ms), sum(seen), sum(jumps) FROM sequences"  # noqa: S608 - marks
                f" WHERE source_id IN ({','.join('?' * len(part))}) GROUP BY source_id, host, log"
                " ORDER BY source_id, host, log",
                part,
            )
        ]


def gaps(
    data: Path,
    source_ids: Collection[int],
    *,
    now_ms: int,
    since: datetime | int = 0,
    until: datetime | int | None = None,
    limit: int = 1_000,
) -> list[Gap]:
    """The gaps noticed in [since, until) that are worth telling, newest first.

    A gap belongs to the time in which it was noticed, so that a day that was frozen keeps its number.
    """
    end = now_ms - TELL_AFTER_MS
    if until is not None:
        end = min(end, schema.epoch_ms(until) - 1)
    found: list[Gap] = []
    with database.reading(data) as connection:
        if connection is None:
            return []
        for part in schema.parts(source_ids):
            rows = connection.execute(
                "SELECT source_id, host, log, first_number, last_number, after_ms, before_ms, noticed_ms"  # noqa: S608 - marks
                f" FROM sequence_gaps WHERE source_id IN ({','.join('?' * len(part))})"
                " AND noticed_ms >= ? AND noticed_ms <= ? ORDER BY noticed_ms DESC, first_number LIMIT ?",
                (*part, schema.epoch_ms(since), end, limit),
            )
            for source_id, host, log, first, last, after_ms, before_ms, noticed_ms in rows:
                found.append(Gap(source_id, host, log, last - first + 1, after_ms, before_ms, noticed_ms))
    if not found:
        return []
    of_sources = streams(data, {gap.source_id for gap in found})
    picked = {(one.source_id, one.host, one.log) for one in of_sources if one.picked}
    kept = [gap for gap in found if (gap.source_id, gap.host, gap.log) not in picked]
    return sorted(kept, key=lambda gap: -gap.noticed_ms)[:limit]


def missing(
    data: Path, source_ids: Collection[int], *, now_ms: int, since: datetime | int, until: datetime | int | None = None
) -> dict[int, int]:
    """Source → records that never came, of the gaps noticed in [since, until)."""
    total: dict[int, int] = {}
    for gap in gaps(data, source_ids, now_ms=now_ms, since=since, until=until, limit=100_000):
        total[gap.source_id] = total.get(gap.source_id, 0) + gap.missing
    return total
