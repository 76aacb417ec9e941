"""Asking the lake: the newest matching events, how many there are over time, and the commonest values among them.

Segments are read from the newest to the oldest, a few files at once. When the time is over, what was read is an exact
answer for the newest part of the range, and `complete_from_ms` says where that part begins.
"""

from __future__ import annotations

import enum
import threading
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from dekhang.pipeline import lakefiles
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import UNREADABLE
from dekhang.pipeline.stores.lake.reading import cursor as open_cursor
from dekhang.pipeline.stores.search.nodes import Node
from dekhang.pipeline.stores.search.sql import Parameters, condition

FILES_AT_FIRST = 4  # so that the first rows are there soon …
FILES_AT_ONCE = 16  # … × 60,000 rows × ~60 B of the columns kept ≈ 60 MB
AT_ONCE = 2  # searches in this process; the next waits for its turn
BARS_MOST = 400
FACETS = ("host", "user", "src_ip", "event_code", "kind", "source_id", "unit_id")
VALUES_PER_FACET = 10
_VALUES_COUNTED = 2_000  # of a facet and a step; × 7 × ~100 B ≈ 1.4 MB

OUR_FAULTS = (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException)

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
        segments, read, pruned: how many there are for this range, were read, and need not be read.
    """

    positions: list[Position] = field(default_factory=list)
    more: bool = False
    total: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    facets: dict[str, list[tuple[Any, int]]] = field(default_factory=dict)
    complete_from_ms: int | None = None
    unreadable: int = 0
    segments: int = 0
    read: int = 0
    pruned: int = 0
    seconds: float = 0.0


class _Segment(NamedTuple):
    path: str
    newest_ms: int


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
        answer = search.over(_segments(data, units, within, before))
    finally:
        _turns.release()
    answer.seconds = time.monotonic() - started
    return answer


def _segments(data: Path, units: Sequence[int], within: Range, before: Position | None) -> list[_Segment]:
    """The segments that may hold such events, those with the newest events first."""
    column = "time" if within.axis is Axis.EVENT else "received"
    until_ms = within.until_ms if before is None else min(within.until_ms, before.at_ms + 1)
    with database.reading(data) as connection:
        rows = [] if connection is None else _overlapping(connection, column, units, within.since_ms, until_ms)
    files = lakefiles.of(data)
    return [_Segment(str(files.local(name)), newest_ms) for name, newest_ms in rows]


def _overlapping(
    connection: database.Connection, column: str, units: Sequence[int], since_ms: int, until_ms: int
) -> list[tuple[str, int]]:
    return connection.execute(
        f"SELECT path, max_{column} FROM segments WHERE min_unit <= ? AND max_unit >= ?"  # noqa: S608 - one of two names
        f" AND max_{column} >= ? AND min_{column} < ? ORDER BY max_{column} DESC, id DESC",
        (units[-1], units[0], since_ms, until_ms),
    ).fetchall()


class _Search:
    """One question on its way through the segments."""

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
        self._counts: Counter[int] = Counter()
        self._facets: dict[str, Counter[Any]] = {name: Counter() for name in FACETS}
        parameters = Parameters()
        axis = within.axis.value
        add = parameters.add
        self._where = (
            f"unit_id >= {add(units[0])} AND unit_id <= {add(units[-1])}"
            f" AND unit_id IN (SELECT unnest({add(list(units))}::BIGINT[]))"
            f' AND "{axis}" >= make_timestamptz({add(within.since_ms * 1000)})'
            f' AND "{axis}" < make_timestamptz({add(within.until_ms * 1000)})'
            f" AND {condition(question, parameters)}"
        )
        self._axis = axis
        self._values = parameters.values

    def over(self, segments: Sequence[_Segment]) -> Answer:
        answer = Answer(segments=len(segments))
        with open_cursor() as cursor:
            alarm = threading.Timer(max(0.0, self._deadline - time.monotonic()), cursor.interrupt)
            alarm.daemon = True
            alarm.start()
            try:
                self._over(cursor, segments, answer)
            finally:
                alarm.cancel()
        self._fill(answer)
        return answer

    def _over(self, cursor: duckdb.DuckDBPyConnection, segments: Sequence[_Segment], answer: Answer) -> None:
        at, size = 0, FILES_AT_FIRST
        while at < len(segments):
            newest_ms = segments[at].newest_ms
            if self._bars is None and self._listed(newest_ms):
                return
            chunk = segments[at : at + size]
            try:
                if time.monotonic() >= self._deadline:
                    raise duckdb.InterruptException
                self._read(cursor, [segment.path for segment in chunk])
            except duckdb.InterruptException:
                answer.complete_from_ms = newest_ms + 1
                return
            except OUR_FAULTS:  # our own fault, not a file's
                raise
            except UNREADABLE:
                if len(chunk) > 1:  # one by one, to lose only what is damaged
                    size = 1
                    continue
                answer.unreadable += 1
            else:
                answer.read += len(chunk)
            at, size = at + len(chunk), FILES_AT_ONCE if size > 1 else 1

    def _listed(self, newest_ms: int) -> bool:
        """Whether nothing at `newest_ms` or older can belong to the list."""
        return len(self._found) > self._limit and self._found[self._limit].at_ms > newest_ms

    def _read(self, cursor: duckdb.DuckDBPyConnection, paths: list[str]) -> None:
        columns = f'event_id, epoch_ms("{self._axis}") AS at_ms'
        if self._bars is not None:
            columns += ", " + ", ".join(f'"{name}"' for name in FACETS)
        cursor.execute(
            f"CREATE OR REPLACE TEMP TABLE found AS SELECT {columns} FROM read_parquet($paths) WHERE {self._where}",  # noqa: S608
            {**self._values, "paths": paths},
        )
        behind, values = "", {"most": self._limit + 1}
        if self._before is not None:
            behind = "WHERE (at_ms, event_id) < ($at_ms, $event_id)"
            values |= self._before._asdict()
        newest = cursor.execute(
            f"SELECT at_ms, event_id FROM found {behind} ORDER BY at_ms DESC, event_id DESC LIMIT $most",  # noqa: S608
            values,
        ).fetchall()
        stats = self._count(cursor) if self._bars is not None else []
        # nothing is kept of a step that did not come to its end
        self._found = sorted([*self._found, *(Position(*row) for row in newest)], reverse=True)[: self._limit + 1]
        for name, value, count in stats:
            if name == "bar":
                self._counts[value] += count
            else:
                self._facets[name][value] += count

    def _count(self, cursor: duckdb.DuckDBPyConnection) -> list[tuple[str, Any, int]]:
        assert self._bars is not None
        bars = cursor.execute(
            "SELECT (at_ms + $offset) // $width AS bar, count(*) FROM found GROUP BY bar ORDER BY bar DESC LIMIT $most",
            {"offset": self._bars.offset_ms, "width": self._bars.width_ms, "most": BARS_MOST},
        ).fetchall()
        stats: list[tuple[str, Any, int]] = [("bar", int(bar), count) for bar, count in bars]
        for name in FACETS:
            rows = cursor.execute(
                f'SELECT "{name}", count(*) AS n FROM found GROUP BY 1 ORDER BY n DESC, 1 LIMIT {_VALUES_COUNTED}'  # noqa: S608
            ).fetchall()
            stats.extend((name, value, count) for value, count in rows)
        return stats

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
