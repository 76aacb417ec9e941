"""Reads of the roster, starting from the units that a person may see."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, QuerySet

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import Employment, RosterImport
from dekhang.apps.registry.search import fold
from dekhang.apps.registry.selectors import visible_unit_ids


def employments_of(user: User, day: date | None = None) -> QuerySet[Employment]:
    """Who works where on `day`, in the units that `user` may see."""
    return (
        Employment.objects.in_force(day or clock.today())
        .filter(unit_id__in=visible_unit_ids(user))
        .select_related("person")
        .order_by("person__name", "pk")
    )


def found(employments: QuerySet[Employment], text: str) -> QuerySet[Employment]:
    """Those whose name or code has every word of `text`, without accents."""
    for word in fold(text).split()[:6]:
        employments = employments.filter(person__search_text__contains=word)
    return employments


def imports_of(user: User) -> QuerySet[RosterImport]:
    everything = RosterImport.objects.select_related("uploaded_by")
    return everything if user.is_provincial else everything.filter(unit_id__in=visible_unit_ids(user))


def headcounts(unit_ids: Collection[int], day: date | None = None) -> dict[int, int]:
    """People employed at each unit on `day`: the denominator of shares over officials. One query."""
    rows = Employment.objects.in_force(day or clock.today()).filter(unit_id__in=unit_ids)
    return dict(rows.values_list("unit_id").annotate(Count("person", distinct=True)))


@dataclass(frozen=True, slots=True)
class Movements:
    joined: int
    left: int
    moved: int


def movements(unit_ids: Collection[int], since: date, until: date) -> Movements:
    """Joiners, leavers and movers in [since, until): a mover left one unit and joined another on the same day."""
    rows = Employment.objects.filter(unit_id__in=unit_ids)
    joined = set(rows.filter(valid_from__gte=since, valid_from__lt=until).values_list("person_id", "valid_from"))
    left = set(rows.filter(valid_to__gte=since, valid_to__lt=until).values_list("person_id", "valid_to"))
    both = joined & left
    return Movements(len(joined) - len(both), len(left) - len(both), len(both))
