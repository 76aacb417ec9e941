"""Which sources are overdue by their own measure: facts gathered once a round, judged without side effects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from dekhang.apps.sources.cadence import Cadence, constant, looks_like_a_day_off, overdue_at
from dekhang.apps.sources.causes import TOGETHER
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.selectors import moment
from dekhang.pipeline.stores import arrivals, ledger
from dekhang.pipeline.stores.lake import Lake

# so many of all sources, at so many units, fall silent at the same time only when something of ours is broken
OURS_SHARE = 0.9
OURS_SOURCES = 5
OURS_UNITS = 3


@dataclass(frozen=True, slots=True)
class Watched:
    """A source and what its silence is measured with. `last`: None before anything came."""

    source: LogSource
    last: datetime | None
    peer: str
    waiting: bool  # its records are here, the worker has not come to them
    cadence: Cadence
    due_at: datetime | None  # when it is overdue, if nothing comes
    overdue: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """`overdue`: to be told now. `day_off`, `ours`: why others that are overdue are not told."""

    overdue: tuple[Watched, ...]
    day_off: bool = False
    ours: bool = False


def cadence_of(source: LogSource) -> Cadence:
    """What counts now: what people fixed, else what was learnt, else the default of its kind."""
    if source.cadence_fixed or not source.cadence_limits:
        return constant(source.cadence_seconds)
    return Cadence(tuple(source.cadence_limits), source.cadence_days)


def look(
    sources: Sequence[LogSource],
    pulses: dict[int, ledger.Pulse],
    heard: dict[int, arrivals.LastHeard],
    *,
    now: datetime,
    listening_since: datetime | None,
) -> list[Watched]:
    """Every source with its last sign of life. `listening_since` None: our receivers are down, nobody is overdue."""
    zone = timezone.get_current_timezone()
    rows = []
    for source in sources:
        pulse = pulses[source.pk]
        live = heard.get(source.pk)
        last_ms = live.at_ms if live is not None else pulse.last_received_ms  # a source that only gets files by hand
        last = moment(last_ms) if last_ms is not None else None
        cadence = cadence_of(source)
        due_at = None
        if last is not None and listening_since is not None:
            due_at = overdue_at(cadence, max(last, listening_since), zone)
        overdue = due_at is not None and now > due_at and not pulse.waiting
        peer = live.peer if live is not None else ""
        rows.append(Watched(source, last, peer, bool(pulse.waiting), cadence, due_at, overdue))
    return rows


def judge(rows: Sequence[Watched], now: datetime) -> Verdict:
    """Which delivering sources have fallen silent, leaving out what a day off or a fault of ours explains."""
    zone = timezone.get_current_timezone()
    fallen = [row for row in rows if row.overdue and row.source.state == SourceState.DELIVERING]
    if not fallen:
        return Verdict(())
    if _is_ours(rows, fallen):
        return Verdict((), ours=True)
    due: dict[int, list[bool]] = {}
    for row in rows:
        if row.last is not None and _is_part_time(row) and row.cadence.expects_at(now, zone):
            due.setdefault(row.source.unit_id, []).append(row.overdue)
    if looks_like_a_day_off(due):
        return Verdict(tuple(row for row in fallen if not _is_part_time(row)), day_off=True)
    return Verdict(tuple(fallen))


def _is_part_time(row: Watched) -> bool:
    return row.cadence.days > 0 and not row.cadence.always_on


def _is_ours(rows: Iterable[Watched], fallen: Sequence[Watched]) -> bool:
    """Nearly everything that sends day and night has stopped within a few minutes."""
    always = [row for row in rows if row.last is not None and row.cadence.days > 0 and row.cadence.always_on]
    delivering = [row for row in always if row.source.state == SourceState.DELIVERING]
    stopped = [row for row in fallen if row in delivering]
    newest = max((row.last for row in stopped if row.last is not None), default=None)
    together = [row for row in stopped if newest is not None and row.last is not None and newest - row.last <= TOGETHER]
    return (
        len(together) >= OURS_SOURCES
        and len({row.source.unit_id for row in together}) >= OURS_UNITS
        and len(together) >= OURS_SHARE * len(delivering)
    )


def shutdown_records(source: LogSource, limit: int = 20) -> list[tuple[str, str, str]]:
    """The newest records as `causes.is_shutdown` reads them."""
    found = Lake(settings.DATA).recent([source.unit_id], source_id=source.pk, limit=limit)
    return [(event.event_code, str(event.fields.get("Provider_Name", "")), event.raw_text) for event in found]
