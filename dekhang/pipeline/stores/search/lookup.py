"""Asking the lake: the newest matching events, how many there are over time, and the commonest values among them.

Row groups are read from the newest to the oldest, except those that cannot answer. When the time is over, what was read
is an exact answer for the newest part of the range, and `complete_from_ms` says where that part begins.
"""

from __future__ import annotations

import enum
import re
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa

from dekhang.pipeline import lakefiles
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import SCHEMA, UNREADABLE
from dekhang.pipeline.stores.lake.pieces import Piece, Reach, pieces
from dekhang.pipeline.stores.lake.reading import cursor as open_cursor
from dekhang.pipeline.stores.lake.reading import groups_in_reach
from dekhang.pipeline.stores.search.nodes import Node
from dekhang.pipeline.stores.search.pruning import sieve
from dekhang.pipeline.stores.search.sql import Parameters, condition

ROWS_AT_ONCE = 16_384  # with their text; × ~1.5 kB ≈ 25 MB
LIGHT_ROWS_AT_ONCE = 131_072  # without text; × ~60 B ≈ 8 MB
ROWS_COUNTED_AT_ONCE = 262_144
BYTES_AT_ONCE = 64 << 20  # of rows looked at together, and one row group: a record may have a megabyte
AT_ONCE = 2  # searches in this process; the next waits for its turn
BARS_MOST = 400
FACETS = ("host", "user", "src_ip", "event_code", "kind", "source_id", "unit_id")
VALUES_PER_FACET = 10
_VALUES_COUNTED = 2_000  # of a facet and a step; × 7 × ~100 B ≈ 1.4 MB

_turns = threading.BoundedSemaphore(AT_ONCE)


class TooBusy(Exception):
    """Others search, and the time was over before it was one's turn."""


class Axis(enum.StrEnum):
    """Which time a range means."""

    EVENT = "time"
    RECEIPT = "received_at"


class Position(NamedTuple):
    """Of an event in the order of the answer: later ones come first."""

    at_ms: int
    event_id: int


@dataclass(frozen=True, slots=True)
class Range:
    """[since, until) in epoch milliseconds of one of an event's times."""

    since_ms: int
    until_ms: int
    axis: Axis = Axis.EVENT


@dataclass(frozen=True, slots=True)
class Bars:
    """How events are counted over time.

    Args:
        width_ms: of a bar.
        offset_ms: of local time from UTC, so that a bar of a day is a day of the place.
    """

    width_ms: int
    offset_ms: int = 0

    def start_ms(self, number: int) -> int:
        return number * self.width_ms - self.offset_ms


@dataclass(slots=True)
class Answer:
    """What was found.

    Args:
        positions: of the newest events, newest first.
        more: whether older ones match.
        total: events that match in the part that was read; of the whole range, not behind a position.
        counts: start of a bar in epoch ms → events; empty bars are left out.
        facets: column → its commonest values with their counts.
        complete_from_ms: the answer is complete from here on; None = wholly.
        unreadable: segments that are damaged and were passed over.
        groups: row groups in these units and this range; read: of those, how many had to be read.
        rows_read: events that were looked at.
    """

    positions: list[Position] = field(default_factory=list)
    more: bool = False
    total: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    facets: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)
    complete_from_ms: int | None = None
    unreadable: int = 0
    groups: int = 0
    read: int = 0
    rows_read: int = 0
    seconds: float = 0.0


class _Group(NamedTuple):
    """A row group; sorts by its newest event."""

    newest_ms: int
    number: int
    piece: Piece
    rows: int


def look_up(
    data: Path,
    question: Node,
    within: Range,
    *,
    unit_ids: Collection[int],
    limit: int,
    before: Position | None = None,
    bars: Bars | None = None,
    budget_seconds: float,
) -> Answer:
    """Return the newest matching events of these units.

    Args:
        before: only events behind this position are listed.
        bars: count events and values too, which takes reading the whole range; None = the list only.

    Raises:
        TooBusy: it was not one's turn in time.
    """
    started = time.monotonic()
    units = sorted(set(unit_ids))
    if not units or within.since_ms >= within.until_ms:
        return Answer()
    if not _turns.acquire(timeout=budget_seconds):
        raise TooBusy
    try:
        search = _Search(question, within, units, limit, before, bars, started + budget_seconds)
        answer = search.over(_pieces(data, search.reach))
    finally:
        _turns.release()
    answer.seconds = time.monotonic() - started
    return answer


def _pieces(data: Path, reach: Reach) -> list[Piece]:
    with database.reading(data) as connection:
        if connection is None:
            return []
        with connection.snapshot():
            return pieces(connection, lakefiles.of(data), str(data), reach)


class _Search:
    """One question on its way through the lake."""

    def __init__(
        self,
        question: Node,
        within: Range,
        units: Sequence[int],
        limit: int,
        before: Position | None,
        bars: Bars | None,
        deadline: float,
    ) -> None:
        self._limit = limit
        self._before = before
        self._bars = bars
        self._deadline = deadline
        self._found: list[Position] = []
        self._uncounted: list[Any] = []  # Arrow tables of matching events
        self._counts: Counter[int] = Counter()
        self._facets: dict[str, Counter[Any]] = {name: Counter() for name in FACETS}
        self._sieve = sieve(question)
        until_ms = within.until_ms if before is None else min(within.until_ms, before.at_ms + 1)
        self.reach = Reach(units, within.since_ms, until_ms, "time" if within.axis is Axis.EVENT else "received_at")
        parameters = Parameters()
        axis, add = within.axis.value, parameters.add
        where = (
            f"unit_id IN (SELECT unnest({add(list(units))}::BIGINT[]))"
            f' AND "{axis}" >= make_timestamptz({add(within.since_ms * 1000)})'
            f' AND "{axis}" < make_timestamptz({add(until_ms * 1000)})'
            f" AND {condition(question, parameters)}"
        )
        shown = f'event_id, epoch_ms("{axis}") AS at_ms'
        if bars is not None:
            shown += ", " + ", ".join(f'"{name}"' for name in FACETS)
        self._sql = f"SELECT {shown} FROM events WHERE {where}"  # noqa: S608 - everything typed is a parameter
        self._values = parameters.values
        mentioned = set(re.findall(r"\w+", self._sql))
        self._columns = [name for name in SCHEMA.names if name in mentioned]
        self._rows_at_once = ROWS_AT_ONCE if {"raw", "message"} & mentioned else LIGHT_ROWS_AT_ONCE

    def over(self, found: Sequence[Piece]) -> Answer:
        answer = Answer()
        with open_cursor() as cursor:
            alarm = threading.Timer(max(0.0, self._deadline - time.monotonic()), cursor.interrupt)
            alarm.daemon = True
            alarm.start()
            try:
                self._over(cursor, found, answer)
            finally:
                alarm.cancel()
                alarm.join()  # it may just be ringing, which must not hit what follows
            self._count(cursor)
        self._fill(answer)
        return answer

    def _over(self, cursor: duckdb.DuckDBPyConnection, found: Sequence[Piece], answer: Answer) -> None:
        damaged: set[int] = set()
        for portion in self._portions(found, answer, damaged):
            while portion:
                newest_ms = portion[0].newest_ms
                if self._bars is None and self._listed(newest_ms):
                    return
                try:
                    if time.monotonic() >= self._deadline:
                        raise duckdb.InterruptException
                    portion = portion[self._look_at(cursor, portion, answer, damaged) :]
                except duckdb.InterruptException:
                    answer.complete_from_ms = newest_ms + 1
                    return

    def _listed(self, newest_ms: int) -> bool:
        """Whether nothing at `newest_ms` or older can belong to the list."""
        return len(self._found) > self._limit and self._found[self._limit].at_ms > newest_ms

    def _portions(self, found: Sequence[Piece], answer: Answer, damaged: set[int]) -> Iterator[Sequence[_Group]]:
        """Row groups that may answer, those with the newest events first, as many as are looked at together."""
        ahead = sorted(found, key=self._newest)
        waiting: list[_Group] = []
        portion: list[_Group] = []
        rows = 0
        while ahead or waiting:
            while ahead and (not waiting or self._newest(ahead[-1]) >= waiting[-1].newest_ms):
                waiting.extend(self._groups(ahead.pop(), answer, damaged))
                waiting.sort(key=lambda group: group.newest_ms)
            if not waiting:
                continue
            group = waiting.pop()
            if portion and rows + group.rows > self._rows_at_once:
                yield portion
                portion, rows = [], 0
            portion.append(group)
            rows += group.rows
        if portion:
            yield portion

    def _newest(self, piece: Piece) -> int:
        return int(getattr(piece, f"max_{self.reach.bound}"))

    def _groups(self, piece: Piece, answer: Answer, damaged: set[int]) -> list[_Group]:
        """The row groups of a piece that may answer."""
        try:
            groups = groups_in_reach(self.reach, piece)
            answer.groups += len(groups)
            if self._sieve is not None and len(groups):
                groups = piece.index().passing(self._sieve, groups)
            bounds = piece.groups()
            newest, rows = bounds.of(f"max_{self.reach.bound}"), bounds.of("rows")
        except UNREADABLE:
            self._damaged(piece, answer, damaged)
            return []
        return [_Group(int(newest[n]), n, piece, int(rows[n])) for n in groups.tolist()]

    def _damaged(self, piece: Piece, answer: Answer, damaged: set[int]) -> None:
        if id(piece) not in damaged:
            damaged.add(id(piece))
            answer.unreadable += 1

    def _look_at(
        self, cursor: duckdb.DuckDBPyConnection, portion: Sequence[_Group], answer: Answer, damaged: set[int]
    ) -> int:
        """Look at the first row groups of a portion, as far as memory allows; returns how many."""
        if sum(map(len, self._uncounted)) >= ROWS_COUNTED_AT_ONCE:
            self._count(cursor)
        tables: list[Any] = []
        taken = size_bytes = 0
        for group in portion:
            if size_bytes >= BYTES_AT_ONCE:
                break
            taken += 1
            try:
                tables.append(group.piece.read([group.number], self._columns))
            except UNREADABLE:
                self._damaged(group.piece, answer, damaged)
            else:
                size_bytes += tables[-1].nbytes
        if not tables:
            return taken
        table = pa.concat_tables(tables)
        cursor.register("events", table)
        found = cursor.sql(self._sql, params=self._values).to_arrow_table()
        newest = self._newest_of(cursor, found)
        # behind here nothing can be interrupted: a portion is looked at wholly or not at all
        answer.read += len(tables)
        answer.rows_read += len(table)
        self._found = sorted([*self._found, *newest], reverse=True)[: self._limit + 1]
        if self._bars is not None and len(found):
            self._uncounted.append(found)
        return taken

    def _newest_of(self, cursor: duckdb.DuckDBPyConnection, found: Any) -> list[Position]:
        behind, values = "", {"most": self._limit + 1}
        if self._before is not None:
            behind = "WHERE (at_ms, event_id) < ($at_ms, $event_id)"
            values |= self._before._asdict()
        cursor.register("found", found)
        rows = cursor.execute(
            f"SELECT at_ms, event_id FROM found {behind} ORDER BY at_ms DESC, event_id DESC LIMIT $most",  # noqa: S608
            values,
        ).fetchall()
        return [Position(*row) for row in rows]

    def _count(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Count what was found since the last time."""
        if self._bars is None or not self._uncounted:
            return
        cursor.register("found", pa.concat_tables(self._uncounted))
        bars = cursor.execute(
            "SELECT (at_ms + $offset) // $width AS bar, count(*) FROM found GROUP BY bar ORDER BY bar DESC LIMIT $most",
            {"offset": self._bars.offset_ms, "width": self._bars.width_ms, "most": BARS_MOST},
        ).fetchall()
        facets = {
            name: cursor.execute(
                f'SELECT "{name}", count(*) AS n FROM found GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_VALUES_COUNTED}'  # noqa: S608
            ).fetchall()
            for name in FACETS
        }
        self._uncounted.clear()
        self._counts.update({int(bar): count for bar, count in bars})
        for name, rows in facets.items():
            self._facets[name].update(dict(rows))

    def _fill(self, answer: Answer) -> None:
        complete = [
            one for one in self._found if answer.complete_from_ms is None or one.at_ms >= answer.complete_from_ms
        ]
        answer.positions = complete[: self._limit]
        answer.more = len(complete) > self._limit
        answer.total = sum(self._facets["kind"].values())
        if self._bars is not None:
            answer.counts = {self._bars.start_ms(bar): count for bar, count in sorted(self._counts.items())}
        answer.facets = {
            name: [(value, count) for value, count in _commonest(counted) if value != ""]
            for name, counted in self._facets.items()
        }


def _commonest(counted: Mapping[Any, int]) -> list[tuple[Any, int]]:
    return sorted(counted.items(), key=lambda pair: (-pair[1], str(pair[0])))[: VALUES_PER_FACET + 1]
