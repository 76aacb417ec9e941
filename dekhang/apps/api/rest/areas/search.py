"""Stored events: asked for in the page's own words, exported; searches that were saved; hunts through history."""

from datetime import UTC, datetime
from typing import Annotated, Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from ninja import File, Form, Query, Schema
from ninja.files import UploadedFile
from ninja.responses import Status

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, cursor_of, page_of, page_of_list, place_of
from dekhang.apps.api.rest.problems import Invalid, Problem, not_found
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.api.rest.stored import Event, shown
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search import exports, policies, selectors, services
from dekhang.apps.search.asking import CUSTOM, RECEIPT, Asked, Unclear
from dekhang.apps.search.finding import find
from dekhang.apps.search.forms import HuntForm, SavingForm
from dekhang.apps.search.models import SavedSearch
from dekhang.pipeline.stores import hunts as store
from dekhang.pipeline.stores.hunts import Hunt
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.search import Node, Range, TooBusy
from dekhang.pipeline.stores.search.nodes import QUESTION_CHARS

operations = Operations(Area.SEARCH)


class Question(Schema):
    """What the search page asks. Times with their zone; without `since` the last 24 hours."""

    q: Annotated[str, Query("", max_length=QUESTION_CHARS, description="câu tìm, docs/reference/search.md")] = ""
    since: datetime | None = None
    until: datetime | None = None
    by_receipt: bool = False
    unit: int | None = None
    source: int | None = None
    kind: Annotated[str, Query("", max_length=40)] = ""

    def asked(self, cursor: str = "") -> Asked:
        before, _comma, cut_ms = cursor.partition(",")
        return Asked(
            text=self.q,
            span=CUSTOM,
            since=self.since.isoformat() if self.since else "",
            until=self.until.isoformat() if self.until else "",
            axis=RECEIPT if self.by_receipt else "",
            unit="" if self.unit is None else str(self.unit),
            source="" if self.source is None else str(self.source),
            kind=self.kind,
            before=before,
            cut_ms=cut_ms,
        )


class Bar(Row):
    since: datetime
    until: datetime
    count: int


class Found(Schema):
    """`total` counts the part that was looked through; `complete_from`: the answer is complete from then on, None: wholly.

    `next` leads to the list's next rows; `older` on to what could not be looked through in time.
    """

    rows: list[Event]
    total: int
    complete_from: datetime | None
    bars: list[Bar]
    next: str | None
    older: str | None


class Saved(Row):
    id: int
    name: str
    query: str
    shared: bool
    owner: Person
    saved_at: datetime
    removed_at: datetime | None


class Saving(body_of(SavingForm, "SavingFields")):  # type: ignore[misc]
    """A name for a question."""

    question: Question = Question()


class HuntRow(Schema):
    """`status`: waiting · running · stopped · done · cancelled · failed."""

    id: str
    title: str
    kind: str
    by: str
    created_at: datetime
    since: datetime
    until: datetime
    units: int
    status: str
    slices: int
    done: int
    hits: int
    told: int | None
    problem: str


def _read(asked: Asked, sight: selectors.Sight) -> tuple[Node, Range]:
    try:
        return asked.question(sight.names), asked.within()
    except Unclear as fault:
        place = "" if fault.position is None else _(" (ký tự %(n)d)") % {"n": fault.position + 1}
        raise Invalid({"q": [f"{fault}{place}"]}) from None


def _busy() -> Problem:
    return Problem(503, _("Máy đang bận với những lần tìm khác. Chờ vài giây rồi gọi lại."), Retry_After="3")


@operations.read("/events", Found)
def events(request: HttpRequest, question: Query[Question], cursor: Cursor = "") -> dict[str, Any]:
    """Tìm trong log đã lưu của những đơn vị mà tài khoản xem được."""
    asked, sight = question.asked(cursor), selectors.sight_of(request.user)
    node, within = _read(asked, sight)
    try:
        found = find(sight, asked, node, within)
    except TooBusy:
        raise _busy() from None
    last = found.answer.positions[-1] if found.answer.positions else None
    older = found.answer.complete_from_ms
    return {
        "rows": [shown(row.event) for row in found.rows],
        "total": found.answer.total,
        "complete_from": found.complete_from,
        "bars": found.bars,
        "next": f"{last.at_ms}.{last.event_id},{asked.cut_ms}" if found.next and last else None,
        "older": f",{older}" if older is not None else None,
    }


@operations.read("/events/{event_id}", Event)
def event(request: HttpRequest, event_id: Id) -> dict[str, Any]:
    """Một sự kiện, với bản gốc."""
    found = Lake(settings.DATA).events([event_id], unit_ids=registry.visible_unit_ids(request.user))
    if not found:
        raise not_found()
    return shown(found[0])


@operations.file("/events.{form}")
def export(request: HttpRequest, form: str, question: Query[Question]) -> HttpResponse:
    """Các sự kiện tìm thấy thành tệp: jsonl, csv, xlsx; ai lấy được ghi lại."""
    if form not in exports.TYPES:
        raise not_found()
    sight = selectors.sight_of(request.user)
    node, within = _read(question.asked(), sight)
    try:
        found = exports.collect(sight, node, within)
    except TooBusy:
        raise _busy() from None
    content = exports.written(found, form)
    units = {row.event.unit_id for row in found.rows}
    services.note_export(
        form=form,
        rows=len(found.rows),
        asked={"query": question.asked().query(), "since_ms": within.since_ms, "until_ms": within.until_ms},
        unit_id=units.pop() if len(units) == 1 else registry.own_unit_id(request.user),
        by=request.user,
    )
    return HttpResponse(content, content_type=exports.TYPES[form])


# --- saved searches ---


@operations.read("/saved-searches", Page[Saved])
def saved(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Câu tìm của mình và của đồng nghiệp chia sẻ."""
    return page_of(selectors.saved_of(request.user), limit, cursor)


@operations.create("/saved-searches", Saved)
def save(request: HttpRequest, body: Saving) -> Any:
    """Lưu một câu tìm."""
    facts = checked(SavingForm(typed(body)))
    query = body.question.asked().query()
    return once(request, lambda: Saved.from_orm(services.save_search(query=query, by=request.user, **facts)))


def _saved(request: HttpRequest, search_id: int) -> SavedSearch:
    return get_object_or_404(selectors.saved_of(request.user), pk=search_id)


@operations.change("/saved-searches/{search_id}", Saved)
def rename(request: HttpRequest, search_id: Id, body: body_of(SavingForm)) -> SavedSearch:  # type: ignore[valid-type]
    """Đổi tên, đổi cách chia sẻ."""
    one = _saved(request, search_id)
    return services.rename_search(saved=one, by=request.user, **checked(SavingForm(typed(body))))


@operations.do("/saved-searches/{search_id}/remove")
def remove(request: HttpRequest, search_id: Id) -> Any:
    """Xóa; khôi phục được trong một tuần."""
    services.remove_search(saved=_saved(request, search_id), by=request.user)
    return Status(204, None)


@operations.do("/saved-searches/{search_id}/restore")
def restore(request: HttpRequest, search_id: Id) -> Any:
    """Khôi phục."""
    services.restore_search(saved=_saved(request, search_id), by=request.user)
    return Status(204, None)


# --- hunts ---


def _hunt(request: HttpRequest, key: str) -> Hunt:
    policies.check_can_hunt(request.user)
    found = store.get(settings.DATA, key)
    if found is None:
        raise not_found()
    return found


def _hunt_row(hunt: Hunt) -> HuntRow:
    state, request = hunt.state, hunt.request
    return HuntRow(
        id=hunt.id,
        title=request.title,
        kind=request.kind,
        by=request.by,
        created_at=hunt.created_at,
        since=_moment(request.since_ms),
        until=_moment(min(request.until_ms, request.snapshot_ms)),
        units=len(request.unit_ids),
        **{name: getattr(state, name) for name in ("status", "slices", "done", "hits", "told", "problem")},
    )


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


@operations.read("/hunts", Page[HuntRow])
def hunts(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các lần lùng lại quá khứ."""
    policies.check_can_hunt(request.user)
    return page_of_list([_hunt_row(one) for one in store.listing(settings.DATA)], limit, cursor)


@operations.create("/hunts", HuntRow)
def start_hunt(
    request: HttpRequest,
    body: Form[body_of(HuntForm)],  # type: ignore[valid-type]
    rule_file: File[UploadedFile | None] = None,
    indicator_file: File[UploadedFile | None] = None,
) -> Any:
    """Bắt đầu lùng: một câu tìm, một luật, hoặc chỉ dấu."""
    policies.check_can_hunt(request.user)
    sight = selectors.sight_of(request.user)
    files = {name: file for name, file in (("rule_file", rule_file), ("indicator_file", indicator_file)) if file}
    facts = checked(HuntForm(typed(body), files, units=sight.names.units))

    def make() -> HuntRow:
        try:
            return _hunt_row(services.start_hunt(sight=sight, by=request.user, **facts))
        except ValueError as error:
            raise Invalid({"": [str(error)]}) from None

    return once(request, make)


@operations.read("/hunts/{key}", HuntRow)
def hunt(request: HttpRequest, key: str) -> HuntRow:
    """Một lần lùng: tới đâu rồi."""
    return _hunt_row(_hunt(request, key))


@operations.read("/hunts/{key}/hits", Page[dict[str, Any]])
def hunt_hits(request: HttpRequest, key: str, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Những gì lùng được, trong các đơn vị mà tài khoản xem được."""
    found, units = _hunt(request, key), selectors.sight_of(request.user).names.units
    start = place_of(cursor) if cursor else 0
    rows = [hit for hit in found.hits(start=start, limit=limit) if hit["unit_id"] in units]
    return {"rows": rows, "next": cursor_of(start + limit) if start + limit < found.state.hits else None}


@operations.do("/hunts/{key}/cancel", HuntRow)
def cancel_hunt(request: HttpRequest, key: str) -> HuntRow:
    """Cho dừng."""
    services.cancel_hunt(hunt=_hunt(request, key), by=request.user)
    return _hunt_row(_hunt(request, key))


@operations.do("/hunts/{key}/resume", HuntRow)
def resume_hunt(request: HttpRequest, key: str) -> HuntRow:
    """Làm tiếp từ chỗ đã dừng."""
    services.resume_hunt(hunt=_hunt(request, key), by=request.user)
    return _hunt_row(_hunt(request, key))


@operations.do("/hunts/{key}/to-alerts", HuntRow)
def hunt_to_alerts(request: HttpRequest, key: str) -> HuntRow:
    """Chuyển kết quả thành cảnh báo."""
    services.hand_over(hunt=_hunt(request, key), by=request.user)
    return _hunt_row(_hunt(request, key))
