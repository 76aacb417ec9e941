"""Open incidents when units are reorganised: the successor's people go on where the others stopped; clocks run on."""

from dekhang.apps.core.audit import record_event
from dekhang.apps.incidents.enums import AuditAction, IncidentStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.selectors import Came

CURSOR = "incidents.reorganisations"


def follow_reorganisations() -> int:
    """Returns how many incidents moved."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    moved = 0
    open_ones = Incident.objects.filter(status__in=[IncidentStatus.OPEN, IncidentStatus.HANDLED])
    for incident in open_ones.filter(unit_id__in=came.moved):
        unit_id = came.moved[incident.unit_id]
        system = incident.system and incident.system.followed_by.filter(valid_from=came.date).first()
        if system:
            unit_id = system.unit_id
        Incident.objects.filter(pk=incident.pk).update(unit_id=unit_id, system=system or incident.system)
        incident.unit_id = unit_id
        record_event(action=AuditAction.INCIDENT_MOVED, by=None, target=incident, detail={"to": unit_id})
        moved += 1
    return moved
