"""What the coordinator must look at now."""

from dataclasses import dataclass

from dekhang.apps.alerts.enums import AlertStatus, EscalationStep
from dekhang.apps.alerts.models import Alert
from dekhang.apps.alerts.selectors import alerts_of, worst_first
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties.contesting.selectors import contests_of
from dekhang.apps.incidents.models import Incident
from dekhang.apps.portal.work import running_incidents
from dekhang.apps.registry.selectors import unit_names
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """The coordinator's morning. Rows come with the name of their unit."""

    escalated: list[tuple[str, Alert]]
    escalated_count: int
    incidents: list[tuple[str, Incident]]
    beyond: int
    overdue: int
    silent: list[tuple[str, list[LogSource]]]
    silent_count: int
    waiting_count: int
    contests_waiting: int


def overview(user: User) -> Overview:
    """For provincial roles only: it is about every unit."""
    now = clock.now()
    escalated = worst_first(
        alerts_of(user).filter(status=AlertStatus.NEW, is_canary=False, escalation=EscalationStep.COORDINATOR)
    )
    incidents = [incident for incident in running_incidents() if not incident.is_exercise]
    first = sorted(incidents, key=lambda i: not i.beyond_capacity)  # stable: the nearest deadline first among equals
    silent: dict[int, list[LogSource]] = {}
    sources = LogSource.objects.filter(state=SourceState.SILENT).order_by("state_since")
    for source in sources[:200]:
        silent.setdefault(source.unit_id, []).append(source)
    shown = list(escalated[:SHOWN])
    ids = {alert.unit_id for alert in shown} | {incident.unit_id for incident in first[:SHOWN]} | silent.keys()
    names = unit_names(ids)
    return Overview(
        escalated=[(names.get(alert.unit_id, ""), alert) for alert in shown],
        escalated_count=escalated.count(),
        incidents=[(names.get(incident.unit_id, ""), incident) for incident in first[:SHOWN]],
        beyond=sum(bool(incident.beyond_capacity) for incident in incidents),
        overdue=sum(incident.next_due is not None and incident.next_due < now for incident in incidents),
        silent=[(names.get(unit_id, ""), sources) for unit_id, sources in list(silent.items())[:SHOWN]],
        silent_count=sources.count(),
        waiting_count=LogSource.objects.filter(state=SourceState.WAITING).count(),
        contests_waiting=contests_of(user).filter(answered_at=None).count(),
    )
