"""One slice of history looked through: a pure function of the lake. Any process may do it, in any order."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.engine import Record
from dekhang.engine.detector import Finder, Found
from dekhang.pipeline.formats.chunk import joined
from dekhang.pipeline.hunt.pruning import sieve_of
from dekhang.pipeline.hunt.slices import Slice
from dekhang.pipeline.hunt.target import Rules, Target
from dekhang.pipeline.parse import ParsedEvent, parse
from dekhang.pipeline.parse.audit_join import Joiner
from dekhang.pipeline.parse.windows_shape import windows_shape
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.search.pruning import Sieve
from dekhang.pipeline.stores.search.sql import Parameters, condition

SIGHTINGS_MOST = 100_000  # of a slice; × ~2 kB ≈ 200 MB
AUDIT_RECORDS_HELD = 200_000  # until they are put together; × ~0.5 kB ≈ 100 MB
_COLUMNS = ("event_id", "unit_id", "source_id", "time", "received_at", "kind", "host", "raw", "raw_base64")
_QUERY_COLUMNS = ("event_id", "unit_id", "source_id", "time", "received_at", "kind", "host", "raw")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record came from."""

    event_id: int
    unit_id: int
    source_id: int
    received_ms: int
    host: str


@dataclass(frozen=True, slots=True)
class Sighting:
    """A record in which something was found. `text` is the record of a query; `found` says which rules matched."""

    time_ms: int
    origin: Origin
    found: Found | None = None
    text: str = ""


@dataclass(slots=True)
class SliceResult:
    """What is in a slice.

    Args:
        sightings: in order of unit, time, event id.
        newest_ms: unit → time of its newest record: how far its time has passed.
        records: looked at; left_out: sightings beyond SIGHTINGS_MOST.
        groups, groups_read: row groups of the lake in the slice; those that had to be read.
        unreadable: paths of damaged segments.
    """

    sightings: list[Sighting] = field(default_factory=list)
    newest_ms: dict[int, int] = field(default_factory=dict)
    records: int = 0
    left_out: int = 0
    groups: int = 0
    groups_read: int = 0
    unreadable: list[str] = field(default_factory=list)


class Scanner:
    """scanner(slice) → SliceResult. Picklable: what it learns on the way stays in its process.

    Args:
        snapshot_ms: only what was received before is looked at, so that a hunt ends, and a resumed one sees the same.
    """

    def __init__(self, data: Path, target: Target, snapshot_ms: int) -> None:
        self._data = data
        self._target = target
        self._snapshot_ms = snapshot_ms
        self._finder: Finder | None = None
        self._sieve: Sieve | None = None
        self._begun = False

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_finder": None, "_sieve": None, "_begun": False}

    def _begin(self) -> None:
        """Make what is made once a process."""
        target = self._target
        if isinstance(target, Rules):
            self._finder = Finder(target.ruleset, code=target.code, indicators=target.indicators)
        self._sieve = sieve_of(target)
        self._begun = True

    def __call__(self, one: Slice) -> SliceResult:
        if not self._begun:
            self._begin()
        result = SliceResult()
        if isinstance(self._target, Rules):
            self._by_rules(one, result)
        else:
            self._by_question(one, result)
        result.sightings.sort(key=lambda seen: (seen.origin.unit_id, seen.time_ms, seen.origin.event_id))
        result.left_out = max(0, len(result.sightings) - SIGHTINGS_MOST)
        del result.sightings[SIGHTINGS_MOST:]
        return result

    def _by_question(self, one: Slice, result: SliceResult) -> None:
        assert not isinstance(self._target, Rules)
        parameters = Parameters()
        asked = condition(self._target, parameters)
        for table in self._tables(one, result, _QUERY_COLUMNS, asked, parameters):
            for row in _rows(table):
                origin = Origin(row["event_id"], row["unit_id"], row["source_id"], row["received_ms"], row["host"])
                result.sightings.append(Sighting(row["time_ms"], origin, text=row["raw"]))

    def _by_rules(self, one: Slice, result: SliceResult) -> None:
        audit: list[Any] = []
        for table in self._tables(one, result, _COLUMNS, "true", Parameters()):
            _note_times(table, result)
            plain = _is_one_line_of_json(table)
            self._lines(table.filter(plain), result)
            others = table.filter(pc.invert(plain))
            of_audit = pc.equal(others.column("kind"), "linux_auditd")
            self._others(others.filter(pc.invert(of_audit)), result)
            audit.append(others.filter(of_audit))
            if sum(map(len, audit)) >= AUDIT_RECORDS_HELD:
                self._audit(audit, result)
        self._audit(audit, result)

    def _lines(self, table: Any, result: SliceResult) -> None:
        """Windows events as JSON: the engine reads them itself."""
        if not len(table):
            return
        assert self._finder is not None
        rows = list(_rows(table.drop_columns(["raw"])))
        chunk = joined([text.as_py().encode() for text in table.column("raw")], 0, "jsonl")

        def record(line: int) -> Record:
            row = rows[line]
            raw = chunk.data[chunk.starts[line] : chunk.ends[line]]
            received_ms, unit_id = row["received_ms"], row["unit_id"]
            return parse(raw, source_kind="", received_ms=received_ms, scope=unit_id, key=row["event_id"]).record

        for found in self._finder.find_lines(chunk.data, chunk.starts, chunk.ends, windows_shape, record):
            row = rows[found.index]
            origin = Origin(row["event_id"], row["unit_id"], row["source_id"], row["received_ms"], row["host"])
            result.sightings.append(Sighting(found.record.time_ms or origin.received_ms, origin, found))

    def _others(self, table: Any, result: SliceResult) -> None:
        """Everything else: parsed one by one."""
        read = [_parsed(row) for row in _rows(table)]
        self._judge([event for _, event in read], {origin.event_id: origin for origin, _ in read}, result)

    def _audit(self, tables: list[Any], result: SliceResult) -> None:
        """Audit records: those of one event are judged together, in whatever files they lie."""
        held = pa.concat_tables(tables) if tables else None
        tables.clear()
        if held is None or not len(held):
            return
        order = [(name, "ascending") for name in ("unit_id", "source_id", "time", "event_id")]
        joiner = Joiner()
        events: list[ParsedEvent] = []
        origins: dict[int, Origin] = {}
        for row in _rows(held.sort_by(order)):
            origin, event = _parsed(row)
            origins[origin.event_id] = origin
            events.extend(joiner.feed(event, source=origin.source_id))
        self._judge([*events, *joiner.flush()], origins, result)

    def _judge(self, events: list[ParsedEvent], origins: dict[int, Origin], result: SliceResult) -> None:
        assert self._finder is not None
        for found in self._finder.find([event.record for event in events]):
            origin = origins[found.record.key]
            result.sightings.append(Sighting(found.record.time_ms or origin.received_ms, origin, found))

    def _tables(
        self, one: Slice, result: SliceResult, columns: tuple[str, ...], asked: str, parameters: Parameters
    ) -> Iterator[Any]:
        before = parameters.add(self._snapshot_ms * 1000)
        scan = Lake(self._data).scan(
            one.unit_ids,
            since_ms=one.since_ms,
            until_ms=one.until_ms,
            where_sql=f"received_at < make_timestamptz({before}) AND {asked}",
            values=parameters.values,
            columns=columns,
            pass_damaged=True,
            sieve=self._sieve,
        )
        yield from scan
        pruning = scan.pruning
        result.records += pruning.rows_read
        result.groups += pruning.groups
        result.groups_read += pruning.groups_read
        result.unreadable.extend(pruning.unreadable)


def _parsed(row: dict[str, Any]) -> tuple[Origin, ParsedEvent]:
    raw = base64.b64decode(row["raw"]) if row["raw_base64"] else row["raw"].encode()
    key, unit_id, received_ms = row["event_id"], row["unit_id"], row["received_ms"]
    event = parse(raw, source_kind="", received_ms=received_ms, scope=unit_id, key=key)
    return Origin(key, unit_id, row["source_id"], received_ms, row["host"]), event


def _is_one_line_of_json(table: Any) -> Any:
    """Which rows the engine can read as they stand."""
    raw = table.column("raw")
    plain = pc.and_(pc.equal(table.column("kind"), "windows"), pc.invert(table.column("raw_base64")))
    plain = pc.and_(plain, pc.starts_with(raw, "{"))
    return pc.and_(plain, pc.invert(pc.match_substring(raw, "\n")))


def _rows(table: Any) -> Iterator[dict[str, Any]]:
    """Rows with their times in epoch milliseconds."""
    for name, short in (("time", "time_ms"), ("received_at", "received_ms")):
        numbers = pc.divide(table.column(name).cast(pa.int64()), 1000)
        table = table.set_column(table.schema.get_field_index(name), short, numbers)
    yield from table.to_pylist()


def _note_times(table: Any, result: SliceResult) -> None:
    units = table.column("unit_id").to_numpy()
    times = table.column("time").cast(pa.int64()).to_numpy() // 1000
    for unit in np.unique(units).tolist():
        result.newest_ms[unit] = max(int(times[units == unit].max()), result.newest_ms.get(unit, -(1 << 62)))
