"""The ladder: what nobody accepts or reports in time goes from the officer to the head and then to the province.

How many days each rung waits is data (`dekhang/law/data/proofs.yml`). A rung is a row that exists once for a deadline, so
a crash or a second process repeats nothing; who stands on a rung reads of it in the day's mail (`digest.py`).
"""

from collections.abc import Iterable
from datetime import date, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from dekhang.apps.cascade.enums import About, AuditAction, PartyRole, ReceiptKind, Step
from dekhang.apps.cascade.models import Assignment, Escalation, Receipt
from dekhang.apps.cascade.selectors import rows_of
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import PostHolding
from dekhang.law import load

AT_ONCE = 500  # rungs in one round: each is a row and an audit event, and others want to write too


def climb() -> int:
    """Write down every rung that is reached by now; returns how many are new."""
    today = clock.today()
    headless = _without_head()
    climbed = 0
    known = set(
        Escalation.objects.filter(assignment__ended_at=None)
        .order_by()
        .values_list("assignment_id", "occurrence_id", "about", "due_on", "step")
    )
    for assignment, occurrence_id, about, due_on in (*_unaccepted(today), *_unreported(today)):
        for step in reached(due_on, today, about, has_head=assignment.unit_id not in headless):
            if (assignment.pk, occurrence_id, about, due_on, step) not in known:
                climbed += _write(assignment, occurrence_id, about, due_on, step)
        if climbed >= AT_ONCE:
            break
    return climbed


def reached(due_on: date, today: date, about: About, *, has_head: bool = True) -> list[Step]:
    """The rungs that a deadline has come to: none until its day is over. Nobody waits for a head who is not there."""
    late = (today - due_on).days
    proof = load().proof
    days = {
        Step.OFFICER: proof("task_officer_days").whole,
        Step.HEAD: proof("task_head_days").whole,
        Step.PROVINCE: proof("task_province_days").whole,
    }
    if about == About.ACCEPT:
        days[Step.OFFICER] = 0
    if not has_head:
        days[Step.PROVINCE] = days.pop(Step.HEAD)
    return [step for step, wait in days.items() if late > wait]


def accept_by(assignment: Assignment) -> date:
    """Last day on which accepting is in time."""
    sent_on = timezone.localtime(assignment.sent_at).date()
    return sent_on + timedelta(days=load().proof("task_accept_days").whole)


def _unaccepted(today: date) -> Iterable[tuple[Assignment, None, About, date]]:
    accepted = Receipt.objects.filter(assignment=OuterRef("pk"), kind=ReceiptKind.ACCEPTED)
    waiting = Assignment.objects.filter(~Exists(accepted), ended_at=None).order_by("pk")
    for one in waiting:
        if accept_by(one) < today:
            yield one, None, About.ACCEPT, accept_by(one)


def _unreported(today: date) -> Iterable[tuple[Assignment, int | None, About, date]]:
    late = Q(dues__day__lt=today) | Q(occurrences__due_on__lt=today)
    candidates = Assignment.objects.filter(late, ended_at=None, role=PartyRole.LEAD).distinct().order_by("pk")
    late_rows = [row for row in rows_of(candidates, clock.now()) if row.overdue]
    found = Assignment.objects.in_bulk([row.assignment.pk for row in late_rows])
    for row in late_rows:
        if row.due_on is not None:
            yield found[row.assignment.pk], row.period.pk if row.period else None, About.REPORT, row.due_on


def _without_head() -> set[int]:
    held = PostHolding.objects.in_force(clock.today()).filter(kind=PostKind.HEAD, user__is_active=True)
    asked = set(Assignment.objects.filter(ended_at=None).values_list("unit_id", flat=True))
    return asked - set(held.values_list("unit_id", flat=True))


def _write(assignment: Assignment, occurrence_id: int | None, about: About, due_on: date, step: Step) -> int:
    try:
        with transaction.atomic():
            Escalation.objects.create(
                assignment=assignment,
                occurrence_id=occurrence_id,
                about=about,
                due_on=due_on,
                step=step,
                at=clock.now(),
            )
            record_event(
                action=AuditAction.TASK_ESCALATED,
                by=None,
                target=assignment,
                detail={"step": int(step), "about": str(about), "due_on": due_on.isoformat()},
                actor_label="jobs",
            )
    except IntegrityError:  # rung_climbed_once: another process was faster
        return 0
    return 1
