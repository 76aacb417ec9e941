"""What waits for whom, as numbers: for pages and for the mail of the day."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db.models import Exists, OuterRef, QuerySet

from dekhang.apps.cascade.enums import About, ContestSide, ReceiptKind, Step, TaskState, Verdict
from dekhang.apps.cascade.models import Assignment, Escalation, Extension, Question, Receipt, Report, TaskContest
from dekhang.apps.cascade.selectors import Row, rows_of
from dekhang.law import load

PROVINCE = 0  # in place of a unit: those who gave the task are the province


@dataclass(slots=True)
class Waiting:
    """Numbers of one unit, or of the province (`to_check` and what follows it)."""

    unaccepted: int = 0
    soon: int = 0
    overdue: int = 0
    returned_in: set[int] = field(default_factory=set, repr=False)  # assignments whose last report came back
    to_explain: int = 0
    with_head: int = 0  # overdue, or not accepted, so long that the head must know
    to_check: int = 0
    questions: int = 0
    extensions: int = 0
    contests: int = 0
    with_province: int = 0
    rows: list[Row] = field(default_factory=list, repr=False)

    @property
    def returned(self) -> int:
        return len(self.returned_in)

    @property
    def of_the_unit(self) -> int:
        return self.unaccepted + self.soon + self.overdue + self.returned + self.to_explain

    @property
    def of_the_sender(self) -> int:
        return self.to_check + self.questions + self.extensions + self.contests


def waiting_at(at: datetime, today: date, assignments: QuerySet[Assignment] | None = None) -> dict[int, Waiting]:
    """Numbers by unit, and of the province under `PROVINCE`, of open assignments: a fixed number of queries."""
    found: dict[int, Waiting] = defaultdict(Waiting)
    asked = Assignment.objects.filter(ended_at=None) if assignments is None else assignments.filter(ended_at=None)
    _of_rows(found, asked, at, today)
    ids = asked.order_by().values("pk")
    for contest in TaskContest.objects.filter(assignment__in=ids, answered_at=None).select_related(
        "assignment__parent"
    ):
        if contest.side == ContestSide.ABOVE:
            found[contest.assignment.unit_id].to_explain += 1
        else:
            found[_sender(contest.assignment)].contests += 1
    reports = Report.objects.filter(assignment__in=ids, verdict="", withdrawn_at=None)
    for report in reports.select_related("assignment__parent"):
        found[_sender(report.assignment)].to_check += 1
    questions = Question.objects.filter(assignment__in=ids, answered_at=None)
    for question in questions.select_related("assignment__parent"):
        found[_sender(question.assignment)].questions += 1
    extensions = Extension.objects.filter(assignment__in=ids, decided_at=None, withdrawn_at=None)
    for extension in extensions.select_related("assignment__parent"):
        found[_sender(extension.assignment)].extensions += 1
    return found


def _of_rows(found: dict[int, Waiting], asked: QuerySet[Assignment], at: datetime, today: date) -> None:
    soon = today + timedelta(days=load().proof("task_remind_days").whole)
    rows = rows_of(asked, at)
    by_pk = {row.assignment.pk: row for row in rows}
    accepted = Receipt.objects.filter(assignment=OuterRef("pk"), kind=ReceiptKind.ACCEPTED)
    unaccepted = set(asked.filter(~Exists(accepted)).values_list("pk", flat=True))
    for row in rows:
        unit = found[row.unit_id]
        unit.rows.append(row)
        unit.unaccepted += row.assignment.pk in unaccepted
        unit.overdue += row.overdue
        if row.leads and not row.overdue and row.state == TaskState.NOT_REPORTED and row.due_on is not None:
            unit.soon += row.due_on <= soon
    _returned(found, asked, by_pk)
    for pk, step in _standing_rungs(asked, by_pk).items():
        found[by_pk[pk].unit_id].with_head += step >= Step.HEAD
        found[PROVINCE].with_province += step >= Step.PROVINCE


def rungs_of(rows: Iterable[Row]) -> dict[int, int]:
    """The rung that each of these assignments stands on just now, by its key; who stands on none is not there."""
    return _standing_rungs(Assignment.objects.filter(ended_at=None), {row.assignment.pk: row for row in rows})


def _returned(found: dict[int, Waiting], asked: QuerySet[Assignment], by_pk: dict[int, Row]) -> None:
    returned = Report.objects.filter(assignment__in=asked.order_by().values("pk"), verdict=Verdict.RETURNED)
    for pk in set(returned.values_list("assignment_id", flat=True)):
        row = by_pk.get(pk)
        if row is not None and row.state == TaskState.NOT_REPORTED and not row.overdue:
            found[row.unit_id].returned_in.add(pk)


def _standing_rungs(asked: QuerySet[Assignment], by_pk: dict[int, Row]) -> dict[int, int]:
    """The highest rung of each assignment for what still waits: a deadline that was met since is not carried on."""
    rungs = list(
        Escalation.objects.filter(assignment__in=asked.order_by().values("pk"), step__gte=Step.HEAD).values_list(
            "assignment_id", "about", "due_on", "step"
        )
    )
    for_accepting = {pk for pk, about, _due_on, _step in rungs if about == About.ACCEPT}
    accepted = set(
        Receipt.objects.filter(assignment_id__in=for_accepting, kind=ReceiptKind.ACCEPTED).values_list(
            "assignment_id", flat=True
        )
    )
    highest: Counter[int] = Counter()
    for pk, about, due_on, step in rungs:
        row = by_pk.get(pk)
        if row is None:
            continue
        if pk not in accepted if about == About.ACCEPT else row.overdue and row.due_on == due_on:
            highest[pk] = max(highest[pk], step)
    return highest


def _sender(assignment: Assignment) -> int:
    return assignment.parent.unit_id if assignment.parent is not None else PROVINCE
