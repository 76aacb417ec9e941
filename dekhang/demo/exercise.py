"""The demo's drill: two units run their procedure, a step at a time, as their officers would click it."""

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.incidents import procedures, services
from dekhang.apps.incidents.enums import IncidentKind, IncidentStatus, StepStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.registry import selectors as registry

NOTE = "Diễn tập: đã làm theo hướng dẫn."


def advance(unit_id: int) -> bool:
    """Do the next thing of the unit's drill: open it, finish a step, or close it. False when it is over."""
    officer = registry.officers(unit_id).get()
    incident = Incident.objects.filter(unit_id=unit_id, is_exercise=True).order_by("pk").first()
    if incident is None:
        services.open_incident(
            unit_id=unit_id,
            kind=IncidentKind.INTRUSION,
            title="Diễn tập: trang chủ bị thay đổi giao diện",
            alerts=[],
            by=officer,
            detected_at=clock.now(),
            is_exercise=True,
        )
        return True
    step = incident.steps.filter(status=StepStatus.CURRENT).first()
    if step is not None:
        meaning = procedures.of_incident(incident).step(step.step_id)
        choice = meaning.choices[-1].label if meaning.choices else ""
        try:
            services.finish_step(step=step, by=officer, note=NOTE, choice=choice)
        except ActionDenied:  # this step wants a file or somebody else's word; in a drill that may be said
            services.skip_step(step=step, reason="Diễn tập: không có tệp thật để đính kèm.", by=officer)
        return True
    if incident.status == IncidentStatus.OPEN:
        services.mark_handled(incident=incident, by=officer, note=NOTE)
        return True
    if incident.status == IncidentStatus.HANDLED:
        services.close(incident=incident, by=officer)
        return True
    return False
