"""Reads of cascade, starting from what a person may see: own tasks, and those that one's unit sent further down.

For apps above: `overview` (numbers of a plan at a moment), `rows_of` (the rows behind them), `assignments_of` and
`work_of_unit` (what a unit has to do now).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from dekhang.apps.cascade.enums import ContestSide, DeadlineKind, PartyRole, PlanState, ReceiptKind, TaskState, Verdict
from dekhang.apps.cascade.facts import Given, Known, Period, known_of
from dekhang.apps.cascade.models import (
    Assignment,
    Extension,
    Occurrence,
    PlanVersion,
    Question,
    Receipt,
    Report,
    TaskContest,
    TaskVersion,
)
from dekhang.apps.cascade.services.sending import MAX_DEPTH
from dekhang.apps.cascade.states import is_reported, state_of
from dekhang.apps.cascade.wordings import in_force, wording
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import unit_names, visible_unit_ids

# what a person looks for first
URGENCY = (TaskState.CONTESTED, TaskState.NOT_REPORTED, TaskState.REPORTED, TaskState.PROVEN)


def assignments_of(user: User) -> QuerySet[Assignment]:
    """Of provincial roles all; of unit people their units' own and what their units sent down, however far."""
    found = Assignment.objects.select_related("unit", "parent")
    if user.is_active and user.is_provincial:
        return found
    ids = visible_unit_ids(user)
    seen = Q(unit_id__in=ids)
    for depth in range(1, MAX_DEPTH):
        seen |= Q(**{"parent__" * depth + "unit_id__in": ids})
    return found.filter(seen)


def versions_of(user: User) -> QuerySet[PlanVersion]:
    """Plans are public inside the province; drafts are the coordinator's."""
    found = PlanVersion.objects.select_related("plan", "issued_by")
    return found if user.role == Role.COORDINATOR else found.exclude(state=PlanState.DRAFT)


def version_at(at: datetime, plan_id: int | None = None) -> PlanVersion | None:
    """The plan in force at `at`: of that plan, or the one issued last."""
    found = PlanVersion.objects.filter(in_force(at))
    if plan_id is not None:
        found = found.filter(plan_id=plan_id)
    return found.order_by("-issued_at", "-pk").first()


@dataclass(frozen=True, slots=True)
class Row:
    """An assignment at a moment, as lists show it."""

    assignment: Given
    task: TaskVersion
    unit_id: int
    unit_name: str
    kind: str
    parent_unit_id: int | None
    state: TaskState
    due_on: date | None
    overdue: bool
    period: Period | None

    @property
    def leads(self) -> bool:
        return self.assignment.role == PartyRole.LEAD


def rows_of(assignments: QuerySet[Assignment], at: datetime) -> list[Row]:
    """Rows of the assignments that stood at `at`, by task and unit. Old days have the units and words of then.

    No isolation here: start from `assignments_of`.
    """
    known = known_of(assignments, at)
    day = timezone.localtime(at).date()
    units = _units({one.assignment.unit_id for one in known}, day)
    rows = [_row(one, units.get(one.assignment.unit_id), at, day) for one in known]
    kinds = list(UnitKind.values)
    return sorted(rows, key=lambda row: (row.task.order, row.task.task_id, kinds.index(row.kind), row.unit_name))


def _units(unit_ids: set[int], day: date) -> dict[int, UnitVersion]:
    """Each unit as it was on `day`; of one that had ended, or is still to come, what is nearest."""
    found: dict[int, UnitVersion] = {}
    for version in UnitVersion.objects.filter(unit_id__in=unit_ids).order_by("valid_from"):
        if version.valid_from <= day or version.unit_id not in found:
            found[version.unit_id] = version
    return found


def _row(known: Known, unit: UnitVersion | None, at: datetime, day: date) -> Row:
    assert unit is not None  # every unit has a version
    state = state_of(known.rows, at)
    due_on, period = known.due_on, None
    if known.task.deadline == DeadlineKind.RECURRING:
        period = current_period(known, at, day)
        due_on = period.due_on if period else None
    late = due_on is not None and due_on < day
    return Row(
        assignment=known.assignment,
        task=known.task,
        unit_id=unit.unit_id,
        unit_name=unit.name,
        kind=unit.kind,
        parent_unit_id=known.assignment.parent_unit_id,
        state=state,
        due_on=due_on,
        overdue=late
        and known.assignment.role == PartyRole.LEAD
        and not is_reported(known.rows, at)
        and state != TaskState.PROVEN,
        period=period,
    )


def current_period(known: Known, at: datetime, day: date) -> Period | None:
    """The period that a unit has to report next: the last one that is over, unless that is reported; else the running."""
    if not known.periods:
        return None
    over = [period for period in known.periods if period.due_on < day]
    running = [period for period in known.periods if period.due_on >= day]
    if over and not is_reported(known.rows, at):
        return over[-1]
    return (running or over[-1:])[0]


@dataclass(slots=True)
class Cell:
    """Rows of one task in one block of units, by state; `overdue`: those of them that are late."""

    counts: Counter
    overdue: int = 0

    @property
    def units(self) -> int:
        return sum(self.counts.values())

    def add(self, row: Row) -> None:
        self.counts[row.state] += 1
        self.overdue += row.overdue


@dataclass(frozen=True, slots=True)
class Overview:
    """A plan at a moment: numbers by task and block of units; who only takes part is not counted."""

    version: PlanVersion
    at: datetime
    tasks: tuple[TaskVersion, ...]
    cells: dict[tuple[int, str], Cell]  # by (task, kind of units); only those that have rows
    total: Cell
    rows: tuple[Row, ...]


def overview(version: PlanVersion, assignments: QuerySet[Assignment], at: datetime) -> Overview:
    """Numbers of `version`'s plan at `at`. Pass `assignments_of(user)`: everybody gets numbers of what they may see."""
    rows = rows_of(assignments.filter(task__plan_id=version.plan_id), at)
    cells: dict[tuple[int, str], Cell] = {}
    total = Cell(Counter())
    for row in rows:
        if row.leads:
            cells.setdefault((row.task.task_id, row.kind), Cell(Counter())).add(row)
            total.add(row)
    return Overview(version, at, tuple(version.tasks.all()), cells, total, tuple(rows))


def pick(
    rows: Sequence[Row],
    *,
    task_id: int | None = None,
    kind: str = "",
    state: str = "",
    overdue: bool = False,
    role: str = "",
    text: str = "",
) -> list[Row]:
    """The rows that match every filter that is given; `text`: words of the unit's or the task's name, without accents."""
    return [
        row
        for row in rows
        if (task_id is None or row.task.task_id == task_id)
        and (not kind or row.kind == kind)
        and (not state or row.state == state)
        and (not overdue or row.overdue)
        and (not role or row.assignment.role == role)
        and (not text or found_in(text, row.unit_name, row.task.title))
    ]


def work_of_unit(user: User, unit_id: int, at: datetime | None = None) -> list[Row]:
    """What the unit was given and has to answer for, the most urgent first; [] for who may not see it."""
    return by_urgency(rows_of(assignments_of(user).filter(unit_id=unit_id), at or clock.now()))


def receipts_of(assignment_ids: Sequence[int], at: datetime) -> dict[int, ReceiptKind]:
    """How far each of a page's assignments had come by `at`: the highest of received, read, accepted."""
    found: dict[int, ReceiptKind] = {}
    steps = list(ReceiptKind)
    rows = Receipt.objects.filter(assignment_id__in=assignment_ids, at__lte=at)
    for pk, kind in rows.values_list("assignment_id", "kind"):
        found[pk] = max(found.get(pk, ReceiptKind.RECEIVED), ReceiptKind(kind), key=steps.index)
    return found


def periods_to_report(assignment: Assignment) -> list[Occurrence]:
    """Periods of a recurring task that can still be reported, the oldest first: begun, and no report waits or was
    accepted. [] for a task without periods.
    """
    if wording(assignment.task_id).deadline != DeadlineKind.RECURRING:
        return []
    standing = Report.objects.filter(occurrence=OuterRef("pk"), withdrawn_at=None).exclude(verdict=Verdict.RETURNED)
    return list(assignment.occurrences.filter(~Exists(standing), starts_on__lte=clock.today()))


def units_with_the_file(user: User, report: Report) -> list[str]:
    """Other units, of those that `user` may see, that filed the very same bytes: for who judges the report."""
    if not report.sha256:
        return []
    same = Report.objects.filter(sha256=report.sha256, withdrawn_at=None, assignment__in=assignments_of(user))
    others = same.exclude(assignment__unit_id=report.assignment.unit_id)
    return sorted(unit_names(set(others.values_list("assignment__unit_id", flat=True))).values())


@dataclass(frozen=True, slots=True)
class Inbox:
    """What waits for those who gave tasks, each as the rows themselves."""

    reports: QuerySet[Report]
    questions: QuerySet[Question]
    extensions: QuerySet[Extension]
    contests: QuerySet[TaskContest]

    def __len__(self) -> int:
        return sum(rows.count() for rows in (self.reports, self.questions, self.extensions, self.contests))


def inbox_of(user: User, *, everything: bool = False) -> Inbox:
    """Of provincial roles what waits of that which the province sent (`everything`: also what units sent further
    down); of unit people what waits of that which their units sent down."""
    sent = assignments_of(user).filter(ended_at=None)
    if not user.is_provincial:
        sent = sent.filter(parent__unit_id__in=visible_unit_ids(user))
    elif not everything:
        sent = sent.filter(parent=None)
    ids = sent.order_by().values("pk")
    return Inbox(
        Report.objects.filter(assignment__in=ids, verdict="", withdrawn_at=None),
        Question.objects.filter(assignment__in=ids, answered_at=None),
        Extension.objects.filter(assignment__in=ids, decided_at=None, withdrawn_at=None),
        TaskContest.objects.filter(assignment__in=ids, answered_at=None, side=ContestSide.UNIT),
    )


def by_urgency(rows: Iterable[Row]) -> list[Row]:
    far = date.max
    return sorted(
        rows, key=lambda r: (not r.leads, not r.overdue, URGENCY.index(r.state), r.due_on or far, r.task.order)
    )
