"""Reads of the dated lists: what was so on a day, starting from the units that a person may see."""

from datetime import date

from django.db.models import QuerySet

from dekhang.apps.core.models import User
from dekhang.apps.registry.models import Network, PostHolding, Provider, System
from dekhang.apps.registry.selectors import visible_unit_ids


def systems_of(user: User, day: date) -> QuerySet[System]:
    rows = System.objects.in_force(day).filter(unit_id__in=visible_unit_ids(user, day))
    return rows.select_related("provider").order_by("unit_id", "name", "pk")


def posts_of(user: User, day: date) -> QuerySet[PostHolding]:
    rows = PostHolding.objects.in_force(day).filter(unit_id__in=visible_unit_ids(user, day))
    return rows.select_related("user").order_by("unit_id", "kind", "pk")


def networks_of(user: User, day: date) -> QuerySet[Network]:
    rows = Network.objects.in_force(day).filter(unit_id__in=visible_unit_ids(user, day))
    return rows.select_related("provider").order_by("unit_id", "cidr", "pk")


def providers_on(day: date) -> QuerySet[Provider]:
    """Everybody may read whom to call at a provider."""
    return Provider.objects.in_force(day).order_by("name")


def served_units(providers: list[Provider], user: User, day: date) -> dict[int, set[int]]:
    """Provider → the units it serves on `day`, as far as `user` may see: through a network or a system. Two queries."""
    found: dict[int, set[int]] = {provider.pk: set() for provider in providers}
    for rows in (networks_of(user, day), systems_of(user, day)):
        for provider_id, unit_id in rows.filter(provider__in=providers).values_list("provider_id", "unit_id"):
            found[provider_id].add(unit_id)
    return found
