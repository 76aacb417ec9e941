"""Reads of tokens."""

from django.db.models import QuerySet

from dekhang.apps.api.models import AccessToken
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import User


def tokens_of(user: User) -> QuerySet[AccessToken]:
    """One's own tokens; the administrator sees everybody's."""
    tokens = AccessToken.objects.select_related("user", "revoked_by")
    return tokens if user.role == Role.ADMINISTRATOR else tokens.filter(user=user)
