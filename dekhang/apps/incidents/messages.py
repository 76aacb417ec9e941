"""Messages of incidents: who is told what. Written to the outbox in the caller's transaction, each once per person."""

from collections.abc import Iterable

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.core.models import User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.incidents import procedures
from dekhang.apps.incidents.models import Incident, IncidentClock
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import ContactKind
from dekhang.law.shapes import Clock as LawClock


def link(incident: Incident) -> str:
    return settings.BASE_URL.rstrip("/") + reverse("incidents:detail", args=[incident.pk])


def officers_of(unit_id: int) -> dict[str, str]:
    """Address → key of the unit's officers; without any, its mail contacts, so that a deadline never passes unseen."""
    found = _addresses(registry.officers(unit_id))
    if found:
        return found
    contacts = registry.contacts(unit_id).filter(kind=ContactKind.EMAIL)
    return {contact.value: f"c{contact.pk}" for contact in contacts} or heads_of(unit_id)


def heads_of(unit_id: int) -> dict[str, str]:
    return _addresses(registry.heads(unit_id))


def coordinators() -> dict[str, str]:
    return _addresses(registry.coordinators())


def _addresses(people: Iterable[User]) -> dict[str, str]:
    return {user.email: f"u{user.pk}" for user in people if user.email}


def send(*, incident: Incident, to: dict[str, str], subject: str, template: str, cause: str, **context: object) -> int:
    """Enqueue the rendered template for every address; returns how many messages are new."""
    body = render_to_string(
        f"incidents/messages/{template}.txt",
        {"incident": incident, "unit": registry.unit_name(incident.unit_id), "link": link(incident), **context},
    )
    prefix = _("[DIỄN TẬP] ") if incident.is_exercise else ""
    new = 0
    for address, key in to.items():
        message = enqueue_message(
            recipient=address,
            subject=prefix + subject,
            body=body,
            dedupe_key=f"incident:{incident.pk}:{cause}:{key}",
            unit_id=incident.unit_id,
        )
        new += message is not None
    return new


def incident_opened(incident: Incident) -> None:
    """The head answers for the unit, so the head hears of every incident at once."""
    send(
        incident=incident,
        to=heads_of(incident.unit_id),
        subject=_("Sự cố mới: %(title)s") % {"title": incident.title},
        template="opened",
        cause="opened",
        first_step=procedures.of_incident(incident).first_step,
    )


def beyond_capacity(incident: Incident) -> None:
    """The unit asks for help: the coordinator hears it now. An exercise asks nobody."""
    if incident.is_exercise:
        return
    send(
        incident=incident,
        to=coordinators() | heads_of(incident.unit_id),
        subject=_("Cần hỗ trợ: %(title)s") % {"title": incident.title},
        template="beyond_capacity",
        # judged again later, it is a new call for help
        cause=f"beyond:{incident.capacity_judged_at:%Y%m%d%H%M%S}",
    )


def clock_nears(clock: IncidentClock, rule: LawClock) -> int:
    at_once = rule.limit.unit == "at_once"
    subject = _("Cần gửi ngay: %(clock)s – %(title)s") if at_once else _("Sắp đến hạn: %(clock)s – %(title)s")
    return send(
        incident=clock.incident,
        to=officers_of(clock.incident.unit_id),
        subject=subject % {"clock": rule.title, "title": clock.incident.title},
        template="clock_nears",
        at_once=at_once,
        cause=f"clock:{clock.clock_key}:{clock.due_at:%Y%m%d%H%M}:soon",
        clock=clock,
        rule=rule,
    )


def clock_late(clock: IncidentClock, rule: LawClock, *, to: dict[str, str], stage: str) -> int:
    return send(
        incident=clock.incident,
        to=to,
        subject=_("Quá hạn: %(clock)s – %(title)s") % {"clock": rule.title, "title": clock.incident.title},
        template="clock_late",
        cause=f"clock:{clock.clock_key}:{clock.due_at:%Y%m%d%H%M}:{stage}",
        clock=clock,
        rule=rule,
    )
