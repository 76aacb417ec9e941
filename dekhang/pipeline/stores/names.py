"""Names under which machines and web servers showed in the records of each source. Written by the worker.

Names are what senders wrote, so anybody may invent them: they are counted, bounded and sorted, never believed.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database, schema

HOST, DOMAIN = "host", "domain"
MORE = ""  # the row of a source that counts records of names for which there was no room


@dataclass(frozen=True, slots=True)
class SeenName:
    """A name in the records of a source.

    Args:
        kind: `host` or `domain`.
        records: how many, about: a worker that dies forgets its last minute.
        days: on how many days, UTC, by receipt.
        first_ms, last_ms: of receipt, UTC.
    """

    source_id: int
    kind: str
    name: str
    records: int
    days: int
    first_ms: int
    last_ms: int


def seen_names(data: Path, sources: Collection[int], *, since_ms: int = 0) -> list[SeenName]:
    """What these sources' records named since then; the rows with name `MORE` count what found no room."""
    found: list[SeenName] = []
    with database.reading(data) as connection:
        if connection is None:
            return []
        for part in schema.parts(sources):
            rows = connection.execute(
                "SELECT source_id, kind, name, records, days, first_ms, last_ms FROM names_seen"  # noqa: S608 - marks
                f" WHERE source_id IN ({','.join('?' * len(part))}) AND last_ms >= ?",
                (*part, since_ms),
            )
            found.extend(SeenName(*row) for row in rows)
    return found
