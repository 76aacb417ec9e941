"""`pipeline.db`: tables, versions and how to open it.

Written by the worker; the receivers write only `refusals`. Hours are epoch hours (ms // 3,600,000), times are
epoch milliseconds, both UTC.
"""

from __future__ import annotations

import sqlite3
import urllib.parse
from pathlib import Path

HOUR_MS = 3_600_000
DAY_MS = 86_400_000
BUSY_SECONDS = 20.0

# One entry per version, applied in order inside one transaction; never edit one that has been released.
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
)


class SchemaTooNew(Exception):
    """The database was made by a newer program; the text is a sentence for people."""


def path_of(data: Path) -> Path:
    return data / "pipeline.db"


def connect(path: Path, *, readonly: bool = False) -> sqlite3.Connection:
    """Open `pipeline.db` (see `path_of`), creating or upgrading it first.

    A connection opened for writing is in autocommit: use `with transaction(connection):`. A read-only one sees the
    database as it is and never creates it.

    Raises:
        SchemaTooNew: made by a newer version of the program.
        sqlite3.OperationalError: a read-only database does not exist yet.
    """
    if readonly:
        uri = f"file:{urllib.parse.quote(str(path))}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only = 1")
        return connection
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: the spool is pruned after the commit, so the commit must be on disk by then
    connection.execute("PRAGMA synchronous = FULL")
    _migrate(connection)
    return connection


class transaction:
    """`BEGIN IMMEDIATE` … `COMMIT`, or `ROLLBACK` when the block raises."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> sqlite3.Connection:
        self._connection.execute("BEGIN IMMEDIATE")
        return self._connection

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
        elif self._connection.in_transaction:
            self._connection.execute("ROLLBACK")


def is_ready(connection: sqlite3.Connection) -> bool:
    """False while another process is still creating the tables."""
    return _version(connection) >= 1


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def _migrate(connection: sqlite3.Connection) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise SchemaTooNew(
            f"pipeline.db thuộc phiên bản {version}, mới hơn phần mềm này ({len(MIGRATIONS)}); hãy cập nhật Đề Kháng."
        )
    if version == len(MIGRATIONS):
        return
    with transaction(connection):
        for number in range(_version(connection), len(MIGRATIONS)):  # asked again: another process may have been faster
            for statement in MIGRATIONS[number].split(";"):
                if statement.strip():
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number + 1}")
