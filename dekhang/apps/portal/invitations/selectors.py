from django.db.models import QuerySet

from dekhang.apps.core.models import User
from dekhang.apps.portal.invitations.policies import headed_units
from dekhang.apps.portal.models import Invitation
from dekhang.apps.registry.policies import MANAGERS


def invitations_of(user: User) -> QuerySet[Invitation]:
    """Those that `user` may manage: all for who keeps the registry, a head's own unit's."""
    found = Invitation.objects.select_related("invited_by", "account").order_by("-invited_at", "-pk")
    return found if user.role in MANAGERS else found.filter(unit_id__in=headed_units(user))
