"""What the pipeline asks of a database, whichever it is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any

Row = tuple[Any, ...]
BUSY_SECONDS = 20.0


class Error(Exception):
    """The database could not do it now: locked, full, unreachable, damaged. Trying again later is right.

    What was begun has not happened; but when the server goes away during a COMMIT, only asking it tells.
    """


class Answer:
    """What a statement gave: all its rows, and how many rows it changed."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Row], rowcount: int) -> None:
        self._rows = rows
        self.rowcount = rowcount

    def __iter__(self) -> Iterator[Row]:
        return iter(self._rows)

    def fetchall(self) -> list[Row]:
        return self._rows

    def fetchone(self) -> Any:
        """The first row, or None. Typed Any: most callers ask for what is always there."""
        return self._rows[0] if self._rows else None


class Connection(ABC):
    """A connection in autocommit; statements that belong together go into `with connection.transaction():`.

    Threads may hand one on, but only one may use it at a time. Every fault is an `Error`.

    Attributes:
        name: of the database, for sentences.
    """

    name: str

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any] = ()) -> Answer: ...

    @abstractmethod
    def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None: ...

    @abstractmethod
    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """Insert one row; returns the `id` that it got."""

    @abstractmethod
    def one_at_a_time(self, what: str) -> None:
        """Inside a transaction: wait for every other transaction that has said the same to end.

        So the ids of an append-only table become visible in their order, and a reader may keep the last one it saw as
        its position.
        """

    @abstractmethod
    def now_ms(self) -> int:
        """UTC epoch milliseconds by the database's own clock: the one clock that all hosts see."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[Connection]:
        """Everything read inside is of one moment."""

    @property
    @abstractmethod
    def in_transaction(self) -> bool: ...

    @abstractmethod
    def close(self) -> None: ...

    @abstractmethod
    def version(self) -> int:
        """Of the tables; 0 while there are none."""

    @abstractmethod
    def set_version(self, version: int) -> None: ...

    @abstractmethod
    def make_room(self) -> None:
        """Before the first table, inside the transaction that makes them."""

    @abstractmethod
    def translated(self, statement: str) -> str:
        """A statement of `schema.MIGRATIONS` in this database's words."""

    @abstractmethod
    def begin(self) -> None: ...

    @abstractmethod
    def commit(self) -> None: ...

    def rollback(self) -> None:
        """Give up what is under way, if anything."""
        if self.in_transaction:
            self.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """All of it happens, or nothing when the block raises."""
        self.begin()
        try:
            yield self
            self.commit()
        except BaseException:
            with suppress(Error):  # the first fault is the one to tell
                self.rollback()
            raise
