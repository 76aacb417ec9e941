"""Reads of saved searches, and the names that a person may use in a search."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search.models import SavedSearch
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores.search import Names

UNDO_DAYS = 7


def saved_of(user: User) -> QuerySet[SavedSearch]:
    """Searches that `user` has saved, and those that colleagues share; removed ones are the owner's for some days."""
    if user.is_provincial:
        theirs, shared = Q(owner=user), Q(shared=True, unit=None)
    else:  # what was saved at a unit stays with the unit's people
        visible = registry.visible_unit_ids(user)
        theirs, shared = Q(owner=user, unit_id__in=visible), Q(shared=True, unit_id__in=visible)
    in_use = Q(removed_at=None) & (theirs | shared)
    lately_removed = theirs & Q(removed_at__gte=clock.now() - timedelta(days=UNDO_DAYS))
    return SavedSearch.objects.filter(in_use | lately_removed).select_related("owner")


@dataclass(frozen=True, slots=True)
class Sight:
    """What a person may look into.

    Args:
        names: of units and sources that a query may use.
        source_labels: number of a source → its name, with its unit's where there are several.
    """

    unit_ids: frozenset[int]
    names: Names
    source_labels: dict[int, str]
    several_units: bool


def sight_of(user: User) -> Sight:
    """What `user` may see; every question to the lake takes its units from here."""
    unit_ids = registry.visible_unit_ids(user)
    units = registry.unit_names(unit_ids)
    several = len(unit_ids) > 1
    sources = list(LogSource.objects.filter(unit_id__in=unit_ids).values_list("pk", "name", "unit_id"))
    labels = {pk: f"{name} · {units.get(unit, '')}" if several else name for pk, name, unit in sources}
    return Sight(unit_ids, Names(units, {pk: name for pk, name, _unit in sources}), labels, several)
