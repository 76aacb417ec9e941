"""Carrying an unanswered alert up: officer → head → coordinator."""

from datetime import datetime

from django.db import transaction

from dekhang.apps.alerts import messages
from dekhang.apps.alerts.enums import AlertStatus, AuditAction, EscalationStep
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry import selectors as registry


@transaction.atomic
def escalate_alert(*, alert: Alert, at: datetime) -> bool:
    """Move an unanswered alert one step up and tell those people. False when it was answered meanwhile.

    A unit without a head does not wait for one: the alert goes straight to the coordinator.
    """
    step = EscalationStep(alert.escalation + 1)
    if step == EscalationStep.HEAD and not registry.heads(alert.unit_id).exists():
        step = EscalationStep.COORDINATOR
    moved = Alert.objects.filter(pk=alert.pk, status=AlertStatus.NEW, escalation=alert.escalation).update(
        escalation=step, escalated_at=at
    )
    if moved != 1:
        return False
    alert.refresh_from_db()
    told = messages.tell_heads(alert) if step == EscalationStep.HEAD else messages.tell_coordinators(alert)
    record_event(
        action=AuditAction.ALERT_ESCALATED, by=None, target=alert, detail={"to": int(step), "people_told": told}
    )
    return True
