"""Reads what a question needs and nothing else: pieces by the manifest, row groups by their bounds and bitmaps."""

from __future__ import annotations

import heapq
import logging
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.pipeline.stores.lake.columns import SCHEMA
from dekhang.pipeline.stores.lake.grams import places_of
from dekhang.pipeline.stores.lake.pieces import Piece, Reach
from dekhang.pipeline.stores.lake.searchtext import COLUMNS_READ, contains

logger = logging.getLogger(__name__)

ROWS_AT_ONCE = 16_384  # whose text is read before they are judged; × ~1.5 kB ≈ 25 MB
BARE_ROWS_AT_ONCE = 262_144  # where only numbers are; × ~40 B ≈ 10 MB
GROUPS_AT_ONCE = 16  # at most; rows may be big (lakewrite/segments.py bounds a row group by its bytes, too)

Order = Literal["oldest", "newest"]
UNREADABLE = (duckdb.Error, pa.ArrowException, OSError, ValueError)  # what reading a damaged or vanished file raises


@dataclass(slots=True)
class Pruning:
    """How much of the lake a question had to look into; grows while the answer is read.

    Attributes:
        segments, groups: segments (and fresh batches) within units and time, and their row groups.
        segments_read, groups_read, rows_read: of those, what was opened and read.
        unreadable: segments that are damaged and were passed over, if that was allowed.
        unread_ms: nothing that is still to be read is newer than this; None: all was read. For answers without order.
    """

    segments: int = 0
    segments_read: int = 0
    groups: int = 0
    groups_read: int = 0
    rows_read: int = 0
    unreadable: list[str] = field(default_factory=list)
    unread_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What rows are wanted; see `Lake.scan`."""

    reach: Reach
    source_ids: Sequence[int] | None = None
    needles: Sequence[str] = ()
    where_sql: str = ""
    values: Sequence[Any] | Mapping[str, Any] = ()
    columns: Sequence[str] = ()
    pass_damaged: bool = False
    sieve: Callable[[Any], bool] | None = None
    pruning: Pruning = field(default_factory=Pruning)

    @property
    def wanted(self) -> list[str]:
        """Columns of the answer."""
        return list(self.columns or SCHEMA.names)

    @property
    def rows_at_once(self) -> int:
        return ROWS_AT_ONCE if self.needles or self.where_sql else BARE_ROWS_AT_ONCE

    @property
    def judging(self) -> list[str]:
        """Columns that must be read to tell whether a row is wanted."""
        needed = {"unit_id", self.reach.axis}
        if self.source_ids is not None:
            needed.add("source_id")
        if self.reach.event_ids:
            needed.add("event_id")
        if self.needles:
            needed.update(COLUMNS_READ)
        if self.where_sql:
            needed.update(set(re.findall(r"\w+", self.where_sql)) & set(SCHEMA.names))
        return [name for name in SCHEMA.names if name in needed]


def rows(question: Question, pieces: Sequence[Piece]) -> Iterator[Any]:
    """Arrow tables with the wanted rows, the newest pieces first; what is judged together has at most ROWS_AT_ONCE."""
    pruning = question.pruning
    places = [places_of(needle) for needle in question.needles]
    pruning.segments += len(pieces)
    pieces = sorted(pieces, key=lambda piece: _best(question, piece, "newest"))
    for number, piece in enumerate(pieces):
        pruning.unread_ms = -_best(question, piece, "newest")
        try:
            for part in portions(question, piece, _groups(question, piece, places)):
                table = wanted_rows(question, piece, part)
                if len(table):
                    yield table
        except UNREADABLE:
            _pass_over(question, piece)
        pruning.unread_ms = -_best(question, pieces[number + 1], "newest") if number + 1 < len(pieces) else None


def _pass_over(question: Question, piece: Piece) -> None:
    """Inside an `except`: go on without this piece, when the question allows it."""
    if not question.pass_damaged:
        raise
    logger.exception("%s cannot be read", piece.path)
    question.pruning.unreadable.append(piece.path)


_Hit = tuple[int, int, Piece, int, int]  # (key, ± event id, piece, row group, row in it)


def first(question: Question, pieces: Sequence[Piece], order: Order, limit: int) -> Any:
    """One Arrow table: the first `limit` wanted rows in an order; equals are ordered by event id."""
    places = [places_of(needle) for needle in question.needles]
    columns = sorted({*question.judging, "event_id"}, key=SCHEMA.names.index)
    question.pruning.segments += len(pieces)
    sign = -1 if order == "newest" else 1
    ties = count()
    waiting: list[tuple[int, int, Piece, int]] = []  # heap: (best key of a row group, tie, its piece, its number)
    ahead = deque(sorted(pieces, key=lambda piece: _best(question, piece, order)))
    found: list[_Hit] = []
    at_once = 1
    while ahead or waiting:
        last = found[-1][0] if len(found) == limit else None  # what cannot come before it is not looked at
        if ahead and (not waiting or _best(question, ahead[0], order) <= waiting[0][0]):
            piece = ahead.popleft()
            if last is None or _best(question, piece, order) <= last:
                try:
                    keys = _keys(question, piece.groups(), order)
                    groups = _groups(question, piece, places).tolist()
                except UNREADABLE:
                    _pass_over(question, piece)
                    continue
                for group in groups:
                    heapq.heappush(waiting, (int(keys[group]), next(ties), piece, group))
            continue
        if last is not None and waiting[0][0] > last:
            break
        piece = waiting[0][2]
        chosen: list[int] = []
        while waiting and waiting[0][2] is piece and len(chosen) < at_once and (last is None or waiting[0][0] <= last):
            chosen.append(heapq.heappop(waiting)[3])
        at_once = min(2 * at_once, GROUPS_AT_ONCE)
        try:
            table = read(question, piece, chosen, columns)
        except UNREADABLE:
            _pass_over(question, piece)
            waiting = [one for one in waiting if one[2] is not piece]
            heapq.heapify(waiting)
            continue
        hits = judged(question, table)
        if len(hits):
            keys = sign * (table.column(question.reach.axis).cast(pa.int64()).to_numpy()[hits] // 1000)
            ids = sign * table.column("event_id").to_numpy()[hits]
            best = np.lexsort((ids, keys))[:limit]
            found.extend(zip(keys[best].tolist(), ids[best].tolist(), *_places(piece, chosen, hits[best]), strict=True))
            found = sorted(found, key=lambda hit: hit[:2])[:limit]
    return _rows_of(question, found)


def _rows_of(question: Question, found: Sequence[_Hit]) -> Any:
    """The rows that were found first, in their order; only now is the rest of their columns read."""
    parts: list[Any] = []
    order: list[int] = []
    for piece, group in dict.fromkeys(hit[2:4] for hit in found):
        own = [(number, hit[4]) for number, hit in enumerate(found) if hit[2] is piece and hit[3] == group]
        try:
            parts.append(piece.read([group], question.wanted).take(pa.array([row for _, row in own])))
        except UNREADABLE:
            _pass_over(question, piece)
            continue
        order.extend(number for number, _ in own)
    if not parts:
        return pa.schema([SCHEMA.field(name) for name in question.wanted]).empty_table()
    return pa.concat_tables(parts).select(question.wanted).take(pa.array(np.argsort(order)))


def _places(piece: Piece, groups: Sequence[int], rows: Any) -> tuple[list[Piece], list[int], list[int]]:
    """For rows of these groups together: piece, group and row in the group of each."""
    sizes = piece.groups().of("rows")[list(groups)]
    ends = np.cumsum(sizes)
    numbers = np.searchsorted(ends, rows, side="right")
    own = rows - (ends - sizes)[numbers]
    return [piece] * len(rows), np.asarray(groups)[numbers].tolist(), own.tolist()


def groups_in_reach(reach: Reach, piece: Piece) -> Any:
    """Numbers of the row groups that may hold rows of these units, times and ids."""
    index = piece.groups()
    units = np.asarray(reach.units)
    # a group's units are a range: some unit asked for must lie in it
    at = np.searchsorted(units, index.of("min_unit"))
    kept = (at < len(units)) & (units[np.minimum(at, len(units) - 1)] <= index.of("max_unit"))
    kept &= (index.of(f"max_{reach.bound}") >= reach.since_ms) & (index.of(f"min_{reach.bound}") < reach.until_ms)
    if reach.event_ids:
        ids = np.asarray(reach.event_ids)
        at = np.searchsorted(ids, index.of("min_event_id"))
        kept &= (at < len(ids)) & (ids[np.minimum(at, len(ids) - 1)] <= index.of("max_event_id"))
    return np.flatnonzero(kept)


def wanted_rows(question: Question, piece: Piece, groups: Sequence[int]) -> Any:
    """The wanted rows of these row groups. What is not needed to judge them is read only where there are some."""
    table = read(question, piece, groups, question.judging)
    hits = judged(question, table)
    if not len(hits):
        return table[:0]
    missing = [name for name in question.wanted if name not in question.judging]
    if not missing:
        return table.select(question.wanted).take(pa.array(hits))
    _, owners, rows = _places(piece, groups, hits)
    wanted: dict[int, list[int]] = {}  # row group → rows in it; in the order of the hits
    for group, row in zip(owners, rows, strict=True):
        wanted.setdefault(group, []).append(row)
    kept = list(wanted)
    parts = []
    for begin in range(0, len(kept), GROUPS_AT_ONCE):
        some = kept[begin : begin + GROUPS_AT_ONCE]
        starts = np.cumsum([0, *piece.groups().of("rows")[some]])
        places = [start + row for start, group in zip(starts, some, strict=False) for row in wanted[group]]
        parts.append(piece.read(some, missing).take(pa.array(places)))
    rest = pa.concat_tables(parts)
    table = table.take(pa.array(hits))
    for name in missing:
        table = table.append_column(SCHEMA.field(name), rest.column(name))
    return table.select(question.wanted)


def read(question: Question, piece: Piece, groups: Sequence[int], columns: Sequence[str]) -> Any:
    table = piece.read(groups, columns)
    question.pruning.groups_read += len(groups)
    question.pruning.rows_read += len(table)
    return table


def judged(question: Question, table: Any) -> Any:
    """Numbers of the wanted rows; the cheapest questions are asked first.

    Args:
        table: with the columns of `question.judging`.
    """
    reach = question.reach
    wanted = pc.is_in(table.column("unit_id"), value_set=pa.array(reach.units, pa.int64()))
    time = table.column(reach.axis).cast(pa.int64())
    wanted = pc.and_(wanted, pc.greater_equal(time, _micros(reach.since_ms)))
    wanted = pc.and_(wanted, pc.less(time, _micros(reach.until_ms)))
    if question.source_ids is not None:
        sources = pa.array(question.source_ids, pa.int64())
        wanted = pc.and_(wanted, pc.is_in(table.column("source_id"), value_set=sources))
    if reach.event_ids:
        wanted = pc.and_(wanted, pc.is_in(table.column("event_id"), value_set=pa.array(reach.event_ids, pa.int64())))
    hits = np.flatnonzero(wanted.combine_chunks().to_numpy(zero_copy_only=False))
    if question.needles and len(hits):
        hits = hits[contains(_taken(table.select(COLUMNS_READ), hits), question.needles)]
    if question.where_sql and len(hits):
        hits = hits[_where(_taken(table, hits), question.where_sql, question.values)]
    return hits


def _taken(table: Any, hits: Any) -> Any:
    return table if len(hits) == len(table) else table.take(pa.array(hits))


def _groups(question: Question, piece: Piece, places: Sequence[Any]) -> Any:
    pruning = question.pruning
    groups = groups_in_reach(question.reach, piece)
    pruning.groups += len(groups)
    if places and len(groups):
        groups = piece.index().holding(places, groups)
    if question.sieve is not None and len(groups):
        groups = piece.index().passing(question.sieve, groups)
    pruning.segments_read += bool(len(groups))
    return groups


def portions(question: Question, piece: Piece, groups: Any) -> Iterator[list[int]]:
    """The groups in portions that are read and judged together."""
    most = question.rows_at_once
    sizes = piece.groups().of("rows")
    portion: list[int] = []
    total = 0
    for group in groups.tolist():
        if portion and (total + sizes[group] > most or (most == ROWS_AT_ONCE and len(portion) == GROUPS_AT_ONCE)):
            yield portion
            portion, total = [], 0
        portion.append(group)
        total += int(sizes[group])
    if portion:
        yield portion


def _best(question: Question, piece: Piece, order: Order) -> int:
    """The key of the first row that a piece may have, so that smaller is earlier in the order."""
    if question.reach.axis == "time":
        return piece.min_time if order == "oldest" else -piece.max_time
    return piece.min_received if order == "oldest" else -piece.max_received


def _keys(question: Question, index: Any, order: Order) -> Any:
    bound = question.reach.bound
    return index.of(f"min_{bound}") if order == "oldest" else -index.of(f"max_{bound}")


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


def _where(table: Any, where_sql: str, values: Sequence[Any] | Mapping[str, Any]) -> Any:
    """Numbers of the rows that fulfil a condition."""
    table = table.append_column("row_number", pa.array(np.arange(len(table))))
    with cursor() as engine:
        engine.register("events", table)
        kept = engine.execute(f"SELECT row_number FROM events WHERE ({where_sql})", values).fetchnumpy()  # noqa: S608
    return np.sort(kept["row_number"])
