"""Inspections: samples, visits with their checklist, findings with what was done about them, minutes."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, File, Form, Schema
from ninja.files import UploadedFile

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row, UnitId
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.inspections import policies, selectors, services
from dekhang.apps.inspections.enums import VisitStatus
from dekhang.apps.inspections.forms import FollowUpForm, ItemForm, NoteForm, SampleForm, VisitForm
from dekhang.apps.inspections.models import Finding, Item, Sample, Visit
from dekhang.apps.inspections.services.drawing import redraw
from dekhang.apps.inspections.views.findings import follow_up_file as follow_up_file_of
from dekhang.apps.inspections.views.visits import finding_form_of
from dekhang.apps.inspections.views.visits import minutes as minutes_of
from dekhang.apps.registry.selectors import counted_units

operations = Operations(Area.INSPECTIONS)


class SampleRow(Row):
    """`quotas`: block → [by risk, at random]."""

    id: int
    title: str
    drawn_at: datetime
    drawn_by: Person
    seed: str
    quotas: dict[str, list[int]]


class DrawnUnit(Row):
    unit: UnitId
    block: str
    way: str
    rank: int
    risk: int
    reasons: list[str]


class SampleDetail(Schema):
    """`same`: drawn again from the kept seed it is the same sample."""

    sample: SampleRow
    drawn: list[DrawnUnit]
    same: bool


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


class ItemRow(Schema):
    """`result` and the texts are empty for the unit until the visit is concluded."""

    id: int
    number: int
    group: str
    text: str
    duty: str
    basis: list[str]
    result: str
    note: str
    seen: str


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


class FollowUpRow(Row):
    """`verified` is None until somebody has judged it."""

    id: int
    finding: Annotated[int, Field(alias="finding_id")]
    text: str
    file_name: str
    sha256: str
    filed_at: datetime
    filed_by: Person
    verified: bool | None
    judged_at: datetime | None
    judged_by: Person
    judgement: str


class FindingDetail(Schema):
    finding: FindingRow
    follow_ups: list[FollowUpRow]


class MinutesRow(Row):
    id: int
    visit: Annotated[int, Field(alias="visit_id")]
    sha256: str
    made_at: datetime
    made_by: Person


class VisitDetail(Schema):
    """Findings, minutes and the conclusion: for the unit once the visit is concluded."""

    visit: VisitRow
    members: list[Person]
    conclusion: str
    unit_view: str
    items: list[ItemRow]
    findings: list[FindingRow]
    minutes: list[MinutesRow]


class Planning(body_of(VisitForm, "PlanningFields")):  # type: ignore[misc]
    """`sample`: of which draw the visit is."""

    announced: bool = True
    sample: int | None = None


class Moving(body_of(NoteForm, "MovingFields")):  # type: ignore[misc]
    """`note`: the conclusion, or why it is called off."""

    to: Literal["planned", "under_way", "concluded", "closed", "cancelled"]


class Verdict(body_of(NoteForm, "VerdictFields")):  # type: ignore[misc]
    verified: bool


class Raising(Schema):
    """`item`: of the visit's checklist, when the finding belongs to one."""

    severity: str
    text: str
    required: str
    due_on: date
    item: int | None = None
    contradicts: bool = False


class Drawing(Schema):
    """`quotas`: block → [by risk, at random]."""

    title: str
    quotas: dict[str, tuple[int, int]]


@operations.read("/samples", Page[SampleRow])
def samples(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các mẫu kiểm tra đã rút; chỉ cơ quan điều phối và thanh tra."""
    policies.check_can_inspect(request.user)
    return page_of(selectors.samples_of(request.user), limit, cursor)


@operations.read("/samples/{sample_id}", SampleDetail)
def sample(request: HttpRequest, sample_id: Id) -> dict[str, Any]:
    """Một mẫu: các đơn vị được rút, và rút lại có ra đúng như vậy không."""
    one = get_object_or_404(selectors.samples_of(request.user), pk=sample_id)
    return {"sample": one, "drawn": list(one.drawn.all()), "same": redraw(one)}


@operations.create("/samples", SampleRow)
def draw(request: HttpRequest, body: Drawing) -> Any:
    """Rút mẫu kiểm tra theo rủi ro và ngẫu nhiên."""
    policies.check_can_inspect(request.user)
    ways = {f"{block}_{way}": n for block, pair in body.quotas.items() for way, n in zip(("risk", "random"), pair, strict=True)}  # fmt: skip
    form = SampleForm({"title": body.title} | ways)
    title = checked(form)["title"]
    return once(
        request,
        lambda: SampleRow.from_orm(services.draw_sample(title=title, quotas=form.quotas(), by=request.user)),
    )


@operations.read("/visits", Page[VisitRow])
def visits(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các cuộc kiểm tra."""
    found = selectors.visits_of(request.user)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


def _visit(request: HttpRequest, visit_id: int) -> Visit:
    return get_object_or_404(selectors.visits_of(request.user), pk=visit_id)


@operations.read("/visits/{visit_id}", VisitDetail)
def visit(request: HttpRequest, visit_id: Id) -> dict[str, Any]:
    """Một cuộc kiểm tra với danh mục, phát hiện và biên bản."""
    return _detail(request, _visit(request, visit_id))


def _detail(request: HttpRequest, one: Visit) -> dict[str, Any]:
    shows = selectors.shows_findings(request.user, one)
    return {
        "visit": one,
        "members": [str(person) for person in one.members.order_by("pk")],
        "conclusion": one.conclusion if shows else "",
        "unit_view": one.unit_view,
        "items": [_item(item, shows) for item in one.items.all()],
        "findings": list(selectors.findings_of(request.user).filter(visit=one)),
        "minutes": list(selectors.minutes_of(request.user).filter(visit=one).select_related("made_by")),
    }


def _item(item: Item, shows: bool) -> dict[str, Any]:
    told = {name: getattr(item, name) if shows else "" for name in ("result", "note", "seen")}
    plain = {name: getattr(item, name) for name in ("number", "group", "text", "basis")}
    return {"id": item.pk, "duty": item.duty_key, **plain, **told}


@operations.create("/visits", VisitRow)
def plan(request: HttpRequest, body: Planning) -> Any:
    """Lên lịch một cuộc kiểm tra."""
    policies.check_can_inspect(request.user)
    drawn: Sample | None = None
    if body.sample is not None:
        drawn = get_object_or_404(selectors.samples_of(request.user), pk=body.sample)
    facts = checked(VisitForm(typed(body), units=list(counted_units().values_list("unit_id", "name"))))
    return once(
        request,
        lambda: VisitRow.from_orm(
            services.plan_visit(
                unit_id=facts["unit"],
                checklist_key=facts["checklist"],
                day=facts["day"],
                lead=facts["lead"],
                members=list(facts["members"]),
                purpose=facts["purpose"],
                announced=facts["announced"],
                sample=drawn,
                by=request.user,
            )
        ),
    )


@operations.do("/visits/{visit_id}/move", VisitDetail)
def move(request: HttpRequest, visit_id: Id, body: Moving) -> dict[str, Any]:
    """Bắt đầu, kết luận, đóng, hủy, hoặc mở lại."""
    one = _visit(request, visit_id)
    policies.check_can_move(request.user, one, body.to)
    note = checked(NoteForm(typed(body)))["note"]
    return _detail(request, services.move(visit=one, to=VisitStatus(body.to), note=note, by=request.user))


@operations.do("/visits/{visit_id}/comment", VisitDetail)
def comment(request: HttpRequest, visit_id: Id, body: body_of(NoteForm)) -> dict[str, Any]:  # type: ignore[valid-type]
    """Ý kiến của đơn vị được kiểm tra."""
    one = _visit(request, visit_id)
    policies.check_can_comment(request.user, one)
    note = checked(NoteForm(typed(body)))["note"]
    return _detail(request, services.comment(visit=one, text=note, by=request.user))


@operations.do("/visits/{visit_id}/items/{item_id}/answer", ItemRow)
def answer(request: HttpRequest, visit_id: Id, item_id: Id, body: body_of(ItemForm)) -> dict[str, Any]:  # type: ignore[valid-type]
    """Kết quả của một mục trong danh mục."""
    one = _visit(request, visit_id)
    item = get_object_or_404(one.items.select_related("visit"), pk=item_id)
    policies.check_can_work(request.user, one)
    services.answer_item(item=item, by=request.user, **checked(ItemForm(typed(body))))
    item.refresh_from_db()
    return _item(item, True)


@operations.create("/visits/{visit_id}/findings", FindingRow)
def raise_finding(request: HttpRequest, visit_id: Id, body: Raising) -> Any:
    """Ghi một phát hiện; đơn vị thấy sau khi đoàn kết luận."""
    one = _visit(request, visit_id)
    policies.check_can_work(request.user, one)
    items = {item.pk: item for item in one.items.all()}
    facts = checked(finding_form_of(list(items.values()), typed(body)))
    texts = {name: facts[name] for name in ("text", "required")}
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts=texts)
    given = {**facts, "item": items.get(facts["item"])}
    return once(request, lambda: FindingRow.from_orm(services.raise_finding(visit=one, by=request.user, **given)))


@operations.create("/visits/{visit_id}/minutes", MinutesRow)
def make_minutes(request: HttpRequest, visit_id: Id) -> Any:
    """Lập biên bản từ những gì đã ghi."""
    one = _visit(request, visit_id)
    policies.check_can_make_minutes(request.user, one)
    return once(request, lambda: MinutesRow.from_orm(services.make_minutes(visit=one, by=request.user)))


@operations.file("/minutes/{minutes_id}/file")
def minutes(request: HttpRequest, minutes_id: Id) -> FileResponse:
    """Biên bản như đã lập."""
    return minutes_of(request, minutes_id)


@operations.read("/findings", Page[FindingRow])
def findings(request: HttpRequest, unit: int | None = None, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Những điều phải khắc phục."""
    found = selectors.findings_of(request.user)
    return page_of(found if unit is None else found.filter(unit_id=unit), limit, cursor)


def _finding(request: HttpRequest, finding_id: int) -> Finding:
    return get_object_or_404(selectors.findings_of(request.user), pk=finding_id)


@operations.read("/findings/{finding_id}", FindingDetail)
def finding(request: HttpRequest, finding_id: Id) -> dict[str, Any]:
    """Một phát hiện với các báo cáo khắc phục."""
    one = _finding(request, finding_id)
    return {"finding": one, "follow_ups": list(selectors.follow_ups_of(request.user).filter(finding=one))}


@operations.create("/findings/{finding_id}/follow-ups", FollowUpRow)
def follow_up(
    request: HttpRequest,
    finding_id: Id,
    body: Form[body_of(FollowUpForm)],  # type: ignore[valid-type]
    file: File[UploadedFile | None] = None,
) -> Any:
    """Đơn vị báo cáo đã khắc phục, kèm minh chứng."""
    one = _finding(request, finding_id)
    policies.check_can_file(request.user, one)
    facts = checked(FollowUpForm(typed(body), {"file": file} if file else {}))
    # before the transaction of `once`, which would roll the count of what was refused back
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": facts["text"]}, file=facts["file"])
    return once(
        request,
        lambda: FollowUpRow.from_orm(services.file_follow_up(finding=one, by=request.user, **facts)),
    )


@operations.do("/findings/{finding_id}/judge", FindingRow)
def judge(request: HttpRequest, finding_id: Id, body: Verdict) -> Finding:
    """Xác nhận đã khắc phục, hoặc trả lại kèm điều còn thiếu."""
    one = _finding(request, finding_id)
    policies.check_can_judge(request.user, one)
    note = checked(NoteForm(typed(body)))["note"]
    return services.judge(finding=one, verified=body.verified, note=note, by=request.user)


@operations.do("/findings/{finding_id}/withdraw", FindingRow)
def withdraw_finding(request: HttpRequest, finding_id: Id, body: body_of(NoteForm)) -> Finding:  # type: ignore[valid-type]
    """Rút một phát hiện, kèm lý do."""
    one = _finding(request, finding_id)
    policies.check_can_withdraw_finding(request.user, one)
    note = checked(NoteForm(typed(body)))["note"]
    return services.withdraw_finding(finding=one, reason=note, by=request.user)


@operations.file("/follow-ups/{follow_up_id}/file")
def follow_up_file(request: HttpRequest, follow_up_id: Id) -> FileResponse:
    """Minh chứng kèm báo cáo khắc phục."""
    return follow_up_file_of(request, follow_up_id)
