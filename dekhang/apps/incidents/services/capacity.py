"""Can the unit handle it alone? The judgement decides which report is due, and calls for help."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.incidents import messages, policies
from dekhang.apps.incidents.enums import AuditAction, IncidentStatus
from dekhang.apps.incidents.models import Incident, IncidentEvent, StepRun
from dekhang.apps.incidents.services import clocks, texts


@transaction.atomic
def judge_capacity(*, incident: Incident, beyond: bool, by: User, note: str = "") -> Incident:
    """Record whether the unit can handle the incident itself. It may be judged again; the clocks follow.

    Law: R2016 QD05-2017/11: beyond capacity, the initial report is due at once in place of the notice.
    """
    policies.check_can_judge_capacity(by, incident)
    texts.refuse_marks(note)
    if incident.beyond_capacity == beyond:
        raise ActionDenied(_("Nhận định này đã được ghi nhận rồi."))
    put_capacity(incident=incident, beyond=beyond, by=by, at=clock.now(), note=note)
    clocks.sync(incident)
    return incident


def put_capacity(
    *, incident: Incident, beyond: bool, by: User, at: datetime, note: str = "", step: StepRun | None = None
) -> IncidentEvent | None:
    """The judgement itself, inside the caller's transaction; returns the event it stands on. The caller syncs."""
    moved = (
        Incident.objects.filter(pk=incident.pk, status=IncidentStatus.OPEN)
        .exclude(beyond_capacity=beyond, beyond_capacity__isnull=False)
        .update(beyond_capacity=beyond, capacity_judged_at=at, capacity_judged_by=by, capacity_note=note.strip()[:500])
    )
    if moved != 1:
        raise ActionDenied(_("Nhận định vừa được người khác ghi nhận. Hãy tải lại trang."))
    incident.refresh_from_db()
    event = None
    if beyond:
        event = clocks.put_event(incident=incident, event_key="beyond_capacity", by=by, at=at, note=note, step=step)
        messages.beyond_capacity(incident)
    else:
        incident.events.filter(event_key="beyond_capacity", withdrawn_at=None).update(withdrawn_at=at)
    record_event(
        action=AuditAction.INCIDENT_BEYOND_CAPACITY if beyond else AuditAction.INCIDENT_WITHIN_CAPACITY,
        by=by,
        target=incident,
        detail={"note": note[:200]},
    )
    return event
