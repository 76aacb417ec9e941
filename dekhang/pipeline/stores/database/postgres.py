"""PostgreSQL for several hosts: our tables in the schema `pipeline`, Django's beside them in `public`."""

from __future__ import annotations

import os
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from typing import Any, Never

import psycopg
from psycopg import pq
from psycopg.adapt import Loader
from psycopg.types.json import Jsonb, JsonbDumper
from psycopg.types.string import StrDumperUnknown

from dekhang.pipeline.stores.database.connection import BUSY_SECONDS, Answer, Connection, Error

NAMESPACE = "pipeline"
LOCK_LOOK_SECONDS = 0.5
IDLE_CONNECTIONS = 4  # kept open for the next reader; each costs the server a process
# a server that vanished is noticed within about this time, not after the two hours of TCP
_LIVELY: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "application_name": "dekhang",
}


# … and a host that vanished inside a transaction does not hold its locks until then either
_LET_GO = (
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 3",
    "SET tcp_keepalives_count = 3",
    "SET idle_in_transaction_session_timeout = '30s'",
)


class PostgresConnection(Connection):
    """Opens by itself again, after the server was away, with the next statement outside a transaction."""

    def __init__(
        self, url: str, *, readonly: bool = False, durable: bool = True, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        self.name = shown(url)
        self._url = url
        self._settings = [
            f"SET search_path TO {NAMESPACE}",
            f"SET lock_timeout = {int(busy_seconds * 1000)}",
            *_LET_GO,
        ]
        if readonly:
            self._settings.append("SET default_transaction_read_only = on")
        if not durable:
            self._settings.append("SET synchronous_commit = off")
        self._begun = False
        self._raw = self._open()

    def _open(self) -> psycopg.Connection[Any]:
        try:
            own = psycopg.conninfo.conninfo_to_dict(self._url)
            # no prepared statements: proxies such as PgBouncer lose them, and our statements are short
            raw = psycopg.connect(
                self._url, autocommit=True, prepare_threshold=None, **{k: v for k, v in _LIVELY.items() if k not in own}
            )
        except psycopg.Error as error:
            self._fail(error)
        raw.adapters.register_loader("numeric", _WholeNumber)
        try:
            for setting in self._settings:
                raw.execute(setting)
        except psycopg.Error as error:
            raw.close()
            self._fail(error)
        return raw

    def _ready(self) -> psycopg.Connection[Any]:
        if self._raw.closed and not self._begun:
            self._raw = self._open()
        return self._raw

    def execute(self, sql: str, values: Sequence[Any] = ()) -> Answer:
        try:
            cursor = self._ready().execute(_marked(sql), values)
            return Answer(cursor.fetchall() if cursor.description is not None else [], cursor.rowcount)
        except psycopg.Error as error:
            self._fail(error)

    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        try:
            with self._ready().cursor() as cursor:
                cursor.executemany(_marked(sql), rows)
        except psycopg.Error as error:
            self._fail(error)

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        return int(self.execute(f"{sql} RETURNING id", values).fetchone()[0])

    def one_at_a_time(self, what: str) -> None:
        self.execute("SELECT pg_advisory_xact_lock(?)", (_lock_number(what),))

    def now_ms(self) -> int:
        return int(self.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").fetchone()[0])

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        self._start("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            yield self
        finally:
            self.rollback()

    @property
    def in_transaction(self) -> bool:
        return not self._raw.closed and self._raw.info.transaction_status != pq.TransactionStatus.IDLE

    def close(self) -> None:
        self._raw.close()

    def version(self) -> int:
        if self.execute("SELECT to_regclass(?)", (f"{NAMESPACE}.schema_version",)).fetchone()[0] is None:
            return 0
        return int(self.execute("SELECT max(version) FROM schema_version").fetchone()[0])

    def set_version(self, version: int) -> None:
        self.execute(f"CREATE TABLE IF NOT EXISTS {NAMESPACE}.schema_version (version BIGINT PRIMARY KEY)")
        self.execute("INSERT INTO schema_version (version) VALUES (?)", (version,))

    def make_room(self) -> None:
        self.execute(f"CREATE SCHEMA IF NOT EXISTS {NAMESPACE}")

    def translated(self, statement: str) -> str:
        for pattern, words in _WORDS:
            statement = re.sub(pattern, words, statement)
        return statement

    def begin(self) -> None:
        self._start("BEGIN")

    def _start(self, statement: str) -> None:
        self.execute(statement)
        self._begun = True

    def commit(self) -> None:
        if self._raw.info.transaction_status == pq.TransactionStatus.INERROR:  # COMMIT would quietly roll back
            raise Error(f"{self.name}: một câu lệnh của giao dịch đã hỏng")
        self.execute("COMMIT")
        self._begun = False

    def rollback(self) -> None:
        try:
            super().rollback()
        finally:
            self._begun = False

    def _fail(self, error: psycopg.Error) -> Never:
        raise Error(f"{self.name}: {str(error).strip() or type(error).__name__}") from error


@contextmanager
def alone(url: str, what: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold the lock `what` of the whole installation; it is let go of also when this process dies.

    Args:
        on_wait: called once when another host holds it.
    """
    key = _lock_number(what)
    connection = PostgresConnection(url)
    try:
        told = False
        while not connection.execute("SELECT pg_try_advisory_lock(?)", (key,)).fetchone()[0]:
            if not told:
                on_wait()
                told = True
            time.sleep(LOCK_LOOK_SECONDS)
        yield
    finally:
        connection.close()


def _lock_number(what: str) -> int:
    return zlib.crc32(f"dekhang {what}".encode())


def shown(url: str) -> str:
    """The address without its password, for people."""
    return re.sub(r"(//[^:/@]*):[^@/]*@", r"\1@", url).partition("?")[0]


_WORDS = (
    (r"INTEGER PRIMARY KEY AUTOINCREMENT", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"),
    (r"\bINTEGER\b", "BIGINT"),
    (r"\bBLOB\b", "BYTEA"),
    (r"\bWITHOUT ROWID\b", ""),
)
_PIECES = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|(\?)|(%)")


@lru_cache(maxsize=512)
def _marked(sql: str) -> Any:
    """`?` → `%s` outside quotes, `%` → `%%`: what psycopg reads. Typed Any: it wants literal strings only."""

    def piece(found: re.Match[str]) -> str:
        quoted, mark, _ = found.groups()
        if quoted is not None:
            return str(quoted).replace("%", "%%")
        return "%s" if mark else "%%"

    return _PIECES.sub(piece, sql)


class _WholeNumber(Loader):
    """sum() of big integers is `numeric`: an int, as SQLite gives it."""

    def load(self, data: Any) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


class _Text(StrDumperUnknown):
    """PostgreSQL's text has no NUL, and log lines and requests are written by strangers."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\ufffd").encode("utf-8", "replace").decode())


class _Json(JsonbDumper):
    """The same inside JSON."""

    def dump(self, obj: Any) -> Any:
        dumped = super().dump(obj)
        return _ESCAPED_NUL.sub(rb"\1\\ufffd", dumped) if dumped and b"u0000" in dumped else dumped


_ESCAPED_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
# for every connection of the process, so that Django's are meant too
psycopg.adapters.register_dumper(str, _Text)
psycopg.adapters.register_dumper(Jsonb, _Json)


_idle: dict[tuple[int, str], list[PostgresConnection]] = {}  # (process, address): a child does not use its parent's
_idle_lock = threading.Lock()


@contextmanager
def borrowed(url: str) -> Iterator[PostgresConnection]:
    """A connection for reading that is given back afterwards: opening one costs milliseconds."""
    key = (os.getpid(), url)
    with _idle_lock:
        kept = _idle.get(key)
        connection = kept.pop() if kept else None
    if connection is not None:
        try:
            connection.version()
        except Error:  # the server was restarted meanwhile
            connection.close()
            connection = None
    if connection is None:
        connection = PostgresConnection(url, readonly=True)
    try:
        yield connection
    finally:
        with suppress(Error):
            connection.rollback()
        with _idle_lock:
            kept = _idle.setdefault(key, [])
            keep = not connection._raw.closed and not connection.in_transaction and len(kept) < IDLE_CONNECTIONS
            if keep:
                kept.append(connection)
        if not keep:
            connection.close()


def close_idle() -> None:
    """Close what readers have given back: before a database is dropped."""
    with _idle_lock:
        connections = [one for kept in _idle.values() for one in kept]
        _idle.clear()
    for one in connections:
        one.close()
