"""Units as of any date, with their people in posts, contacts and systems; reorganisations planned and taken back."""

from datetime import date, datetime
from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Schema
from ninja.responses import Status

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, Text, day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import Invalid, not_found
from dekhang.apps.core import clock
from dekhang.apps.registry import history, selectors, services
from dekhang.apps.registry.enums import ContactKind
from dekhang.apps.registry.forms import ContactForm, SystemForm
from dekhang.apps.registry.models import Contact, PostHolding, Reorganisation, System, UnitVersion
from dekhang.apps.registry.policies import check_can_manage_registry, check_works_for_unit
from dekhang.apps.registry.reorganise import faults, preview, schedule, undo
from dekhang.apps.registry.reorganise.forms import FORMS, PlanForm
from dekhang.apps.registry.search import found_in

operations = Operations(Area.REGISTRY)


class UnitRow(Schema):
    """A unit in force on the day. `visible`: whether the account may read what is in it."""

    id: int
    name: str
    code: str
    kind: str
    subtype: str
    parent: int | None
    valid_from: date
    valid_to: date | None
    visible: bool


class PostRow(Schema):
    id: int
    kind: str
    person: int
    person_name: str
    decision: str
    valid_from: date
    valid_to: date | None


class ContactRow(Schema):
    id: int
    kind: str
    value: str
    label: str
    last_answered_at: datetime | None


class SystemRow(Schema):
    id: int
    unit: int
    name: str
    level: int | None
    public_facing: bool
    valid_from: date
    valid_to: date | None


class Relative(Schema):
    unit_id: int
    name: str
    partly: bool


class Change(Schema):
    day: date
    kind: str
    basis: str
    came_from: list[Relative]
    went_to: list[Relative]


class Unit(Schema):
    """One unit: what it is now, and every name, code and parent it had."""

    id: int
    in_force: bool
    now: UnitRow
    versions: list[UnitRow]
    changes: list[Change]
    posts: list[PostRow]
    contacts: list[ContactRow]
    systems: list[SystemRow]


class ReorganisationRow(Schema):
    """`state`: planned · taken_back · in_force."""

    id: int
    date: date
    kind: str
    basis: str
    note: str
    state: str
    before: list[int]
    after: list[int]


class Move(Schema):
    what: str
    from_unit: str
    to: str


class Preview(Schema):
    """What a reorganisation would do. With `faults` it cannot be planned so."""

    faults: list[str]
    before: list[str] = []
    after: list[str] = []
    ends: list[str] = []
    systems: list[Move] = []
    contacts: list[Move] = []
    posts: list[Move] = []
    heads_wanted: list[str] = []
    children: list[Move] = []


class PlanFields(Schema):
    """The fields of the page's form for this kind of reorganisation (docs/reference/api.md)."""

    fields: dict[str, str | int | bool | list[int]]


def _unit_row(version: UnitVersion, visible: bool = True) -> dict[str, Any]:
    return {
        **{name: getattr(version, name) for name in ("name", "code", "kind", "subtype", "valid_from", "valid_to")},
        "id": version.unit_id,
        "parent": version.parent_id,
        "visible": visible,
    }


def _post_row(one: PostHolding) -> dict[str, Any]:
    return {
        **{name: getattr(one, name) for name in ("id", "kind", "decision", "valid_from", "valid_to")},
        "person": one.user_id,
        "person_name": str(one.user),
    }


def _system_row(one: System) -> SystemRow:
    return SystemRow(
        unit=one.unit_id,
        **{name: getattr(one, name) for name in ("id", "name", "level", "public_facing", "valid_from", "valid_to")},
    )


def _visible(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in selectors.visible_unit_ids(request.user):
        raise not_found()
    return unit_id


@operations.read("/units", Page[UnitRow])
def units(
    request: HttpRequest, day: Day = None, q: Text = "", kind: str = "", limit: Limit = 50, cursor: Cursor = ""
) -> dict[str, Any]:
    """Đơn vị có hiệu lực vào một ngày, cấp trên trước cấp dưới."""
    visible = selectors.visible_unit_ids(request.user)
    found = [
        row.version
        for row in selectors.tree(day_of(day))
        if (not kind or row.version.kind == kind) and found_in(q, row.version.name, row.version.code)
    ]
    page = page_of_list(found, limit, cursor)
    return page | {"rows": [_unit_row(version, version.unit_id in visible) for version in page["rows"]]}


@operations.read("/units/{unit_id}", Unit)
def unit(request: HttpRequest, unit_id: Id) -> dict[str, Any]:
    """Một đơn vị: vị trí, đầu mối, hệ thống, lịch sử."""
    now = selectors.current_version(_visible(request, unit_id))
    if now is None:
        raise not_found()
    today = clock.today()
    return {
        "id": unit_id,
        "in_force": now.valid_to is None or now.valid_to > today,
        "now": _unit_row(now),
        "versions": [_unit_row(version) for version in history.versions_of(unit_id)],
        "changes": [
            {
                "day": change.event.date,
                "kind": change.event.kind,
                "basis": change.event.basis,
                "came_from": change.came_from,
                "went_to": change.went_to,
            }
            for change in history.changes_of(unit_id)
        ],
        "posts": [
            _post_row(one)
            for one in PostHolding.objects.in_force(today)
            .filter(unit_id=unit_id)
            .select_related("user")
            .order_by("kind")
        ],
        "contacts": list(selectors.contacts(unit_id)),
        "systems": [
            _system_row(one) for one in System.objects.in_force(today).filter(unit_id=unit_id).order_by("name")
        ],
    }


@operations.create("/units/{unit_id}/contacts", ContactRow)
def add_contact(request: HttpRequest, unit_id: Id, body: body_of(ContactForm)) -> Any:  # type: ignore[valid-type]
    """Thêm đầu mối liên hệ."""
    check_works_for_unit(request.user, _visible(request, unit_id))
    facts = checked(ContactForm(typed(body)))

    def make() -> ContactRow:
        contact = services.add_contact(
            unit_id=unit_id,
            kind=ContactKind(facts["kind"]),
            value=facts["value"],
            label=facts["label"],
            user=request.user,
            by=request.user,
        )
        return ContactRow.from_orm(contact)

    return once(request, make)


@operations.do("/contacts/{contact_id}/remove")
def remove_contact(request: HttpRequest, contact_id: Id) -> Any:
    """Bỏ đầu mối liên hệ."""
    contacts = Contact.objects.in_force(clock.today()).filter(unit_id__in=selectors.visible_unit_ids(request.user))
    services.remove_contact(contact=get_object_or_404(contacts, pk=contact_id), by=request.user)
    return Status(204, None)


@operations.create("/units/{unit_id}/systems", SystemRow)
def register_system(request: HttpRequest, unit_id: Id, body: body_of(SystemForm)) -> Any:  # type: ignore[valid-type]
    """Đăng ký hệ thống thông tin."""
    check_works_for_unit(request.user, _visible(request, unit_id))
    facts = checked(SystemForm(typed(body)))
    return once(request, lambda: _system_row(services.register_system(unit_id=unit_id, by=request.user, **facts)))


@operations.do("/systems/{system_id}/retire", SystemRow)
def retire_system(request: HttpRequest, system_id: Id) -> Any:
    """Ngừng hệ thống thông tin."""
    systems = System.objects.in_force(clock.today()).filter(unit_id__in=selectors.visible_unit_ids(request.user))
    system = get_object_or_404(systems, pk=system_id)
    services.retire_system(system=system, by=request.user)
    system.refresh_from_db()
    return _system_row(system)


@operations.read("/reorganisations", Page[ReorganisationRow])
def reorganisations(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các lần sắp xếp đơn vị đã qua và đã lên lịch."""
    shown = Reorganisation.objects.filter(Q(planned_at__isnull=False) | Q(date__lte=clock.today()))
    return page_of(shown.prefetch_related("successions"), limit, cursor, _reorganisation)


def _reorganisation(event: Reorganisation) -> dict[str, Any]:
    rows = list(event.successions.all())
    planned = event.planned_at is not None and event.date > clock.today()
    return {
        **{name: getattr(event, name) for name in ("id", "date", "kind", "basis", "note")},
        "state": "taken_back" if event.undone_at else "planned" if planned else "in_force",
        "before": list(dict.fromkeys(row.predecessor_id for row in rows if row.predecessor_id)),
        "after": list(dict.fromkeys(row.successor_id for row in rows if row.successor_id)),
    }


def _plan_form(request: HttpRequest, kind: str, body: PlanFields) -> PlanForm:
    check_can_manage_registry(request.user)
    if kind not in FORMS:
        raise not_found()
    form = FORMS[kind](body.fields)
    checked(form)
    return form


@operations.do("/reorganisations/{kind}/preview", Preview)
def preview_reorganisation(request: HttpRequest, kind: str, body: PlanFields) -> dict[str, Any]:
    """Xem trước một lần sắp xếp: gì chuyển đi đâu, gì ở lại; chưa ghi gì."""
    plan = _plan_form(request, kind, body).plan()
    found = faults(plan)
    if found:
        return {"faults": found}
    what = preview(plan)
    return {"faults": [], **{name: getattr(what, name) for name in Preview.model_fields if name != "faults"}}


@operations.create("/reorganisations/{kind}", ReorganisationRow)
def plan_reorganisation(request: HttpRequest, kind: str, body: PlanFields) -> Any:
    """Lên lịch một lần sắp xếp; hủy được cho tới ngày có hiệu lực."""
    plan = _plan_form(request, kind, body).plan()
    found = faults(plan)
    if found:
        raise Invalid({"": found})
    return once(request, lambda: ReorganisationRow(**_reorganisation(schedule(plan=plan, by=request.user))))


@operations.do("/reorganisations/{reorganisation_id}/take-back", ReorganisationRow)
def take_back_reorganisation(request: HttpRequest, reorganisation_id: Id) -> dict[str, Any]:
    """Hủy lịch sắp xếp."""
    event = get_object_or_404(Reorganisation, pk=reorganisation_id)
    undo(event=event, by=request.user)
    event.refresh_from_db()
    return _reorganisation(event)
