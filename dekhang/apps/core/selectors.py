from django.db.models import Q, QuerySet

from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.core.policies import AUDIT_READERS


def audit_events(*, user: User, text: str = "") -> QuerySet[AuditEvent]:
    """Events of the audit chain that `user` may read, newest first, `text` in action, target or actor."""
    if user.role not in AUDIT_READERS:
        return AuditEvent.objects.none()
    events = AuditEvent.objects.select_related("actor").order_by("-pk")
    if text:
        events = events.filter(
            Q(action__icontains=text) | Q(target_label__icontains=text) | Q(actor_label__icontains=text)
        )
    return events
