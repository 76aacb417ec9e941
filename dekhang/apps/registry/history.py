"""Where a unit comes from and what became of it: reads of the dated registry for one unit's page."""

from dataclasses import dataclass
from datetime import date

from django.db.models import Q

from dekhang.apps.registry.models import Reorganisation, Succession, UnitVersion
from dekhang.apps.registry.selectors import unit_names


@dataclass(frozen=True, slots=True)
class Relative:
    """Another unit that this one follows or is followed by; `name` is the one it had at the event."""

    unit_id: int
    name: str
    partly: bool


@dataclass(frozen=True, slots=True)
class Change:
    """One dated event of a unit."""

    event: Reorganisation
    came_from: tuple[Relative, ...]
    went_to: tuple[Relative, ...]


def versions_of(unit_id: int) -> list[UnitVersion]:
    """Every name, code and parent that a unit had, newest first."""
    return list(UnitVersion.objects.filter(unit_id=unit_id).select_related("parent").order_by("-valid_from"))


def changes_of(unit_id: int) -> list[Change]:
    """Reorganisations that touched the unit, newest first, with the units before and after."""
    rows = list(
        Succession.objects.filter(Q(predecessor_id=unit_id) | Q(successor_id=unit_id))
        .select_related("reorganisation")
        .order_by("-reorganisation__date", "pk")
    )
    others = {i for row in rows for i in (row.predecessor_id, row.successor_id) if i and i != unit_id}
    names = unit_names(others)
    events: dict[int, tuple[Reorganisation, list[Relative], list[Relative]]] = {}
    for row in rows:
        _event, before, after = events.setdefault(row.reorganisation_id, (row.reorganisation, [], []))
        partly = row.extent != "full"
        if row.successor_id == unit_id and row.predecessor_id not in (None, unit_id):
            before.append(Relative(row.predecessor_id, names.get(row.predecessor_id, ""), partly))
        if row.predecessor_id == unit_id and row.successor_id not in (None, unit_id):
            after.append(Relative(row.successor_id, names.get(row.successor_id, ""), partly))
    return [Change(event, tuple(before), tuple(after)) for event, before, after in events.values()]


def milestones() -> list[date]:
    """The days on which the list of units changed, oldest first."""
    return list(Reorganisation.objects.order_by("date").values_list("date", flat=True).distinct())
