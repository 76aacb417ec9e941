"""What alerts do on the clock: reading new detections, and carrying unanswered alerts up."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from dekhang.apps.alerts.enums import NEEDS_AN_ANSWER, AlertStatus, EscalationStep
from dekhang.apps.alerts.models import Alert
from dekhang.apps.alerts.services import escalate_alert, take_detections
from dekhang.apps.core import clock
from dekhang.apps.core.models import JobCursor
from dekhang.pipeline.stores import detections

logger = logging.getLogger(__name__)
CURSOR = "alerts.detections"
ESCALATIONS_AT_ONCE = 200


def pull_detections(limit: int = 500) -> int:
    """Read detections after our position, group them into alerts and move the position, all or nothing.

    Returns:
        how many detections were read; the caller may call again at once while this is `limit`.
    """
    position = JobCursor.objects.filter(pk=CURSOR).values_list("position", flat=True).first() or 0
    found = detections.after(settings.DATA, position, limit)
    if not found:
        return 0
    with transaction.atomic():
        cursor, _created = JobCursor.objects.select_for_update().get_or_create(pk=CURSOR)
        if cursor.position != position:
            return 0  # another process took these; next time
        take_detections(found)
        cursor.position = found[-1].id
        cursor.moved_at = clock.now()
        cursor.save()
    return len(found)


def escalate() -> int:
    """Carry up what nobody acknowledged in time; returns how many alerts moved."""
    now = clock.now()
    officer_limit = now - timedelta(minutes=settings.OFFICER_MINUTES)
    head_limit = now - timedelta(minutes=settings.HEAD_MINUTES)
    late = Alert.objects.filter(status=AlertStatus.NEW, is_canary=False, level__in=NEEDS_AN_ANSWER).filter(
        Q(escalation=EscalationStep.OFFICER, waiting_since__lte=officer_limit)
        | Q(escalation=EscalationStep.HEAD, escalated_at__lte=head_limit)
    )
    moved = 0
    for alert in late.order_by("waiting_since", "pk")[:ESCALATIONS_AT_ONCE]:
        moved += escalate_alert(alert=alert, at=now)
    return moved
