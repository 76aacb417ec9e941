"""Remembers which files of drop folders and which objects of buckets have been taken in: `<data>/intake/taken.db`.

Belongs to this host's files receiver alone. A file stays remembered as long as it may still lie there, so for good.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

READING = "reading"
DONE = "done"
FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Taken:
    """How far one file or object is.

    Attributes:
        key: its path, or bucket and name.
        look: what a listing tells of it (size, time, inode): unchanged means that it need not be opened.
        version: what it held: SHA-256 of a file, ETag of an object.
        stem: of its records' ids.
    """

    source_id: int
    key: str
    look: str
    version: str
    stem: bytes
    size_bytes: int
    records: int = 0
    state: str = READING
    problem: str = ""
    at_ms: int = 0


class Memory:
    """For one thread at a time; what `keep` was given is on disk when it returns."""

    def __init__(self, data: Path) -> None:
        path = data / "intake" / "taken.db"
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=20)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute(
            "CREATE TABLE IF NOT EXISTS taken (source_id INTEGER NOT NULL, key TEXT NOT NULL, look TEXT NOT NULL,"
            " version TEXT NOT NULL, stem BLOB NOT NULL, size_bytes INTEGER NOT NULL, records INTEGER NOT NULL,"
            " state TEXT NOT NULL, problem TEXT NOT NULL, at_ms INTEGER NOT NULL,"
            " PRIMARY KEY (source_id, key)) WITHOUT ROWID"
        )

    def find(self, source_id: int, key: str) -> Taken | None:
        row = self._connection.execute(
            "SELECT source_id, key, look, version, stem, size_bytes, records, state, problem, at_ms FROM taken"
            " WHERE source_id = ? AND key = ?",
            (source_id, key),
        ).fetchone()
        return Taken(*row) if row is not None else None

    def keep(self, one: Taken) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO taken (source_id, key, look, version, stem, size_bytes, records, state, problem, at_ms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                one.source_id, one.key, one.look, one.version, one.stem, one.size_bytes, one.records, one.state,
                one.problem[:1000], one.at_ms,
            ),
        )  # fmt: skip

    def latest_problem(self, source_id: int) -> str:
        """Of the file taken last that had one."""
        row = self._connection.execute(
            "SELECT key, problem FROM taken WHERE source_id = ? AND state = ? ORDER BY at_ms DESC LIMIT 1",
            (source_id, FAILED),
        ).fetchone()
        return f"{row[0]}: {row[1]}" if row is not None else ""

    def close(self) -> None:
        self._connection.close()
