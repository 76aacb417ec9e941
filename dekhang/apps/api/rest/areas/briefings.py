"""Conferences: to read."""

from datetime import datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.building import Operations
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Row
from dekhang.apps.briefings import selectors

operations = Operations(Area.BRIEFINGS)


class BriefingRow(Row):
    id: int
    unit: Annotated[int | None, Field(alias="unit_id")]
    title: str
    about: str
    starts_at: datetime
    ends_at: datetime
    place: str
    link: str
    status: str


@operations.read("/briefings", Page[BriefingRow])
def briefings(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Hội nghị, phổ biến mà tài khoản tổ chức hoặc được mời."""
    return page_of(selectors.briefings_of(request.user), limit, cursor)
