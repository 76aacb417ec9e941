"""An incident from opening to closing: every move of its status, and notes outside the plan."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.incidents import messages, policies, procedures
from dekhang.apps.incidents.enums import AuditAction, IncidentStatus, StepStatus
from dekhang.apps.incidents.facts import code_of
from dekhang.apps.incidents.models import Incident, IncidentNote
from dekhang.apps.incidents.services import clocks, texts
from dekhang.apps.incidents.services.handled import move, put_handled, put_open_again
from dekhang.apps.incidents.services.steps import finish_step, restart_response, start_step
from dekhang.apps.registry.models import System

MAX_AGE = timedelta(days=366)  # an incident found long ago is a report to write, not a run to start


@transaction.atomic
def open_incident(
    *,
    unit_id: int,
    kind: str,
    title: str,
    alerts: Iterable[Alert],
    by: User,
    detected_at: datetime,
    is_exercise: bool = False,
    system: System | None = None,
    description: str = "",
) -> Incident:
    """Open an incident (or an exercise) of `kind`, start its procedure at the first step and the clocks of the law.

    It keeps the regime of the day it was detected on, and the version of the procedure that the unit uses now.

    Raises:
        ActionDenied: `by` does not work for the unit, an alert or system of another unit, a time that cannot be,
            an alert that is already being answered by an incident (or exercised).
    """
    policies.check_can_open(by, unit_id)
    alerts = list(alerts)
    now = clock.now()
    if detected_at > now + timedelta(minutes=1):
        raise ActionDenied(_("Thời điểm phát hiện ở tương lai. Hãy kiểm tra lại ngày giờ."))
    if detected_at < now - MAX_AGE:
        raise ActionDenied(_("Thời điểm phát hiện đã hơn một năm. Hãy kiểm tra lại ngày giờ."))
    if any(alert.unit_id != unit_id for alert in alerts) or (system is not None and system.unit_id != unit_id):
        raise ActionDenied(_("Cảnh báo hoặc hệ thống này thuộc đơn vị khác."))
    if (running := running_with(alerts, is_exercise=is_exercise)) is not None:
        raise ActionDenied(_("Cảnh báo này đã nằm trong sự cố %(code)s.") % {"code": code_of(running)})
    texts.refuse_marks(title, description)
    playbook = procedures.for_unit(unit_id, kind)
    kept = procedures.keep(playbook)
    incident = Incident.objects.create(
        unit_id=unit_id,
        system=system,
        kind=kind,
        title=title.strip()[:300],
        description=description.strip(),
        is_exercise=is_exercise,
        regime=law.load().regime_on(timezone.localtime(detected_at).date()).key,
        playbook_id=kept.playbook_id,
        playbook_version=kept.version,
        detected_at=min(detected_at, now),
        opened_at=now,
        opened_by=by,
    )
    incident.alerts.set(alerts)
    start_step(incident=incident, step=playbook.first_step, at=now)
    clocks.put_event(incident=incident, event_key="detected", by=by, at=incident.detected_at)
    clocks.sync(incident)
    record_event(
        action=AuditAction.INCIDENT_OPENED,
        by=by,
        target=incident,
        detail={
            "kind": kind,
            "regime": incident.regime,
            "is_exercise": is_exercise,
            "alerts": [alert.pk for alert in alerts][:50],
            "playbook": kept.playbook_id,
            "version": kept.version,
        },
    )
    messages.incident_opened(incident)
    return incident


def running_with(alerts: Iterable[Alert], *, is_exercise: bool = False) -> Incident | None:
    """The incident in work that already answers one of `alerts`: a second one would run the law's clocks twice."""
    found = Incident.objects.filter(alerts__in=list(alerts), is_exercise=is_exercise, status__in=policies.IN_WORK)
    return found.order_by("pk").first()


@transaction.atomic
def add_note(*, incident: Incident, text: str, by: User) -> IncidentNote:
    """Something done or seen that the procedure does not name, or the coordinator's guidance."""
    policies.check_can_add_note(by, incident)
    text = text.strip()
    if not text:
        raise ActionDenied(_("Ghi chú đang trống. Hãy viết đã làm hoặc thấy gì."))
    texts.refuse_marks(text)
    note = IncidentNote.objects.create(incident=incident, text=text[:10_000], added_at=clock.now(), added_by=by)
    record_event(action=AuditAction.NOTE_ADDED, by=by, target=incident, detail={"note_id": note.pk})
    return note


def mark_handled(*, incident: Incident, by: User, note: str = "") -> Incident:
    """The response ended: the end report's clock starts, and the run counts as exercise of the procedure.

    Where the procedure has a step for it, this is doing that step.
    """
    policies.check_can_mark_handled(by, incident)
    step = incident.steps.filter(status=StepStatus.CURRENT).select_related("incident").first()
    if step is not None:
        finish_step(step=step, by=by, note=note or _("Kết thúc ứng cứu."))
    else:
        texts.refuse_marks(note)
        with transaction.atomic():
            put_handled(incident=incident, by=by, at=clock.now(), note=note)
            clocks.sync(incident)
    incident.refresh_from_db()
    return incident


@transaction.atomic
def close(*, incident: Incident, by: User) -> Incident:
    """Close for good: the coordinator on receipt of the end report; an exercise by the unit itself."""
    policies.check_can_close(by, incident)
    now = clock.now()
    move(incident, IncidentStatus.HANDLED, status=IncidentStatus.CLOSED, closed_at=now, closed_by=by)
    if incident.is_exercise:
        # nobody need send the reports of an exercise; those that were practised stay met
        incident.clocks.filter(met_at=None, cancelled_at=None).update(cancelled_at=now)
    record_event(action=AuditAction.INCIDENT_CLOSED, by=by, target=incident)
    return incident


@transaction.atomic
def cancel(*, incident: Incident, reason: str, by: User) -> Incident:
    """Opened by mistake; it stays in the list as cancelled and can be reopened."""
    policies.check_can_cancel(by, incident)
    reason = reason.strip()
    if not reason:
        raise ActionDenied(_("Hãy ghi lý do hủy, ví dụ: mở trùng với sự cố khác."))
    texts.refuse_marks(reason)
    move(
        incident,
        IncidentStatus.OPEN,
        status=IncidentStatus.CANCELLED,
        cancelled_at=clock.now(),
        cancel_reason=reason[:500],
    )
    clocks.sync(incident)
    record_event(action=AuditAction.INCIDENT_CANCELLED, by=by, target=incident, detail={"reason": reason[:200]})
    return incident


@transaction.atomic
def reopen(*, incident: Incident, by: User) -> Incident:
    """Take back “handled” or “cancelled”: the response goes on and its clocks run again from where they started."""
    policies.check_can_reopen(by, incident)
    before = IncidentStatus(incident.status)
    put_open_again(incident=incident, from_status=before)
    restart_response(incident=incident, at=clock.now())
    clocks.sync(incident)
    record_event(action=AuditAction.INCIDENT_REOPENED, by=by, target=incident, detail={"from": before})
    return incident
