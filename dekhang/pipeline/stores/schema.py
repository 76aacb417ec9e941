"""The tables of the pipeline and their versions; `stores.database` opens them.

Written by the worker; the receivers write only `refusals`. Hours are epoch hours (ms // 3,600,000), times are
epoch milliseconds, both UTC.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from pathlib import Path

HOUR_MS = 3_600_000
DAY_MS = 86_400_000

# One entry per version, applied in order inside one transaction; never edit one that has been released. Written as
# SQLite reads it; the words that PostgreSQL spells otherwise are in `database.postgres`. No semicolon inside a statement.
MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE positions (
        writer INTEGER PRIMARY KEY, segment INTEGER NOT NULL, "offset" INTEGER NOT NULL, next_seq INTEGER NOT NULL
    );
    CREATE TABLE segments (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        day TEXT NOT NULL, path TEXT NOT NULL UNIQUE, rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
        min_time INTEGER NOT NULL, max_time INTEGER NOT NULL,
        min_received INTEGER NOT NULL, max_received INTEGER NOT NULL,
        min_event_id INTEGER NOT NULL, max_event_id INTEGER NOT NULL,
        min_unit INTEGER NOT NULL, max_unit INTEGER NOT NULL,
        sha256 TEXT NOT NULL, created INTEGER NOT NULL
    );
    CREATE INDEX segments_day ON segments (day, rows);
    CREATE TABLE segment_writers (
        segment_id INTEGER NOT NULL REFERENCES segments (id), writer INTEGER NOT NULL,
        min_event_id INTEGER NOT NULL, max_event_id INTEGER NOT NULL,
        PRIMARY KEY (segment_id, writer)
    ) WITHOUT ROWID;
    CREATE INDEX segment_writers_ids ON segment_writers (writer, max_event_id);
    CREATE TABLE garbage (path TEXT PRIMARY KEY, delete_after INTEGER NOT NULL);
    CREATE TABLE detections (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rule_id TEXT NOT NULL, rule_level TEXT NOT NULL, family TEXT NOT NULL, title TEXT NOT NULL,
        unit_id INTEGER NOT NULL, source_id INTEGER NOT NULL, event_id INTEGER NOT NULL,
        event_ms INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        entity TEXT NOT NULL, host TEXT NOT NULL, fields TEXT NOT NULL, event_ids TEXT NOT NULL,
        count INTEGER NOT NULL, first_ms INTEGER NOT NULL, created_at INTEGER NOT NULL,
        UNIQUE (rule_id, event_id)
    );
    CREATE INDEX detections_unit ON detections (unit_id, id);
    CREATE TABLE counters (
        source_id INTEGER NOT NULL, hour INTEGER NOT NULL,
        stored INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0,
        unparsable INTEGER NOT NULL DEFAULT 0, late INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        first_event_ms INTEGER, last_event_ms INTEGER, first_received_ms INTEGER, last_received_ms INTEGER,
        PRIMARY KEY (source_id, hour)
    ) WITHOUT ROWID;
    CREATE TABLE unparsable_samples (
        source_id INTEGER NOT NULL, event_id INTEGER NOT NULL, received_ms INTEGER NOT NULL,
        problem TEXT NOT NULL, raw TEXT NOT NULL,
        PRIMARY KEY (source_id, event_id)
    ) WITHOUT ROWID;
    CREATE TABLE seen_ids (
        source_id INTEGER NOT NULL, digest BLOB NOT NULL, day INTEGER NOT NULL,
        PRIMARY KEY (source_id, digest)
    ) WITHOUT ROWID;
    CREATE INDEX seen_ids_day ON seen_ids (day);
    CREATE TABLE engine_state (id INTEGER PRIMARY KEY CHECK (id = 1), state BLOB NOT NULL, saved_at INTEGER NOT NULL);
    CREATE TABLE refusals (
        source_id INTEGER NOT NULL, hour INTEGER NOT NULL, reason TEXT NOT NULL,
        records INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        last_at INTEGER NOT NULL, example TEXT NOT NULL DEFAULT '', peer TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (source_id, hour, reason)
    ) WITHOUT ROWID;
    CREATE TABLE rule_problems (
        path TEXT NOT NULL, line INTEGER NOT NULL, reason TEXT NOT NULL, seen_at INTEGER NOT NULL,
        PRIMARY KEY (path, line, reason)
    ) WITHOUT ROWID;
    """,
    # small batches wait in `fresh` until they are worth a file; a segment may have an index beside it; every change of a
    # day's files is a link of its chain
    """
    CREATE TABLE fresh (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        rows INTEGER NOT NULL, bytes INTEGER NOT NULL,
        min_time INTEGER NOT NULL, max_time INTEGER NOT NULL,
        min_received INTEGER NOT NULL, max_received INTEGER NOT NULL,
        min_unit INTEGER NOT NULL, max_unit INTEGER NOT NULL,
        created INTEGER NOT NULL, body BLOB NOT NULL
    );
    ALTER TABLE segments ADD COLUMN index_bytes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE segments ADD COLUMN index_sha256 TEXT NOT NULL DEFAULT '';
    ALTER TABLE segments ADD COLUMN content TEXT NOT NULL DEFAULT '';
    CREATE INDEX segments_time ON segments (max_time, min_time);
    CREATE INDEX detections_time ON detections (event_ms);
    CREATE TABLE lake_chain (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        day TEXT NOT NULL, number INTEGER NOT NULL, body TEXT NOT NULL, previous TEXT NOT NULL, hash TEXT NOT NULL,
        UNIQUE (day, number)
    );
    """,
    # receivers: hours in which a source was faster than its quota
    """
    CREATE TABLE quota_hours (
        source_id INTEGER NOT NULL, hour INTEGER NOT NULL,
        bulk_records INTEGER NOT NULL DEFAULT 0, bulk_bytes INTEGER NOT NULL DEFAULT 0,
        peak_eps INTEGER NOT NULL DEFAULT 0, quota_eps INTEGER NOT NULL,
        since_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, hour)
    ) WITHOUT ROWID;
    """,
    # what the worker learns of sources (worker/observing.py)
    """
    CREATE TABLE arrivals (
        source_id INTEGER NOT NULL, hour INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, longest_gap_ms INTEGER NOT NULL, peer TEXT NOT NULL,
        PRIMARY KEY (source_id, hour)
    ) WITHOUT ROWID;
    CREATE TABLE sequences (
        source_id INTEGER NOT NULL, host TEXT NOT NULL, log TEXT NOT NULL, lane TEXT NOT NULL,
        first_number INTEGER NOT NULL, last_number INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        seen INTEGER NOT NULL, jumps INTEGER NOT NULL, heard_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, host, log, lane)
    ) WITHOUT ROWID;
    CREATE TABLE sequence_gaps (
        source_id INTEGER NOT NULL, host TEXT NOT NULL, log TEXT NOT NULL, first_number INTEGER NOT NULL,
        last_number INTEGER NOT NULL, after_ms INTEGER NOT NULL, before_ms INTEGER NOT NULL, noticed_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, host, log, first_number)
    ) WITHOUT ROWID;
    CREATE TABLE routes (
        source_id INTEGER NOT NULL, product TEXT NOT NULL, service TEXT NOT NULL, category TEXT NOT NULL,
        channel TEXT NOT NULL, event_id INTEGER NOT NULL, unit_id INTEGER NOT NULL, fields TEXT NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, product, service, category, channel, event_id)
    ) WITHOUT ROWID;
    CREATE INDEX routes_unit ON routes (unit_id);
    """,
    # what became of the records of each uploaded file, by its name in the inbox
    """
    CREATE TABLE upload_counts (
        source_id INTEGER NOT NULL, name TEXT NOT NULL,
        stored INTEGER NOT NULL DEFAULT 0, duplicate INTEGER NOT NULL DEFAULT 0, unparsable INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (source_id, name)
    ) WITHOUT ROWID;
    """,
    # positions and correlation state by partition (decision 8); what there was holds for all of them
    """
    CREATE TABLE partitions (number INTEGER PRIMARY KEY);
    INSERT INTO partitions (number) VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9), (10), (11), (12), (13),
                                           (14), (15);
    CREATE TABLE positions_of_partitions (
        "partition" INTEGER NOT NULL, writer INTEGER NOT NULL,
        segment INTEGER NOT NULL, "offset" INTEGER NOT NULL, next_seq INTEGER NOT NULL,
        PRIMARY KEY ("partition", writer)
    );
    INSERT INTO positions_of_partitions
        SELECT number, writer, segment, "offset", next_seq FROM positions CROSS JOIN partitions;
    DROP TABLE positions;
    ALTER TABLE positions_of_partitions RENAME TO positions;
    CREATE TABLE states_of_partitions (
        "partition" INTEGER PRIMARY KEY, state BLOB NOT NULL, saved_at INTEGER NOT NULL
    );
    INSERT INTO states_of_partitions SELECT number, state, saved_at FROM engine_state CROSS JOIN partitions;
    DROP TABLE engine_state;
    ALTER TABLE states_of_partitions RENAME TO engine_state;
    DROP TABLE partitions;
    """,
    # what several hosts share and one machine keeps in files: stores/documents.py, stores/heartbeat.py
    """
    CREATE TABLE documents (name TEXT PRIMARY KEY, version INTEGER NOT NULL, body BLOB NOT NULL);
    CREATE TABLE beats (
        host TEXT NOT NULL, part TEXT NOT NULL, at_ms INTEGER NOT NULL, facts TEXT NOT NULL,
        PRIMARY KEY (host, part)
    ) WITHOUT ROWID;
    """,
    # several hosts: which worker holds which partition (worker/leases.py)
    """
    CREATE TABLE leases ("partition" INTEGER PRIMARY KEY, holder TEXT NOT NULL, epoch INTEGER NOT NULL);
    CREATE TABLE lease_workers (name TEXT PRIMARY KEY, session TEXT NOT NULL, beat INTEGER NOT NULL);
    """,
    # records that claim a machine of another unit (worker/foreign.py)
    """
    CREATE TABLE foreign_hosts (
        source_id INTEGER NOT NULL, host TEXT NOT NULL, owner_unit INTEGER NOT NULL,
        records INTEGER NOT NULL, event_id INTEGER NOT NULL, first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, host)
    ) WITHOUT ROWID;
    """,
    # names of machines and sites in the records of each source (worker/names.py)
    """
    CREATE TABLE names_seen (
        source_id INTEGER NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL,
        records INTEGER NOT NULL, days INTEGER NOT NULL, last_day INTEGER NOT NULL,
        first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
        PRIMARY KEY (source_id, kind, name)
    ) WITHOUT ROWID;
    """,
)


class SchemaTooNew(Exception):
    """The database was made by a newer program; the text is a sentence for people."""


def path_of(data: Path) -> Path:
    """Where one machine keeps them."""
    return data / "pipeline.db"


IDS_AT_ONCE = 400  # SQLite takes 999 values in a statement at least; these may stand in it twice


def parts(ids: Collection[int]) -> Iterator[list[int]]:
    """The ids in order, each once, as many together as one statement takes."""
    wanted = sorted(set(ids))
    for start in range(0, len(wanted), IDS_AT_ONCE):
        yield wanted[start : start + IDS_AT_ONCE]


def epoch_ms(moment: datetime | int) -> int:
    return moment if isinstance(moment, int) else int(moment.timestamp() * 1000)
