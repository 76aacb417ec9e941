"""Incidents and procedures, made through the real services: their runs, clocks and evidence hang together."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from typing import Any

from dekhang.apps.alerts.enums import AlertLevel
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.incidents import procedures, services
from dekhang.apps.incidents.enums import IncidentKind, StepStatus
from dekhang.apps.incidents.models import Incident, Sop, StepRun
from dekhang.apps.incidents.services.steps import report_of_event
from dekhang.apps.registry.models import Unit
from dekhang.law import Step
from tests.factories.registry import UnitFactory, head_of, officer_of

_numbers = count(1)


def alert_of(unit: Unit, **fields: Any) -> Alert:
    """An alert about a brute-force run from 192.0.2.7, as the alerts app keeps it."""
    now = clock.now()
    values = {
        "unit": unit,
        "rule_id": "4f7f6b52-0000-4000-8000-000000000001",
        "family": "brute_force",
        "entity": f"192.0.2.{next(_numbers) % 250}",
        "title": "Dò mật khẩu SSH",
        "level": AlertLevel.HIGH,
        "created_at": now,
        "first_event_at": now,
        "last_event_at": now,
        "waiting_since": now,
    }
    return Alert.objects.create(**values | fields)


def incident_of(
    unit: Unit | None = None, *, kind: str = IncidentKind.INTRUSION, by: User | None = None, **fields: Any
) -> Incident:
    """An incident just opened at `unit` by its officer (a new one when not given)."""
    unit = unit or UnitFactory()
    values: dict[str, Any] = {
        "title": "Trang chủ bị thay đổi",
        "alerts": [],
        "detected_at": clock.now(),
        "description": "Trang chủ hiện nội dung lạ lúc 08:40.",
    }
    return services.open_incident(unit_id=unit.pk, kind=kind, by=by or officer_of(unit), **values | fields)


def current(incident: Incident) -> StepRun | None:
    return incident.steps.filter(status=StepStatus.CURRENT).select_related("incident").first()


def meaning(run: StepRun) -> Step:
    return procedures.of_incident(run.incident).step(run.step_id)


def do_current(incident: Incident, by: User, *, choice: str = "", note: str = "Đã làm.") -> StepRun | None:
    """Finish the current step; the report a step asks for is made and sent first, as a person would."""
    run = current(incident)
    assert run is not None
    kind = report_of_event(incident, meaning(run).clock_event)
    if kind and not incident.reports.filter(kind=kind, sent_at__isnull=False).exists():
        incident.refresh_from_db()
        report = services.make_report(incident=incident, kind=kind, by=by)
        services.mark_report_sent(report=report, to="VNCERT/CC, công văn", by=by)
    if not choice and meaning(run).choices:
        choice = meaning(run).choices[-1].label
    following = services.finish_step(step=run, by=by, note=note, choice=choice)
    incident.refresh_from_db()
    return following


def walk_to(incident: Incident, by: User, *, event: str) -> StepRun:
    """Do steps until the current one is that whose completion records `event` of the law."""
    run = current(incident)
    while run is not None and meaning(run).clock_event != event:
        run = do_current(incident, by)
    assert run is not None, f"quy trình không có bước {event}"
    return current(incident)


def sop_of(unit: Unit, *, kind: str = IncidentKind.INTRUSION, approved: bool = False) -> Sop:
    """A procedure that the unit adopted, approved by its head when asked."""
    sop = services.adopt_sop(unit_id=unit.pk, kind=kind, by=officer_of(unit))
    return services.approve_sop(sop=sop, by=head_of(unit)) if approved else sop


def at(year: int, month: int, day: int, hour: int = 9) -> datetime:
    """A moment in Tây Ninh's time, aware, as UTC."""
    return datetime(year, month, day, hour, tzinfo=timezone(timedelta(hours=7))).astimezone(UTC)
