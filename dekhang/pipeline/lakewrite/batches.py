"""Writes a batch of the worker: a big one as segments, a small one as what its transaction takes along."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.lakewrite.manifest import KEEPER, Batch, Superseded, Written, add_to_manifest
from dekhang.pipeline.lakewrite.rows import Rows, table_of
from dekhang.pipeline.lakewrite.segments import day_of, write_segment
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake import fresh
from dekhang.pipeline.stores.schema import DAY_MS

SMALL_ROWS = 5_000  # a batch of fewer costs a blob in the transaction that happens anyway, not files and fsyncs …
SMALL_BYTES = 16 << 20  # … unless its records are huge
FLUSH_ROWS = 50_000  # so many rows in small batches are worth files …
FLUSH_SECONDS = 120  # … and so are old ones: how long the database must carry them
OVERFLOW, OVERFLOW_SECONDS = (
    4,
    3_600,
)  # times FLUSH_ROWS or FLUSH_BYTES: then the keeper does not run, and a worker does it
FLUSH_BYTES = 64 << 20  # in memory; so much is worth files, too, and is flushed at once
DAYS_PER_BATCH = 16  # a sender with invented dates must not cost a file and two fsyncs per date


def write_rows(files: LakeFiles, rows: Rows, *, created_ms: int, holder: int = 0) -> list[Written]:
    """Make a batch ready for `add_to_manifest`: what is a file is on disk when this returns.

    A day with many rows is a file. The rows of all other days are one small batch: a log that is read again from its
    beginning has few rows of many days in every batch.

    Args:
        holder: a partition that the caller holds; names the files, so that orphans are known by it.
    """
    if not len(rows):
        return []
    table = table_of(rows)
    days, numbers, counts = _days(table)
    many = np.flatnonzero(counts >= SMALL_ROWS)
    written: list[Written] = [
        write_segment(
            files,
            day_of(int(days[one]) * DAY_MS),
            table if len(days) == 1 else table.take(pa.array(np.flatnonzero(numbers == one))),
            created_ms=created_ms,
            holder=holder,
        )
        for one in many.tolist()
    ]
    if len(many) < len(days):
        few = table.take(pa.array(np.flatnonzero(~np.isin(numbers, many)))) if len(many) else table
        if few.nbytes >= SMALL_BYTES:
            written.extend(_write_days(files, few, created_ms=created_ms, holder=holder))
        else:
            written.append(_small(few, created_ms))
    return written


def _small(table: Any, created_ms: int) -> Batch:
    def span(name: str) -> tuple[int, int]:
        both = pc.min_max(table.column(name).cast(pa.int64())).as_py()
        unit = 1 if name == "unit_id" else 1000  # times are microseconds there
        return both["min"] // unit, both["max"] // unit

    body = fresh.pack(table)
    return Batch(len(table), table.nbytes, body, *span("time"), *span("received_at"), *span("unit_id"), created_ms)


def flush(
    files: LakeFiles,
    connection: Connection,
    *,
    now_ms: int,
    least_rows: int = FLUSH_ROWS,
    least_bytes: int = FLUSH_BYTES,
    oldest_seconds: float = FLUSH_SECONDS,
    holder: int = KEEPER,
    confirm: Callable[[Connection], None] = lambda connection: None,
) -> int:
    """Write small batches as segments when they are many or old; returns how many batches were written.

    Args:
        confirm: called inside the transaction; raises when `holder` is no longer the caller's: who took it over may have
            deleted the files as orphans.

    A crash before the transaction leaves files that nothing names; after it the batches are gone from the database. So
    every row is in exactly one of them at any moment.
    """
    rows, total_bytes, oldest = connection.execute(
        "SELECT coalesce(sum(rows), 0), coalesce(sum(bytes), 0), min(created) FROM fresh"
    ).fetchone()
    many = rows >= least_rows or total_bytes >= least_bytes
    if oldest is None or not (many or oldest <= now_ms - oldest_seconds * 1000):
        return 0
    chosen: list[int] = []
    tables: list[Any] = []
    size = 0
    for fresh_id, size_bytes in connection.execute("SELECT id, bytes FROM fresh ORDER BY id").fetchall():
        if chosen and size + size_bytes > FLUSH_BYTES:
            break
        (body,) = connection.execute("SELECT body FROM fresh WHERE id = ?", (fresh_id,)).fetchone()
        chosen.append(fresh_id)
        tables.append(fresh.unpack(body))
        size += size_bytes
    segments = list(_write_days(files, pa.concat_tables(tables), created_ms=now_ms, holder=holder))
    with connection.transaction():
        confirm(connection)
        for fresh_id in chosen:
            if connection.execute("DELETE FROM fresh WHERE id = ?", (fresh_id,)).rowcount != 1:
                raise Superseded(f"fresh {fresh_id}")
        add_to_manifest(connection, segments)
    return len(chosen)


def _write_days(files: LakeFiles, table: Any, *, created_ms: int, holder: int) -> list[Written]:
    """One segment per event day; beyond DAYS_PER_BATCH days the rarest share one, filed under the latest of them."""
    days, numbers, counts = _days(table)
    if len(days) == 1:
        groups = [(int(days[0]), table)]
    else:
        ranked = np.argsort(-counts, kind="stable")
        kept, mixed = ranked[:DAYS_PER_BATCH], ranked[DAYS_PER_BATCH:]
        groups = [(int(days[one]), table.take(pa.array(np.flatnonzero(numbers == one)))) for one in kept.tolist()]
        if len(mixed):
            groups.append((int(days[mixed].max()), table.take(pa.array(np.flatnonzero(np.isin(numbers, mixed))))))
    return [
        write_segment(files, day_of(day * DAY_MS), part, created_ms=created_ms, holder=holder) for day, part in groups
    ]


def _days(table: Any) -> tuple[Any, Any, Any]:
    """Event days (epoch days, ascending), the place of each row's day among them, and the rows of each."""
    return np.unique(
        table.column("time").cast(pa.int64()).to_numpy() // (DAY_MS * 1000), return_inverse=True, return_counts=True
    )
