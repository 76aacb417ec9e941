"""Reads what a question needs and nothing else: pieces by the manifest, row groups by their bounds and bitmaps."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.pipeline.stores.lake.columns import SCHEMA
from dekhang.pipeline.stores.lake.grams import places_of
from dekhang.pipeline.stores.lake.pieces import Piece, Reach
from dekhang.pipeline.stores.lake.searchtext import COLUMNS_READ, contains

ROWS_AT_ONCE = 16_384  # read before they are judged; × ~1.5 kB ≈ 25 MB

Order = Literal["oldest", "newest", "received"]
_ORDER_COLUMN = {"oldest": "time", "newest": "time", "received": "received_at"}


@dataclass(slots=True)
class Pruning:
    """How much of the lake a question had to look into; grows while the answer is read.

    Attributes:
        segments, groups: segments (and fresh batches) within units and time, and their row groups.
        segments_read, groups_read, rows_read: of those, what was opened and read.
    """

    segments: int = 0
    segments_read: int = 0
    groups: int = 0
    groups_read: int = 0
    rows_read: int = 0


@dataclass(frozen=True, slots=True)
class Question:
    """What rows are wanted; see `Lake.scan`."""

    reach: Reach
    source_ids: Sequence[int] | None = None
    needles: Sequence[str] = ()
    where_sql: str = ""
    values: Sequence[Any] = ()
    columns: Sequence[str] = ()
    pruning: Pruning = field(default_factory=Pruning)

    @property
    def columns_read(self) -> list[str]:
        """Columns that must be read to judge a row and to answer with it."""
        needed = {"unit_id", "time", *(self.columns or SCHEMA.names)}
        if self.source_ids is not None:
            needed.add("source_id")
        if self.needles:
            needed.update(COLUMNS_READ)
        if self.where_sql:
            needed.update(set(re.findall(r"\w+", self.where_sql)) & set(SCHEMA.names))
        return [name for name in SCHEMA.names if name in needed]


def rows(question: Question, pieces: Sequence[Piece]) -> Iterator[Any]:
    """Arrow tables with the wanted rows in no order; one whose rows are judged together has at most ROWS_AT_ONCE."""
    places = [places_of(needle) for needle in question.needles]
    question.pruning.segments += len(pieces)
    for piece in pieces:
        groups = _groups(question, piece, places)
        for part in _portions(piece, groups):
            table = judged(question, read(question, piece, part, question.columns_read))
            if len(table):
                yield table.select(list(question.columns or SCHEMA.names))


def first(question: Question, pieces: Sequence[Piece], order: Order, limit: int) -> Any:
    """One Arrow table: the first `limit` wanted rows in an order; equals are ordered by event id."""
    key, newest = _ORDER_COLUMN[order], order != "oldest"
    places = [places_of(needle) for needle in question.needles]
    columns = sorted({*question.columns_read, key, "event_id"}, key=SCHEMA.names.index)
    best = _schema_of(columns).empty_table()
    question.pruning.segments += len(pieces)
    waiting: list[tuple[int, Piece, int]] = []  # (best key of a row group, its piece, its number): ascending keys first
    ahead = sorted(pieces, key=lambda piece: _best(piece, order))
    while ahead or waiting:
        # the last row so far, as a key of the kind that `_best` gives: what cannot come before it is not looked at
        last = None
        if len(best) == limit:
            last = best.column(key)[-1].value // 1000 * (-1 if newest else 1)
        while ahead and (not waiting or _best(ahead[0], order) <= waiting[0][0]):
            piece = ahead.pop(0)
            if last is not None and _best(piece, order) > last:
                ahead.clear()
                break
            groups = _groups(question, piece, places)
            keys = _keys(piece.groups(), order)
            waiting.extend((int(keys[group]), piece, group) for group in groups.tolist())
            waiting.sort(key=lambda one: one[0])
        if not waiting:
            continue
        best_key, piece, group = waiting.pop(0)
        if last is not None and best_key > last:
            break
        table = judged(question, read(question, piece, [group], columns))
        if len(table):
            direction = "descending" if newest else "ascending"
            best = pa.concat_tables([best, table]).sort_by([(key, direction), ("event_id", direction)])[:limit]
    return best.select(list(question.columns or SCHEMA.names))


def groups_in_reach(reach: Reach, piece: Piece) -> Any:
    """Numbers of the row groups that may hold rows of these units, times and ids."""
    index = piece.groups()
    units = np.asarray(reach.units)
    # a group's units are a range: some unit asked for must lie in it
    at = np.searchsorted(units, index.of("min_unit"))
    kept = (at < len(units)) & (units[np.minimum(at, len(units) - 1)] <= index.of("max_unit"))
    kept &= (index.of("max_time") >= reach.since_ms) & (index.of("min_time") < reach.until_ms)
    if reach.event_ids:
        ids = np.asarray(reach.event_ids)
        at = np.searchsorted(ids, index.of("min_event_id"))
        kept &= (at < len(ids)) & (ids[np.minimum(at, len(ids) - 1)] <= index.of("max_event_id"))
    return np.flatnonzero(kept)


def read(question: Question, piece: Piece, groups: Sequence[int], columns: Sequence[str]) -> Any:
    table = piece.read(groups, columns)
    question.pruning.groups_read += len(groups)
    question.pruning.rows_read += len(table)
    return table


def judged(question: Question, table: Any) -> Any:
    """Those rows that are wanted, cheapest questions first."""
    reach = question.reach
    wanted = pc.is_in(table.column("unit_id"), value_set=pa.array(reach.units, pa.int64()))
    time = table.column("time").cast(pa.int64())
    wanted = pc.and_(wanted, pc.greater_equal(time, _micros(reach.since_ms)))
    wanted = pc.and_(wanted, pc.less(time, _micros(reach.until_ms)))
    if question.source_ids is not None:
        sources = pa.array(sorted(question.source_ids), pa.int64())
        wanted = pc.and_(wanted, pc.is_in(table.column("source_id"), value_set=sources))
    if reach.event_ids:
        wanted = pc.and_(wanted, pc.is_in(table.column("event_id"), value_set=pa.array(reach.event_ids, pa.int64())))
    table = table.filter(wanted)
    if question.needles and len(table):
        table = table.filter(contains(table, question.needles))
    if question.where_sql and len(table):
        table = _where(table, question.where_sql, question.values)
    return table


def _groups(question: Question, piece: Piece, places: Sequence[Any]) -> Any:
    pruning = question.pruning
    groups = groups_in_reach(question.reach, piece)
    pruning.groups += len(groups)
    if places and len(groups):
        groups = piece.index().holding(places, groups)
    pruning.segments_read += bool(len(groups))
    return groups


def _portions(piece: Piece, groups: Any) -> Iterator[list[int]]:
    """The groups in portions of about ROWS_AT_ONCE."""
    sizes = piece.groups().of("rows")
    portion: list[int] = []
    count = 0
    for group in groups.tolist():
        if portion and count + sizes[group] > ROWS_AT_ONCE:
            yield portion
            portion, count = [], 0
        portion.append(group)
        count += int(sizes[group])
    if portion:
        yield portion


def _best(piece: Piece, order: Order) -> int:
    """The key of the first row that a piece may have, so that smaller is earlier in the order."""
    return piece.min_time if order == "oldest" else -piece.max_received if order == "received" else -piece.max_time


def _keys(index: Any, order: Order) -> Any:
    if order == "oldest":
        return index.of("min_time")
    return -index.of("max_received" if order == "received" else "max_time")


def _schema_of(columns: Sequence[str]) -> Any:
    return pa.schema([SCHEMA.field(name) for name in columns])


def _micros(time_ms: int) -> int:
    return max(-(1 << 62), min(time_ms * 1000, 1 << 62))


_engine_lock = threading.Lock()
_engine: duckdb.DuckDBPyConnection | None = None


def cursor() -> duckdb.DuckDBPyConnection:
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
                    "preserve_insertion_order": True,
                },
            )
        return _engine.cursor()


def _where(table: Any, where_sql: str, values: Sequence[Any]) -> Any:
    with cursor() as engine:
        engine.register("events", table)
        kept = engine.execute(f"SELECT * FROM events WHERE ({where_sql})", list(values)).to_arrow_table()  # noqa: S608
    return kept.cast(table.schema)
