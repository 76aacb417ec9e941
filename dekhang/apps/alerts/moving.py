"""Open alerts when units are reorganised: somebody must go on answering them."""

from django.utils.translation import gettext as _

from dekhang.apps.alerts.enums import OPEN, AlertStatus, AuditAction
from dekhang.apps.alerts.models import Alert, AlertDetection
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.selectors import Came

CURSOR = "alerts.reorganisations"


def follow_reorganisations() -> int:
    """Returns how many alerts moved. An alert goes where its source went, else to the main successor of its unit."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    moved = 0
    for alert in Alert.objects.filter(unit_id__in=came.moved, status__in=OPEN).select_related("source").order_by("pk"):
        unit_id = came.moved[alert.unit_id]
        if alert.source is not None and alert.source.unit_id != alert.unit_id:
            unit_id = alert.source.unit_id
        twin = Alert.objects.filter(
            unit_id=unit_id, family=alert.family, entity=alert.entity, status__in=OPEN
        ).first()  # two units were attacked by the same: now it is one alert of one unit
        if twin is not None:
            _join(alert, twin)
        else:
            Alert.objects.filter(pk=alert.pk).update(unit_id=unit_id)
        alert.unit_id = unit_id
        record_event(
            action=AuditAction.ALERT_MOVED, by=None, target=alert, detail={"to": unit_id, "joined": twin and twin.pk}
        )
        moved += 1
    return moved


def _join(alert: Alert, twin: Alert) -> None:
    AlertDetection.objects.filter(alert=alert).update(alert=twin)
    Alert.objects.filter(pk=twin.pk).update(
        detection_count=twin.detection_count + alert.detection_count,
        event_count=twin.event_count + alert.event_count,
        first_event_at=min(twin.first_event_at, alert.first_event_at),
        last_event_at=max(twin.last_event_at, alert.last_event_at),
    )
    note = _("Gộp vào cảnh báo số %(number)s của đơn vị sau sắp xếp.") % {"number": twin.pk}
    Alert.objects.filter(pk=alert.pk).update(
        status=AlertStatus.RESOLVED, closed_at=clock.now(), closing_note=note, detection_count=0, event_count=0
    )
