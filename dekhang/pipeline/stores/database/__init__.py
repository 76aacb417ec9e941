"""Opens the pipeline's database of a place: SQLite on one machine, PostgreSQL for several hosts.

SQL is written once, in what both understand: `?` for values, `ON CONFLICT`, no scalar min/max, every selected column
grouped or aggregated. What they do differently is a method of `Connection`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import schema
from dekhang.pipeline.stores.database.connection import BUSY_SECONDS, Answer, Connection, Error
from dekhang.pipeline.stores.database.sqlite import SqliteConnection

__all__ = ["Answer", "Connection", "Error", "alone", "connect", "reading"]


def connect(data: Path, *, durable: bool = True, busy_seconds: float = BUSY_SECONDS) -> Connection:
    """Open the database of `data` for writing, creating or upgrading it first.

    Args:
        durable: False: a power cut may take the last moments back, in exchange for no waiting.
        busy_seconds: a statement waits as long for the transactions of others, then it is an Error.
    Raises:
        SchemaTooNew: made by a newer version of the program.
        Error: not available now.
        PlaceError: an OSError; the place cannot be read.
    """
    place = Place.of(data)
    connection: Connection
    if not place.database:
        connection = SqliteConnection(schema.path_of(place.data), durable=durable, busy_seconds=busy_seconds)
    else:
        from dekhang.pipeline.stores.database.postgres import PostgresConnection  # one machine does without its driver

        connection = PostgresConnection(place.database, durable=durable, busy_seconds=busy_seconds)
    try:
        _upgrade(connection)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def reading(data: Path) -> Iterator[Connection | None]:
    """A connection that cannot write; None while nobody has made the tables yet, or brought them up to date.

    Raises:
        Error: not available now.
    """
    place = Place.of(data)
    if place.database:
        from dekhang.pipeline.stores.database.postgres import borrowed

        with borrowed(place.database) as shared:
            yield shared if shared.version() >= len(schema.MIGRATIONS) else None
        return
    path = schema.path_of(place.data)
    if not path.exists():
        yield None
        return
    own = SqliteConnection(path, readonly=True)
    try:
        yield own if own.version() >= len(schema.MIGRATIONS) else None
    finally:
        own.close()


@contextmanager
def alone(data: Path, what: str, *, on_wait: Callable[[], None]) -> Iterator[None]:
    """No other host of the installation is inside a block of the same name. One machine is alone anyway.

    Args:
        on_wait: called once when another host is inside.
    Raises:
        Error: not available now.
    """
    place = Place.of(data)
    if not place.database:
        yield
        return
    from dekhang.pipeline.stores.database import postgres

    with postgres.alone(place.database, what, on_wait=on_wait):
        yield


def _upgrade(connection: Connection) -> None:
    newest = len(schema.MIGRATIONS)
    version = connection.version()
    if version > newest:
        raise schema.SchemaTooNew(
            f"{connection.name} thuộc phiên bản {version}, mới hơn phần mềm này ({newest}); hãy cập nhật Đề Kháng."
        )
    if version == newest:
        return
    with connection.transaction():
        connection.one_at_a_time("schema")
        connection.make_room()
        for number in range(connection.version(), newest):  # asked again: another process may have been faster
            for statement in schema.MIGRATIONS[number].split(";"):
                if statement.strip():
                    connection.execute(connection.translated(statement))
            connection.set_version(number + 1)
