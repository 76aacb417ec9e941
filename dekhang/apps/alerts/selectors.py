"""Reads of alerts, starting from the units that a person may see."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Case, IntegerField, Q, QuerySet, Value, When

from dekhang.apps.alerts import ruletexts
from dekhang.apps.alerts.enums import LEVEL_ORDER, OPEN, AlertLevel, AlertStatus, EscalationStep
from dekhang.apps.alerts.messages import messages_about
from dekhang.apps.alerts.models import Alert, AlertDetection, StrayDetection
from dekhang.apps.alerts.ruletexts import RuleText
from dekhang.apps.core.models import AuditEvent, OutboundMessage, User
from dekhang.apps.core.paging import InTurn
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.search import fold
from dekhang.pipeline.stores.lake import Lake, StoredEvent

VIEWS = ("open", "escalated", "closed", "canary", "all")
SEARCHED_NEWEST = 100_000  # alerts that words are looked for in, for who sees a province; a unit's are fewer
DETECTIONS_SHOWN = 50
EVENTS_SHOWN = 20


def alerts_of(user: User) -> QuerySet[Alert]:
    """Every alert of the units that `user` may see."""
    return Alert.objects.filter(registry.within_sight(user))


def worst_first(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """What needs action now first: new before answered before closed, then by level, then the newest."""
    by_status = [AlertStatus.NEW, AlertStatus.ACKNOWLEDGED]
    return alerts.annotate(
        status_rank=Case(
            *[When(status=status, then=Value(rank)) for rank, status in enumerate(by_status)],
            default=Value(len(by_status)),
            output_field=IntegerField(),
        ),
        level_rank=Case(
            *[When(level=level, then=Value(rank)) for rank, level in enumerate(LEVEL_ORDER)],
            default=Value(0),
            output_field=IntegerField(),
        ),
    ).order_by("status_rank", "-level_rank", "-last_event_at", "-pk")


def search(
    user: User, *, view: str = "open", level: str = "", text: str = "", unit_id: int | None = None
) -> QuerySet[Alert] | InTurn:
    """The alerts of the list page: what waits with the worst first, what is over with the newest first."""
    alerts = matching(user, view=view, level=level, text=text, unit_id=unit_id)
    if view in ("closed", "canary"):
        return newest_first(alerts)
    if view == "all":  # a million rows in one order of states would have to be sorted for every page
        return InTurn(worst_first(alerts.filter(status__in=OPEN)), newest_first(alerts.exclude(status__in=OPEN)))
    return worst_first(alerts)


def matching(
    user: User, *, view: str = "open", level: str = "", text: str = "", unit_id: int | None = None
) -> QuerySet[Alert]:
    """The same in no order.

    Args:
        view: one of VIEWS; anything else reads as "open".
        level: an AlertLevel: that level and worse.
        text: every word must occur, accents do not matter; unit names count for those who see several units.
    """
    alerts = alerts_of(user)
    if view == "canary":
        alerts = alerts.filter(is_canary=True)
    elif view == "escalated":
        step = EscalationStep.COORDINATOR if user.is_provincial else EscalationStep.HEAD
        alerts = alerts.filter(status=AlertStatus.NEW, escalation__gte=step)
    elif view == "closed":
        alerts = alerts.exclude(status__in=OPEN)
    elif view != "all":
        alerts = alerts.filter(status__in=OPEN)
    if level in AlertLevel.values:
        alerts = alerts.filter(level__in=LEVEL_ORDER[LEVEL_ORDER.index(level) :])
    if unit_id is not None:
        alerts = alerts.filter(unit_id=unit_id)
    words = fold(text)[:200].split()[:10]
    if words:
        names = _folded_unit_names() if user.is_provincial else {}
        for word in words:
            units = [pk for pk, name in names.items() if word in name]
            alerts = alerts.filter(Q(search_text__contains=word) | Q(unit_id__in=units))
        if user.is_provincial and unit_id is None:
            alerts = alerts.filter(pk__gt=oldest_searched())
    return alerts


def newest_first(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    return alerts.order_by("-last_event_at", "-pk")


def oldest_searched() -> int:
    """Words are looked for in alerts with a greater number than this; 0: in all."""
    newest = Alert.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return max(0, newest - SEARCHED_NEWEST)


def _folded_unit_names() -> dict[int, str]:
    return {pk: fold(name) for pk, name in UnitVersion.objects.order_by("valid_from").values_list("unit_id", "name")}


def counts(user: User) -> dict[str, int]:
    """How many alerts wait for an answer, are being worked on, and have come up to the coordinator. One query each."""
    open_alerts = alerts_of(user).filter(status__in=OPEN, is_canary=False)
    return {
        "new": open_alerts.filter(status=AlertStatus.NEW).count(),
        "acknowledged": open_alerts.filter(status=AlertStatus.ACKNOWLEDGED).count(),
    }


def explanation(alert: Alert) -> RuleText:
    """What the alert's rule says to people."""
    return ruletexts.explain(alert)


@dataclass(frozen=True, slots=True)
class Answer:
    """One line of an alert's history."""

    at: datetime
    action: str
    actor: str
    detail: dict[str, Any]


def history(alert: Alert) -> list[Answer]:
    """Who did what with the alert, oldest first. The caller has checked that the alert may be seen."""
    events = AuditEvent.objects.filter(target_type=Alert._meta.label_lower, target_id=str(alert.pk)).order_by("pk")
    return [Answer(event.at, event.action, event.actor_label, event.detail) for event in events[:200]]


def told(alert: Alert) -> list[OutboundMessage]:
    return messages_about(alert)


def newest_detections(alert: Alert, limit: int = DETECTIONS_SHOWN) -> list[AlertDetection]:
    """The newest detections kept with the alert, newest first."""
    return list(alert.detections.select_related("source").order_by("-event_at", "-pk")[:limit])


def raw_events(alert: Alert, event_ids: list[int]) -> list[StoredEvent]:
    """The records behind a detection, from the lake; the alert's unit is named again, so no other unit's are shown."""
    return Lake(settings.DATA).events(
        event_ids[:EVENTS_SHOWN], unit_ids=registry.with_predecessors([alert.unit_id], partly=True)
    )


def strays() -> QuerySet[StrayDetection]:
    """Detections of units that do not exist: for coordinator and administrator."""
    return StrayDetection.objects.order_by("-pk")
