"""Which kinds of records really arrive from each source, and with which fields: what detection can be asked for here.

A *route* is what the engine tells records apart by: product, service, category, Windows channel and event id. Of each
route a few records of a batch are looked at every ten minutes; a field counts as present when it holds something.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from dekhang.engine.logsources import event_id_of
from dekhang.engine.text import fold
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.schema import DAY_MS
from dekhang.pipeline.worker.batch import Work
from dekhang.pipeline.worker.sequences import name_of

NOTED_EVERY_MS = 600_000
LOOKED_AT = 3  # records of a route in one batch
ROUTES_PER_SOURCE = (
    1_000  # Windows knows some hundred kinds of events that matter; invented ones must not fill the disk
)
FIELDS_PER_ROUTE = 200
REMEMBERED = 50_000  # routes of all sources, × ~250 B; forgetting means writing again
ROUTE_DAYS = 60

Route = tuple[int, str, str, str, str, int]  # source, product, service, category, folded channel, event id (−1: none)


@dataclass(slots=True)
class Sample:
    unit_id: int
    fields: set[str] = field(default_factory=set)
    records: int = 0


class Routes:
    """Notes the routes of batches, each route now and then. Lost memory costs only writing once more."""

    def __init__(self) -> None:
        self._noted: dict[tuple[Any, ...], int] = {}

    def keep(self, connection: database.Connection, work: Work, *, now_ms: int) -> None:
        """Inside the batch's transaction: write the routes that are due."""
        due: dict[tuple[Any, ...], Sample] = {}
        noted = self._noted
        for event, origin in zip(work.events, work.origins, strict=True):
            record = event.record
            fields = record.fields
            key = (
                origin.source_id, record.product, record.service, record.category,
                fields.get("Channel"), fields.get("EventID"),
            )  # fmt: skip
            try:
                if now_ms - noted.get(key, 0) < NOTED_EVERY_MS:
                    continue
            except TypeError:  # a list where a name belongs
                continue
            sample = due.get(key)
            if sample is None:
                sample = due[key] = Sample(origin.unit_id)
            if sample.records < LOOKED_AT:
                sample.records += 1
                sample.fields.update(name for name, value in fields.items() if value not in (None, "", "-"))
        if not due:
            return
        _write(connection, _routes(due), now_ms=now_ms)
        if len(noted) + len(due) > REMEMBERED:
            noted.clear()
        noted.update(dict.fromkeys(due, now_ms))


def _routes(due: Mapping[tuple[Any, ...], Sample]) -> dict[Route, Sample]:
    """The same with channels folded and event ids as numbers."""
    found: dict[Route, Sample] = {}
    for (source_id, product, service, category, channel, event_id), sample in due.items():
        number = event_id_of({"EventID": event_id})
        name = name_of(fold(channel)) if isinstance(channel, str) else ""
        route = (
            source_id,
            name_of(product),
            name_of(service),
            name_of(category),
            name,
            -1 if number is None else number,
        )
        kept = found.setdefault(route, Sample(sample.unit_id))
        kept.fields |= sample.fields
    return found


def _write(connection: database.Connection, routes: Mapping[Route, Sample], *, now_ms: int) -> None:
    day = now_ms // DAY_MS
    counts: dict[int, int] = {}
    for route, sample in routes.items():
        row = connection.execute(
            "SELECT fields, first_ms FROM routes WHERE source_id = ? AND product = ? AND service = ? AND category = ?"
            " AND channel = ? AND event_id = ?",
            route,
        ).fetchone()
        if row is None:
            if route[0] not in counts:
                (count,) = connection.execute("SELECT count(*) FROM routes WHERE source_id = ?", route[:1]).fetchone()
                counts[route[0]] = int(count)
            if counts[route[0]] >= ROUTES_PER_SOURCE:
                continue
            counts[route[0]] += 1
        known: dict[str, int] = orjson.loads(row[0]) if row is not None else {}
        known.update(dict.fromkeys(sorted(map(name_of, sample.fields)), day))
        if len(known) > FIELDS_PER_ROUTE:  # the longest unseen go
            known = dict(sorted(known.items(), key=lambda one: (-one[1], one[0]))[:FIELDS_PER_ROUTE])
        connection.execute(
            "INSERT INTO routes (source_id, product, service, category, channel, event_id, unit_id, fields, first_ms,"
            " last_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT"
            " (source_id, product, service, category, channel, event_id) DO UPDATE SET"
            " unit_id = excluded.unit_id, fields = excluded.fields, last_ms = excluded.last_ms",
            (*route, sample.unit_id, orjson.dumps(known).decode(), row[1] if row is not None else now_ms, now_ms),
        )


def forget(connection: database.Connection, *, now_ms: int) -> None:
    connection.execute("DELETE FROM routes WHERE last_ms < ?", (now_ms - ROUTE_DAYS * DAY_MS,))
