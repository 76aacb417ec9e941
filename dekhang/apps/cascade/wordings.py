"""What a task says now, or said at a moment."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import Q

from dekhang.apps.cascade.enums import PlanState
from dekhang.apps.cascade.models import TaskVersion


def wordings(task_ids: Collection[int], at: datetime) -> dict[int, TaskVersion]:
    """The newest issued wording of each task at `at`; of a task that was dropped, its last one. One query."""
    found: dict[int, TaskVersion] = {}
    rows = TaskVersion.objects.filter(task_id__in=task_ids, version__issued_at__lte=at).select_related("version")
    for row in rows.order_by("version__issued_at"):
        found[row.task_id] = row
    return found


def wording(task_id: int) -> TaskVersion:
    """The words of the version in force, or the last that were issued."""
    rows = TaskVersion.objects.filter(task_id=task_id).exclude(version__state=PlanState.DRAFT)
    return rows.select_related("version").latest("version__number")


def in_force(at: datetime) -> Q:
    """Of PlanVersion: those that were the plan at `at`."""
    return Q(issued_at__lte=at) & (Q(replaced_at=None) | Q(replaced_at__gt=at))
