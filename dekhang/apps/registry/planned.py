"""Rows that a planned reorganisation has copied ahead, under the units that follow.

What ends before the plan's date must not come back on it: an officer who was dismissed, an address that was given up.
"""

from typing import Any

from dekhang.apps.core import clock
from dekhang.apps.registry.models import DatedModel, System, SystemName


def drop_copies(row: DatedModel, **same: Any) -> None:
    """Delete the copy that begins when `row` would have ended, and the copies of that one. Call it before `row` ends.

    Args:
        same: by which a copy is known: what it has in common with its row.
    """
    while row.valid_to is not None and row.valid_to > clock.today():
        copies = type(row).objects.filter(valid_from=row.valid_to, **same).exclude(pk=row.pk)
        copy = copies.order_by("pk").first()
        if copy is None:
            return
        type(row).objects.filter(pk=copy.pk).delete()
        row = copy


def drop_copies_of_system(system: System) -> None:
    """The same for a system, with the names of its copies."""
    for copy in System.objects.filter(follows=system, valid_from__gt=clock.today()):
        drop_copies_of_system(copy)
        SystemName.objects.filter(system=copy).delete()
        copy.delete()
