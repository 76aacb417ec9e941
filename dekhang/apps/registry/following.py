"""How other apps follow reorganisations: each in its own transaction, each once, in the order of coming into force."""

from collections.abc import Callable

from django.db import transaction

from dekhang.apps.core.models import JobCursor
from dekhang.apps.registry.selectors import Came, came_after


def follow(name: str, move: Callable[[Came], int]) -> int:
    """Call `move` for every reorganisation that came into force since the last time; returns what it counted.

    Args:
        name: of the app's place in the order, `alerts.reorganisations`; moved together with what `move` writes.
    """
    moved = 0
    JobCursor.objects.get_or_create(pk=name)
    for came in came_after(JobCursor.objects.get(pk=name).position):
        with transaction.atomic():
            # claimed by one process: a second one finds the position moved on
            if JobCursor.objects.filter(pk=name, position__lt=came.turn).update(position=came.turn) == 1:
                moved += move(came)
    return moved
