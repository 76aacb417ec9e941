"""When each source was heard: the first and last frame of an hour, the longest pause in it, and from where.

Only what machines send by themselves counts. A file that a person uploads proves nothing about the machine's connection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dekhang.pipeline.spool import Frame
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.arrivals import host_of
from dekhang.pipeline.stores.schema import DAY_MS, HOUR_MS

BY_HAND = "upload"
ARRIVAL_DAYS = 100


@dataclass(slots=True)
class Arrival:
    """Of one source in one hour of receipt. `longest_gap_ms`: between two frames after each other in it."""

    first_ms: int
    last_ms: int
    longest_gap_ms: int = 0
    peer: str = ""


Arrivals = dict[tuple[int, int], Arrival]  # (source, epoch hour)


def note(arrivals: Arrivals, frame: Frame) -> None:
    """Take in one frame; frames come nearly in order of receipt."""
    if frame.transport == BY_HAND:
        return
    at_ms = frame.received_ms
    arrival = arrivals.get((frame.source_id, at_ms // HOUR_MS))
    if arrival is None:
        arrivals[frame.source_id, at_ms // HOUR_MS] = Arrival(at_ms, at_ms, 0, host_of(frame.peer))
        return
    arrival.longest_gap_ms = max(arrival.longest_gap_ms, at_ms - arrival.last_ms)
    if at_ms >= arrival.last_ms:
        arrival.last_ms = at_ms
        arrival.peer = host_of(frame.peer)
    arrival.first_ms = min(arrival.first_ms, at_ms)


def keep(connection: database.Connection, arrivals: Mapping[tuple[int, int], Arrival]) -> None:
    """Add to what is known of these hours, inside the batch's transaction."""
    rows = []
    for key, new in arrivals.items():
        old = connection.execute(
            "SELECT first_ms, last_ms, longest_gap_ms, peer FROM arrivals WHERE source_id = ? AND hour = ?", key
        ).fetchone()
        if old is None:
            rows.append((*key, new.first_ms, new.last_ms, new.longest_gap_ms, new.peer))
            continue
        first_ms, last_ms, gap_ms, peer = old
        gap_ms = max(gap_ms, new.longest_gap_ms, new.first_ms - last_ms)
        newest = new.peer if new.last_ms >= last_ms else peer
        rows.append((*key, min(first_ms, new.first_ms), max(last_ms, new.last_ms), gap_ms, newest))
    connection.executemany(
        "INSERT INTO arrivals (source_id, hour, first_ms, last_ms, longest_gap_ms, peer) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (source_id, hour) DO UPDATE SET first_ms = excluded.first_ms, last_ms = excluded.last_ms,"
        " longest_gap_ms = excluded.longest_gap_ms, peer = excluded.peer",
        rows,
    )


def forget(connection: database.Connection, *, now_ms: int) -> None:
    connection.execute("DELETE FROM arrivals WHERE hour < ?", ((now_ms - ARRIVAL_DAYS * DAY_MS) // HOUR_MS,))
