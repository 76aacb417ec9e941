"""Sources whose records claim to come from a machine that another unit registered. Written by the worker."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database, schema

REASON = "Bản ghi tự nhận là máy của đơn vị khác"
_NAME_CHARS = 255


@dataclass(frozen=True, slots=True)
class ForeignHost:
    """A name that a source's records claimed although another unit registered it.

    `owner_unit`: who registered it; tell it only to those who may see that unit. `event_id`: the latest of the records;
    `first_ms`, `last_ms`: when the first and the latest came, UTC.
    """

    source_id: int
    host: str
    owner_unit: int
    records: int
    event_id: int
    first_ms: int
    last_ms: int


def host_name(text: str) -> str:
    """A machine's name as names are compared: lower case, no dot at the end."""
    return text[:_NAME_CHARS].strip().rstrip(".").lower()


def foreign_hosts(data: Path, sources: Collection[int]) -> list[ForeignHost]:
    """What these sources claimed, latest first."""
    found: list[ForeignHost] = []
    with database.reading(data) as connection:
        if connection is None:
            return []
        for part in schema.parts(sources):
            rows = connection.execute(
                "SELECT source_id, host, owner_unit, records, event_id, first_ms, last_ms FROM foreign_hosts"  # noqa: S608 - marks
                f" WHERE source_id IN ({','.join('?' * len(part))})",
                part,
            )
            found.extend(ForeignHost(*row) for row in rows)
    return sorted(found, key=lambda one: (-one.last_ms, one.source_id, one.host))
