"""The account of every source, and of every hour of receipt: received = refused + stored + duplicate + waiting."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import orjson

from dekhang.pipeline import readers, spool
from dekhang.pipeline.stores import database, schema
from dekhang.pipeline.stores.reasons import Reason

UNKNOWN_SOURCE = 0
_TRIES = 5
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Records refused for one reason (stores.reasons); times are UTC epoch milliseconds."""

    reason: str
    records: int
    bytes: int
    last_at: int
    example: str
    peer: str


@dataclass(frozen=True, slots=True)
class Sample:
    """A record that could not be read as what its source should send."""

    event_id: int
    received_ms: int
    problem: str
    raw: str


@dataclass(frozen=True, slots=True)
class SourceLedger:
    """Counts of records since the beginning. `first_event_ms` and the like are None before the first event."""

    source_id: int
    refused: int = 0
    stored: int = 0
    duplicate: int = 0
    waiting: int = 0
    unparsable: int = 0
    late: int = 0
    bytes: int = 0
    first_event_ms: int | None = None
    last_event_ms: int | None = None
    first_received_ms: int | None = None
    last_received_ms: int | None = None
    refusals: dict[str, Refusal] = field(default_factory=dict)
    samples: tuple[Sample, ...] = ()

    @property
    def received(self) -> int:
        return self.refused + self.stored + self.duplicate + self.waiting


@dataclass(frozen=True, slots=True)
class Hour:
    """The account of one hour of receipt, which starts at `start_ms` (UTC).

    Whatever comes later belongs to the hour in which it comes: an hour that is over, and waits for nothing, stands.
    """

    start_ms: int
    stored: int = 0
    duplicate: int = 0
    refused: int = 0
    waiting: int = 0
    unparsable: int = 0
    late: int = 0
    bytes: int = 0

    @property
    def received(self) -> int:
        return self.refused + self.stored + self.duplicate + self.waiting


@dataclass(frozen=True, slots=True)
class UnknownSender:
    """Somebody who sent without being known: wrong token, unregistered address."""

    peer: str
    reason: str
    records: int
    last_at: int
    example: str


@dataclass(frozen=True, slots=True)
class RuleProblem:
    """A rule that could not be used."""

    path: str
    line: int
    reason: str


def of_source(data: Path, source_id: int) -> SourceLedger:
    return of_sources(data, [source_id])[source_id]


def of_sources(data: Path, ids: Collection[int]) -> dict[int, SourceLedger]:
    """The ledger of each source asked for; one that has never sent has zeros."""
    wanted = sorted(set(ids))

    def counted(connection: database.Connection) -> dict[int, SourceLedger]:
        return {one: _counted(connection, one) for one in wanted}

    ledgers, waiting = _with_waiting(Path(data), counted)
    total: dict[int, int] = {}
    for (source_id, _), records in waiting.items():
        total[source_id] = total.get(source_id, 0) + records
    return {one: replace((ledgers or {}).get(one) or SourceLedger(one), waiting=total.get(one, 0)) for one in wanted}


@dataclass(frozen=True, slots=True)
class Pulse:
    """What is asked of every source every two seconds: when it last delivered, what waits, whether anything was refused."""

    last_received_ms: int | None = None
    waiting: int = 0
    refused: bool = False


def pulses(data: Path, ids: Collection[int], *, refused_since: datetime | int) -> dict[int, Pulse]:
    """The pulse of each source, at the cost of its newest hour whatever its age; `of_sources` adds up all hours."""
    wanted = sorted(set(ids))
    hour = schema.epoch_ms(refused_since) // schema.HOUR_MS

    def counted(connection: database.Connection) -> dict[int, Pulse]:
        found = {}
        for part in schema.parts(wanted):
            rows = connection.execute(
                f"WITH asked (source_id) AS (VALUES {', '.join(['(?)'] * len(part))})"  # noqa: S608 - marks only
                " SELECT source_id, (SELECT last_received_ms FROM counters WHERE counters.source_id = asked.source_id"
                " ORDER BY hour DESC LIMIT 1), (SELECT count(*) FROM refusals WHERE"
                " refusals.source_id = asked.source_id AND hour >= ?) FROM asked",
                (*part, hour),
            )
            for source_id, last_ms, refusals in rows:
                found[source_id] = Pulse(last_ms, 0, bool(refusals))
        return found

    found, waiting = _with_waiting(Path(data), counted)
    total: dict[int, int] = {}
    for (source_id, _), records in waiting.items():
        total[source_id] = total.get(source_id, 0) + records
    return {one: replace((found or {}).get(one) or Pulse(), waiting=total.get(one, 0)) for one in wanted}


def by_hour(
    data: Path,
    ids: Collection[int],
    since: datetime | int,
    until: datetime | int | None = None,
    *,
    without: Reason | None = None,
) -> dict[int, list[Hour]]:
    """The accounts of the hours of receipt that [since, until) touches: per source, oldest first, empty hours left out.

    Of each, at every moment: received = stored + refused + duplicate + waiting.

    Args:
        without: refusals for this reason are not counted.
    """
    wanted = sorted(set(ids))
    first = schema.epoch_ms(since) // schema.HOUR_MS
    end = 1 << 62 if until is None else -(-schema.epoch_ms(until) // schema.HOUR_MS)

    def counted(connection: database.Connection) -> dict[tuple[int, int], Hour]:
        hours: dict[tuple[int, int], Hour] = {}
        for part in schema.parts(wanted):
            marks = ",".join("?" * len(part))
            rows = connection.execute(
                "SELECT source_id, hour, sum(stored), sum(duplicate), sum(refused), sum(unparsable), sum(late),"  # noqa: S608 - marks
                " sum(bytes) FROM ("
                " SELECT source_id, hour, stored, duplicate, 0 AS refused, unparsable, late, bytes FROM counters"
                f" WHERE source_id IN ({marks}) AND hour >= ? AND hour < ? UNION ALL"
                " SELECT source_id, hour, 0, 0, records, 0, 0, 0 FROM refusals"
                f" WHERE source_id IN ({marks}) AND hour >= ? AND hour < ? AND reason <> ?"
                ") AS counted GROUP BY source_id, hour",
                (*part, first, end, *part, first, end, str(without or "")),
            )
            for source_id, hour, stored, duplicate, refused, unparsable, late, size in rows:
                hours[source_id, hour] = Hour(
                    hour * schema.HOUR_MS, stored, duplicate, refused, 0, unparsable, late, size
                )
        return hours

    found, waiting = _with_waiting(Path(data), counted)
    hours = found or {}
    asked = set(wanted)
    for account, records in waiting.items():
        if account[0] in asked and first <= account[1] < end:
            hours[account] = replace(hours.get(account) or Hour(account[1] * schema.HOUR_MS), waiting=records)
    accounts: dict[int, list[Hour]] = {one: [] for one in wanted}
    for (source_id, _), hour in sorted(hours.items()):
        accounts[source_id].append(hour)
    return accounts


def hourly(
    data: Path,
    source_id: int,
    since: datetime | int,
    until: datetime | int | None = None,
    *,
    without: Reason | None = None,
) -> list[Hour]:
    """`by_hour` of one source."""
    return by_hour(data, [source_id], since, until, without=without)[source_id]


@dataclass(frozen=True, slots=True)
class Stream:
    """Hours in which a source delivered, each with exactly this many records."""

    hours: int
    records: int


def constant(
    data: Path, ids: Collection[int], since: datetime | int, until: datetime | int, *, hours: int, records: int
) -> dict[int, Stream]:
    """The sources that sent the same number in every hour of [since, until) in which they sent anything.

    Args:
        hours, records: at least so many hours, each with at least so many records.
    """
    first, end = (schema.epoch_ms(moment) // schema.HOUR_MS for moment in (since, until))
    found: dict[int, Stream] = {}
    with database.reading(Path(data)) as connection:
        if connection is None:
            return found
        for part in schema.parts(ids):
            rows = connection.execute(
                f"SELECT source_id, count(*), min(stored) FROM counters WHERE source_id IN ({','.join('?' * len(part))})"  # noqa: S608 - marks
                " AND hour >= ? AND hour < ? GROUP BY source_id"
                " HAVING count(*) >= ? AND min(stored) = max(stored) AND min(stored) >= ?",
                (*part, first, end, hours, records),
            )
            found |= {source_id: Stream(count, least) for source_id, count, least in rows}
    return found


def _with_waiting(
    data: Path, counted: Callable[[database.Connection], _T]
) -> tuple[_T | None, dict[tuple[int, int], int]]:
    """What `counted` reads, and what waited at that same moment, per (source, epoch hour of receipt)."""
    found: _T | None = None
    waiting: dict[tuple[int, int], int] = {}
    with database.reading(data) as connection:
        if connection is None:
            return None, readers.waiting(data, {})
        for _ in range(_TRIES):
            with connection.snapshot():  # counters and positions of one moment
                positions = _positions(connection)
                found = counted(connection)
            waiting = readers.waiting(data, positions)
            if _positions(connection) == positions:  # else the worker moved on meanwhile, and may have pruned
                break
    return found, waiting


@dataclass(frozen=True, slots=True)
class Balance:
    """Records of all sources: stored by the ledger; in the lake; gone from it because their time was over."""

    stored: int
    kept: int
    expired: int


def balance(data: Path) -> Balance | None:
    """The ledger against the lake, at one moment; None before the first record."""
    with database.reading(data) as connection:
        if connection is None:
            return None
        with connection.snapshot():
            (stored,) = connection.execute("SELECT coalesce(sum(stored), 0) FROM counters").fetchone()
            (kept,) = connection.execute(
                "SELECT coalesce(sum(rows), 0) FROM (SELECT rows FROM segments UNION ALL SELECT rows FROM fresh) AS parts"
            ).fetchone()
            links = connection.execute("SELECT body FROM lake_chain WHERE body LIKE ?", ('%"kind":"expire"%',))
    return Balance(stored, kept, sum(orjson.loads(body)["dropped"]["rows"] for (body,) in links))


def unknown_senders(data: Path, *, limit: int = 200) -> list[UnknownSender]:
    """Who knocked without being known, latest first. The last peer of each hour and reason is remembered."""
    with database.reading(data) as connection:
        if connection is None:
            return []
        rows = connection.execute(
            f"SELECT peer, reason, records, last_at, example FROM ({_latest('peer, reason')}) AS latest"  # noqa: S608 - ours
            " WHERE age = 1 ORDER BY last_at DESC LIMIT ?",
            (UNKNOWN_SOURCE, limit),
        )
    return [UnknownSender(*row) for row in rows]


def rule_problems(data: Path) -> list[RuleProblem]:
    """Rules that the worker could not use, as of its last look at the rule folders."""
    with database.reading(data) as connection:
        if connection is None:
            return []
        rows = connection.execute("SELECT path, line, reason FROM rule_problems ORDER BY path, line")
    return [RuleProblem(*row) for row in rows]


def _latest(group: str) -> str:
    """A source's refusals with the sum and the age, 1 = the latest, of each in its group."""
    return (
        "SELECT peer, reason, last_at, example,"  # noqa: S608 - columns of ours
        f" sum(records) OVER (PARTITION BY {group}) AS records, sum(bytes) OVER (PARTITION BY {group}) AS size_bytes,"
        f" row_number() OVER (PARTITION BY {group} ORDER BY last_at DESC, hour DESC) AS age"
        " FROM refusals WHERE source_id = ?"
    )


def _positions(connection: database.Connection) -> dict[tuple[int, int], spool.Position]:
    """(partition, writer) → how far it has been worked off."""
    return {
        (partition, writer): spool.Position(segment, offset, next_seq)
        for partition, writer, segment, offset, next_seq in connection.execute(
            'SELECT "partition", writer, segment, "offset", next_seq FROM positions'
        )
    }


def _counted(connection: database.Connection, source_id: int) -> SourceLedger:
    counts = connection.execute(
        "SELECT coalesce(sum(stored), 0), coalesce(sum(duplicate), 0), coalesce(sum(unparsable), 0),"
        " coalesce(sum(late), 0), coalesce(sum(bytes), 0), min(first_event_ms), max(last_event_ms),"
        " min(first_received_ms), max(last_received_ms) FROM counters WHERE source_id = ?",
        (source_id,),
    ).fetchone()
    refusals = {
        reason: Refusal(reason, records, size_bytes, last_at, example, peer)
        for reason, records, size_bytes, last_at, example, peer in connection.execute(
            f"SELECT reason, records, size_bytes, last_at, example, peer FROM ({_latest('reason')}) AS latest"  # noqa: S608
            " WHERE age = 1",
            (source_id,),
        )
    }
    samples = tuple(
        Sample(*row)
        for row in connection.execute(
            "SELECT event_id, received_ms, problem, raw FROM unparsable_samples WHERE source_id = ?"
            " ORDER BY received_ms DESC, event_id DESC",
            (source_id,),
        )
    )
    stored, duplicate, unparsable, late, size, first_event, last_event, first_received, last_received = counts
    return SourceLedger(
        source_id,
        refused=sum(one.records for one in refusals.values()),
        stored=stored,
        duplicate=duplicate,
        unparsable=unparsable,
        late=late,
        bytes=size,
        first_event_ms=first_event,
        last_event_ms=last_event,
        first_received_ms=first_received,
        last_received_ms=last_received,
        refusals=refusals,
        samples=samples,
    )
