"""The roster as of any date, and workbooks brought in: read, previewed, applied, undone."""

from datetime import date, datetime
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, File, Form, Schema
from ninja.files import UploadedFile

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, Text, day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row, UnitId
from dekhang.apps.registry.models import RosterImport
from dekhang.apps.registry.people import selectors, services, views
from dekhang.apps.registry.people.forms import ImportForm
from dekhang.apps.registry.people.policies import check_can_import
from dekhang.apps.registry.selectors import own_unit_id, visible_unit_ids

operations = Operations(Area.PEOPLE)


class Official(Schema):
    code: str
    name: str
    email: str
    phone: str


class EmploymentRow(Row):
    id: int
    unit: UnitId
    person: Official
    title: str
    valid_from: date
    valid_to: date | None


class Import(Row):
    """A workbook. `state`: waiting · reading · faulty · ready · applying · applied · undone · dropped."""

    id: int
    unit: Annotated[int | None, Field(alias="unit_id")]
    file_name: str
    sha256: str
    is_complete: bool
    day: date
    state: str
    progress: int
    problem: str
    rows: int
    joins: int
    moves: int
    corrections: int
    leaves: int
    unchanged: int
    faults: list[Any]
    uploaded_at: datetime
    uploaded_by: Person
    applied_at: datetime | None
    undone_at: datetime | None


class ChangeRow(Row):
    """One change that the import will make or has made. `row`: in the workbook; 0: somebody who is not in it."""

    id: int
    row: int
    kind: str
    unit: Annotated[int | None, Field(alias="unit_id")]
    person: Person
    after: dict[str, Any]


@operations.read("/employments", Page[EmploymentRow])
def roster(
    request: HttpRequest,
    day: Day = None,
    unit: int | None = None,
    q: Text = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Ai làm ở đâu vào một ngày, trong những đơn vị mà tài khoản xem được."""
    found = selectors.found(selectors.employments_of(request.user, day_of(day)), q)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.file("/employments.xlsx")
def export_roster(request: HttpRequest) -> HttpResponse:
    """Danh sách cán bộ hôm nay dưới dạng bảng tính; ai lấy được ghi lại."""
    return views.export(request)


@operations.file("/roster-imports/sample.xlsx")
def roster_sample(request: HttpRequest) -> HttpResponse:
    """Tệp mẫu."""
    return views.sample(request)


@operations.read("/roster-imports", Page[Import])
def imports(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các tệp danh sách đã đưa lên."""
    return page_of(selectors.imports_of(request.user), limit, cursor)


@operations.create("/roster-imports", Import)
def bring_roster(
    request: HttpRequest,
    body: Form[body_of(ImportForm)],  # type: ignore[valid-type]
    file: File[UploadedFile],
) -> Any:
    """Đưa lên một bảng tính: được đọc, rồi chờ xác nhận với bản xem trước; chưa đổi gì."""
    unit_id = own_unit_id(request.user)
    check_can_import(request.user, unit_id)
    facts = checked(ImportForm(typed(body), {"file": file}))
    return once(request, lambda: Import.from_orm(services.begin_import(unit_id=unit_id, by=request.user, **facts)))


def _import(request: HttpRequest, import_id: int) -> RosterImport:
    one = get_object_or_404(selectors.imports_of(request.user), pk=import_id)
    if one.unit_id is not None and one.unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return one


@operations.read("/roster-imports/{import_id}", Import)
def roster_import(request: HttpRequest, import_id: Id) -> RosterImport:
    """Một tệp: trạng thái, lỗi theo sheet, dòng, cột."""
    return _import(request, import_id)


@operations.read("/roster-imports/{import_id}/changes", Page[ChangeRow])
def roster_changes(
    request: HttpRequest, import_id: Id, kind: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Từng thay đổi mà tệp sẽ làm hoặc đã làm."""
    changes = _import(request, import_id).changes.select_related("person")
    return page_of(changes.filter(kind=kind) if kind else changes, limit, cursor)


@operations.do("/roster-imports/{import_id}/confirm", Import)
def confirm_roster(request: HttpRequest, import_id: Id) -> RosterImport:
    """Xác nhận: nạp tất cả, hoặc không gì cả."""
    services.confirm(one=_import(request, import_id), by=request.user)
    return _import(request, import_id)


@operations.do("/roster-imports/{import_id}/drop", Import)
def drop_roster(request: HttpRequest, import_id: Id) -> RosterImport:
    """Bỏ tệp chưa nạp."""
    services.drop(one=_import(request, import_id), by=request.user)
    return _import(request, import_id)


@operations.do("/roster-imports/{import_id}/undo", Import)
def undo_roster(request: HttpRequest, import_id: Id) -> RosterImport:
    """Hoàn tác một tệp đã nạp."""
    return services.undo(one=_import(request, import_id), by=request.user)
