"""Reports: made, found, downloaded as they were made, compared, confirmed, submitted, received or returned; who is late."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, Schema

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.apps.reports import archive, policies, selectors, services, views
from dekhang.apps.reports.forms import MakeForm, ReturnForm
from dekhang.apps.reports.kinds import KINDS
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


class Making(Schema):
    """`texts`: the words that people add, by the kind's own keys. `start`: not for papers of one day."""

    day: date
    start: date | None = None
    number: str = ""
    recipients: str = ""
    signer_title: str = ""
    signer_name: str = ""
    texts: dict[str, str] = {}


class Compared(Row):
    """The report made again from its kept data. `faults`: something is not what it was."""

    good: bool
    same: list[str]
    faults: list[str]
    remarks: list[str]


class Followed(Schema):
    """A unit's report of the period; `state` is empty where none was made."""

    unit: int
    name: str
    report: int | None
    state: str
    overdue_days: int


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


def _make(request: HttpRequest, kind: str, unit_id: int | None, body: Making) -> Any:
    wanted = KINDS.get(kind)
    if wanted is None or ("province" if unit_id is None else "unit") not in wanted.subjects:
        raise not_found()
    policies.check_can_make(request.user, kind, unit_id)
    given = typed(body)
    form = MakeForm(given | {f"text_{key}": text for key, text in given.pop("texts").items()}, kind=wanted)
    checked(form)
    asked = views._asked(form, kind, unit_id)
    return once(request, lambda: PaperRow.from_orm(services.make(asked=asked, by=request.user)))


@operations.create("/reports/province/{kind}", PaperRow)
def make(request: HttpRequest, kind: str, body: Making) -> Any:
    """Lập một báo cáo của tỉnh; lưu trữ ngay."""
    return _make(request, kind, None, body)


@operations.create("/units/{unit_id}/reports/{kind}", PaperRow)
def make_of_unit(request: HttpRequest, unit_id: Id, kind: str, body: Making) -> Any:
    """Lập một báo cáo của đơn vị; lưu trữ ngay."""
    if unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return _make(request, kind, unit_id, body)


@operations.read("/reports/follow", Page[Followed])
def follow(request: HttpRequest, period: str = "", limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Đơn vị nào đã gửi báo cáo của kỳ, đơn vị nào muộn; `period`: khóa trong lịch báo cáo."""
    policies.check_can_follow(request.user)
    periods = selectors.periods_followed()
    current = next((one for one in periods if one.entry.key == period), None if period else next(iter(periods), None))
    if current is None and period:
        raise not_found()
    rows = selectors.follow(current) if current else []
    page = page_of_list(sorted(rows, key=lambda row: (-row.overdue_days, row.unit.name)), limit, cursor)
    return page | {
        "rows": [
            {
                "unit": row.unit.unit_id,
                "name": row.unit.name,
                "report": row.report.pk if row.report else None,
                "state": row.state,
                "overdue_days": row.overdue_days,
            }
            for row in page["rows"]
        ]
    }


@operations.read("/reports/{report_id}", PaperRow)
def report(request: HttpRequest, report_id: Id) -> Report:
    """Một báo cáo."""
    return _report(request, report_id)


@operations.file("/reports/{report_id}/files/{form}")
def report_file(request: HttpRequest, report_id: Id, form: str) -> HttpResponse:
    """Tệp như đã lưu: docx, pdf, xlsx; ai lấy được ghi lại."""
    return views.file(request, report_id, form)


@operations.do("/reports/{report_id}/compare", Compared)
def compare(request: HttpRequest, report_id: Id) -> archive.Comparison:
    """Lập lại từ dữ liệu đã lưu và so từng byte."""
    one = _report(request, report_id)
    comparison = archive.compare(one)
    services.record_comparison(report=one, faults=len(comparison.faults), by=request.user)
    return comparison


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
