"""Writes the lake: Parquet segments by day, their manifest rows, and the merging of small segments.

A segment is kept (lakefiles.py: durable, never seen in parts) before its manifest row is committed: a crash in between
leaves an orphan file, which `remove_orphans` deletes at the next start. Readers see only what the manifest names.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.schema import DAY_MS

DAYS_PER_BATCH = 16  # a sender with invented dates must not cost a file and two fsyncs per date
SMALL_ROWS = 25_000  # segments below this are merged …
TIERS = ((0, 250), (250, 4_000), (4_000, SMALL_ROWS))  # rows; only segments of one tier are merged with each other …
MERGE_FILES = 24  # … when a day has this many of them …
SETTLED_SECONDS = 3_600
MERGE_ROWS = 60_000  # … into segments of about this size (rows × ~1.5 kB ≈ 90 MB in memory)
MERGE_BYTES = 24 << 20
KEEP_SECONDS = 60  # merged files stay this long for readers that have read the manifest before
WRITER_SHIFT = 47  # event_id = writer << 47 | sequence

SCHEMA = pa.schema(
    [
        pa.field("event_id", pa.int64(), nullable=False),
        pa.field("unit_id", pa.int64(), nullable=False),
        pa.field("source_id", pa.int64(), nullable=False),
        pa.field("time", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("received_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("kind", pa.string(), nullable=False),
        pa.field("host", pa.string(), nullable=False),
        pa.field("product", pa.string(), nullable=False),
        pa.field("service", pa.string(), nullable=False),
        pa.field("category", pa.string(), nullable=False),
        pa.field("event_code", pa.string(), nullable=False),
        pa.field("user", pa.string(), nullable=False),
        pa.field("src_ip", pa.string(), nullable=False),
        pa.field("message", pa.string(), nullable=False),
        pa.field("fields", pa.string()),
        pa.field("raw", pa.string(), nullable=False),
        pa.field("raw_base64", pa.bool_(), nullable=False),
        pa.field("problem", pa.string()),
    ]
)


@dataclass(slots=True)
class Rows:
    """Events as columns, in the order of SCHEMA; times in epoch milliseconds."""

    columns: dict[str, list[Any]] = field(default_factory=lambda: {name: [] for name in SCHEMA.names})

    def __len__(self) -> int:
        return len(self.columns["event_id"])


@dataclass(frozen=True, slots=True)
class Segment:
    """A manifest row; `path` is relative to the lake folder, times are epoch milliseconds."""

    day: str
    path: str
    rows: int
    bytes: int
    min_time: int
    max_time: int
    min_received: int
    max_received: int
    min_event_id: int
    max_event_id: int
    min_unit: int
    max_unit: int
    sha256: str
    created: int
    writers: tuple[tuple[int, int, int], ...]  # (writer, lowest, highest event id)


def day_of(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d")


def write_rows(lake: LakeFiles, rows: Rows, *, created_ms: int) -> list[Segment]:
    """Write one segment per event day, sorted by unit and time, on disk when this returns.

    Beyond DAYS_PER_BATCH days the rarest ones share a segment, filed under the latest of them.
    """
    if not len(rows):
        return []
    by_day: dict[int, list[int]] = {}
    for index, time_ms in enumerate(rows.columns["time"]):
        by_day.setdefault(time_ms // DAY_MS, []).append(index)
    columns = dict(rows.columns)
    for name in ("time", "received_at"):
        columns[name] = [time_ms * 1000 for time_ms in columns[name]]
    try:
        table = pa.table(columns, schema=SCHEMA)
    except (pa.ArrowException, UnicodeError, OverflowError, TypeError):  # no line may stop the lake
        table = pa.table({name: [_plain(name, value) for value in columns[name]] for name in columns}, schema=SCHEMA)
    if len(by_day) == 1:
        groups = [(next(iter(by_day)), table)]
    else:
        ranked = sorted(by_day, key=lambda day: len(by_day[day]), reverse=True)
        kept, mixed = ranked[:DAYS_PER_BATCH], ranked[DAYS_PER_BATCH:]
        groups = [(day, table.take(pa.array(by_day[day]))) for day in kept]
        if mixed:
            indexes = [index for day in mixed for index in by_day[day]]
            groups.append((max(mixed), table.take(pa.array(indexes))))
    return [_write(lake, day_of(day * DAY_MS), part, created_ms, level=1) for day, part in groups]


def _plain(name: str, value: Any) -> Any:
    """A value that Parquet surely takes: text without surrogates, integers of 64 bits."""
    if pa.types.is_string(SCHEMA.field(name).type):
        return None if value is None else str(value).encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-(1 << 62), min(value, 1 << 62))
    return value


def _write(lake: LakeFiles, day: str, table: Any, created_ms: int, *, level: int) -> Segment:
    table = table.sort_by([("unit_id", "ascending"), ("time", "ascending")])
    sink = pa.BufferOutputStream()
    pq.write_table(
        table, sink, compression="zstd", compression_level=level, row_group_size=16_384,
        use_dictionary=["unit_id", "source_id", "kind", "host", "product", "service", "category", "event_code",
                        "user", "src_ip", "problem"],
    )  # fmt: skip
    content = sink.getvalue()
    path = f"day={day}/{uuid.uuid4().hex}.parquet"
    lake.keep(path, memoryview(content))
    ids = table.column("event_id").to_pylist()
    ranges: dict[int, tuple[int, int]] = {}
    for one in ids:
        low, high = ranges.get(one >> WRITER_SHIFT, (one, one))
        ranges[one >> WRITER_SHIFT] = (min(low, one), max(high, one))
    min_time, max_time = _range_ms(table, "time")
    min_received, max_received = _range_ms(table, "received_at")
    units = pc.min_max(table.column("unit_id")).as_py()
    return Segment(
        day=day,
        path=path,
        rows=len(ids),
        bytes=content.size,
        min_time=min_time,
        max_time=max_time,
        min_received=min_received,
        max_received=max_received,
        min_event_id=min(ids),
        max_event_id=max(ids),
        min_unit=units["min"],
        max_unit=units["max"],
        sha256=hashlib.sha256(content).hexdigest(),
        created=created_ms,
        writers=tuple((writer, low, high) for writer, (low, high) in sorted(ranges.items())),
    )


def _range_ms(table: Any, column: str) -> tuple[int, int]:
    both = pc.min_max(table.column(column).cast(pa.int64())).as_py()
    return both["min"] // 1000, both["max"] // 1000


def add_to_manifest(connection: Connection, segments: Iterable[Segment]) -> None:
    """Make segments visible to readers; inside the caller's transaction."""
    for segment in segments:
        segment_id = connection.insert(
            "INSERT INTO segments (day, path, rows, bytes, min_time, max_time, min_received, max_received,"
            " min_event_id, max_event_id, min_unit, max_unit, sha256, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                segment.day, segment.path, segment.rows, segment.bytes, segment.min_time, segment.max_time,
                segment.min_received, segment.max_received, segment.min_event_id, segment.max_event_id,
                segment.min_unit, segment.max_unit, segment.sha256, segment.created,
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO segment_writers (segment_id, writer, min_event_id, max_event_id) VALUES (?, ?, ?, ?)",
            [(segment_id, *one) for one in segment.writers],
        )


def remove_orphans(lake: LakeFiles, connection: Connection) -> int:
    """Delete files that no manifest row names: left by a crash between writing and committing. Returns how many."""
    known = {path for (path,) in connection.execute("SELECT path FROM segments UNION SELECT path FROM garbage")}
    orphans = [file.path for file in lake.listing() if file.path not in known]
    for path in orphans:
        lake.forget(path)
    return len(orphans)


def compact_once(lake: LakeFiles, connection: Connection, *, now_ms: int, min_files: int = MERGE_FILES) -> int:
    """Merge small segments of one day; returns how many were merged, 0 when there is nothing to do.

    Due is a day with `min_files` segments of about the same size, so that no row is rewritten more often than there
    are TIERS; or with two small ones, once nothing has come for it for SETTLED_SECONDS.
    One call is one bounded step, so that a stopping worker never waits for more than that.
    """
    due = None
    for low, high in TIERS:
        due = connection.execute(
            "SELECT day FROM segments WHERE rows >= ? AND rows < ? GROUP BY day HAVING count(*) >= ?"
            " ORDER BY count(*) DESC LIMIT 1",
            (low, high, max(2, min_files)),
        ).fetchone()
        if due is not None:
            break
    else:
        low, high = 0, SMALL_ROWS
        due = connection.execute(
            "SELECT day FROM segments WHERE rows < ? GROUP BY day HAVING count(*) >= 2 AND max(created) < ? LIMIT 1",
            (high, now_ms - SETTLED_SECONDS * 1000),
        ).fetchone()
    if due is None:
        return 0
    (day,) = due
    chosen: list[tuple[int, str]] = []
    total_rows = total_bytes = 0
    for segment_id, path, rows, size in connection.execute(
        "SELECT id, path, rows, bytes FROM segments WHERE day = ? AND rows >= ? AND rows < ? ORDER BY id LIMIT ?",
        (day, low, high, MERGE_FILES * 8),
    ):
        if chosen and (total_rows + rows > MERGE_ROWS or total_bytes + size > MERGE_BYTES):
            break
        chosen.append((segment_id, path))
        total_rows += rows
        total_bytes += size
    if len(chosen) < 2:
        return 0
    # ParquetFile, not read_table: that would take day=… in the path for a column
    tables = [pq.ParquetFile(lake.local(path)).read() for _, path in chosen]
    merged = _write(lake, day, pa.concat_tables(tables), now_ms, level=3)
    with connection.transaction():
        add_to_manifest(connection, [merged])
        _forget(connection, chosen, delete_after_ms=now_ms + KEEP_SECONDS * 1000)
    del tables
    pa.default_memory_pool().release_unused()
    return len(chosen)


def _forget(connection: Connection, segments: Sequence[tuple[int, str]], *, delete_after_ms: int) -> None:
    connection.executemany("DELETE FROM segment_writers WHERE segment_id = ?", [(one,) for one, _ in segments])
    connection.executemany("DELETE FROM segments WHERE id = ?", [(one,) for one, _ in segments])
    connection.executemany(
        "INSERT INTO garbage (path, delete_after) VALUES (?, ?)"
        " ON CONFLICT (path) DO UPDATE SET delete_after = excluded.delete_after",
        [(path, delete_after_ms) for _, path in segments],
    )


def empty_garbage(lake: LakeFiles, connection: Connection, *, now_ms: int) -> int:
    """Delete files merged away long enough ago; returns how many."""
    due = [path for (path,) in connection.execute("SELECT path FROM garbage WHERE delete_after <= ?", (now_ms,))]
    for path in due:
        lake.forget(path)
    if due:
        with connection.transaction():
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in due])
    return len(due)
