"""Events in a lake without a worker: what the worker would write, segment by segment."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from dekhang.pipeline import lakefiles
from dekhang.pipeline.lakewrite import Rows, add_to_manifest, compact_once, flush, write_rows
from dekhang.pipeline.stores import database

NOON = int(datetime(2019, 12, 10, 5, tzinfo=UTC).timestamp() * 1000)  # 12:00 in Tây Ninh
HOUR, DAY = 3_600_000, 86_400_000


def store(data: Path, events: Iterable[Mapping[str, Any]]) -> None:
    """Write one segment a day. An event is columns of the lake; `raw` may be a mapping (flat JSON with its fields)."""
    rows = Rows()
    for event in events:
        row: dict[str, Any] = dict.fromkeys(rows.columns, "")
        row |= {"unit_id": 1, "source_id": 1, "time": NOON, "kind": "syslog", "raw_base64": False, "problem": None}
        row |= {"fields": "{}", **event}
        row["received_at"] = event.get("received_at", row["time"])
        if isinstance(row["raw"], dict):
            row |= {"raw": orjson.dumps(row["raw"]).decode(), "fields": None}
        if isinstance(row["fields"], dict):
            row["fields"] = orjson.dumps(row["fields"]).decode()
        for name, values in rows.columns.items():
            values.append(row[name])
    connection = database.connect(data)
    files = lakefiles.of(data)
    try:
        written = write_rows(files, rows, created_ms=NOON)
        with connection.transaction():
            add_to_manifest(connection, written)
        flush(files, connection, now_ms=NOON, least_rows=1)
    finally:
        connection.close()


def settle(data: Path, *, now_ms: int = NOON + 2 * DAY) -> None:
    """Merge the segments of each day, as the worker does when nothing more comes: only merged ones have an index."""
    connection = database.connect(data)
    try:
        while compact_once(lakefiles.of(data), connection, now_ms=now_ms, min_files=2):
            pass
    finally:
        connection.close()
