"""Alerts: the list as on the page, one with its detections and raw records, and what people do with it."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Query

from dekhang.apps.alerts import policies, selectors, services
from dekhang.apps.alerts.forms import ClosingForm
from dekhang.apps.alerts.models import Alert
from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Text
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row, UnitId
from dekhang.apps.api.rest.stored import Event, shown

operations = Operations(Area.ALERTS)


class AlertRow(Row):
    id: int
    unit: UnitId
    source: Annotated[int | None, Field(alias="source_id")]
    rule_id: str
    family: str
    entity: str
    host: str
    title: str
    level: str
    is_canary: bool
    status: str
    created_at: datetime
    first_event_at: datetime
    last_event_at: datetime
    detection_count: int
    event_count: int
    acknowledged_at: datetime | None
    acknowledged_by: Person
    closed_at: datetime | None
    closed_by: Person
    closing_note: str
    escalation: int
    escalated_at: datetime | None


class Detection(Row):
    id: int
    rule_id: str
    rule_title: str
    level: str
    event_at: datetime
    host: str
    fields: dict[str, Any]
    count: int
    event_ids: list[int]


class HistoryLine(Row):
    at: datetime
    action: str
    actor: str


class AlertDetail(AlertRow):
    """`meaning`, `first_actions`: what the rule says to people."""

    meaning: str
    first_actions: list[str]
    detections: list[Detection]
    history: list[HistoryLine]


class Stray(Row):
    """A detection of a unit that does not exist."""

    id: int
    detection_id: int
    unit: UnitId
    source: Annotated[int, Field(alias="source_id")]
    rule_id: str
    title: str
    event_at: datetime


def _alert(request: HttpRequest, alert_id: int) -> Alert:
    alerts = selectors.alerts_of(request.user).select_related("acknowledged_by", "closed_by")
    return get_object_or_404(alerts, pk=alert_id)


@operations.read("/alerts", Page[AlertRow])
def alerts(
    request: HttpRequest,
    view: Annotated[str, Query("open", description="open, escalated, closed, canary, all")] = "open",
    level: str = "",
    unit: int | None = None,
    q: Text = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Cảnh báo, mới nhất trước; các bộ lọc như trên trang."""
    found = selectors.matching(request.user, view=view, level=level, text=q, unit_id=unit)
    return page_of(found.select_related("acknowledged_by", "closed_by"), limit, cursor)


@operations.read("/alerts/{alert_id}", AlertDetail)
def alert(request: HttpRequest, alert_id: Id) -> AlertDetail:
    """Một cảnh báo: nghĩa là gì, làm gì trước, các lần phát hiện, ai đã làm gì."""
    one = _alert(request, alert_id)
    said = selectors.explanation(one)
    return AlertDetail(
        **AlertRow.from_orm(one).dict(),
        meaning=said.meaning_vi,
        first_actions=list(said.first_actions_vi),
        detections=[Detection.from_orm(found) for found in selectors.newest_detections(one)],
        history=[HistoryLine.from_orm(line) for line in selectors.history(one)],
    )


@operations.read("/alerts/{alert_id}/detections/{detection_id}/events", list[Event])
def raw_events(request: HttpRequest, alert_id: Id, detection_id: Id) -> list[dict[str, Any]]:
    """Các bản ghi gốc sau một lần phát hiện."""
    one = _alert(request, alert_id)
    detection = get_object_or_404(one.detections, pk=detection_id)
    return [shown(event) for event in selectors.raw_events(one, detection.event_ids or [detection.event_id])]


@operations.do("/alerts/{alert_id}/acknowledge", AlertRow)
def acknowledge(request: HttpRequest, alert_id: Id) -> Alert:
    """Tiếp nhận."""
    return services.acknowledge(alert=_alert(request, alert_id), by=request.user)


@operations.do("/alerts/{alert_id}/resolve", AlertRow)
def resolve(request: HttpRequest, alert_id: Id, body: body_of(ClosingForm)) -> Alert:  # type: ignore[valid-type]
    """Đã xử lý xong; ghi đã làm gì."""
    one = _alert(request, alert_id)
    policies.check_can_resolve(request.user, one)
    return services.resolve(alert=one, note=checked(ClosingForm(typed(body)))["note"], by=request.user)


@operations.do("/alerts/{alert_id}/false-alarm", AlertRow)
def false_alarm(request: HttpRequest, alert_id: Id, body: body_of(ClosingForm)) -> Alert:  # type: ignore[valid-type]
    """Báo nhầm; ghi vì sao."""
    one = _alert(request, alert_id)
    policies.check_can_mark_false_alarm(request.user, one)
    return services.mark_false_alarm(alert=one, note=checked(ClosingForm(typed(body)))["note"], by=request.user)


@operations.do("/alerts/{alert_id}/reopen", AlertRow)
def reopen(request: HttpRequest, alert_id: Id) -> Alert:
    """Mở lại."""
    return services.reopen(alert=_alert(request, alert_id), by=request.user)


@operations.read("/stray-detections", Page[Stray])
def strays(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Phát hiện không rõ đơn vị."""
    policies.check_can_see_strays(request.user)
    return page_of(selectors.strays(), limit, cursor)
