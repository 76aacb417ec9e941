"""Periods of recurring tasks: opened as they begin, and written down as missed when nobody reported in time."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from dekhang.apps.cascade.enums import AuditAction, DeadlineKind, Period, Verdict
from dekhang.apps.cascade.models import Assignment, Judgement, Occurrence, TaskVersion
from dekhang.apps.cascade.periods import Span, end_of, next_span, span_of, spans
from dekhang.apps.cascade.services.evidence import record_ended, record_missed
from dekhang.apps.core.audit import record_event


def begun(task: TaskVersion, first: date, since: datetime, now: datetime) -> Iterator[Span]:
    """Periods of a recurring task from that which holds `first`, as far as they have begun by `now`.

    A period whose deadline had passed at `since`, when the unit got the task, is not asked of it.
    """
    if task.deadline != DeadlineKind.RECURRING or task.starts_on is None:
        return
    today = timezone.localtime(now).date()
    period = Period(task.period)
    for span in spans(period, max(task.starts_on, first), task.due_days, until=today, ends_on=task.ends_on):
        if end_of(span.due_on) > since:
            yield span


def open_periods(assignment: Assignment, task: TaskVersion, now: datetime) -> int:
    """Occurrences for every period that has begun since the last one, or since the unit got the task; returns how many."""
    last_end = max((one.ends_on for one in assignment.occurrences.all()), default=None)
    got = timezone.localtime(assignment.sent_at).date()
    first = last_end + timedelta(days=1) if last_end else got
    opened = 0
    for span in begun(task, first, assignment.sent_at, now):
        if last_end is None or span.starts_on > last_end:  # else periods grew longer: the running one already counts
            occurrence_of(assignment, span).save()
            opened += 1
    return opened


def occurrence_of(assignment: Assignment, span: Span) -> Occurrence:
    return Occurrence(assignment=assignment, starts_on=span.starts_on, ends_on=span.ends_on, due_on=span.due_on)


@transaction.atomic
def miss(occurrence: Occurrence, task: TaskVersion, now: datetime) -> bool:
    """Write down that the period passed without a report. Once: claimed by a conditional update."""
    if occurrence.extensions.filter(decided_at=None, withdrawn_at=None).exists():
        return False  # the unit asked for more time before it was late, and waits for an answer
    in_time = occurrence.reports.filter(withdrawn_at=None, reported_at__lt=end_of(occurrence.due_on))
    if in_time.exclude(verdict=Verdict.RETURNED).exists():
        return False
    claimed = Occurrence.objects.filter(pk=occurrence.pk, missed_at=None, due_on=occurrence.due_on).update(
        missed_at=now
    )
    if claimed != 1:
        return False
    # known when the day was over, whenever it is written down; a report or a request in time spoke until its answer
    spoke = Judgement.objects.filter(report__in=in_time).values_list("at", flat=True)
    asked = occurrence.extensions.values_list(Coalesce("decided_at", "withdrawn_at"), flat=True)
    record_missed(occurrence.assignment, task, occurrence, at=max((end_of(occurrence.due_on), *spoke, *asked)))
    record_event(
        action=AuditAction.OCCURRENCE_MISSED,
        by=None,
        target=occurrence,
        unit_id=occurrence.assignment.unit_id,
        detail={"assignment": occurrence.assignment_id},
        actor_label="jobs",
    )
    return True


def finish(assignment: Assignment, task: TaskVersion, now: datetime) -> bool:
    """After the last period of a task that ends, when the next would have been due: it speaks no more."""
    if task.ends_on is None or task.deadline != DeadlineKind.RECURRING:
        return False
    period = Period(task.period)
    over = next_span(span_of(period, task.ends_on, task.due_days), period, task.due_days).due_on
    return now >= end_of(over) and record_ended(assignment, task, at=end_of(over)) is not None
