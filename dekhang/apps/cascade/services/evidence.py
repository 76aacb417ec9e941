"""What tasks leave as evidence: a checked report, a period that was missed, a task that is over.

A recurring task speaks as `recurring_task`, which the duty `regulation` reads: ok until the next period is due (and as
long as the sender has to check its report), broken from the moment a period was missed.
"""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import DeadlineKind, Period, Verdict
from dekhang.apps.cascade.models import Assignment, Occurrence, Report, TaskVersion
from dekhang.apps.cascade.periods import end_of, span_of, words_of
from dekhang.apps.duties.enums import EvidenceKind, EvidenceSource, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.services import record_evidence
from dekhang.law import load

TITLE_CHARACTERS = 120


def subject_of(task_id: int) -> str:
    return f"task:{task_id}"


def kind_of(task: TaskVersion) -> EvidenceKind:
    return EvidenceKind.RECURRING_TASK if task.deadline == DeadlineKind.RECURRING else EvidenceKind.PLAN_TASK


def record_checked(report: Report, task: TaskVersion, *, at: datetime) -> Evidence | None:
    """Somebody of the sender's side has accepted the report. None when a later period is missing: that comes first."""
    occurrence, kind = report.occurrence, kind_of(task)
    until = None
    if occurrence is not None and kind == EvidenceKind.RECURRING_TASK:
        later = report.assignment.occurrences.filter(due_on__gt=occurrence.due_on, missed_at__isnull=False)
        if later.exclude(reports__verdict=Verdict.ACCEPTED).exists():
            return None
        newest = _newest(report.assignment, kind, task)
        until = _speaks_until(task, occurrence)
        if newest is not None and newest.outcome == Outcome.OK and newest.valid_until is not None:
            until = max(until, newest.valid_until)  # an old period that is checked late takes nothing away
    return record_evidence(
        unit_id=report.assignment.unit_id,
        kind=kind,
        subject=subject_of(task.task_id),
        outcome=Outcome.OK,
        observed_at=at,
        valid_until=until,
        payload=_payload(task, report),
        source=EvidenceSource.PERSON,
    )


def record_returned(report: Report, task: TaskVersion, *, at: datetime, reason: str) -> Evidence:
    """A report that had been accepted was found wrong."""
    return record_evidence(
        unit_id=report.assignment.unit_id,
        kind=kind_of(task),
        subject=subject_of(task.task_id),
        outcome=Outcome.BROKEN,
        observed_at=at,
        reason=_("Báo cáo bị trả lại: %(reason)s") % {"reason": reason},
        payload=_payload(task, report),
        source=EvidenceSource.PERSON,
    )


def record_missed(assignment: Assignment, task: TaskVersion, occurrence: Occurrence, *, at: datetime) -> Evidence:
    """Nobody reported the period in time: broken since `at`."""
    return record_evidence(
        unit_id=assignment.unit_id,
        kind=EvidenceKind.RECURRING_TASK,
        subject=subject_of(task.task_id),
        outcome=Outcome.BROKEN,
        observed_at=at,
        reason=_("%(period)s: quá hạn %(day)s mà chưa báo cáo.")
        % {"period": words_of(occurrence.starts_on, occurrence.ends_on), "day": f"{occurrence.due_on:%d/%m/%Y}"},
        payload={"title": task.title[:TITLE_CHARACTERS], "occurrence": occurrence.pk},
    )


def record_ended(assignment: Assignment, task: TaskVersion, *, at: datetime) -> Evidence | None:
    """A recurring task is over for this unit: neither a proof nor a fault from now on. None when it never spoke."""
    if task.deadline != DeadlineKind.RECURRING:
        return None
    newest = _newest(assignment, EvidenceKind.RECURRING_TASK, task)
    if newest is None or newest.payload.get("ended"):
        return None
    return record_evidence(
        unit_id=assignment.unit_id,
        kind=EvidenceKind.RECURRING_TASK,
        subject=subject_of(task.task_id),
        outcome=Outcome.OK,
        observed_at=at,
        payload={"title": task.title[:TITLE_CHARACTERS], "ended": True},
    )


def _newest(assignment: Assignment, kind: EvidenceKind, task: TaskVersion) -> Evidence | None:
    rows = Evidence.objects.filter(unit_id=assignment.unit_id, kind=kind, subject=subject_of(task.task_id))
    return rows.order_by("-observed_at", "-pk").first()


def _speaks_until(task: TaskVersion, occurrence: Occurrence) -> datetime:
    following = span_of(Period(task.period), occurrence.ends_on + timedelta(days=1), task.due_days)
    grace = timedelta(days=load().proof("task_review_days").whole)
    return end_of(max(following.due_on, occurrence.due_on)) + grace


def _payload(task: TaskVersion, report: Report) -> dict[str, object]:
    payload: dict[str, object] = {"title": task.title[:TITLE_CHARACTERS], "report": report.pk}
    if report.sha256:
        payload["sha256"] = report.sha256
    if report.occurrence_id:
        payload["occurrence"] = report.occurrence_id
    return payload
