"""Reads what `states.py` needs for many assignments at one moment: a fixed number of queries."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from dekhang.apps.cascade.enums import DeadlineKind, PartyRole
from dekhang.apps.cascade.models import (
    Assignment,
    Due,
    Extension,
    Judgement,
    Occurrence,
    Report,
    TaskContest,
    TaskVersion,
)
from dekhang.apps.cascade.services.evidence import subject_of
from dekhang.apps.cascade.states import Contested, Rows, Said
from dekhang.apps.cascade.wordings import wordings
from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.models import Contest, Evidence
from dekhang.apps.duties.states import Observation

OWN_KINDS = (EvidenceKind.RECURRING_TASK, EvidenceKind.PLAN_TASK)
MOMENTS_AT_ONCE = 20_000  # SQLite takes 32,766 values in a statement


@dataclass(frozen=True, slots=True)
class Period:
    """An occurrence as it was at the moment asked."""

    pk: int
    starts_on: date
    ends_on: date
    due_on: date


@dataclass(frozen=True, slots=True)
class Given:
    """An assignment as lists need it: plain values, because a province has thousands of them on one page of numbers."""

    pk: int
    task_id: int
    unit_id: int
    parent_unit_id: int | None
    role: str
    sent_at: datetime

    def get_role_display(self) -> str:
        return str(PartyRole(self.role).label)


@dataclass(slots=True)
class Known:
    """One assignment with everything that was known of it."""

    assignment: Given
    task: TaskVersion
    rows: Rows
    due_on: date | None = None
    periods: list[Period] = field(default_factory=list)


def standing(assignments: QuerySet[Assignment], at: datetime) -> QuerySet[Assignment]:
    """Those that were there at `at`: sent, and not ended yet."""
    return assignments.filter(Q(ended_at=None) | Q(ended_at__gt=at), sent_at__lte=at)


def known_of(assignments: QuerySet[Assignment], at: datetime) -> list[Known]:
    """What is known at `at` of the assignments that stood then, in their order. No isolation here: callers filter."""
    asked = standing(assignments, at)
    day = timezone.localtime(at).date()
    found = [
        Given(*row)
        for row in asked.select_related(None).values_list(
            "pk", "task_id", "unit_id", "parent__unit_id", "role", "sent_at"
        )
    ]
    tasks = wordings({one.task_id for one in found}, at)
    found = [one for one in found if one.task_id in tasks]
    ids = asked.order_by().values("pk")
    reports = _reports(ids, at)
    periods = _periods(ids, at)
    contests = _contests(ids, at)
    dues = dict(
        Due.objects.filter(assignment__in=ids, set_at__lte=at)
        .order_by("set_at", "pk")
        .values_list("assignment_id", "day")
    )
    own = _own({one.task_id for one in found}, {one.unit_id for one in found}, at)
    states, disputed = _duties(found, tasks, at)
    known = []
    for one in found:
        task = tasks[one.task_id]
        key = (one.unit_id, task.duty_key)
        spans = periods.get(one.pk, [])
        recurring = task.deadline == DeadlineKind.RECURRING
        rows = Rows(
            wants_duty=bool(task.duty_key),
            wants_own=task.own_proof,
            reports=reports.get(one.pk, ()),
            own=own.get((one.unit_id, one.task_id), ()),
            contests=(*contests.get(one.pk, ()), *disputed.get(key, ())),
            duty=states.get(key),
            last_due=max((span.due_on for span in spans if span.due_on < day), default=None) if recurring else None,
        )
        known.append(Known(one, task, rows, dues.get(one.pk), spans))
    return known


def _reports(ids: QuerySet, at: datetime) -> dict[int, list[Said]]:
    judged: dict[int, list[tuple[datetime, str]]] = defaultdict(list)
    judgements = Judgement.objects.filter(report__assignment__in=ids, at__lte=at).order_by("at", "pk")
    for report_id, *judgement in judgements.values_list("report_id", "at", "verdict"):
        judged[report_id].append((judgement[0], judgement[1]))
    found: dict[int, list[Said]] = defaultdict(list)
    rows = Report.objects.filter(assignment__in=ids, reported_at__lte=at)
    for pk, assignment_id, reported_at, withdrawn_at, due_on in rows.values_list(
        "pk", "assignment_id", "reported_at", "withdrawn_at", "occurrence__due_on"
    ):
        found[assignment_id].append(Said(reported_at, withdrawn_at, tuple(judged.get(pk, ())), due_on))
    return found


def _periods(ids: QuerySet, at: datetime) -> dict[int, list[Period]]:
    """Periods that had begun by `at`, with the deadlines that they had then."""
    day = timezone.localtime(at).date()
    later: dict[int, date] = {}
    granted = Extension.objects.filter(assignment__in=ids, granted=True, decided_at__gt=at, occurrence__isnull=False)
    for occurrence_id, before in granted.order_by("-decided_at", "-pk").values_list("occurrence_id", "before"):
        later[occurrence_id] = before  # the earliest of those granted later says what it was
    found: dict[int, list[Period]] = defaultdict(list)
    rows = Occurrence.objects.filter(assignment__in=ids, starts_on__lte=day).order_by("starts_on")
    for pk, assignment_id, starts_on, ends_on, due_on in rows.values_list(
        "pk", "assignment_id", "starts_on", "ends_on", "due_on"
    ):
        found[assignment_id].append(Period(pk, starts_on, ends_on, later.get(pk, due_on)))
    return found


def _contests(ids: QuerySet, at: datetime) -> dict[int, list[Contested]]:
    found: dict[int, list[Contested]] = defaultdict(list)
    rows = TaskContest.objects.filter(_open(at), assignment__in=ids)
    for assignment_id, opened_at, answered_at in rows.values_list("assignment_id", "opened_at", "answered_at"):
        found[assignment_id].append(Contested(opened_at, answered_at))
    return found


def _open(at: datetime) -> Q:
    return Q(opened_at__lte=at) & (Q(answered_at=None) | Q(answered_at__gt=at))


def _own(
    task_ids: Collection[int], unit_ids: Collection[int], at: datetime
) -> dict[tuple[int, int], list[Observation]]:
    """The newest evidence of each task at each unit, as a list of one."""
    subjects = {subject_of(task_id): task_id for task_id in task_ids}
    found: dict[tuple[int, int], list[Observation]] = {}
    rows = Evidence.objects.filter(unit_id__in=unit_ids, kind__in=OWN_KINDS, subject__in=subjects)
    # the index knows when the newest is of; what many periods have left behind is not read
    newest = {
        (unit_id, kind, subject): observed_at
        for unit_id, kind, subject, observed_at in rows.filter(observed_at__lte=at)
        .order_by()
        .values_list("unit_id", "kind", "subject")
        .annotate(Max("observed_at"))
    }
    moments = sorted(set(newest.values()))
    for part in (moments[start : start + MOMENTS_AT_ONCE] for start in range(0, len(moments), MOMENTS_AT_ONCE)):
        for unit_id, *fields in (
            Evidence.objects.filter(kind__in=OWN_KINDS, observed_at__in=part)
            .order_by("observed_at", "pk")
            .values_list("unit_id", "kind", "subject", "outcome", "observed_at", "valid_until", "reason", "payload")
        ):
            if newest.get((unit_id, fields[0], fields[1])) == fields[3]:
                found[unit_id, subjects[fields[1]]] = [Observation(*fields)]
    return found


def _duties(
    found: Iterable[Given], tasks: dict[int, TaskVersion], at: datetime
) -> tuple[dict[tuple[int, str], ClaimState], dict[tuple[int, str], list[Contested]]]:
    """State of each unit's duty, and requests about it that were open, by (unit, duty)."""
    units: dict[str, set[int]] = defaultdict(set)
    for one in found:
        if key := tasks[one.task_id].duty_key:
            units[key].add(one.unit_id)
    states = timelines.claim_states(units, at)
    disputed: dict[tuple[int, str], list[Contested]] = defaultdict(list)
    rows = Contest.objects.filter(_open(at), duty_key__in=units)
    for unit_id, key, opened_at, answered_at in rows.values_list("unit_id", "duty_key", "opened_at", "answered_at"):
        disputed[unit_id, key].append(Contested(opened_at, answered_at))
    return states, disputed
