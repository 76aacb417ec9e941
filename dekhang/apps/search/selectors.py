"""Reads of saved searches, and the names that a person may use in a search."""

from datetime import timedelta

from django.db.models import Q, QuerySet

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search.models import SavedSearch
from dekhang.apps.sources import selectors as sources
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


def names_for(user: User) -> Names:
    """Units and sources that `user` may see."""
    units = registry.unit_names(registry.visible_unit_ids(user))
    return Names(units, dict(sources.sources_of(user).values_list("pk", "name")))
