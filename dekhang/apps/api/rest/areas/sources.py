"""Log sources: connected, changed, watched; their silences, uploads, canaries; what could be seen; who knocks unknown."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from ninja import Field, File, Schema
from ninja.files import UploadedFile

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row, UnitId, Words, fields
from dekhang.apps.api.rest.stored import Event, shown
from dekhang.apps.api.rest.versions import check_unchanged, rendered
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import intakehealth, policies, seeing, selectors, services, shippers
from dekhang.apps.sources import views as pages
from dekhang.apps.sources.enums import CANARY_KINDS, SourceKind, SourceState
from dekhang.apps.sources.forms import CanaryPlanForm, ChangeForm, QuotaForm, RenewForm, SourceForm
from dekhang.apps.sources.models import Canary, LogSource

operations = Operations(Area.SOURCES)


class SourceRow(Row):
    id: int
    unit: UnitId
    name: str
    kind: str
    system: Annotated[int | None, Field(alias="system_id")]
    addresses: list[str]
    hosts: list[str]
    certificates: list[str]
    cadence_seconds: int
    cadence_fixed: bool
    quota_eps: int
    state: str
    state_since: datetime
    state_reason: str
    first_event_at: datetime | None
    last_event_at: datetime | None
    retired_at: datetime | None


class Account(Row):
    """Records since the beginning: received = stored + refused + duplicate + waiting."""

    received: int
    stored: int
    refused: int
    duplicate: int
    waiting: int
    unparsable: int
    late: int


class Refusal(Row):
    label: Words
    fix: Words
    records: int
    last_at: datetime
    example: str


class Health(Schema):
    """How a source does: its account, why records were refused, its newest records."""

    source: SourceRow
    account: Account
    refusals: list[Refusal]
    newest: list[Event]


class NewSource(SourceRow):
    """`token` is told now and never again."""

    token: str


class Token(Schema):
    token: str


class SilenceRow(Row):
    id: int
    unit: UnitId
    source: Annotated[int, Field(alias="source_id")]
    since: datetime
    noticed_at: datetime
    ended_at: datetime | None
    cause: str
    blind_rules: int
    blind: list[Any]


class UploadRow(Schema):
    """records = stored + duplicate + waiting."""

    id: int
    name: str
    sha256: str
    uploaded_at: datetime
    state: str
    percent: int | None
    records: int
    stored: int
    duplicate: int
    waiting: int
    problem: str


class CanaryRow(Row):
    """`marker` is what the unit's machine must emit."""

    id: int
    unit: UnitId
    source: Annotated[int, Field(alias="source_id")]
    marker: str
    state: str
    started_at: datetime
    arrived_at: datetime | None
    detected_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: Person
    failed_at: datetime | None
    failure: str


class CallRow(Row):
    id: int
    unit: UnitId
    source: Annotated[int, Field(alias="source_id")]
    marker: str
    asked_at: datetime
    expires_at: datetime


class CanaryPlan(Schema):
    kind: str
    every_days: int
    from_hour: int
    to_hour: int
    paused_until: datetime | None


class Seen(Row):
    """How much could be seen at a unit, as computed last."""

    unit: UnitId
    computed_at: datetime
    seen: int
    partly: int
    blind: int
    visible_rules: int
    rules: int


class Technique(Row):
    key: str
    name: str
    state: str
    visible: int
    rules: int
    why: str


class SeenMap(Seen):
    techniques: list[Technique]


class TechniqueRule(Row):
    title: str
    label: str
    level: str
    state: str
    why: str


class Sender(Row):
    peer: str
    reason: str
    label: Words
    fix: Words
    records: int
    last_at: datetime


class IntakeLine(Schema):
    source: SourceRow
    stored: int
    refused: int
    duplicate: int
    waiting: int
    late: int
    missing: int
    foreign: int


def _source(request: HttpRequest, source_id: int) -> LogSource:
    return get_object_or_404(selectors.sources_of(request.user), pk=source_id)


@operations.read("/sources", Page[SourceRow])
def sources(
    request: HttpRequest, unit: int | None = None, state: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Nguồn log; không nêu `state` thì không kể nguồn đã ngừng."""
    found = selectors.sources_of(request.user)
    found = found.filter(state=state) if state in SourceState.values else found.exclude(state=SourceState.RETIRED)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.create("/source-kinds/{kind}/sources", NewSource)
def connect(request: HttpRequest, kind: str, body: body_of(SourceForm)) -> Any:  # type: ignore[valid-type]
    """Kết nối một nguồn log của đơn vị mình. Mã nguồn hiện một lần."""
    if kind not in SourceKind.values:
        raise not_found()
    unit_id = registry.own_unit_id(request.user)
    policies.check_can_connect(request.user, unit_id)
    assert unit_id is not None
    facts = checked(SourceForm(typed(body), unit_id=unit_id))

    def make() -> NewSource:
        source, token = services.create_source(unit_id=unit_id, kind=kind, by=request.user, **facts)
        return NewSource(**SourceRow.from_orm(source).dict(), token=token)

    return once(request, make, secret="token")  # noqa: S106 - the name of a field


@operations.read("/sources/{source_id}", SourceRow)
def source(request: HttpRequest, source_id: Id) -> LogSource:
    """Một nguồn log."""
    return _source(request, source_id)


@operations.read("/sources/{source_id}/health", Health)
def health(request: HttpRequest, source_id: Id) -> dict[str, Any]:
    """Nguồn có khỏe không: sổ nhận, lý do từ chối, bản ghi mới nhất."""
    one = _source(request, source_id)
    account = selectors.ledger_of(one)
    return {
        "source": one,
        "account": account,
        "refusals": selectors.refusals(account),
        "newest": [shown(event) for event in selectors.newest_events(one)],
    }


@operations.change("/sources/{source_id}", SourceRow)
def change(request: HttpRequest, source_id: Id, body: body_of(ChangeForm)) -> LogSource:  # type: ignore[valid-type]
    """Sửa nguồn; gửi `If-Match` để không đè lên sửa đổi của người khác."""
    one = _source(request, source_id)
    policies.check_can_change(request.user, one)
    check_unchanged(request, rendered(SourceRow, one))
    return services.change(source=one, by=request.user, **checked(ChangeForm(typed(body), source=one)))


@operations.do("/sources/{source_id}/token", Token)
def renew_token(request: HttpRequest, source_id: Id, body: body_of(RenewForm)) -> dict[str, str]:  # type: ignore[valid-type]
    """Cấp mã nguồn mới; mã cũ còn được nhận `keep_hours` giờ."""
    one = _source(request, source_id)
    policies.check_can_change(request.user, one)
    keep = timedelta(hours=checked(RenewForm(typed(body)))["keep_hours"])
    return {"token": services.renew_token(source=one, by=request.user, keep_former=keep)}


@operations.do("/sources/{source_id}/end-former-token", SourceRow)
def end_former_token(request: HttpRequest, source_id: Id) -> LogSource:
    """Ngừng nhận mã cũ."""
    return services.end_former_token(source=_source(request, source_id), by=request.user)


@operations.do("/sources/{source_id}/quota", SourceRow)
def quota(request: HttpRequest, source_id: Id, body: body_of(QuotaForm)) -> LogSource:  # type: ignore[valid-type]
    """Đặt hạn mức của một nguồn."""
    one = _source(request, source_id)
    policies.check_can_set_quota(request.user)
    return services.set_quota(source=one, by=request.user, **checked(QuotaForm(typed(body))))


@operations.do("/sources/{source_id}/retire", SourceRow)
def retire(request: HttpRequest, source_id: Id) -> LogSource:
    """Ngừng dùng nguồn."""
    return services.retire(source=_source(request, source_id), by=request.user)


@operations.do("/sources/{source_id}/restore", SourceRow)
def restore(request: HttpRequest, source_id: Id) -> LogSource:
    """Dùng lại nguồn đã ngừng."""
    return services.restore(source=_source(request, source_id), by=request.user)


@operations.file("/sources/{source_id}/configurations/{shipper}")
def configuration(request: HttpRequest, source_id: Id, shipper: str) -> HttpResponse:
    """Cấu hình cho một chương trình gửi, với chỗ trống thay cho mã nguồn."""
    one = _source(request, source_id)
    policies.check_can_change(request.user, one)
    chosen = shippers.shipper_of(one.kind, shipper)
    if chosen is None or not chosen.filename:
        raise not_found()
    try:
        text = shippers.configuration(chosen, source_id=one.pk, token=None)
    except ValueError as fault:  # the administrator's setting
        raise ActionDenied(str(fault)) from fault
    return HttpResponse(shippers.download(chosen, text), content_type="text/plain; charset=utf-8")


@operations.file("/intake/authority.pem")
def authority(request: HttpRequest) -> HttpResponse:
    """Chứng chỉ gốc của máy nhận."""
    return pages.authority(request)


@operations.read("/sources/{source_id}/uploads", list[UploadRow])
def uploads(request: HttpRequest, source_id: Id) -> list[dict[str, Any]]:
    """Các tệp log đã tải lên, đọc tới đâu."""
    return [_upload(one) for one in selectors.uploads(_source(request, source_id))]


def _upload(one: selectors.UploadProgress) -> dict[str, Any]:
    return fields(
        one,
        ("state", "percent", "records", "stored", "duplicate", "waiting", "problem"),
        **fields(one.upload, ("id", "name", "sha256", "uploaded_at")),
    )


@operations.create("/sources/{source_id}/uploads", UploadRow)
def upload(request: HttpRequest, source_id: Id, file: File[UploadedFile]) -> Any:
    """Tải lên một tệp log."""
    one = _source(request, source_id)
    policies.check_can_change(request.user, one)

    def make() -> UploadRow:
        services.store_upload(source=one, file=file, name=file.name or "", by=request.user)
        return UploadRow(**_upload(selectors.uploads(one, 1)[0]))

    return once(request, make)


@operations.read("/silences", Page[SilenceRow])
def silences(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các lần nguồn im lặng."""
    found = selectors.silences_of(request.user)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.read("/silences/{silence_id}", SilenceRow)
def silence(request: HttpRequest, silence_id: Id) -> Any:
    """Một lần im lặng: từ bao giờ, vì sao, mù những gì."""
    return get_object_or_404(selectors.silences_of(request.user), pk=silence_id)


# --- canaries ---


@operations.read("/canaries", Page[CanaryRow])
def canaries(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các phép thử khả năng ghi nhận."""
    found = selectors.canaries_of(request.user).select_related("acknowledged_by")
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


@operations.read("/canaries/{canary_id}", CanaryRow)
def canary(request: HttpRequest, canary_id: Id) -> Any:
    """Một phép thử: dấu vết đã tới đâu."""
    return _canary(request, canary_id)


def _canary(request: HttpRequest, canary_id: int) -> Canary:
    return get_object_or_404(selectors.canaries_of(request.user).select_related("acknowledged_by"), pk=canary_id)


@operations.create("/sources/{source_id}/canaries", CanaryRow)
def start_canary(request: HttpRequest, source_id: Id) -> Any:
    """Bắt đầu một phép thử: máy của nguồn phải ghi ra `marker`."""
    one = _source(request, source_id)
    return once(request, lambda: CanaryRow.from_orm(services.start_canary(source=one, by=request.user)))


@operations.do("/canaries/{canary_id}/cancel", CanaryRow)
def cancel_canary(request: HttpRequest, canary_id: Id) -> Canary:
    """Hủy một phép thử vừa bắt đầu nhầm."""
    services.cancel_canary(canary=_canary(request, canary_id), by=request.user)
    return _canary(request, canary_id)


@operations.read("/canary-calls", Page[CallRow])
def canary_calls(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Phép thử mà hệ thống đang chờ các máy tự làm."""
    return page_of(selectors.open_calls(request.user), limit, cursor)


@operations.read("/canary-plans/{kind}", CanaryPlan)
def canary_plan(request: HttpRequest, kind: str) -> dict[str, Any]:
    """Lịch thử của đơn vị mình."""
    return _plan(_planning_unit(request, kind), kind)


@operations.change("/canary-plans/{kind}", CanaryPlan)
def change_canary_plan(request: HttpRequest, kind: str, body: body_of(CanaryPlanForm)) -> dict[str, Any]:  # type: ignore[valid-type]
    """Đặt lịch thử của đơn vị mình."""
    unit_id = _planning_unit(request, kind)
    check_unchanged(request, rendered(CanaryPlan, _plan(unit_id, kind)))
    services.change_plan(unit_id=unit_id, kind=kind, by=request.user, **checked(CanaryPlanForm(typed(body))))
    return _plan(unit_id, kind)


def _planning_unit(request: HttpRequest, kind: str) -> int:
    unit_id = registry.own_unit_id(request.user)
    if kind not in CANARY_KINDS or unit_id is None:
        raise not_found()
    policies.check_can_plan_canaries(request.user, unit_id)
    return unit_id


def _plan(unit_id: int, kind: str) -> dict[str, Any]:
    return fields(services.plan_of(unit_id, kind), ("every_days", "from_hour", "to_hour", "paused_until"), kind=kind)


# --- what could be seen ---


@operations.read("/detectability", Page[Seen])
def detectability(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Khả năng thấy tấn công của các đơn vị mà tài khoản xem được."""
    return page_of_list([stored for _name, stored, _gain in seeing.maps_of(request.user)], limit, cursor)


def _map(request: HttpRequest, unit_id: int) -> seeing.UnitMap:
    found = seeing.of_unit(request.user, unit_id) if unit_id in registry.visible_unit_ids(request.user) else None
    if found is None:
        raise not_found()
    return found


@operations.read("/units/{unit_id}/detectability", SeenMap)
def detectability_of(request: HttpRequest, unit_id: Id) -> SeenMap:
    """Kỹ thuật nào thấy được ở đơn vị, vì sao không."""
    found = _map(request, unit_id)
    rows = {row.key: row for tactic in found.tactics for row in tactic.techniques}
    techniques = [Technique.from_orm(row) for row in rows.values()]
    return SeenMap(**Seen.from_orm(found.stored).dict(), techniques=techniques)


@operations.read("/units/{unit_id}/detectability/{technique}", list[TechniqueRule])
def technique(request: HttpRequest, unit_id: Id, technique: str) -> list[Any]:
    """Các luật sau một kỹ thuật ở đơn vị."""
    found = _map(request, unit_id)
    if technique not in {row.key for tactic in found.tactics for row in tactic.techniques}:
        raise not_found()
    return seeing.rules_of(unit_id, technique)


@operations.file("/units/{unit_id}/detectability.csv")
def detectability_csv(request: HttpRequest, unit_id: Id) -> HttpResponse:
    """Bản đồ khả năng thấy, dạng CSV; ai lấy được ghi lại."""
    return pages.detectability_csv(request, unit_id)


# --- intake of all units ---


@operations.read("/intake", Page[IntakeLine])
def intake(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Việc nhận log của mọi nguồn; cho cơ quan điều phối và quản trị."""
    policies.check_can_see_intake(request.user)
    found = list(selectors.sources_of(request.user).exclude(state=SourceState.RETIRED).order_by("pk"))
    return page_of_list(intakehealth.intake_of_all(found), limit, cursor)


@operations.read("/unknown-senders", Page[Sender])
def unknown_senders(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Máy gửi chưa đăng ký."""
    policies.check_can_see_unknown_senders(request.user)
    return page_of_list(selectors.unknown_senders(), limit, cursor)
