"""Rows into tables, many at once: what the ORM would take an hour for. Only into an installation that nobody uses yet."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import orjson
from django.db import connection
from django.db.models import Max, Model

ROWS_AT_ONCE = 10_000

_TEXTS: dict[type, Any] = {  # as Django's SQLite backend writes them; booleans are numbers to it anyway
    datetime: lambda moment: str(moment.astimezone(UTC).replace(tzinfo=None)),
    date: date.isoformat,
    dict: lambda value: orjson.dumps(value).decode(),
    list: lambda value: orjson.dumps(value).decode(),
}


def insert(model: type[Model], columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert `rows` (values of `columns`, names of attributes such as `unit_id`); other columns get their defaults."""
    fields = {field.attname: field for field in model._meta.concrete_fields}
    given = [fields[name] for name in columns]
    rest = [field for field in fields.values() if field not in given and not field.primary_key]
    defaults = tuple(_text(field.get_default()) for field in rest)
    names = ", ".join(connection.ops.quote_name(field.column) for field in (*given, *rest))
    marks = ", ".join(["%s"] * (len(given) + len(rest)))
    table = connection.ops.quote_name(model._meta.db_table)
    written = 0
    with connection.cursor() as cursor:
        for part in _parts(rows):
            cursor.executemany(
                f"INSERT INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - names are the models' own
                [(*map(_text, row), *defaults) for row in part],
            )
            written += len(part)
    return written


def _parts(rows: Iterable[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    source = iter(rows)
    while part := list(islice(source, ROWS_AT_ONCE)):
        yield part


def _text(value: Any) -> Any:
    write = _TEXTS.get(type(value))
    return write(value) if write else value


def first_free(model: type[Model]) -> int:
    """The number that the next row may have."""
    return (model._base_manager.aggregate(last=Max("pk"))["last"] or 0) + 1


@contextmanager
def without_indexes(*models: type[Model]) -> Iterator[None]:
    """Drop the tables' indexes, and make them again at the end: sorting once is a third of the work of a million insertions."""
    tables = [model._meta.db_table for model in models]
    marks = ", ".join(["%s"] * len(tables))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN ({marks})",  # noqa: S608 - marks
            tables,
        )
        found = cursor.fetchall()
        for name, _sql in found:
            cursor.execute(f"DROP INDEX {connection.ops.quote_name(name)}")
    yield
    with connection.cursor() as cursor:
        for _name, sql in found:
            cursor.execute(sql.replace("%", "%%"))


@contextmanager
def hurried() -> Iterator[None]:
    """No journal and no fsync while the folder is being made: a crash leaves it to be made anew, nothing was in it."""
    with connection.cursor() as cursor:
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-400000", "temp_store=MEMORY"):
            cursor.execute(f"PRAGMA {pragma}")
    try:
        yield
    finally:
        connection.close()  # the next one opens it as settings say
