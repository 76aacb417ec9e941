"""One transaction of pipeline.db for one batch: all of it happens, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

from dekhang.pipeline.lakewrite import Segment, add_to_manifest
from dekhang.pipeline.spool import Position
from dekhang.pipeline.stores.schema import DAY_MS, transaction
from dekhang.pipeline.worker.batch import SAMPLES_PER_SOURCE, Work

SEEN_DAYS = 2

INSERT_DETECTION = (
    "INSERT OR IGNORE INTO detections (rule_id, rule_level, family, title, unit_id, source_id, event_id, event_ms,"
    " received_ms, entity, host, fields, event_ids, count, first_ms, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_COUNT = """
    INSERT INTO counters (source_id, hour, stored, duplicate, unparsable, late, bytes,
                          first_event_ms, last_event_ms, first_received_ms, last_received_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source_id, hour) DO UPDATE SET
        stored = stored + excluded.stored, duplicate = duplicate + excluded.duplicate,
        unparsable = unparsable + excluded.unparsable, late = late + excluded.late, bytes = bytes + excluded.bytes,
        first_event_ms = min(coalesce(first_event_ms, excluded.first_event_ms),
                             coalesce(excluded.first_event_ms, first_event_ms)),
        last_event_ms = max(coalesce(last_event_ms, excluded.last_event_ms),
                            coalesce(excluded.last_event_ms, last_event_ms)),
        first_received_ms = min(coalesce(first_received_ms, excluded.first_received_ms), excluded.first_received_ms),
        last_received_ms = max(coalesce(last_received_ms, excluded.last_received_ms), excluded.last_received_ms)
"""


def commit(
    connection: sqlite3.Connection,
    work: Work,
    *,
    segments: Sequence[Segment],
    detections: Sequence[tuple[Any, ...]],
    state: bytes | None,
    positions: Mapping[int, Position],
    now_ms: int,
) -> None:
    """Write everything of a batch. `state` None: unchanged since the last time."""
    with transaction(connection):
        add_to_manifest(connection, segments)
        connection.executemany(INSERT_DETECTION, detections)
        connection.executemany(
            _COUNT,
            [
                (
                    source_id, hour, tally.stored, tally.duplicate, tally.unparsable, tally.late, tally.bytes,
                    tally.first_event_ms, tally.last_event_ms, tally.first_received_ms, tally.last_received_ms,
                )
                for (source_id, hour), tally in work.tallies.items()
            ],
        )  # fmt: skip
        _keep_samples(connection, work)
        connection.executemany(
            "INSERT OR IGNORE INTO seen_ids (source_id, digest, day) VALUES (?, ?, ?)",
            [(source_id, digest, day) for (source_id, digest), day in work.seen.items()],
        )
        if state is not None:
            connection.execute(
                "INSERT OR REPLACE INTO engine_state (id, state, saved_at) VALUES (1, ?, ?)", (state, now_ms)
            )
        connection.executemany(
            'INSERT OR REPLACE INTO positions (writer, segment, "offset", next_seq) VALUES (?, ?, ?, ?)',
            [(writer, one.segment, one.offset, one.next_seq) for writer, one in positions.items()],
        )


def _keep_samples(connection: sqlite3.Connection, work: Work) -> None:
    for source_id, samples in work.samples.items():
        connection.executemany(
            "INSERT OR IGNORE INTO unparsable_samples (source_id, event_id, received_ms, problem, raw)"
            " VALUES (?, ?, ?, ?, ?)",
            [(source_id, *sample) for sample in samples],
        )
        connection.execute(
            "DELETE FROM unparsable_samples WHERE source_id = :source AND event_id NOT IN (SELECT event_id FROM"
            " unparsable_samples WHERE source_id = :source ORDER BY received_ms DESC, event_id DESC LIMIT :kept)",
            {"source": source_id, "kept": SAMPLES_PER_SOURCE},
        )


def read_positions(connection: sqlite3.Connection) -> dict[int, Position]:
    return {
        writer: Position(segment, offset, next_seq)
        for writer, segment, offset, next_seq in connection.execute(
            'SELECT writer, segment, "offset", next_seq FROM positions'
        )
    }


def read_state(connection: sqlite3.Connection) -> bytes:
    row = connection.execute("SELECT state FROM engine_state WHERE id = 1").fetchone()
    return bytes(row[0]) if row else b""


def forget_old_ids(connection: sqlite3.Connection, *, now_ms: int, limit: int = 20_000) -> int:
    """Senders repeat within minutes; after two days an id is forgotten, at most `limit` at once. Returns how many."""
    oldest = connection.execute("SELECT min(day) FROM seen_ids").fetchone()[0]
    if oldest is None or oldest >= now_ms // DAY_MS - SEEN_DAYS:
        return 0
    with transaction(connection):
        return connection.execute(
            "DELETE FROM seen_ids WHERE (source_id, digest) IN"
            " (SELECT source_id, digest FROM seen_ids WHERE day < ? LIMIT ?)",
            (now_ms // DAY_MS - SEEN_DAYS, limit),
        ).rowcount
