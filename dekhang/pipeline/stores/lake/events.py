"""Stored events as people's pages and the worker take them."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import pyarrow as pa

from dekhang.pipeline.stores.schema import HOUR_MS

LATE_MS = HOUR_MS  # shippers that were cut off for minutes are not news


def is_late(time_ms: int, received_ms: int) -> bool:
    """Whether an event came so long after its own time that numbers made meanwhile do not know it.

    It lies in the lake under its own time all the same; nothing that was frozen before is made again.
    """
    return received_ms - time_ms > LATE_MS


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of the lake; times are UTC epoch milliseconds, `raw` is exactly what was received."""

    event_id: int
    unit_id: int
    source_id: int
    time_ms: int
    received_ms: int
    kind: str
    host: str
    product: str
    service: str
    category: str
    event_code: str
    user: str
    src_ip: str
    message: str
    fields: dict[str, Any]
    raw: bytes
    problem: str | None

    @property
    def time(self) -> datetime:
        return datetime.fromtimestamp(self.time_ms / 1000, UTC)

    @property
    def late(self) -> bool:
        return is_late(self.time_ms, self.received_ms)

    @property
    def raw_text(self) -> str:
        return self.raw.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Bucket:
    """Events of one stretch of time, which starts at `start_ms`."""

    start_ms: int
    count: int


def events_of(table: Any) -> list[StoredEvent]:
    """The rows of an Arrow table with all columns of the lake, in their order."""
    for name in ("time", "received_at"):
        at = table.schema.get_field_index(name)
        table = table.set_column(at, name, table.column(name).cast(pa.int64()))
    return [_event(row) for row in table.to_pylist()]


def _event(row: dict[str, Any]) -> StoredEvent:
    raw = base64.b64decode(row["raw"]) if row.pop("raw_base64") else row["raw"].encode()
    fields: dict[str, Any] = orjson.loads(raw if row["fields"] is None else row["fields"])
    if row["kind"] != "windows" and row["message"]:  # kept once, in its own column
        fields.setdefault("message", row["message"])
    time_ms, received_ms = row.pop("time") // 1000, row.pop("received_at") // 1000
    return StoredEvent(**{**row, "time_ms": time_ms, "received_ms": received_ms, "fields": fields, "raw": raw})
