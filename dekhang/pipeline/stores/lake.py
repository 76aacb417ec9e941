"""Reads stored events, from any number of processes. Every question names the units it may look into."""

from __future__ import annotations

import base64
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson

from dekhang.pipeline import lakefiles
from dekhang.pipeline.stores import database

_WRITER_SHIFT = 47
_FILES_AT_ONCE = 16
EVENTS_AT_ONCE = 1_000  # that `Lake.events` looks for in one call
UNREADABLE = (duckdb.Error, OSError)  # what reading a damaged or vanished file raises
_NAMES = (
    "event_id", "unit_id", "source_id", "time_ms", "received_ms", "kind", "host", "product", "service", "category",
    "event_code", "user", "src_ip", "message", "fields", "raw", "raw_base64", "problem",
)  # fmt: skip
_TIMES = {"time_ms": 'epoch_ms("time")', "received_ms": "epoch_ms(received_at)"}
_SELECT = "SELECT " + ", ".join(_TIMES.get(name, f'"{name}"') for name in _NAMES) + " FROM read_parquet(?)"  # noqa: S608


LATE_MS = 3_600_000  # an hour: shippers that were cut off for minutes are not news


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


_engine_lock = threading.Lock()
_engine: duckdb.DuckDBPyConnection | None = None


def _cursor() -> duckdb.DuckDBPyConnection:
    """A cursor of this process's DuckDB: bounded in memory and threads, no extension, no other file than we name."""
    global _engine
    with _engine_lock:
        if _engine is None:
            _engine = duckdb.connect(
                ":memory:",
                config={
                    "threads": 2,
                    "memory_limit": "512MB",
                    "autoinstall_known_extensions": False,
                    "autoload_known_extensions": False,
                    "preserve_insertion_order": False,
                },
            )
        return _engine.cursor()


class Lake:
    """The lake under a data folder. An installation that has stored nothing yet answers with nothing."""

    def __init__(self, data: Path) -> None:
        self._files = lakefiles.of(Path(data))
        self._data = Path(data)

    def recent(self, unit_ids: Collection[int], *, source_id: int | None = None, limit: int = 100) -> list[StoredEvent]:
        """The newest events by time of receipt, newest first."""
        units = sorted(set(unit_ids))
        if not units:
            return []
        found: list[tuple[Any, ...]] = []
        paths = self._paths(units, order="max_received DESC")
        where = " AND source_id = ?" if source_id is not None else ""
        for start in range(0, len(paths), _FILES_AT_ONCE):
            if len(found) >= limit and paths[start][1] < found[limit - 1][4]:
                break
            chunk = [path for path, _ in paths[start : start + _FILES_AT_ONCE]]
            found += self._ask(
                f"{_SELECT} WHERE unit_id IN (SELECT unnest(?)){where}"
                " ORDER BY received_at DESC, event_id DESC LIMIT ?",
                [chunk, units, *([source_id] if source_id is not None else []), limit],
            )
            found = sorted(found, key=lambda row: (row[4], row[0]), reverse=True)[:limit]
        return [_event(row) for row in found]

    def events(self, event_ids: Collection[int], *, unit_ids: Collection[int]) -> list[StoredEvent]:
        """The events with these ids, oldest first; ids of other units and unknown ids are left out."""
        units = sorted(set(unit_ids))
        wanted = sorted(set(event_ids))[:EVENTS_AT_ONCE]
        if not units or not wanted:
            return []
        paths: set[str] = set()
        with database.reading(self._data) as manifest:
            if manifest is None:
                return []
            for event_id in wanted:
                paths.update(
                    path
                    for (path,) in manifest.execute(
                        "SELECT path FROM segment_writers JOIN segments ON segments.id = segment_id"
                        " WHERE writer = ? AND segment_writers.max_event_id >= ? AND segment_writers.min_event_id <= ?",
                        (event_id >> _WRITER_SHIFT, event_id, event_id),
                    )
                )
        if not paths:
            return []
        rows = self._ask(
            f"{_SELECT} WHERE event_id IN (SELECT unnest(?))"
            ' AND unit_id IN (SELECT unnest(?)) ORDER BY "time", event_id',
            [sorted(str(self._files.local(path)) for path in paths), wanted, units],
        )
        return [_event(row) for row in rows]

    def count(self, unit_ids: Collection[int], since: datetime | int, until: datetime | int | None = None) -> int:
        """Events whose own time is in [since, until)."""
        units = sorted(set(unit_ids))
        since_ms = _ms(since)
        until_ms = None if until is None else _ms(until)
        paths = self._paths(units, since_ms=since_ms) if units else []
        if not paths:
            return 0
        sql = 'SELECT count(*) FROM read_parquet(?) WHERE unit_id IN (SELECT unnest(?)) AND epoch_ms("time") >= ?'
        values: list[Any] = [[path for path, _ in paths], units, since_ms]
        if until_ms is not None:
            sql += ' AND epoch_ms("time") < ?'
            values.append(until_ms)
        return int(self._ask(sql, values)[0][0])

    def histogram(
        self, source_id: int, since: datetime | int, bucket_seconds: int, *, unit_ids: Collection[int]
    ) -> list[Bucket]:
        """Events of a source by their own time, per bucket, oldest first; empty buckets are left out."""
        units = sorted(set(unit_ids))
        since_ms = _ms(since)
        paths = self._paths(units, since_ms=since_ms) if units else []
        if not paths:
            return []
        width_ms = max(1, bucket_seconds) * 1000
        rows = self._ask(
            'SELECT epoch_ms("time") // ? AS bucket, count(*) FROM read_parquet(?)'
            ' WHERE source_id = ? AND unit_id IN (SELECT unnest(?)) AND epoch_ms("time") >= ?'
            " GROUP BY bucket ORDER BY bucket LIMIT 10000",
            [width_ms, [path for path, _ in paths], source_id, units, since_ms],
        )
        return [Bucket(int(bucket) * width_ms, int(count)) for bucket, count in rows]

    def _paths(self, units: Sequence[int], *, since_ms: int | None = None, order: str = "id") -> list[tuple[str, int]]:
        """(file, newest receipt) of the segments that may hold such events."""
        with database.reading(self._data) as manifest:
            if manifest is None:
                return []
            rows = manifest.execute(
                "SELECT path, max_received FROM segments WHERE min_unit <= ? AND max_unit >= ? AND max_time >= ?"  # noqa: S608
                f" ORDER BY {order}",
                (units[-1], units[0], since_ms if since_ms is not None else -(1 << 62)),
            ).fetchall()
        return [(str(self._files.local(path)), int(received)) for path, received in rows]

    def _ask(self, sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
        with _cursor() as cursor:
            rows: list[tuple[Any, ...]] = cursor.execute(sql, values).fetchall()
            return rows


def _ms(moment: datetime | int) -> int:
    return moment if isinstance(moment, int) else int(moment.timestamp() * 1000)


def _event(row: tuple[Any, ...]) -> StoredEvent:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    raw = base64.b64decode(values["raw"]) if values.pop("raw_base64") else values["raw"].encode()
    fields: dict[str, Any] = orjson.loads(raw if values["fields"] is None else values["fields"])
    if values["kind"] != "windows" and values["message"]:  # kept once, in its own column
        fields.setdefault("message", values["message"])
    return StoredEvent(**{**values, "fields": fields, "raw": raw})
