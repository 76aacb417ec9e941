"""Which kinds of records arrive from each source, with which fields: what detection can be asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import orjson

from dekhang.pipeline.stores import database, schema


@dataclass(frozen=True, slots=True)
class Route:
    """Records that the engine tells apart from others. `fields`: seen with a value in the time asked for."""

    source_id: int
    unit_id: int
    product: str
    service: str
    category: str
    channel: str  # folded
    event_id: int | None
    fields: frozenset[str]
    last_ms: int

    @property
    def place(self) -> tuple[str, str, str, str, int | None]:
        """As engine.logsources asks for it."""
        return self.product, self.service, self.category, self.channel, self.event_id


def of_units(data: Path, unit_ids: Collection[int], *, since_ms: int) -> dict[int, list[Route]]:
    """Unit → the routes that arrived since then, whatever became of their source."""
    found: dict[int, list[Route]] = {unit_id: [] for unit_id in unit_ids}
    with database.reading(data) as connection:
        if connection is None:
            return found
        for part in schema.parts(unit_ids):
            rows = connection.execute(
                "SELECT source_id, unit_id, product, service, category, channel, event_id, fields, last_ms FROM routes"  # noqa: S608 - marks
                f" WHERE unit_id IN ({','.join('?' * len(part))}) AND last_ms >= ?"
                " ORDER BY source_id, product, service, category, channel, event_id",
                (*part, since_ms),
            )
            for source_id, unit_id, product, service, category, channel, event_id, fields, last_ms in rows:
                since_day = since_ms // schema.DAY_MS
                found[unit_id].append(
                    Route(
                        source_id,
                        unit_id,
                        product,
                        service,
                        category,
                        channel,
                        event_id if event_id >= 0 else None,
                        frozenset(name for name, day in orjson.loads(fields).items() if day >= since_day),
                        last_ms,
                    )
                )
    return found
