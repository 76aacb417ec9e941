"""Who can be reached: contacts, post holders and providers, worst first; calling them."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Path, Schema
from ninja.responses import Status

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Text
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.paging import BIGGEST, Cursor, Limit, Page, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.contacts import selectors, services
from dekhang.apps.contacts.liveness import Line
from dekhang.apps.contacts.targets import Target
from dekhang.apps.registry.search import found_in

operations = Operations(Area.REGISTRY)
Unit = Annotated[int, Path(ge=0, le=BIGGEST, description="0: của doanh nghiệp, không của đơn vị nào")]


class TargetRow(Schema):
    """One address at which somebody must answer. `of`: contacts · users · providers; `unit` 0: a provider's.

    `state`: dead · unknown · asked · alive; `why`, `step`: sentences, "" when all is well.
    """

    of: str
    id: int
    unit: int
    name: str
    address: str
    state: str
    answered_at: datetime | None
    counts_until: datetime | None
    missed: int
    why: str
    step: str


def _row(line: Line) -> dict[str, Any]:
    target = line.target
    return {
        "of": target.kinds,
        "id": target.pk,
        "unit": target.unit_id or 0,
        "name": target.name,
        "address": target.address,
        "state": line.state,
        "answered_at": line.answered_at,
        "counts_until": line.counts_until,
        "missed": line.missed,
        "why": line.why,
        "step": line.step,
    }


@operations.read("/contact-lines", Page[TargetRow])
def lines(
    request: HttpRequest,
    unit: int | None = None,
    state: str = "",
    q: Text = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Ai liên lạc được, ai không: đầu mối, người giữ vị trí, trực của doanh nghiệp; việc gấp trước."""
    found = [
        line
        for line in selectors.lines_seen_by(request.user)
        if (unit is None or line.target.unit_id == unit)
        and (not state or line.state == state)
        and found_in(q, line.target.name, line.target.address)
    ]
    page = page_of_list(found, limit, cursor)
    return page | {"rows": [_row(line) for line in page["rows"]]}


def _target(request: HttpRequest, of: str, target_id: int, unit: int) -> Target:
    target = selectors.target_seen_by(request.user, of.removesuffix("s"), target_id, unit)
    if target is None:
        raise not_found()
    return target


@operations.do("/contact-lines/{of}/{target_id}/{unit}/call")
def call(request: HttpRequest, of: str, target_id: Id, unit: Unit) -> Any:
    """Gửi lời gọi thử."""
    services.call(target=_target(request, of, target_id, unit), by=request.user)
    return Status(204, None)


@operations.do("/contact-lines/{of}/{target_id}/{unit}/spoken")
def spoken(request: HttpRequest, of: str, target_id: Id, unit: Unit) -> Any:
    """Đã gọi điện, có người trả lời."""
    services.say_spoken(target=_target(request, of, target_id, unit), by=request.user)
    return Status(204, None)
