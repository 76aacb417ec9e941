"""The questions that the lake answers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from dekhang.pipeline import lakefiles
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import reading
from dekhang.pipeline.stores.lake.events import Bucket, StoredEvent, events_of
from dekhang.pipeline.stores.lake.pieces import ALWAYS_MS, Axis, Piece, Reach, pieces

EVENTS_AT_ONCE = 1_000  # that `Lake.events` looks for in one call
BUCKETS = 10_000  # of a histogram


class Scan:
    """An answer of `Lake.scan`, read piece by piece; `pruning` tells how much had to be looked at so far."""

    def __init__(self, tables: Iterator[Any], pruning: reading.Pruning) -> None:
        self._tables = tables
        self.pruning = pruning

    def __iter__(self) -> Iterator[Any]:
        return self._tables

    def table(self) -> Any:
        """All that is left as one Arrow table; only for answers that are known to be small. None: nothing."""
        tables = list(self._tables)
        return pa.concat_tables(tables) if tables else None


class Lake:
    """The lake under a data folder. An installation that has stored nothing yet answers with nothing.

    Every question names the units that it may look into. Any number of processes ask while the worker writes.
    """

    def __init__(self, data: Path) -> None:
        self._files = lakefiles.of(Path(data))
        self._data = Path(data)

    def scan(
        self,
        unit_ids: Collection[int],
        *,
        since_ms: int | None = None,
        until_ms: int | None = None,
        axis: Axis = "time",
        source_ids: Collection[int] | None = None,
        needles: Sequence[str] = (),
        where_sql: str = "",
        values: Sequence[Any] | Mapping[str, Any] = (),
        columns: Sequence[str] = (),
        order: reading.Order | None = None,
        limit: int | None = None,
        pass_damaged: bool = False,
        sieve: Callable[[Any], bool] | None = None,
    ) -> Scan:
        """Events whose own time (or `axis`) is in [since, until), as Arrow tables with `columns` of SCHEMA.

        Args:
            needles: texts that an event must all contain, in raw record, fields or message; case, accents and
                backslashes do not count (searchtext.py). They prune, so give the longest that must be there.
            where_sql: a condition on the columns of SCHEMA in DuckDB's SQL with `?` or `$name` for each of `values`. It
                is code: nothing that a person typed may be in it.
            columns: of the answer; empty: all.
            order: by the axis; needs `limit`. None: bounded memory, the newest segments first but their rows in any
                order; `pruning.unread_ms` tells what may still come.
            limit: of rows.
            sieve: the bitmap of a row group (grams.py) → whether it has to be read; for more than `needles` can say.
            pass_damaged: go on without segments that cannot be read; `pruning.unreadable` names them.
        """
        units = sorted(set(unit_ids))
        reach = Reach(
            units,
            -ALWAYS_MS if since_ms is None else since_ms,
            ALWAYS_MS if until_ms is None else until_ms,
            axis,
        )
        sources = None if source_ids is None else sorted(set(source_ids))
        question = reading.Question(reach, sources, needles, where_sql, values, columns, pass_damaged, sieve)
        if order is not None and limit is None:
            raise ValueError("an order needs a limit")
        return Scan(self._tables(question, order, limit), question.pruning)

    def _tables(self, question: reading.Question, order: reading.Order | None, limit: int | None) -> Iterator[Any]:
        if limit is not None and limit <= 0:
            return
        found = self._pieces(question.reach)
        if order is not None and limit is not None:
            table = reading.first(question, found, order, limit)
            if len(table):
                yield table
            return
        left = limit
        for table in reading.rows(question, found):
            if left is None:
                yield table
                continue
            yield table[:left]
            left -= len(table)
            if left <= 0:
                return

    def recent(self, unit_ids: Collection[int], *, source_id: int | None = None, limit: int = 100) -> list[StoredEvent]:
        """The newest events by time of receipt, newest first."""
        sources = None if source_id is None else [source_id]
        table = self.scan(
            unit_ids, source_ids=sources, axis="received_at", order="newest", limit=limit, pass_damaged=True
        ).table()
        return [] if table is None else events_of(table)

    def events(self, event_ids: Collection[int], *, unit_ids: Collection[int]) -> list[StoredEvent]:
        """The events with these ids, oldest first; ids of other units, unknown ids and what is damaged are left out."""
        wanted = sorted(set(event_ids))[:EVENTS_AT_ONCE]
        if not wanted:
            return []
        reach = Reach(sorted(set(unit_ids)), event_ids=wanted)
        found = list(reading.rows(reading.Question(reach, pass_damaged=True), self._pieces(reach)))
        if not found:
            return []
        return events_of(pa.concat_tables(found).sort_by([("time", "ascending"), ("event_id", "ascending")]))

    def count(self, unit_ids: Collection[int], since: datetime | int, until: datetime | int | None = None) -> int:
        """Events whose own time is in [since, until)."""
        reach = Reach(sorted(set(unit_ids)), _ms(since), ALWAYS_MS if until is None else _ms(until))
        question = reading.Question(reach, columns=("time",))
        total = 0
        for piece in self._pieces(reach):
            index = piece.groups()
            known = (index.of("min_unit") == index.of("max_unit")) & (index.of("min_time") >= reach.since_ms)
            known &= index.of("max_time") < reach.until_ms
            for group in reading.groups_in_reach(reach, piece).tolist():
                if known[group]:
                    total += int(index.of("rows")[group])
                else:
                    total += len(reading.judged(question, piece.read([group], question.judging)))
        return total

    def histogram(
        self, source_id: int, since: datetime | int, bucket_seconds: int, *, unit_ids: Collection[int]
    ) -> list[Bucket]:
        """Events of a source by their own time, per bucket, oldest first; empty buckets are left out."""
        width_us = max(1, bucket_seconds) * 1_000_000
        counts: dict[int, int] = {}
        for table in self.scan(
            unit_ids, since_ms=_ms(since), source_ids=[source_id], columns=["time"], pass_damaged=True
        ):
            buckets, numbers = np.unique(
                table.column("time").cast(pa.int64()).to_numpy() // width_us, return_counts=True
            )
            for bucket, number in zip(buckets.tolist(), numbers.tolist(), strict=True):
                counts[bucket] = counts.get(bucket, 0) + number
        return [Bucket(bucket * width_us // 1000, counts[bucket]) for bucket in sorted(counts)[:BUCKETS]]

    def _pieces(self, reach: Reach) -> list[Piece]:
        if not reach.units:
            return []
        with database.reading(self._data) as connection:
            if connection is None:
                return []
            with connection.snapshot():  # segments and fresh batches of one moment
                return pieces(connection, self._files, str(self._data), reach)


def _ms(moment: datetime | int) -> int:
    return moment if isinstance(moment, int) else int(moment.timestamp() * 1000)
