"""Reads of tokens and webhooks."""

from django.db.models import QuerySet

from dekhang.apps.api.models import AccessToken, Subscription
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User


def tokens_of(user: User) -> QuerySet[AccessToken]:
    """One's own tokens; the administrator sees everybody's."""
    tokens = AccessToken.objects.select_related("user", "revoked_by")
    return tokens if user.role == Role.ADMINISTRATOR else tokens.filter(user=user)


def webhooks_of(user: User) -> QuerySet[Subscription]:
    """One's own webhooks; the administrator sees everybody's."""
    webhooks = Subscription.objects.select_related("owner")
    return webhooks if user.role == Role.ADMINISTRATOR else webhooks.filter(owner=user)
