"""Open assignments when units are reorganised: the heir gets them as its own; the old ones end and keep their unit."""

from dekhang.apps.cascade.enums import AuditAction, DueCause, EndCause, PartyRole
from dekhang.apps.cascade.models import Assignment, Due, Occurrence
from dekhang.apps.cascade.services.recurring import open_periods
from dekhang.apps.cascade.wordings import wording
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import Came

CURSOR = "cascade.reorganisations"


def follow_reorganisations() -> int:
    """Returns how many assignments moved or ended with their unit."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    open_ones = Assignment.objects.filter(ended_at=None)
    moving = open_ones.filter(unit_id__in=came.moved).select_related("parent").order_by("pk")
    moved = sum(_to_heir(one, came.moved[one.unit_id]) for one in moving)
    in_force = UnitVersion.objects.in_force(came.date).values("unit_id")
    for one in open_ones.exclude(unit_id__in=in_force).exclude(unit_id__in=came.moved):
        _end(one, EndCause.UNIT_ENDED, None)
        moved += 1
    return moved


def _to_heir(old: Assignment, unit_id: int) -> int:
    """Several units that become one hand their tasks to one assignment; who only took part and inherits from who led
    gets a new one and leads.
    """
    old.refresh_from_db()  # those above it may just have moved
    now = clock.now()
    heir = Assignment.objects.filter(task_id=old.task_id, unit_id=unit_id, ended_at=None).first()
    beside = None
    if heir is not None and heir.role == PartyRole.COORDINATE and old.role == PartyRole.LEAD:
        # ended first: a unit has one open assignment of a task
        Assignment.objects.filter(pk=heir.pk).update(ended_at=now, end_cause=EndCause.MOVED)
        heir, beside = None, heir
    if heir is None:
        heir = Assignment.objects.create(
            task_id=old.task_id,
            unit_id=unit_id,
            parent=_present(old.parent),
            role=old.role,
            note=old.note,
            sent_at=now,
            sent_by=old.sent_by,
        )
        last = old.dues.last()
        Due.objects.create(assignment=heir, day=last.day if last else None, cause=DueCause.MOVED, set_at=now)
        if heir.role == PartyRole.LEAD:
            _take_periods(old, heir)
            open_periods(heir, wording(old.task_id), now)
    for one in (old, beside):
        if one is not None:
            _end(one, EndCause.MOVED, heir)
    return 1


def _end(old: Assignment, cause: EndCause, heir: Assignment | None) -> None:
    Assignment.objects.filter(pk=old.pk).update(ended_at=clock.now(), end_cause=cause, continued_by=heir)
    above = _present(old.parent)
    if heir is not None:
        if _descends(heir, old):  # a district went into one of its own communes, which now answers in its place
            Assignment.objects.filter(pk=heir.pk).update(parent=above)
        above = heir
    Assignment.objects.filter(parent=old, ended_at=None).exclude(pk=above and above.pk).update(parent=above)
    record_event(
        action=AuditAction.ASSIGNMENT_MOVED,
        by=None,
        target=old,
        detail={"to": heir.unit_id if heir else None, "assignment": heir.pk if heir else None},
        actor_label="jobs",
    )


def _take_periods(old: Assignment, heir: Assignment) -> None:
    """Periods that are not over yet are asked of the heir, whoever answered them before."""
    for one in old.occurrences.filter(due_on__gte=clock.today()):
        Occurrence.objects.create(assignment=heir, starts_on=one.starts_on, ends_on=one.ends_on, due_on=one.due_on)


def _descends(assignment: Assignment, ancestor: Assignment) -> bool:
    one: Assignment | None = assignment
    while one is not None and one.pk != ancestor.pk:
        one = one.parent
    return one is not None


def _present(assignment: Assignment | None) -> Assignment | None:
    """Who stands in the place of an assignment today; None when it is the province."""
    while assignment is not None and assignment.ended_at is not None:
        assignment = assignment.continued_by or assignment.parent
    return assignment
