"""How long logs are kept and why; holds placed and lifted."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.retention import policies, selectors, services
from dekhang.apps.retention.forms import HoldForm, LiftForm
from dekhang.apps.retention.models import LegalHold

operations = Operations(Area.RETENTION)


class Term(Row):
    """How long events of a level's systems are kept; `level` None: not decided."""

    level: int | None
    days: int
    asked: int
    basis: list[str]
    sources: int


class Hold(Row):
    id: int
    unit: Annotated[int | None, Field(alias="unit_id")]
    source: Annotated[int | None, Field(alias="source_id")]
    since: datetime | None
    until: datetime | None
    reason: str
    document: str
    ends_on: date | None
    placed_at: datetime
    placed_by: Person
    lifted_at: datetime | None
    lifted_by: Person
    lift_reason: str


@operations.read("/retention", list[Term])
def terms(request: HttpRequest) -> list[Any]:
    """Thời hạn lưu theo cấp độ, với căn cứ."""
    return selectors.terms_seen_by(request.user)


@operations.read("/holds", Page[Hold])
def holds(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Lệnh giữ; chỉ cơ quan của tỉnh thấy."""
    return page_of(selectors.holds_seen_by(request.user), limit, cursor)


@operations.create("/holds", Hold)
def place_hold(request: HttpRequest, body: body_of(HoldForm)) -> Any:  # type: ignore[valid-type]
    """Ra lệnh giữ."""
    policies.check_can_place_hold(request.user)
    facts = checked(HoldForm(typed(body)))
    return once(request, lambda: Hold.from_orm(services.place_hold(**facts, by=request.user)))


@operations.do("/holds/{hold_id}/lift", Hold)
def lift_hold(request: HttpRequest, hold_id: Id, body: body_of(LiftForm)) -> LegalHold:  # type: ignore[valid-type]
    """Gỡ lệnh giữ."""
    hold = get_object_or_404(selectors.holds_seen_by(request.user), pk=hold_id)
    reason = checked(LiftForm(typed(body)))["reason"]
    services.lift_hold(hold=hold, reason=reason, by=request.user)
    hold.refresh_from_db()
    return hold
