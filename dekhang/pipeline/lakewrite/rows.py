"""Events as columns, and as an Arrow table that any reader of Parquet takes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from dekhang.pipeline.stores.lake.columns import SCHEMA


@dataclass(slots=True)
class Rows:
    """Events as columns, in the order of SCHEMA; times in epoch milliseconds."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in SCHEMA.names})

    def __len__(self) -> int:
        return len(self.columns["event_id"])


def table_of(rows: Rows) -> Any:
    columns = dict(rows.columns)
    for name in ("time", "received_at"):
        columns[name] = [time_ms * 1000 for time_ms in columns[name]]
    try:
        return pa.table(columns, schema=SCHEMA)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError):  # no line may stop the lake
        return pa.table({name: [_plain(name, value) for value in columns[name]] for name in columns}, schema=SCHEMA)


def _plain(name: str, value: Any) -> Any:
    """A value that Parquet surely takes: text without surrogates, integers of 64 bits."""
    if pa.types.is_string(SCHEMA.field(name).type):
        return None if value is None else str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-(1 << 62), min(value, 1 << 62))
    return value
