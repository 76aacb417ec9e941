"""Plans: drafted, edited while they are drafts, issued, revised by a new version that says what changed."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import AuditAction, DeadlineKind, DueCause, EndCause, PartyRole, PlanState
from dekhang.apps.cascade.faults import faults_of
from dekhang.apps.cascade.models import Assignment, Due, Plan, PlanVersion, Task, TaskParty, TaskVersion
from dekhang.apps.cascade.policies import check_can_edit, check_can_plan, check_can_revise
from dekhang.apps.cascade.services.evidence import record_ended
from dekhang.apps.cascade.templates_of_plans import PlanTemplate
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.selectors import versions_in_force

MAX_TASKS = 200
PLAN_FIELDS = ("title", "decision", "day", "basis", "note", "changes")
TASK_FIELDS = (
    "title",
    "text",
    "output",
    "basis",
    "basis_note",
    "deadline",
    "due_on",
    "period",
    "starts_on",
    "ends_on",
    "due_days",
    "duty_key",
    "own_proof",
)
Party = tuple[str, int | None, str]  # role, unit, kind of units


@transaction.atomic
def draft_plan(*, title: str, day: date, by: User, **facts: Any) -> PlanVersion:
    """A new plan with an empty first version."""
    check_can_plan(by)
    now = clock.now()
    plan = Plan.objects.create(created_at=now, created_by=by)
    version = PlanVersion.objects.create(
        plan=plan, number=1, title=title, day=day, created_at=now, created_by=by, **_only(facts, PLAN_FIELDS)
    )
    record_event(action=AuditAction.PLAN_DRAFTED, by=by, target=version)
    return version


@transaction.atomic
def draft_from_template(*, template: PlanTemplate, by: User) -> PlanVersion:
    """A draft filled with a plan that comes with Đề Kháng; the coordinator edits it before issuing."""
    version = draft_plan(
        title=template.title,
        day=template.day,
        decision=template.decision,
        basis=list(template.basis),
        note=template.note,
        by=by,
    )
    body = versions_in_force().filter(is_coordinator=True).values_list("unit_id", flat=True).first()
    for one in template.tasks:
        save_task(version=version, task=None, parties=one.parties(body), by=by, **one.facts())
    return version


@transaction.atomic
def change_plan(*, version: PlanVersion, by: User, **facts: Any) -> PlanVersion:
    version = _locked(version)
    check_can_edit(by, version)
    for name, value in _only(facts, PLAN_FIELDS).items():
        setattr(version, name, value)
    version.save()
    record_event(action=AuditAction.PLAN_CHANGED, by=by, target=version)
    return version


@transaction.atomic
def discard_draft(*, version: PlanVersion, by: User) -> None:
    """Throw a draft away; what was issued before stays as it is."""
    version = _locked(version)
    check_can_edit(by, version)
    record_event(action=AuditAction.PLAN_DISCARDED, by=by, target=version)
    plan = version.plan
    for wording in version.tasks.all():
        _delete_wording(wording)
    version.delete()
    if not plan.versions.exists():
        plan.delete()


@transaction.atomic
def save_task(
    *, version: PlanVersion, task: TaskVersion | None, parties: Iterable[Party], by: User, **facts: Any
) -> TaskVersion:
    """Add a task to a draft (`task` None), or change one. Whole or not at all.

    Args:
        parties: (role, unit id, "") or (role, None, kind of units); what is given replaces what was there.
    """
    version = _locked(version)
    check_can_edit(by, version)
    if task is None:
        if version.tasks.count() >= MAX_TASKS:
            raise ActionDenied(_("Kế hoạch đã có %(n)d việc. Gộp bớt việc trước khi thêm.") % {"n": MAX_TASKS})
        last = version.tasks.aggregate(last=Max("order"))["last"] or 0
        task = TaskVersion(task=Task.objects.create(plan=version.plan), version=version, order=last + 1)
    for name, value in _only(facts, TASK_FIELDS).items():
        setattr(task, name, value)
    if task.deadline == DeadlineKind.RECURRING:
        task.own_proof = True  # a period is over when somebody has checked its report
    task.save()
    task.parties.all().delete()
    TaskParty.objects.bulk_create(
        TaskParty(task=task, role=role, unit_id=unit_id, kind=kind) for role, unit_id, kind in dict.fromkeys(parties)
    )
    record_event(action=AuditAction.TASK_CHANGED, by=by, target=task, detail={"plan": version.pk})
    return task


@transaction.atomic
def move_task(*, task: TaskVersion, up: bool, by: User) -> None:
    """Swap a task with its neighbour; nothing happens at the end of the list."""
    version = _locked(task.version)
    check_can_edit(by, version)
    tasks = list(version.tasks.all())
    here = next(place for place, one in enumerate(tasks) if one.pk == task.pk)
    there = here - 1 if up else here + 1
    if not 0 <= there < len(tasks):
        return
    tasks[here], tasks[there] = tasks[there], tasks[here]
    for order, one in enumerate(tasks, 1):
        one.order = order
    TaskVersion.objects.bulk_update(tasks, ["order"])
    record_event(action=AuditAction.TASK_CHANGED, by=by, target=task, detail={"plan": version.pk, "order": there + 1})


@transaction.atomic
def delete_task(*, task: TaskVersion, by: User) -> None:
    """Take a task out of a draft. In a new version it is then what this version drops."""
    version = _locked(task.version)
    check_can_edit(by, version)
    record_event(action=AuditAction.TASK_DELETED, by=by, target=task, detail={"plan": version.pk})
    _delete_wording(task)


def _delete_wording(wording: TaskVersion) -> None:
    task = wording.task
    wording.delete()
    if not task.versions.exists():
        task.delete()


@transaction.atomic
def revise(*, version: PlanVersion, by: User) -> PlanVersion:
    """A draft of the next version with the same words; the version in force goes on until the draft is issued."""
    check_can_revise(by, version)
    try:
        with transaction.atomic():
            draft = PlanVersion.objects.create(
                plan=version.plan,
                number=version.number + 1,
                title=version.title,
                decision=version.decision,
                day=max(version.day, clock.today()),
                basis=version.basis,
                note=version.note,
                created_at=clock.now(),
                created_by=by,
            )
    except IntegrityError:
        raise ActionDenied(_("Người khác vừa lập bản nháp của kế hoạch này.")) from None
    for old in version.tasks.prefetch_related("parties"):
        facts = {name: getattr(old, name) for name in TASK_FIELDS}
        new = TaskVersion.objects.create(task_id=old.task_id, version=draft, order=old.order, **facts)
        TaskParty.objects.bulk_create(
            TaskParty(task=new, role=party.role, unit_id=party.unit_id, kind=party.kind) for party in old.parties.all()
        )
    record_event(action=AuditAction.PLAN_DRAFTED, by=by, target=draft, detail={"replaces": version.number})
    return draft


@transaction.atomic
def issue(*, version: PlanVersion, by: User) -> PlanVersion:
    """From now on this is the plan. The version before is replaced, and its open assignments follow the new words.

    Raises:
        ActionDenied: not a draft, or `faults_of` finds something; the message says what.
    """
    version = _locked(version)
    check_can_edit(by, version)
    if found := faults_of(version):
        raise ActionDenied(_("Chưa ban hành được. %(fault)s") % {"fault": found[0]})
    now = clock.now()
    before = version.plan.versions.filter(state=PlanState.ISSUED).first()
    if before is not None:
        PlanVersion.objects.filter(pk=before.pk).update(state=PlanState.REPLACED, replaced_at=now)
    moved = PlanVersion.objects.filter(pk=version.pk, state=PlanState.DRAFT).update(
        state=PlanState.ISSUED, issued_at=now, issued_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Bản này vừa được người khác ban hành."))
    version.refresh_from_db()
    record_event(action=AuditAction.PLAN_ISSUED, by=by, target=version, detail={"tasks": version.tasks.count()})
    if before is not None:
        _follow(before, version, by)
    return version


def _follow(before: PlanVersion, version: PlanVersion, by: User) -> None:
    """Open assignments of tasks that are no more end; those whose deadline changed get the new one."""
    new = {task.task_id: task for task in version.tasks.all()}
    now = clock.now()
    for old in before.tasks.all():
        task = new.get(old.task_id)
        open_ones = Assignment.objects.filter(task_id=old.task_id, ended_at=None)
        if task is None:
            for assignment in open_ones:
                Assignment.objects.filter(pk=assignment.pk).update(
                    ended_at=now, ended_by=by, end_cause=EndCause.DROPPED
                )
                record_ended(assignment, old, at=now)
                record_event(action=AuditAction.ASSIGNMENT_ENDED, by=by, target=assignment)
        elif (task.deadline, task.due_on) != (old.deadline, old.due_on):
            Due.objects.bulk_create(
                Due(assignment=one, day=task.due_on, cause=DueCause.REPLACED, set_at=now, set_by=by)
                for one in open_ones
            )
            if old.deadline == DeadlineKind.RECURRING and task.deadline != DeadlineKind.RECURRING:
                for assignment in open_ones:
                    record_ended(assignment, old, at=now)


def lead(unit_id: int | None = None, kind: str = "") -> Party:
    return (PartyRole.LEAD, unit_id, kind)


def coordinate(unit_id: int | None = None, kind: str = "") -> Party:
    return (PartyRole.COORDINATE, unit_id, kind)


def _locked(version: PlanVersion) -> PlanVersion:
    """The row as it is now, held until the end of the transaction: a draft is not edited while it is issued."""
    return PlanVersion.objects.select_for_update().get(pk=version.pk)


def _only(facts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    if unknown := set(facts) - set(names):
        raise TypeError(f"unknown: {sorted(unknown)}")
    return dict(facts)
