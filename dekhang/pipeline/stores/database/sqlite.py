"""`pipeline.db`: one file, one writer at a time, readers never wait."""

from __future__ import annotations

import sqlite3
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dekhang.pipeline.stores.database.connection import BUSY_SECONDS, Answer, Connection, Error


class SqliteConnection(Connection):
    def __init__(
        self, path: Path, *, readonly: bool = False, durable: bool = True, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        """Open `path`; for writing it is made when it is not there."""
        self.name = path.name
        where = str(path)
        if readonly:
            where = f"file:{urllib.parse.quote(where)}?mode=ro"
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._raw = sqlite3.connect(
                where, uri=readonly, timeout=busy_seconds, isolation_level=None, check_same_thread=False
            )
        except sqlite3.Error as error:
            raise Error(f"{self.name}: {error}") from error
        if readonly:
            self.execute("PRAGMA query_only = 1")
            return
        self._write_ahead(busy_seconds)
        # FULL: the spool is pruned after the commit, so the commit must be on disk by then
        self.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")

    def _write_ahead(self, busy_seconds: float) -> None:
        """Switch the file to WAL once; SQLite does not wait for other processes that are doing the same, so we do."""
        deadline = time.monotonic() + busy_seconds
        while True:
            try:
                if self._raw.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                    self._raw.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.Error as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= deadline:
                    self.close()
                    raise Error(f"{self.name}: {error}") from error
                time.sleep(0.01)

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Answer:
        try:
            cursor = self._raw.execute(sql, values)
            return Answer(cursor.fetchall(), cursor.rowcount)
        except sqlite3.Error as error:
            raise Error(f"{self.name}: {error}") from error

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            self._raw.executemany(sql, rows)
        except sqlite3.Error as error:
            raise Error(f"{self.name}: {error}") from error

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        try:
            return int(self._raw.execute(sql, values).lastrowid or 0)
        except sqlite3.Error as error:
            raise Error(f"{self.name}: {error}") from error

    def one_at_a_time(self, what: str) -> None:
        """Every transaction here is alone already."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        self.execute("BEGIN")
        try:
            yield self
        finally:
            self.rollback()

    @property
    def in_transaction(self) -> bool:
        return self._raw.in_transaction

    def close(self) -> None:
        self._raw.close()

    def version(self) -> int:
        return int(self.execute("PRAGMA user_version").fetchone()[0])

    def set_version(self, version: int) -> None:
        self.execute(f"PRAGMA user_version = {version:d}")

    def make_room(self) -> None:
        """The file is the room."""

    def translated(self, statement: str) -> str:
        return statement

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        self.execute("COMMIT")
