"""Visits to come and findings that are open, when units are reorganised: the heir is visited, and puts right."""

from dekhang.apps.core.audit import record_event
from dekhang.apps.inspections.enums import AuditAction, VisitStatus
from dekhang.apps.inspections.models import Finding, Visit
from dekhang.apps.inspections.policies import OPEN
from dekhang.apps.registry.following import follow
from dekhang.apps.registry.selectors import Came

CURSOR = "inspections.reorganisations"


def follow_reorganisations() -> int:
    """Returns how many visits and findings moved. What was concluded about a unit stays written about that unit."""
    return follow(CURSOR, _move)


def _move(came: Came) -> int:
    moved = 0
    open_visits = Visit.objects.filter(status__in=[VisitStatus.PLANNED, VisitStatus.UNDER_WAY])
    for visit in open_visits.filter(unit_id__in=came.moved):
        unit_id = came.moved[visit.unit_id]
        Visit.objects.filter(pk=visit.pk).update(unit_id=unit_id)
        record_event(action=AuditAction.VISIT_MOVED, by=None, target=visit, detail={"to": unit_id})
        moved += 1
    for finding in Finding.objects.filter(unit_id__in=came.moved, status__in=OPEN):
        unit_id = came.moved[finding.unit_id]
        Finding.objects.filter(pk=finding.pk).update(unit_id=unit_id)
        record_event(action=AuditAction.FINDING_MOVED, by=None, target=finding, detail={"to": unit_id})
        moved += 1
    return moved
