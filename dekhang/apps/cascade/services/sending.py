"""Sending tasks down the tree, and taking back what nobody has accepted yet."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.cascade.enums import AuditAction, DeadlineKind, DueCause, EndCause, PartyRole, PlanState
from dekhang.apps.cascade.models import Assignment, Due, Occurrence, Task, TaskVersion
from dekhang.apps.cascade.policies import check_can_plan, check_can_withdraw_assignment, check_can_work
from dekhang.apps.cascade.services.evidence import record_ended
from dekhang.apps.cascade.services.recurring import begun, occurrence_of
from dekhang.apps.cascade.wordings import wording
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import counted_units, unit_names

MAX_DEPTH = 4  # province → district → commune, and one to spare


@dataclass(frozen=True, slots=True)
class Recipients:
    """Who shall get a task: every unit of some kinds, units picked by hand, or both; `under`: only below that unit.

    With none of them a task goes to those that it names itself: its leads, and who takes part.
    """

    kinds: frozenset[str] = frozenset()
    unit_ids: frozenset[int] = frozenset()
    under: int | None = None

    @property
    def as_the_task_says(self) -> bool:
        return not self.kinds and not self.unit_ids and self.under is None


def below(unit_id: int, day: date | None = None) -> frozenset[int]:
    """Units below it in the tree on `day`, without itself."""
    children: dict[int | None, list[int]] = defaultdict(list)
    for child, parent in UnitVersion.objects.in_force(day or clock.today()).values_list("unit_id", "parent_id"):
        children[parent].append(child)
    found: set[int] = set()
    new = children.get(unit_id, [])
    while new:
        found.update(new)
        new = [child for unit in new for child in children.get(unit, []) if child not in found]
    return frozenset(found)


@transaction.atomic
def send(
    *,
    tasks: Sequence[TaskVersion],
    to: Recipients,
    by: User,
    parent: Assignment | None = None,
    role: PartyRole = PartyRole.LEAD,
    note: str = "",
    due_on: date | None = None,
) -> list[Assignment]:
    """Give tasks to units: one assignment for each unit and task. Who has the task already is passed over.

    Args:
        tasks: of the version in force; with a `parent`, its one task.
        parent: the sender's own assignment when a unit sends it further down its own tree.
        due_on: an earlier deadline for a task that is done once; None: the task's own, or the sender's.
    Raises:
        ActionDenied: not of the plan in force, no such unit below, a deadline that cannot be.
    """
    if parent is None:
        check_can_plan(by)
    else:
        check_can_work(by, parent)
        tasks = [wording(parent.task_id)]
    keys = [task.pk for task in tasks]  # as they are now, whatever the caller holds
    tasks = list(TaskVersion.objects.filter(pk__in=keys).select_related("version").prefetch_related("parties"))
    for task in tasks:
        if task.version.state != PlanState.ISSUED:
            raise ActionDenied(_("Chỉ giao được việc của kế hoạch đang thực hiện. Ban hành kế hoạch trước."))
    candidates = _candidates(parent)
    task_ids = {task.task_id for task in tasks}
    list(Task.objects.select_for_update().filter(pk__in=task_ids))  # nobody else sends them meanwhile
    have = set(Assignment.objects.filter(task_id__in=task_ids, ended_at=None).values_list("task_id", "unit_id"))
    sent: list[Assignment] = []
    for task in tasks:
        due = _due(task, parent, due_on)
        # who has it already, from whomever, is passed over: so a task never goes in circles
        units = {u: part for u, part in _chosen(task, to, candidates, role).items() if (task.task_id, u) not in have}
        sent += _give(task, units, parent, note, due, by)
    if sent:
        record_event(
            action=AuditAction.ASSIGNMENTS_SENT,
            by=by,
            target=parent or tasks[0].version,
            unit_id=parent.unit_id if parent else None,
            detail={"tasks": len(tasks), "assignments": len(sent)},
        )
    return sent


def who_would_get(
    *, tasks: Sequence[TaskVersion], to: Recipients, role: PartyRole = PartyRole.LEAD
) -> list[tuple[int, str]]:
    """(task, kind of unit) for every assignment that `send` would make from the province: for the page before it is sent."""
    candidates = _candidates(None)
    keys = {task.task_id for task in tasks}
    have = set(Assignment.objects.filter(task_id__in=keys, ended_at=None).values_list("task_id", "unit_id"))
    return [
        (task.task_id, candidates[unit_id])
        for task in tasks
        for unit_id in _chosen(task, to, candidates, role)
        if (task.task_id, unit_id) not in have
    ]


def _candidates(parent: Assignment | None) -> dict[int, str]:
    """Who may be given something, with their kind: the province's units, or those below the sender."""
    units = dict(counted_units().values_list("unit_id", "kind"))
    if parent is None:
        return units
    if _depth(parent) >= MAX_DEPTH:
        raise ActionDenied(_("Việc này đã qua %(n)d cấp, không giao tiếp được nữa.") % {"n": MAX_DEPTH})
    allowed = below(parent.unit_id)
    if not allowed:
        raise ActionDenied(
            _("%(unit)s không có đơn vị cấp dưới nào. Muốn chia việc trong đơn vị, dùng “Phân công trong đơn vị”.")
            % {"unit": unit_names({parent.unit_id}).get(parent.unit_id, "")}
        )
    return {unit_id: kind for unit_id, kind in units.items() if unit_id in allowed}


def _chosen(task: TaskVersion, to: Recipients, candidates: dict[int, str], role: PartyRole) -> dict[int, PartyRole]:
    if to.as_the_task_says:
        return {unit: part for unit, part in parties_of(task, candidates).items() if unit in candidates}
    if strangers := to.unit_ids - candidates.keys():
        names = ", ".join(sorted(unit_names(strangers).values())[:5]) or "–"
        raise ActionDenied(
            _("Không giao được cho %(units)s: không thuộc cấp dưới của nơi giao, hoặc không còn hoạt động.")
            % {"units": names}
        )
    chosen = {unit for unit, kind in candidates.items() if kind in to.kinds} | to.unit_ids
    if to.under is not None:
        within = below(to.under) | {to.under}
        chosen = (chosen or candidates.keys()) & within & candidates.keys()
    return dict.fromkeys(sorted(chosen), role)


def parties_of(task: TaskVersion, candidates: dict[int, str]) -> dict[int, PartyRole]:
    """Units that a task names, by itself or by their kind; who leads does not also take part."""
    found: dict[int, PartyRole] = {}
    for role in (PartyRole.COORDINATE, PartyRole.LEAD):
        for party in task.parties.all():
            if party.role == role:
                units = (
                    [party.unit_id] if party.unit_id else [u for u, kind in candidates.items() if kind == party.kind]
                )
                found.update(dict.fromkeys(units, role))
    return found


def _due(task: TaskVersion, parent: Assignment | None, asked: date | None) -> date | None:
    latest = task.due_on
    if parent is not None and (own := parent.dues.last()) is not None and own.day is not None:
        latest = own.day
    if asked is None:
        return latest
    if task.deadline == DeadlineKind.RECURRING:
        raise ActionDenied(_("Việc định kỳ có hạn theo từng kỳ. Bỏ trống ô hạn riêng."))
    if asked < clock.today():
        raise ActionDenied(_("Hạn %(day)s đã qua. Chọn từ hôm nay trở đi.") % {"day": f"{asked:%d/%m/%Y}"})
    if asked < task.version.day:
        raise ActionDenied(_("Hạn riêng sớm hơn ngày của kế hoạch. Chọn ngày muộn hơn."))
    if latest is not None and asked > latest:
        raise ActionDenied(
            _("Hạn giao xuống (%(asked)s) muộn hơn hạn của chính việc này (%(own)s). Chọn ngày sớm hơn.")
            % {"asked": f"{asked:%d/%m/%Y}", "own": f"{latest:%d/%m/%Y}"}
        )
    return asked


def _give(
    task: TaskVersion,
    units: dict[int, PartyRole],
    parent: Assignment | None,
    note: str,
    due: date | None,
    by: User,
) -> list[Assignment]:
    """Assignments with their deadlines and the period that is running: three statements for any number of units."""
    now = clock.now()
    given = Assignment.objects.bulk_create(
        Assignment(task_id=task.task_id, unit_id=unit_id, role=role, parent=parent, note=note, sent_at=now, sent_by=by)
        for unit_id, role in units.items()
    )
    Due.objects.bulk_create(Due(assignment=one, day=due, cause=DueCause.SENT, set_at=now, set_by=by) for one in given)
    running = list(begun(task, timezone.localtime(now).date(), now, now))
    Occurrence.objects.bulk_create(
        occurrence_of(one, span) for one in given if one.role == PartyRole.LEAD for span in running
    )
    return given


def _depth(assignment: Assignment) -> int:
    depth, one = 1, assignment.parent
    while one is not None:
        depth, one = depth + 1, one.parent
    return depth


@transaction.atomic
def withdraw_assignment(*, assignment: Assignment, by: User) -> Assignment:
    """Take back a task that was sent by mistake, while the unit has not accepted it."""
    assignment = Assignment.objects.select_for_update().get(pk=assignment.pk)
    check_can_withdraw_assignment(by, assignment)
    now = clock.now()
    Assignment.objects.filter(pk=assignment.pk, ended_at=None).update(
        ended_at=now, ended_by=by, end_cause=EndCause.WITHDRAWN
    )
    record_ended(assignment, wording(assignment.task_id), at=now)
    record_event(action=AuditAction.ASSIGNMENT_WITHDRAWN, by=by, target=assignment)
    assignment.refresh_from_db()
    return assignment
