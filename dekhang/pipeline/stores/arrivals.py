"""When sources were heard, hour by hour, and from where: what their cadence is learnt from."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dekhang.pipeline.stores import database, schema


@dataclass(frozen=True, slots=True)
class HeardHour:
    """One hour in which a source sent by itself; times are UTC epoch ms, `longest_gap_ms` is the longest pause in it."""

    start_ms: int
    first_ms: int
    last_ms: int
    longest_gap_ms: int


@dataclass(frozen=True, slots=True)
class LastHeard:
    """When a source last sent by itself, and from which address."""

    at_ms: int
    peer: str


PEER_CHARS = 100


def host_of(peer: str) -> str:
    """A sender's address without its port: 192.0.2.1:514 and [2001:db8::1]:514 alike."""
    if peer.startswith("["):
        return peer[1:].partition("]")[0][:PEER_CHARS]
    return (peer.rpartition(":")[0] if peer.count(":") == 1 else peer)[:PEER_CHARS]


def hours(data: Path, source_id: int, since: datetime | int, until: datetime | int) -> list[HeardHour]:
    """The hours beginning in [since, until) in which the source was heard, oldest first."""
    with database.reading(data) as connection:
        if connection is None:
            return []
        rows = connection.execute(
            "SELECT hour, first_ms, last_ms, longest_gap_ms FROM arrivals"
            " WHERE source_id = ? AND hour >= ? AND hour < ? ORDER BY hour",
            (source_id, -(-schema.epoch_ms(since) // schema.HOUR_MS), -(-schema.epoch_ms(until) // schema.HOUR_MS)),
        ).fetchall()
    return [HeardHour(hour * schema.HOUR_MS, *facts) for hour, *facts in rows]


def last_heard(data: Path, source_ids: Collection[int]) -> dict[int, LastHeard]:
    """Source → its newest frame; sources that never sent by themselves are left out."""
    found: dict[int, LastHeard] = {}
    with database.reading(data) as connection:
        if connection is None:
            return {}
        for part in schema.parts(source_ids):
            rows = connection.execute(
                f"WITH asked (source_id) AS (VALUES {', '.join(['(?)'] * len(part))})"  # noqa: S608 - marks only
                " SELECT asked.source_id, last_ms, peer FROM asked JOIN arrivals ON arrivals.source_id = asked.source_id"
                " AND hour = (SELECT max(hour) FROM arrivals AS newest WHERE newest.source_id = asked.source_id)",
                part,
            )
            found.update({source_id: LastHeard(at_ms, peer) for source_id, at_ms, peer in rows})
    return found
