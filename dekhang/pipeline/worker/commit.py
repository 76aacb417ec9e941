"""One transaction of the pipeline's database for one batch: all of it happens, or nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from dekhang.pipeline import wallclock
from dekhang.pipeline.lakewrite import Written, add_to_manifest
from dekhang.pipeline.spool import Position
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker.batch import SAMPLES_PER_SOURCE, Work
from dekhang.pipeline.worker.observing import Observer

SEEN_DAYS = 2

INSERT_DETECTION = (
    "INSERT INTO detections (rule_id, rule_level, family, title, unit_id, source_id, event_id, event_ms,"
    " received_ms, entity, host, fields, event_ids, count, first_ms, created_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
)


def _winner(name: str, wins: str) -> str:
    """SQL for the less (`<=`) or greater (`>=`) of the old and the new value; one that is missing never wins."""
    old, new = f"counters.{name}", f"excluded.{name}"
    return f"{name} = CASE WHEN {old} {wins} {new} OR {new} IS NULL THEN {old} ELSE {new} END"


_COUNT = f"""
    INSERT INTO counters (source_id, hour, stored, duplicate, unparsable, late, bytes,
                          first_event_ms, last_event_ms, first_received_ms, last_received_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source_id, hour) DO UPDATE SET
        stored = counters.stored + excluded.stored, duplicate = counters.duplicate + excluded.duplicate,
        unparsable = counters.unparsable + excluded.unparsable, late = counters.late + excluded.late,
        bytes = counters.bytes + excluded.bytes,
        {_winner("first_event_ms", "<=")}, {_winner("last_event_ms", ">=")},
        {_winner("first_received_ms", "<=")}, {_winner("last_received_ms", ">=")}
"""  # noqa: S608 - names of ours


def commit(
    connection: Connection,
    work: Work,
    *,
    written: Sequence[Written],
    detections: Sequence[tuple[Any, ...]],
    states: Mapping[int, bytes],
    positions: Mapping[tuple[int, int], Position],
    observer: Observer,
    confirm: Callable[[Connection], None],
    now_ms: int,
) -> None:
    """Write everything of a batch.

    Args:
        states: of the partitions whose correlation state changed.
        positions: (partition, writer) → how far it has been worked off, where that changed.
        confirm: raises when what the batch was made of is no longer ours.
    """
    with connection.transaction():
        confirm(connection)
        add_to_manifest(connection, written)
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
        observer.observe(connection, work, now_ms=wallclock.now_ms())
        connection.executemany(
            "INSERT INTO upload_counts (source_id, name, stored, duplicate, unparsable) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (source_id, name) DO UPDATE SET stored = upload_counts.stored + excluded.stored,"
            " duplicate = upload_counts.duplicate + excluded.duplicate,"
            " unparsable = upload_counts.unparsable + excluded.unparsable",
            [
                (source_id, name, file.stored, file.duplicate, file.unparsable)
                for (source_id, name), file in work.uploads.items()
            ],
        )
        connection.executemany(
            "INSERT INTO seen_ids (source_id, digest, day) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            # the day of working off: of a backlog of days both deliveries of a record are still to come
            [(source_id, digest, wallclock.now_ms() // DAY_MS) for source_id, digest in work.seen],
        )
        connection.executemany(
            'INSERT INTO engine_state ("partition", state, saved_at) VALUES (?, ?, ?)'
            ' ON CONFLICT ("partition") DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at',
            [(partition, state, now_ms) for partition, state in states.items()],
        )
        connection.executemany(
            'INSERT INTO positions ("partition", writer, segment, "offset", next_seq) VALUES (?, ?, ?, ?, ?)'
            ' ON CONFLICT ("partition", writer) DO UPDATE SET'
            ' segment = excluded.segment, "offset" = excluded."offset", next_seq = excluded.next_seq',
            [(*place, one.segment, one.offset, one.next_seq) for place, one in positions.items()],
        )
        if detections:
            connection.one_at_a_time("detections")  # last, so that the others wait for next to nothing
            connection.executemany(INSERT_DETECTION, detections)


def _keep_samples(connection: Connection, work: Work) -> None:
    for source_id, samples in work.samples.items():
        connection.executemany(
            "INSERT INTO unparsable_samples (source_id, event_id, received_ms, problem, raw)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [(source_id, *sample) for sample in samples],
        )
        connection.execute(
            "DELETE FROM unparsable_samples WHERE source_id = ? AND event_id NOT IN (SELECT event_id FROM"
            " unparsable_samples WHERE source_id = ? ORDER BY received_ms DESC, event_id DESC LIMIT ?)",
            (source_id, source_id, SAMPLES_PER_SOURCE),
        )


def read_positions(connection: Connection) -> dict[tuple[int, int], Position]:
    """(partition, writer) → how far it has been worked off, of all partitions."""
    return {
        (partition, writer): Position(segment, offset, next_seq)
        for partition, writer, segment, offset, next_seq in connection.execute(
            'SELECT "partition", writer, segment, "offset", next_seq FROM positions'
        )
    }


def read_states(connection: Connection, partitions: Collection[int]) -> dict[int, bytes]:
    """Partition → its correlation state."""
    return {
        partition: bytes(state)
        for partition, state in connection.execute('SELECT "partition", state FROM engine_state')
        if partition in partitions
    }


def forget_old_ids(connection: Connection, *, now_ms: int, limit: int = 20_000) -> int:
    """Senders repeat within minutes; after two days an id is forgotten, at most `limit` at once. Returns how many."""
    oldest = connection.execute("SELECT min(day) FROM seen_ids").fetchone()[0]
    if oldest is None or oldest >= now_ms // DAY_MS - SEEN_DAYS:
        return 0
    with connection.transaction():
        return connection.execute(
            "DELETE FROM seen_ids WHERE (source_id, digest) IN"
            " (SELECT source_id, digest FROM seen_ids WHERE day < ? LIMIT ?)",
            (now_ms // DAY_MS - SEEN_DAYS, limit),
        ).rowcount
