"""The moves of an incident's status that a step of the procedure also makes: response ended, response goes on."""

from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.incidents.enums import AuditAction, IncidentStatus, StepStatus
from dekhang.apps.incidents.models import Incident, StepRun
from dekhang.apps.incidents.services import clocks


def move(incident: Incident, from_status: IncidentStatus, **values: object) -> None:
    """A conditional change of status: refused when another person was faster."""
    moved = Incident.objects.filter(pk=incident.pk, status=from_status).update(**values)
    if moved != 1:
        raise ActionDenied(_("Trạng thái sự cố vừa được người khác thay đổi. Hãy tải lại trang."))
    incident.refresh_from_db()


def put_handled(*, incident: Incident, by: User, at: datetime, note: str, step: StepRun | None = None) -> None:
    """The response ended, inside the caller's transaction; the caller syncs the clocks."""
    move(incident, IncidentStatus.OPEN, status=IncidentStatus.HANDLED, handled_at=at, handled_by=by)
    clocks.put_event(incident=incident, event_key="response_ended", by=by, at=at, note=note, step=step)
    _record_exercised(incident, at)
    record_event(action=AuditAction.INCIDENT_HANDLED, by=by, target=incident)


def put_open_again(*, incident: Incident, from_status: IncidentStatus) -> None:
    """The response goes on; a later end needs an end report of its own. The caller syncs and audits."""
    move(
        incident,
        from_status,
        status=IncidentStatus.OPEN,
        handled_at=None,
        handled_by=None,
        cancelled_at=None,
        cancel_reason="",
    )
    ended = incident.events.filter(event_key__in=("response_ended", "end_report_sent"), withdrawn_at=None)
    ended.update(withdrawn_at=clock.now())


def _record_exercised(incident: Incident, at: datetime) -> None:
    """Evidence that the procedure was really walked: at least as many steps done as skipped, first step timed."""
    steps = list(incident.steps.exclude(status=StepStatus.UNDONE))
    done = [step for step in steps if step.status == StepStatus.DONE]
    if not done or len(done) * 2 < len(steps):
        return
    first = incident.steps.filter(finished_at__isnull=False, skip_reason="").order_by("finished_at").first()
    assert first is not None and first.finished_at is not None  # `done` is not empty
    record_evidence(
        unit_id=incident.unit_id,
        kind=EvidenceKind.SOP_EXERCISED,
        subject=f"sop:{incident.kind}",
        outcome=Outcome.OK,
        observed_at=at,
        valid_until=at + timedelta(days=law.load().proof("exercise_valid_days").whole),
        payload={
            "incident_id": incident.pk,
            "first_step_seconds": int((first.finished_at - incident.opened_at).total_seconds()),
            "is_exercise": incident.is_exercise,
            "steps_done": len(done),
            "steps": len(steps),
            "playbook_version": incident.playbook_version,
        },
    )
