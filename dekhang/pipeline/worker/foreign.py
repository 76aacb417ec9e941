"""Records that claim a machine of another unit: stored under their own source all the same, counted and shown.

A record's host is what its sender wrote. A name counts as another unit's when a source of that unit registered it
(`IntakeSource.hosts`) and no source of the sender's own unit did.
"""

from __future__ import annotations

from dataclasses import dataclass

from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.foreign import host_name
from dekhang.pipeline.stores.intake import IntakeMap
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker.batch import Work

HOSTS_PER_SOURCE = 100  # a sender that invents names must not fill the disk; further ones are not listed
REMEMBERED = 100_000  # (unit, host) pairs that are no claim; × ~150 B
FOREIGN_DAYS = 90


@dataclass(slots=True)
class _Claim:
    owner_unit: int
    records: int = 0
    event_id: int = 0
    first_ms: int = 0
    last_ms: int = 0


class Claims:
    """Knows which units registered which names; follows the intake map."""

    def __init__(self, intake: IntakeMap) -> None:
        self._intake = intake
        self._version = -1
        self._owners: dict[str, frozenset[int]] = {}
        self._fine: set[tuple[int, str]] = set()

    def keep(self, connection: database.Connection, work: Work) -> None:
        """Inside the batch's transaction: count the records of a batch that claim another unit's machine."""
        self._follow()
        if not self._owners:
            return
        fine = self._fine
        claims: dict[tuple[int, str], _Claim] = {}
        for event, origin in zip(work.events, work.origins, strict=True):
            pair = (origin.unit_id, event.host)
            if pair in fine:
                continue
            name = host_name(event.host)
            owners = self._owners.get(name)
            if owners is None or origin.unit_id in owners:
                if len(fine) >= REMEMBERED:
                    fine.clear()
                fine.add(pair)
                continue
            claim = claims.setdefault((origin.source_id, name), _Claim(min(owners), first_ms=origin.received_ms))
            claim.records += 1
            claim.event_id = event.record.key
            claim.first_ms = min(claim.first_ms, origin.received_ms)
            claim.last_ms = max(claim.last_ms, origin.received_ms)
        if claims:
            _write(connection, claims)

    def _follow(self) -> None:
        self._intake.refresh()
        if self._version == self._intake.version:
            return
        self._version = self._intake.version
        owners: dict[str, set[int]] = {}
        for source in self._intake.sources():
            for host in source.hosts:
                if name := host_name(host):
                    owners.setdefault(name, set()).add(source.unit_id)
        self._owners = {name: frozenset(units) for name, units in owners.items()}
        self._fine.clear()


def _write(connection: database.Connection, claims: dict[tuple[int, str], _Claim]) -> None:
    counts: dict[int, int] = {}
    rows = []
    for (source_id, host), claim in claims.items():
        known = connection.execute(
            "SELECT 1 FROM foreign_hosts WHERE source_id = ? AND host = ?", (source_id, host)
        ).fetchone()
        if known is None:
            if source_id not in counts:
                (count,) = connection.execute(
                    "SELECT count(*) FROM foreign_hosts WHERE source_id = ?", (source_id,)
                ).fetchone()
                counts[source_id] = int(count)
            if counts[source_id] >= HOSTS_PER_SOURCE:
                continue
            counts[source_id] += 1
        rows.append((source_id, host, claim.owner_unit, claim.records, claim.event_id, claim.first_ms, claim.last_ms))
    connection.executemany(
        "INSERT INTO foreign_hosts (source_id, host, owner_unit, records, event_id, first_ms, last_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (source_id, host) DO UPDATE SET"
        " owner_unit = excluded.owner_unit, records = foreign_hosts.records + excluded.records,"
        " event_id = excluded.event_id,"
        " last_ms = CASE WHEN excluded.last_ms > foreign_hosts.last_ms THEN excluded.last_ms ELSE foreign_hosts.last_ms END",
        rows,
    )


def forget(connection: database.Connection, *, now_ms: int) -> None:
    connection.execute("DELETE FROM foreign_hosts WHERE last_ms < ?", (now_ms - FOREIGN_DAYS * DAY_MS,))
