"""Plans: every issued version, the coordinator's draft and its tasks, and sending tasks to units."""

from collections import Counter
from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, Schema

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of
from dekhang.apps.api.rest.shapes import Person, Row
from dekhang.apps.cascade import policies, selectors, services
from dekhang.apps.cascade.enums import PartyRole, PlanState
from dekhang.apps.cascade.faults import faults_of
from dekhang.apps.cascade.forms import PlanForm, SendDownForm, SendForm, TaskForm
from dekhang.apps.cascade.models import PlanVersion, TaskVersion
from dekhang.apps.cascade.services.sending import who_would_get
from dekhang.apps.cascade.templates_of_plans import template

operations = Operations(Area.CASCADE)


class PlanRow(Row):
    id: int
    plan: Annotated[int, Field(alias="plan_id")]
    title: str
    state: str
    day: date
    issued_at: datetime | None
    issued_by: Person


class PartyRow(Row):
    """`unit`, or every unit of `kind`."""

    role: str
    unit: Annotated[int | None, Field(alias="unit_id")]
    kind: str


class TaskRow(Row):
    id: int
    task: Annotated[int, Field(alias="task_id")]
    order: int
    title: str
    text: str
    output: str
    basis: list[str]
    basis_note: str
    deadline: str
    due_on: date | None
    period: str
    starts_on: date | None
    ends_on: date | None
    due_days: int
    duty_key: str
    own_proof: bool
    parties: list[PartyRow]

    @staticmethod
    def resolve_parties(one: Any) -> list[Any]:
        return list(one.parties.all())


class PlanDetail(Schema):
    """`faults`: why a draft cannot be issued yet."""

    version: PlanRow
    number: int
    decision: str
    basis: list[str]
    note: str
    changes: str
    tasks: list[TaskRow]
    faults: list[str]


class Sent(Schema):
    """The new assignments; who had the task already was passed over."""

    assignments: list[int]


class WouldSend(Schema):
    """How many assignments, by kind of unit."""

    total: int
    kinds: dict[str, int]


class Ordering(Schema):
    direction: Literal["up", "down"]


def _version(request: HttpRequest, version_id: int) -> PlanVersion:
    return get_object_or_404(selectors.versions_of(request.user), pk=version_id)


def _draft(request: HttpRequest, version_id: int) -> PlanVersion:
    one = _version(request, version_id)
    policies.check_can_edit(request.user, one)
    return one


def _task(request: HttpRequest, task_id: int) -> TaskVersion:
    """A task of a draft that this account edits."""
    seen = TaskVersion.objects.filter(version__in=selectors.versions_of(request.user)).select_related("version")
    one = get_object_or_404(seen, pk=task_id)
    policies.check_can_edit(request.user, one.version)
    return one


@operations.read("/plans", Page[PlanRow])
def plans(request: HttpRequest, limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Các bản kế hoạch."""
    return page_of(selectors.versions_of(request.user), limit, cursor)


@operations.create("/plans/from-template", PlanRow)
def draft_from_template(request: HttpRequest) -> Any:
    """Nạp kế hoạch mẫu thành bản nháp."""
    policies.check_can_plan(request.user)
    return once(request, lambda: PlanRow.from_orm(services.draft_from_template(template=template(), by=request.user)))


@operations.read("/plans/{version_id}", PlanDetail)
def plan(request: HttpRequest, version_id: Id) -> dict[str, Any]:
    """Một bản kế hoạch với các việc."""
    return _detail(_version(request, version_id))


def _detail(one: PlanVersion) -> dict[str, Any]:
    return {
        "version": one,
        **{name: getattr(one, name) for name in ("number", "decision", "basis", "note", "changes")},
        "tasks": list(one.tasks.prefetch_related("parties")),
        "faults": [str(fault) for fault in faults_of(one)] if one.state == PlanState.DRAFT else [],
    }


@operations.create("/plans", PlanRow)
def draft_plan(request: HttpRequest, body: body_of(PlanForm)) -> Any:  # type: ignore[valid-type]
    """Lập bản nháp của một kế hoạch mới."""
    policies.check_can_plan(request.user)
    facts = checked(PlanForm(typed(body)))
    return once(request, lambda: PlanRow.from_orm(services.draft_plan(by=request.user, **facts)))


@operations.change("/plans/{version_id}", PlanDetail)
def change_plan(request: HttpRequest, version_id: Id, body: body_of(PlanForm)) -> dict[str, Any]:  # type: ignore[valid-type]
    """Sửa bản nháp."""
    one = _draft(request, version_id)
    facts = checked(PlanForm(typed(body), first=one.number == 1))
    return _detail(services.change_plan(version=one, by=request.user, **facts))


@operations.do("/plans/{version_id}/discard")
def discard_plan(request: HttpRequest, version_id: Id) -> None:
    """Bỏ bản nháp; bản đang thực hiện vẫn như cũ."""
    services.discard_draft(version=_draft(request, version_id), by=request.user)


@operations.do("/plans/{version_id}/issue", PlanDetail)
def issue_plan(request: HttpRequest, version_id: Id) -> dict[str, Any]:
    """Ban hành bản nháp."""
    return _detail(services.issue(version=_draft(request, version_id), by=request.user))


@operations.create("/plans/{version_id}/revise", PlanRow)
def revise_plan(request: HttpRequest, version_id: Id) -> Any:
    """Lập bản nháp của bản tiếp theo."""
    one = _version(request, version_id)
    policies.check_can_revise(request.user, one)
    return once(request, lambda: PlanRow.from_orm(services.revise(version=one, by=request.user)))


@operations.create("/plans/{version_id}/tasks", TaskRow)
def add_task(request: HttpRequest, version_id: Id, body: body_of(TaskForm)) -> Any:  # type: ignore[valid-type]
    """Thêm một việc vào bản nháp."""
    one = _draft(request, version_id)
    form = TaskForm(one, typed(body))
    checked(form)

    def make() -> TaskRow:
        made = services.save_task(version=one, task=None, parties=form.parties(), by=request.user, **form.facts())
        return TaskRow.from_orm(made)

    return once(request, make)


@operations.change("/plan-tasks/{task_id}", TaskRow)
def change_task(request: HttpRequest, task_id: Id, body: body_of(TaskForm)) -> TaskVersion:  # type: ignore[valid-type]
    """Sửa một việc của bản nháp: điều gì không nêu là bỏ trống."""
    one = _task(request, task_id)
    form = TaskForm(one.version, typed(body))
    checked(form)
    facts = form.facts()
    return services.save_task(version=one.version, task=one, parties=form.parties(), by=request.user, **facts)


@operations.do("/plan-tasks/{task_id}/move", PlanDetail)
def move_task(request: HttpRequest, task_id: Id, body: Ordering) -> dict[str, Any]:
    """Đưa một việc lên hoặc xuống một bậc."""
    one = _task(request, task_id)
    services.move_task(task=one, up=body.direction == "up", by=request.user)
    return _detail(one.version)


@operations.do("/plan-tasks/{task_id}/delete")
def delete_task(request: HttpRequest, task_id: Id) -> None:
    """Xóa một việc khỏi bản nháp."""
    services.delete_task(task=_task(request, task_id), by=request.user)


def _sending(request: HttpRequest, version_id: int, body: Schema) -> dict[str, Any]:
    """What `services.send` takes."""
    policies.check_can_plan(request.user)
    one = _version(request, version_id)
    form = SendForm(one, {"who": SendForm.AS_PLANNED} | typed(body))
    facts = checked(form)
    return {
        "tasks": list(one.tasks.filter(pk__in=facts["tasks"])),
        "to": form.recipients(),
        "role": PartyRole(facts["role"] or PartyRole.LEAD),
        "note": facts["note"],
    }


@operations.do("/plans/{version_id}/send/preview", WouldSend)
def preview_send(request: HttpRequest, version_id: Id, body: body_of(SendForm)) -> dict[str, Any]:  # type: ignore[valid-type]
    """Ai sẽ nhận việc gì, chưa giao."""
    facts = _sending(request, version_id, body)
    facts.pop("note")
    would = who_would_get(**facts)
    return {"total": len(would), "kinds": Counter(str(kind) for _task_id, kind in would)}


@operations.create("/plans/{version_id}/send", Sent)
def send(request: HttpRequest, version_id: Id, body: body_of(SendForm)) -> Any:  # type: ignore[valid-type]
    """Giao việc của kế hoạch xuống các đơn vị."""
    facts = _sending(request, version_id, body)
    return once(request, lambda: Sent(assignments=[one.pk for one in services.send(by=request.user, **facts)]))


@operations.create("/assignments/{assignment_id}/send-down", Sent)
def send_down(request: HttpRequest, assignment_id: Id, body: body_of(SendDownForm)) -> Any:  # type: ignore[valid-type]
    """Giao tiếp việc xuống đơn vị cấp dưới; không nêu đơn vị nào là giao cho tất cả."""
    one = get_object_or_404(selectors.assignments_of(request.user), pk=assignment_id)
    policies.check_can_work(request.user, one)
    form = SendDownForm(one, typed(body))
    facts = checked(form)

    def make() -> Sent:
        sent = services.send(
            tasks=[], parent=one, to=form.recipients(), note=facts["note"], due_on=facts["due_on"], by=request.user
        )
        return Sent(assignments=[made.pk for made in sent])

    return once(request, make)
