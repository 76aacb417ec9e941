"""What cascade does on the clock: opens periods, writes down missed ones, carries up what waits, writes the day's mails."""

from django.db.models import Exists, OuterRef

from dekhang.apps.cascade import digest, ladder
from dekhang.apps.cascade.enums import DeadlineKind, PartyRole, PlanState, Verdict
from dekhang.apps.cascade.models import Assignment, Extension, Occurrence, Report, TaskVersion
from dekhang.apps.cascade.services import recurring
from dekhang.apps.cascade.wordings import wordings
from dekhang.apps.core import clock
from dekhang.apps.core.models import JobCursor

FINISHED = "cascade.finished"
AT_ONCE = 500


def tick() -> int:
    """Everything that is due; returns how much was done. Each step may crash anywhere and be run again."""
    return open_periods() + miss_periods() + finish_tasks() + ladder.climb() + digest.send_digests()


def open_periods() -> int:
    """Occurrences of periods that have begun, for everybody who has the task: one query a recurring task."""
    now, today, opened = clock.now(), clock.today(), 0
    for task in _recurring():
        behind = Assignment.objects.filter(task_id=task.task_id, role=PartyRole.LEAD, ended_at=None).exclude(
            occurrences__ends_on__gte=today
        )
        if task.ends_on is None or task.ends_on >= today or behind.filter(occurrences=None).exists():
            opened += sum(recurring.open_periods(one, task, now) for one in behind)
    return opened


def miss_periods() -> int:
    """Write down the periods that nobody reported in time."""
    now = clock.now()
    in_time = Report.objects.filter(
        occurrence=OuterRef("pk"), withdrawn_at=None, reported_at__date__lte=OuterRef("due_on")
    ).exclude(verdict=Verdict.RETURNED)
    asked = Extension.objects.filter(occurrence=OuterRef("pk"), decided_at=None, withdrawn_at=None)
    late = (
        # what waits for its sender is left out here already: hundreds of them would keep the others from their turn
        Occurrence.objects.filter(
            ~Exists(in_time), ~Exists(asked), missed_at=None, assignment__ended_at=None, due_on__lt=clock.today()
        )
        .exclude(reports__verdict=Verdict.ACCEPTED)
        .select_related("assignment")
        .order_by("due_on", "pk")[:AT_ONCE]
    )
    found = list(late)
    tasks = wordings({one.assignment.task_id for one in found}, now)
    return sum(recurring.miss(one, tasks[one.assignment.task_id], now) for one in found)


def finish_tasks() -> int:
    """Recurring tasks whose last period is long over: looked at once a day."""
    today = clock.today().toordinal()
    JobCursor.objects.get_or_create(pk=FINISHED)
    if JobCursor.objects.get(pk=FINISHED).position >= today:
        return 0
    done = 0
    for task in _recurring().filter(ends_on__lt=clock.today()):
        for one in Assignment.objects.filter(task_id=task.task_id, ended_at=None):
            done += recurring.finish(one, task, clock.now())
    JobCursor.objects.filter(pk=FINISHED).update(position=today, moved_at=clock.now())
    return done


def _recurring():
    return TaskVersion.objects.filter(deadline=DeadlineKind.RECURRING, version__state=PlanState.ISSUED)
