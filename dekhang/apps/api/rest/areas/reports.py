"""Archived reports: found, downloaded as they were made, confirmed, submitted, received or returned."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.reports import policies, selectors, services, views
from dekhang.apps.reports.forms import ReturnForm
from dekhang.apps.reports.models import Report

operations = Operations(Area.REPORTS)


class PaperRow(Row):
    id: int
    unit: Annotated[int | None, Field(alias="unit_id")]
    kind: str
    day: date
    period_start: date
    period_end: date
    provisional: bool
    code: str
    inputs_sha256: str
    made_at: datetime
    state: str
    confirmed_at: datetime | None
    confirmed_by: Person
    submitted_at: datetime | None
    submitted_by: Person
    decided_at: datetime | None
    decided_by: Person
    return_reason: str


def _report(request: HttpRequest, report_id: int) -> Report:
    return get_object_or_404(selectors.reports_of(request.user), pk=report_id)


@operations.read("/reports", Page[PaperRow])
def reports(
    request: HttpRequest,
    kind: str = "",
    state: str = "",
    unit: int | None = None,
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Các báo cáo đã lập."""
    found = selectors.find(selectors.reports_of(request.user), kind=kind, state=state, unit_id=unit)
    return page_of(found, limit, cursor)


@operations.read("/reports/{report_id}", PaperRow)
def report(request: HttpRequest, report_id: Id) -> Report:
    """Một báo cáo."""
    return _report(request, report_id)


@operations.file("/reports/{report_id}/files/{form}")
def report_file(request: HttpRequest, report_id: Id, form: str) -> HttpResponse:
    """Tệp như đã lưu: docx, pdf, xlsx; ai lấy được ghi lại."""
    return views.file(request, report_id, form)


@operations.do("/reports/{report_id}/confirm", PaperRow)
def confirm(request: HttpRequest, report_id: Id) -> Report:
    """Thủ trưởng xác nhận."""
    return services.confirm(report=_report(request, report_id), by=request.user)


@operations.do("/reports/{report_id}/submit", PaperRow)
def submit(request: HttpRequest, report_id: Id) -> Report:
    """Gửi tới nơi nhận."""
    return services.submit(report=_report(request, report_id), by=request.user)


@operations.do("/reports/{report_id}/receive", PaperRow)
def receive(request: HttpRequest, report_id: Id) -> Report:
    """Tiếp nhận."""
    return services.receive(report=_report(request, report_id), by=request.user)


@operations.do("/reports/{report_id}/return", PaperRow)
def return_it(request: HttpRequest, report_id: Id, body: body_of(ReturnForm)) -> Report:  # type: ignore[valid-type]
    """Trả lại kèm lý do."""
    one = _report(request, report_id)
    policies.check_can_decide(request.user, one)
    return services.return_it(report=one, reason=checked(ReturnForm(typed(body)))["reason"], by=request.user)
