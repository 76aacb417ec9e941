"""Messages about alerts, in the outbox with the change that causes them. Few enough to be read."""

from datetime import datetime, timedelta

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.alerts import ruletexts
from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Channel
from dekhang.apps.core.models import OutboundMessage, User
from dekhang.apps.core.services import enqueue_message
from dekhang.apps.registry import selectors as registry

MESSAGES_AN_HOUR = 20  # new alerts of one unit told one by one; after that one message says how to see the rest
QUIET_AGAIN = timedelta(hours=1)  # an answered alert that speaks again after this is told again, once a day


def key_prefix(alert: Alert) -> str:
    """Every message about the alert has a dedupe key that begins with this."""
    return f"alert:{alert.pk}:"


def flood_prefix(unit_id: int, now: datetime) -> str:
    """One message about a flood of alerts to each person, unit and hour."""
    return f"alerts-flood:{unit_id}:{now:%Y%m%d%H}:"


def link_to(alert: Alert) -> str:
    return f"{settings.BASE_URL.rstrip('/')}{reverse('alerts:detail', args=[alert.pk])}"


def _send(alert: Alert, people: list[User], *, cause: str, template: str, subject: str) -> int:
    """One e-mail per person with an address, one copy to every Apprise address; returns how many people were told."""
    body = render_to_string(
        f"messages/{template}.txt",
        {
            "alert": alert,
            "unit": registry.unit_name(alert.unit_id),
            "text": ruletexts.explain(alert),
            "link": link_to(alert),
            "officer_minutes": settings.OFFICER_MINUTES,
            "head_minutes": settings.HEAD_MINUTES,
        },
    )
    told = 0
    for person in people:
        if person.email:
            enqueue_message(
                recipient=person.email,
                subject=subject,
                body=body,
                dedupe_key=f"{key_prefix(alert)}{cause}:{person.pk}",
                unit_id=alert.unit_id,
            )
            told += 1
    for number, address in enumerate(settings.APPRISE_URLS):
        enqueue_message(
            recipient=address,
            subject=subject,
            body=body,
            dedupe_key=f"{key_prefix(alert)}{cause}:apprise{number}",
            unit_id=alert.unit_id,
            channel=Channel.APPRISE,
        )
    return told


def _subject(alert: Alert, lead: str) -> str:
    return f"{lead} [{alert.get_level_display()}] {alert.title}"


def tell_raised(alert: Alert) -> None:
    """A new alert, to the unit's officers; to its head as well when there is no officer."""
    now = clock.now()
    recent = Alert.objects.filter(unit_id=alert.unit_id, is_canary=False, created_at__gt=now - timedelta(hours=1))
    is_flood = len(recent.values_list("pk")[: MESSAGES_AN_HOUR + 1]) > MESSAGES_AN_HOUR
    said = flood_prefix(alert.unit_id, now)
    if is_flood and OutboundMessage.objects.filter(dedupe_key__gte=said, dedupe_key__lt=said[:-1] + ";").exists():
        return  # most of a flood ends here
    people = list(registry.officers(alert.unit_id)) or list(registry.heads(alert.unit_id))
    if is_flood:
        _tell_flood(alert, people, now)
        return
    _send(alert, people, cause="raised", template="alert_raised", subject=_subject(alert, _("Cảnh báo")))


def _tell_flood(alert: Alert, people: list[User], now: datetime) -> None:
    unit = registry.unit_name(alert.unit_id)
    link = f"{settings.BASE_URL.rstrip('/')}{reverse('alerts:list')}"
    body = render_to_string("messages/alerts_flood.txt", {"unit": unit, "link": link, "limit": MESSAGES_AN_HOUR})
    for person in people:
        if person.email:
            enqueue_message(
                recipient=person.email,
                subject=_("Nhiều cảnh báo cùng lúc tại %(unit)s") % {"unit": unit},
                body=body,
                dedupe_key=f"{flood_prefix(alert.unit_id, now)}{person.pk}",
                unit_id=alert.unit_id,
            )


def tell_worse(alert: Alert) -> None:
    """A worse rule joined: the level rose."""
    people = list(registry.officers(alert.unit_id))
    subject = _subject(alert, _("Cảnh báo tăng mức"))
    _send(alert, people, cause=f"level-{alert.level}", template="alert_worse", subject=subject)


def tell_again(alert: Alert, *, last_event_before: datetime) -> None:
    """An answered alert goes on after a pause: said once a day."""
    if alert.status != AlertStatus.ACKNOWLEDGED or alert.last_event_at - last_event_before < QUIET_AGAIN:
        return
    people = list(registry.officers(alert.unit_id))
    subject = _subject(alert, _("Cảnh báo tái diễn"))
    _send(alert, people, cause=f"again-{alert.last_event_at:%Y%m%d}", template="alert_again", subject=subject)


def tell_heads(alert: Alert) -> int:
    """Nobody answered in the officer's time; returns how many heads were told."""
    subject = _subject(alert, _("Cảnh báo chưa ai tiếp nhận"))
    return _send(alert, list(registry.heads(alert.unit_id)), cause="head", template="alert_to_head", subject=subject)


def tell_coordinators(alert: Alert) -> int:
    """Nobody answered in the head's time either."""
    subject = _("%(unit)s: %(subject)s") % {
        "unit": registry.unit_name(alert.unit_id),
        "subject": _subject(alert, _("cảnh báo chưa ai tiếp nhận")),
    }
    return _send(
        alert, list(registry.coordinators()), cause="coordinator", template="alert_to_coordinator", subject=subject
    )


def messages_about(alert: Alert) -> list[OutboundMessage]:
    """Who was told and when, oldest first."""
    prefix = key_prefix(alert)
    # a range instead of startswith: LIKE would not use the index of the unique key
    found = OutboundMessage.objects.filter(dedupe_key__gte=prefix, dedupe_key__lt=prefix[:-1] + ";")
    return list(found.order_by("created_at", "pk")[:100])
