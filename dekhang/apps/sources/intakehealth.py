"""Reads of what the receivers did with the records of sources: fast, refused, behind, with gaps; and of the receivers."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from django.conf import settings

from dekhang.apps.core import clock
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores import foreign, heartbeat, ledger, quotas, sequences
from dekhang.pipeline.stores.ledger import Hour

LOOK_BACK = timedelta(hours=24)
FOREIGN_SHOWN = 5


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a source sends, against its quota. Counts are of the last LOOK_BACK."""

    quota_eps: int
    is_loud: bool = False  # now: waits in a line of its own
    bulk_records: int = 0
    peak_eps: int = 0
    since_ms: int | None = None


def _pace(source: LogSource, hours: Sequence[quotas.LoudHour], now_ms: int) -> Pace:
    quota = source.quota_eps or quotas.QUOTA_EPS
    if not hours:
        return Pace(quota)
    newest = max(hours, key=lambda hour: hour.last_ms)
    return Pace(
        quota,
        newest.is_loud(now_ms),
        sum(hour.bulk_records for hour in hours),
        max(hour.peak_eps for hour in hours),
        newest.since_ms,
    )


def pace_of(source: LogSource) -> Pace:
    now = clock.now()
    return _pace(source, quotas.loud_hours(settings.DATA, [source.pk], _ms(now - LOOK_BACK)), _ms(now))


def foreign_of(source: LogSource) -> list[foreign.ForeignHost]:
    """Names of other units' machines that the source's records claimed in the last 7 days; whose they are is not told."""
    since = _ms(clock.now() - timedelta(days=7))
    return [one for one in foreign.foreign_hosts(settings.DATA, [source.pk]) if one.last_ms >= since][:FOREIGN_SHOWN]


def pull_problem(source: LogSource) -> str:
    """What the receivers last said is wrong with fetching the source's bucket; empty when nothing is."""
    for beat in heartbeat.everywhere(settings.DATA):
        for pull in beat.facts.get("pulls") or ():
            if isinstance(pull, dict) and pull.get("source_id") == source.pk and pull.get("problem"):
                return str(pull["problem"])[:300]
    return ""


def hours_of(source: LogSource) -> list[Hour]:
    """The account of each hour of the last LOOK_BACK in which anything came, newest first."""
    return ledger.hourly(settings.DATA, source.pk, clock.now() - LOOK_BACK)[::-1]


@dataclass(frozen=True, slots=True)
class Intake:
    """The last LOOK_BACK of one source. received = stored + refused + duplicate + waiting."""

    source: LogSource
    pace: Pace
    stored: int = 0
    refused: int = 0
    duplicate: int = 0
    waiting: int = 0
    late: int = 0
    missing: int = 0
    foreign: int = 0

    @property
    def received(self) -> int:
        return self.stored + self.refused + self.duplicate + self.waiting

    @property
    def problems(self) -> tuple[str, ...]:
        """What a person should look at, worst first: foreign · refused · missing · loud."""
        found = (
            ("foreign", self.foreign),
            ("refused", self.refused),
            ("missing", self.missing),
            ("loud", self.pace.is_loud),
        )
        return tuple(name for name, is_so in found if is_so)


def intake_of_all(sources: Collection[LogSource]) -> list[Intake]:
    """One line a source: those with a problem first, then by what was received."""
    ids = [source.pk for source in sources]
    if not ids:
        return []
    now = clock.now()
    since = now - LOOK_BACK
    hours = ledger.by_hour(settings.DATA, ids, since)
    missing = sequences.missing(settings.DATA, ids, now_ms=_ms(now), since=since)
    claimed: dict[int, int] = {}
    for claim in foreign.foreign_hosts(settings.DATA, ids):
        if claim.last_ms >= _ms(since):
            claimed[claim.source_id] = claimed.get(claim.source_id, 0) + claim.records
    loud: dict[int, list[quotas.LoudHour]] = {}
    for hour in quotas.loud_hours(settings.DATA, ids, _ms(since)):
        loud.setdefault(hour.source_id, []).append(hour)
    lines = [
        Intake(
            source,
            _pace(source, loud.get(source.pk, ()), _ms(now)),
            sum(hour.stored for hour in hours[source.pk]),
            sum(hour.refused for hour in hours[source.pk]),
            sum(hour.duplicate for hour in hours[source.pk]),
            sum(hour.waiting for hour in hours[source.pk]),
            sum(hour.late for hour in hours[source.pk]),
            missing.get(source.pk, 0),
            claimed.get(source.pk, 0),
        )
        for source in sources
    ]
    return sorted(lines, key=lambda line: (-len(line.problems), -line.refused, -line.received, line.source.pk))


@dataclass(frozen=True, slots=True)
class Totals:
    received: int = 0
    stored: int = 0
    refused: int = 0
    duplicate: int = 0
    waiting: int = 0


def totals(lines: Collection[Intake]) -> Totals:
    return Totals(
        sum(line.received for line in lines),
        sum(line.stored for line in lines),
        sum(line.refused for line in lines),
        sum(line.duplicate for line in lines),
        sum(line.waiting for line in lines),
    )


LEVELS = ("unknown", "ok", "alarm", "full")


@dataclass(frozen=True, slots=True)
class Room:
    """The part of the disk that waiting records may take. `level`: ok · alarm · full · unknown (no receiver runs)."""

    level: str = "unknown"
    used_bytes: int = 0
    most_bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def percent(self) -> int:
        return min(100, self.used_bytes * 100 // self.most_bytes) if self.most_bytes else 0


def room() -> Room:
    """As the receivers that are alive last said, on all hosts: the fullest of them."""
    fullest, problems = Room(), []
    for beat in heartbeat.everywhere(settings.DATA):
        facts = beat.facts
        if not heartbeat.is_alive(facts) or "spool_bytes" not in facts:
            continue
        told = str(facts.get("spool_level"))
        found = Room(
            told if told in LEVELS else "ok", int(facts["spool_bytes"]), int(facts.get("spool_max_bytes") or 0)
        )
        if (LEVELS.index(found.level), found.percent) >= (LEVELS.index(fullest.level), fullest.percent):
            fullest = found
        if problem := str(facts.get("spool_problem") or ""):
            problems.append(problem)
    return replace(fullest, problems=list(dict.fromkeys(problems)))
