"""Conferences, inspection visits and their findings: to read."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.building import Operations
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row, UnitId
from dekhang.apps.briefings.selectors import briefings_of
from dekhang.apps.inspections.selectors import findings_of, visits_of

operations = Operations(Area.INSPECTIONS)
conferences = Operations(Area.BRIEFINGS)


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


class VisitRow(Row):
    id: int
    unit: UnitId
    checklist_title: str
    day: date
    purpose: str
    status: str
    lead: Person
    started_at: datetime | None
    concluded_at: datetime | None


class FindingRow(Row):
    id: int
    unit: UnitId
    visit: Annotated[int, Field(alias="visit_id")]
    severity: str
    text: str
    required: str
    due_on: date
    status: str
    raised_at: datetime
    ended_at: datetime | None


@conferences.read("/briefings", Page[BriefingRow])
def briefings(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Hội nghị, phổ biến mà tài khoản tổ chức hoặc được mời."""
    return page_of(briefings_of(request.user), limit, cursor)


@operations.read("/visits", Page[VisitRow])
def visits(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các cuộc kiểm tra."""
    found = visits_of(request.user)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.read("/findings", Page[FindingRow])
def findings(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Những điều phải khắc phục."""
    found = findings_of(request.user)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)
