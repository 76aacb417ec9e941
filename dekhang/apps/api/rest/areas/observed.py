"""The register held against what the logs show: what is outside it, registered or said to be another's."""

from datetime import datetime
from typing import Any

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import Field, Schema

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row, UnitId
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.observed import policies, selectors, services
from dekhang.apps.observed.comparing import Seen
from dekhang.apps.observed.forms import DismissForm, RegisterForm
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.selectors import counted_units, visible_unit_ids

operations = Operations(Area.REGISTRY)


class SeenRow(Row):
    """`key` is what the other operations take."""

    key: str
    kind: str
    name: str
    records: int
    days: int
    first_at: datetime
    last_at: datetime
    sources: list[int] = Field(alias="source_ids")


class DismissalRow(Row):
    id: int
    unit: UnitId
    kind: str
    name: str
    reason: str
    decided_at: datetime
    decided_by: Person
    undone_at: datetime | None


class Differences(Schema):
    """`more`: records of names for which there was no room."""

    unit: int
    outside: list[SeenRow]
    dismissed: list[DismissalRow]
    unseen_names: list[str]
    unseen_systems: list[str]
    unseen_sources: list[str]
    more: int


class Waiting(Schema):
    """How many things of a unit are outside the register, and how many of the register were never seen."""

    unit: int
    outside: int
    unseen: int


class SystemNameRow(Row):
    id: int
    system: int = Field(alias="system_id")
    kind: str
    name: str


class Registering(body_of(RegisterForm, "RegisteringFields")):  # type: ignore[misc]
    seen: str = Field(max_length=300)


class Dismissing(body_of(DismissForm, "DismissingFields")):  # type: ignore[misc]
    seen: str = Field(max_length=300)


def _unit(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return unit_id


def _seen(unit_id: int, key: str) -> Seen:
    """What is really outside the unit's register now."""
    seen = next((one for one in selectors.comparison(unit_id).outside if one.key == key), None)
    if seen is None:
        raise ActionDenied(_("Mục này không còn trong danh sách: đã được đăng ký, đã có trả lời, hoặc không còn thấy."))
    return seen


@operations.read("/observed", Page[Waiting])
def observed(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Đơn vị nào còn máy, tên miền thấy trong nhật ký mà chưa đăng ký."""
    visible = visible_unit_ids(request.user)
    units = [pk for pk in counted_units().values_list("unit_id", flat=True) if pk in visible]
    found = [one for one in selectors.comparisons(units).values() if one.outside or one.unseen]
    found.sort(key=lambda one: (-len(one.outside), -one.unseen, one.unit_id))
    page = page_of_list(found, limit, cursor)
    return page | {
        "rows": [{"unit": one.unit_id, "outside": len(one.outside), "unseen": one.unseen} for one in page["rows"]]
    }


@operations.read("/units/{unit_id}/observed", Differences)
def observed_of_unit(request: HttpRequest, unit_id: Id) -> dict[str, Any]:
    """Đã đăng ký và thực thấy của một đơn vị."""
    one = selectors.comparison(_unit(request, unit_id))
    return {
        "unit": one.unit_id,
        "outside": one.outside,
        "dismissed": one.dismissed,
        "unseen_names": [name.name for name in one.unseen_names],
        "unseen_systems": [system.name for system in one.unseen_systems],
        "unseen_sources": [source.name for source in one.unseen_sources],
        "more": one.more,
    }


@operations.create("/units/{unit_id}/observed/register", SystemNameRow)
def register_seen(request: HttpRequest, unit_id: Id, body: Registering) -> Any:
    """Đăng ký một thứ đã thấy vào một hệ thống."""
    policies.check_can_decide(request.user, _unit(request, unit_id))
    facts = checked(RegisterForm(typed(body), unit_id=unit_id))
    return once(
        request,
        lambda: SystemNameRow.from_orm(
            services.register(unit_id=unit_id, seen=_seen(unit_id, body.seen), by=request.user, **facts)
        ),
    )


@operations.create("/units/{unit_id}/observed/dismiss", DismissalRow)
def dismiss_seen(request: HttpRequest, unit_id: Id, body: Dismissing) -> Any:
    """“Không phải của chúng tôi”, kèm lý do."""
    policies.check_can_decide(request.user, _unit(request, unit_id))
    facts = checked(DismissForm(typed(body)))
    return once(
        request,
        lambda: DismissalRow.from_orm(
            services.dismiss(unit_id=unit_id, seen=_seen(unit_id, body.seen), by=request.user, **facts)
        ),
    )


@operations.do("/dismissals/{dismissal_id}/undo", DismissalRow)
def undo_dismissal(request: HttpRequest, dismissal_id: Id) -> Dismissal:
    """Rút lại câu trả lời ấy."""
    visible = visible_unit_ids(request.user)
    one = get_object_or_404(Dismissal, pk=dismissal_id, unit_id__in=visible)
    return services.undo(dismissal=one, by=request.user)
