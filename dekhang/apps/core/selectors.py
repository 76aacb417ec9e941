from django.apps import apps
from django.db.models import Q, QuerySet

from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.core.policies import AUDIT_READERS


def audit_sentences() -> dict[str, str]:
    """The Vietnamese sentence of every audit action, from the `AuditAction` of each app's enums."""
    sentences: dict[str, str] = {}
    for config in apps.get_app_configs():
        actions = getattr(getattr(config.module, "enums", None), "AuditAction", None)
        if actions is not None:
            sentences |= {action.value: str(action.label) for action in actions}
    return sentences


def actions_like(text: str) -> list[str]:
    """Actions whose sentence contains `text`, whatever its case."""
    return [action for action, sentence in audit_sentences().items() if text.casefold() in sentence.casefold()]


def audit_events(*, user: User, text: str = "") -> QuerySet[AuditEvent]:
    """Events of the audit chain that `user` may read, newest first, `text` in the sentence, target or actor."""
    if user.role not in AUDIT_READERS:
        return AuditEvent.objects.none()
    events = AuditEvent.objects.select_related("actor").order_by("-pk")
    if text:
        events = events.filter(
            Q(action__in=actions_like(text))
            | Q(action=text)
            | Q(target_label__icontains=text)
            | Q(actor_label__icontains=text)
        )
    return events
