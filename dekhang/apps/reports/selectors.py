"""Reads of reports. A unit sees its own; the province's papers are for provincial roles."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import counted_units, visible_unit_ids
from dekhang.apps.reports.enums import ReportKind, ReportState
from dekhang.apps.reports.models import Report, code_as_written
from dekhang.apps.scoreboard import selectors as scoreboard
from dekhang.apps.scoreboard.figures import BoardRow
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.law import UnknownKey, load
from dekhang.law.periods import Period, last_ended

NEWEST_FIRST = ("-made_at", "-pk")
LATE_PERIOD_DAYS = 120  # a period that ended longer ago is history: nobody is chased for it


def reports_of(user: User) -> QuerySet[Report]:
    """Reports that `user` may see, newest first."""
    reports = Report.objects.select_related("unit", "made_by", "confirmed_by", "submitted_by", "decided_by")
    if not user.is_provincial:
        reports = reports.filter(unit_id__in=visible_unit_ids(user))
    return reports.order_by(*NEWEST_FIRST)


def of_unit_waiting(unit_id: int) -> list[tuple[Report, datetime | None]]:
    """Papers of recent periods that wait for the unit, each with the end of its last day; two queries at most.

    A returned one waits until another was made for its period. No isolation here: callers name a unit of the person.
    """
    since = clock.today() - timedelta(days=LATE_PERIOD_DAYS)
    periodic = Report.objects.filter(unit_id=unit_id, period_end__gte=since).exclude(calendar_key="")
    newest = {(r.kind, r.period_end): r for r in periodic.defer("inputs", "tools").order_by("made_at", "pk")}
    waiting = [r for r in newest.values() if r.state in (ReportState.MADE, ReportState.CONFIRMED, ReportState.RETURNED)]
    return sorted(((report, _due(report)) for report in waiting), key=lambda pair: (pair[1] is None, pair[1]))


def _due(report: Report) -> datetime | None:
    """The last moment of the day on which it is due."""
    try:
        period = last_ended(load().report_date(report.calendar_key), report.period_end + timedelta(days=1))
    except UnknownKey:  # the law's data no longer have this entry
        return None
    if period is None:
        return None
    return timezone.make_aware(datetime.combine(period.due + timedelta(days=1), time.min)) - timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class UnitPeriod:
    """Where a unit stands with the report of one period. `report` None: not even made."""

    unit: UnitVersion
    report: Report | None
    overdue_days: int

    @property
    def state(self) -> str:
        return self.report.state if self.report else ""


def periods_followed(on: date | None = None) -> list[Period]:
    """The last ended period of each calendar entry of units, the newest due first."""
    on = on or clock.today()
    found = (last_ended(entry, on) for entry in load().report_dates if entry.subject == "unit")
    periods = [period for period in found if period and (on - period.end).days <= LATE_PERIOD_DAYS]
    return sorted(periods, key=lambda period: period.due, reverse=True)


def follow(period: Period, on: date | None = None) -> list[UnitPeriod]:
    """Every unit in force at the end of the period: sent or not, and how many days late.

    Nobody is late with what could not be made, for want of figures of its last day.
    """
    on = on or clock.today()
    newest: dict[int | None, Report] = {}
    for report in reports_in(period).defer("inputs", "tools").order_by("made_at", "pk"):
        newest[report.unit_id] = report
    late = max(0, (on - period.due).days) if is_frozen(period) else 0
    rows = []
    for unit in counted_units(period.end):
        report = newest.get(unit.unit_id)
        sent = report is not None and report.state in (ReportState.SUBMITTED, ReportState.RECEIVED)
        rows.append(UnitPeriod(unit, report, 0 if sent else late))
    return rows


def is_frozen(period: Period) -> bool:
    """Without frozen figures of its last day there is nothing to report: before the system came, or the clock stood still."""
    return Snapshot.objects.filter(date=period.end).exists()


def reports_in(period: Period) -> QuerySet[Report]:
    return Report.objects.filter(calendar_key=period.entry.key, period_end=period.end).exclude(
        state=ReportState.REPLACED
    )


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of a certificate: does it still hold?"""

    title: str
    since: str
    holds: bool


def still_holds(report: Report) -> list[Duty]:
    """For each duty that the certificate says was proven: whether the board of today says so too."""
    rows = [row for row in report.inputs["unit"]["rows"] if row["proven"]]
    now = scoreboard.boards([row["key"] for row in rows], clock.today())
    return [Duty(row["title"], row["since"], _proven(now[row["key"]].rows, report.unit_id)) for row in rows]


def _proven(rows: Iterable[BoardRow], unit_id: int | None) -> bool:
    return any(row.unit_id == unit_id and row.proven for row in rows)


def certificate(code: str) -> Report | None:
    """The certificate of a code, however it was typed. For everybody: the code is what they must have."""
    written = code_as_written(code)
    return Report.objects.filter(kind=ReportKind.CERTIFICATE, code=written).select_related("unit").first()


def find(reports: QuerySet[Report], *, kind: str = "", state: str = "", unit_id: int | None = None) -> QuerySet[Report]:
    wanted = Q()
    if kind:
        wanted &= Q(kind=kind)
    if state:
        wanted &= Q(state=state)
    if unit_id is not None:
        wanted &= Q(unit_id=unit_id)
    return reports.filter(wanted)
