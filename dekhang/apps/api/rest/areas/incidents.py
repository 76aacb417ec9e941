"""Incidents and exercises: opened, run step by step, their clocks, files and documents; procedures of units."""

from datetime import datetime
from typing import Annotated, Any

from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, File, Form, Query, Schema
from ninja.files import UploadedFile
from ninja.responses import Status

from dekhang.apps.alerts import selectors as alert_selectors
from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Text
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row, UnitId, Words, fields
from dekhang.apps.core import clock
from dekhang.apps.incidents import facts, policies, procedures, selectors, services
from dekhang.apps.incidents.enums import IncidentKind
from dekhang.apps.incidents.forms import (
    CancelForm,
    CapacityForm,
    FinishForm,
    NoteForm,
    OpenForm,
    ReportForm,
    SentForm,
    SkipForm,
)
from dekhang.apps.incidents.models import Incident, ReportDocument, Sop, StepRun
from dekhang.apps.incidents.views import incidents as pages
from dekhang.apps.incidents.views import reports as report_pages
from dekhang.apps.incidents.views import run as run_pages
from dekhang.apps.incidents.views import sops as sop_pages
from dekhang.apps.registry.models import System
from dekhang.apps.registry.selectors import visible_unit_ids

operations = Operations(Area.INCIDENTS)


class IncidentRow(Row):
    id: int
    code: str
    unit: UnitId
    system: Annotated[int | None, Field(alias="system_id")]
    kind: str
    title: str
    description: str
    is_exercise: bool
    regime: str
    status: str
    detected_at: datetime
    opened_at: datetime
    opened_by: Person
    beyond_capacity: bool | None
    handled_at: datetime | None
    closed_at: datetime | None
    cancelled_at: datetime | None
    cancel_reason: str

    @staticmethod
    def resolve_code(incident: Any) -> str:
        """Of a row of the database; an answer that is already made has it."""
        return facts.code_of(incident) if isinstance(incident, Incident) else incident["code"]


class StepRow(Schema):
    """A step of the procedure as it was done or is to be done now."""

    id: int
    step: str
    name: str
    stage: str
    status: str
    choices: list[str]
    started_at: datetime
    due_at: datetime | None
    late: bool
    finished_at: datetime | None
    finished_by: Person
    choice: str
    note: str
    skip_reason: str


class ClockRow(Schema):
    """A deadline of the law. `state`: running · soon · late · met · met_late · open · met_open."""

    key: str
    state: str
    says: Words
    basis: str
    anchored_at: datetime
    due_at: datetime | None
    met_at: datetime | None


class TimelineEntry(Row):
    at: datetime
    who: str
    what: Words
    text: str


class AttachmentRow(Row):
    id: int
    step: Annotated[int | None, Field(alias="step_id")]
    name: str
    size_bytes: int
    sha256: str
    added_at: datetime
    added_by: Person


class ReportRow(Row):
    id: int
    kind: str
    sha256: str
    made_at: datetime
    made_by: Person
    sent_at: datetime | None
    sent_by: Person
    sent_to: str


class IncidentDetail(IncidentRow):
    alerts: list[int]
    steps: list[StepRow]
    clocks: list[ClockRow]
    timeline: list[TimelineEntry]
    attachments: list[AttachmentRow]
    reports: list[ReportRow]


class SopRow(Schema):
    """One kind of incident at a unit. `id`: of what the unit adopted; None: nothing yet."""

    id: int | None
    kind: str
    title: Words
    label: Words
    next_step: Words
    approved: bool
    newer: bool
    has_document: bool


class SopsOfUnit(Row):
    unit: UnitId
    name: str
    adopted: int
    approved: int


class ProcedureStep(Schema):
    id: str
    name: str
    text: str
    choices: list[str]


class Procedure(Schema):
    kind: str
    name: str
    version: str
    steps: list[ProcedureStep]


class Opening(body_of(OpenForm, "OpeningFields")):  # type: ignore[misc]
    """`alerts`: those that it answers; `exercise`: the procedure is run without an incident."""

    alerts: list[int] = Field([], max_length=20)
    exercise: bool = False


class ReportField(Schema):
    key: str
    label: str
    kind: str
    required: bool
    missing: bool
    value: Any
    choices: list[str]


class ReportDraft(Schema):
    """What a statutory document will say. Send `fields` back as `f_<key>` with the letter's own."""

    kind: str
    fields: list[ReportField]
    number: str
    place: str
    signer_title: str
    signer_name: str


class ReportAnswers(Schema):
    """Fields of the page's form: `number`, `place`, `signer_title`, `signer_name`, and `f_<key>` for each of the draft's."""

    fields: dict[str, str | int | float | bool | list[str] | None] = {}


def _incident(request: HttpRequest, incident_id: int) -> Incident:
    return pages.find(request, incident_id)


@operations.read("/incidents", Page[IncidentRow])
def incidents(
    request: HttpRequest,
    view: Annotated[str, Query("open", description="open, closed, exercise, all")] = "open",
    kind: str = "",
    unit: int | None = None,
    alert: int | None = None,
    q: Text = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Sự cố và diễn tập; `alert`: những cái trả lời cảnh báo ấy."""
    found = selectors.search(request.user, view=view, kind=kind, text=q, unit_id=unit).select_related("opened_by")
    return page_of(found if alert is None else found.filter(alerts=alert), limit, cursor)


@operations.create("/incidents", IncidentRow)
def open_incident(request: HttpRequest, body: Opening) -> Any:
    """Mở sự cố hoặc diễn tập."""
    units = pages.units_to_open_for(request.user)
    ids = [version.unit_id for version in units]
    own = alert_selectors.alerts_of(request.user).filter(unit_id__in=ids)
    alerts = [get_object_or_404(own, pk=pk) for pk in body.alerts]
    systems = System.objects.in_force(clock.today()).filter(unit_id__in=ids)
    values = checked(OpenForm(typed(body), units=units, systems=systems))
    return once(
        request,
        lambda: IncidentRow.from_orm(
            services.open_incident(
                unit_id=values.pop("unit"), alerts=alerts, is_exercise=body.exercise, by=request.user, **values
            )
        ),
    )


@operations.read("/incidents/{incident_id}", IncidentDetail)
def incident(request: HttpRequest, incident_id: Id) -> IncidentDetail:
    """Một sự cố: các bước, thời hạn, diễn biến, tệp, văn bản."""
    one = _incident(request, incident_id)
    lines = selectors.step_lines(one)
    return IncidentDetail(
        **IncidentRow.from_orm(one).dict(),
        alerts=list(one.alerts.values_list("pk", flat=True)[:200]),
        steps=[StepRow(**_step_row(line)) for line in lines],
        clocks=[ClockRow(**_clock_row(line)) for line in selectors.clock_lines(one)],
        timeline=[TimelineEntry.from_orm(entry) for entry in selectors.timeline(one, lines)],
        attachments=[AttachmentRow.from_orm(file) for file in one.attachments.select_related("added_by")],
        reports=[ReportRow.from_orm(report) for report in one.reports.select_related("made_by", "sent_by")],
    )


def _step_row(line: selectors.StepLine) -> dict[str, Any]:
    run = line.run
    names = ("id", "status", "started_at", "due_at", "finished_at", "finished_by", "choice", "note", "skip_reason")
    return fields(
        run,
        names,
        step=run.step_id,
        name=line.step.name,
        stage=line.stage,
        late=line.late,
        choices=[choice.label for choice in line.step.choices],
    )


def _clock_row(line: selectors.ClockLine) -> dict[str, Any]:
    return fields(
        line.row,
        ("anchored_at", "due_at", "met_at"),
        key=line.row.clock_key,
        state=line.state,
        says=line.says,
        basis=line.basis,
    )


def _step(request: HttpRequest, incident_id: int, step_id: int) -> StepRun:
    return get_object_or_404(_incident(request, incident_id).steps.select_related("incident"), pk=step_id)


def _current(incident: Incident) -> list[StepRow]:
    incident.refresh_from_db()
    return [StepRow(**_step_row(line)) for line in selectors.step_lines(incident)]


@operations.do("/incidents/{incident_id}/steps/{step_id}/finish", list[StepRow])
def finish_step(
    request: HttpRequest,
    incident_id: Id,
    step_id: Id,
    body: Form[body_of(FinishForm)],  # type: ignore[valid-type]
    file: File[UploadedFile | None] = None,
) -> list[StepRow]:
    """Xong bước hiện tại: trả lời, ghi chú, tệp. Trả về mọi bước, bước tiếp theo ở cuối."""
    step = _step(request, incident_id, step_id)
    policies.check_can_finish_step(request.user, step)
    form = FinishForm(
        typed(body),
        {"file": file} if file else {},
        step=procedures.of_incident(step.incident).step(step.step_id),
        takes_files=step.incident.kind != IncidentKind.DATA_LEAK,
        prefix="",
    )
    values = checked(form)
    services.finish_step(
        step=step,
        by=request.user,
        note=values["note"],
        choice=values.get("choice", ""),
        uploads=[values["file"]] if values.get("file") else (),
    )
    return _current(step.incident)


@operations.do("/incidents/{incident_id}/steps/{step_id}/skip", list[StepRow])
def skip_step(request: HttpRequest, incident_id: Id, step_id: Id, body: body_of(SkipForm)) -> list[StepRow]:  # type: ignore[valid-type]
    """Bỏ qua bước hiện tại, kèm lý do."""
    step = _step(request, incident_id, step_id)
    policies.check_can_finish_step(request.user, step)
    services.skip_step(step=step, reason=checked(SkipForm(typed(body), prefix=""))["reason"], by=request.user)
    return _current(step.incident)


@operations.do("/incidents/{incident_id}/undo", list[StepRow])
def undo_step(request: HttpRequest, incident_id: Id) -> list[StepRow]:
    """Quay lại bước trước."""
    one = _incident(request, incident_id)
    services.undo_step(incident=one, by=request.user)
    return _current(one)


@operations.do("/incidents/{incident_id}/notes", IncidentRow)
def note(request: HttpRequest, incident_id: Id, body: body_of(NoteForm)) -> Incident:  # type: ignore[valid-type]
    """Ghi thêm một việc vào diễn biến."""
    one = _incident(request, incident_id)
    policies.check_can_add_note(request.user, one)
    services.add_note(incident=one, text=checked(NoteForm(typed(body), prefix=""))["text"], by=request.user)
    return one


@operations.create("/incidents/{incident_id}/attachments", AttachmentRow)
def attach(request: HttpRequest, incident_id: Id, file: File[UploadedFile]) -> Any:
    """Giữ một tệp cùng sự cố."""
    one = _incident(request, incident_id)
    policies.check_can_attach(request.user, one)
    services.check_file(file=file, unit_id=one.unit_id, by=request.user)  # a refusal is noted, whatever is undone
    return once(request, lambda: AttachmentRow.from_orm(services.attach(incident=one, file=file, by=request.user)))


@operations.file("/incidents/{incident_id}/attachments/{attachment_id}")
def attachment(request: HttpRequest, incident_id: Id, attachment_id: Id) -> FileResponse:
    """Một tệp của sự cố."""
    return run_pages.attachment(request, incident_id, attachment_id)


@operations.do("/incidents/{incident_id}/capacity", IncidentRow)
def capacity(request: HttpRequest, incident_id: Id, body: body_of(CapacityForm)) -> Incident:  # type: ignore[valid-type]
    """Nhận định trong hay vượt khả năng của đơn vị."""
    one = _incident(request, incident_id)
    policies.check_can_judge_capacity(request.user, one)
    values = checked(CapacityForm(typed(body), prefix=""))
    return services.judge_capacity(incident=one, beyond=values["beyond"], note=values["note"], by=request.user)


@operations.do("/incidents/{incident_id}/handled", IncidentRow)
def handled(request: HttpRequest, incident_id: Id) -> Incident:
    """Kết thúc ứng cứu."""
    return services.mark_handled(incident=_incident(request, incident_id), by=request.user)


@operations.do("/incidents/{incident_id}/close", IncidentRow)
def close(request: HttpRequest, incident_id: Id) -> Incident:
    """Đóng sự cố."""
    return services.close(incident=_incident(request, incident_id), by=request.user)


@operations.do("/incidents/{incident_id}/cancel", IncidentRow)
def cancel(request: HttpRequest, incident_id: Id, body: body_of(CancelForm)) -> Incident:  # type: ignore[valid-type]
    """Hủy, kèm lý do."""
    one = _incident(request, incident_id)
    policies.check_can_cancel(request.user, one)
    return services.cancel(incident=one, reason=checked(CancelForm(typed(body), prefix=""))["reason"], by=request.user)


@operations.do("/incidents/{incident_id}/reopen", IncidentRow)
def reopen(request: HttpRequest, incident_id: Id) -> Incident:
    """Mở lại."""
    return services.reopen(incident=_incident(request, incident_id), by=request.user)


@operations.do("/incidents/{incident_id}/events/{event_key}", list[ClockRow])
def record_event(request: HttpRequest, incident_id: Id, event_key: str, body: body_of(SentForm)) -> list[ClockRow]:  # type: ignore[valid-type]
    """Ghi một việc làm chạy hoặc dừng thời hạn của luật: dấu hiệu đã thấy, hoặc đã báo cho ai."""
    one = _incident(request, incident_id)
    run_pages.check_event_is_offered(one, event_key)
    policies.check_can_record_event(request.user, one)
    values = checked(SentForm(typed(body)))
    services.record_event_of_law(incident=one, event_key=event_key, by=request.user, note=values["to"], at=values["at"])
    one.refresh_from_db()
    return [ClockRow(**_clock_row(line)) for line in selectors.clock_lines(one)]


@operations.do("/incidents/{incident_id}/events/{event_key}/withdraw", list[ClockRow])
def withdraw_event(request: HttpRequest, incident_id: Id, event_key: str) -> list[ClockRow]:
    """Rút một dấu hiệu ghi nhầm."""
    one = _incident(request, incident_id)
    if event_key not in run_pages.SIGNS:
        raise not_found()
    services.withdraw_event_of_law(incident=one, event_key=event_key, by=request.user)
    one.refresh_from_db()
    return [ClockRow(**_clock_row(line)) for line in selectors.clock_lines(one)]


# --- statutory documents ---


@operations.read("/incidents/{incident_id}/reports/{kind}/draft", ReportDraft)
def report_draft(request: HttpRequest, incident_id: Id, kind: str) -> dict[str, Any]:
    """Văn bản theo luật sẽ nói gì, còn thiếu gì."""
    one = _incident(request, incident_id)
    facts.report_of(one, kind)
    return fields(
        facts.letter(one),
        ("number", "place", "signer_title", "signer_name"),
        kind=kind,
        fields=[
            fields(
                answer.field,
                ("key", "label", "kind", "required"),
                missing=bool(answer.missing),
                value=facts.storable(answer.value),
                choices=list(answer.field.choices),
            )
            for answer in facts.answers(one, kind)
        ],
    )


@operations.create("/incidents/{incident_id}/reports/{kind}", ReportRow)
def make_report(request: HttpRequest, incident_id: Id, kind: str, body: ReportAnswers) -> Any:
    """Điền và lập văn bản; trường không gửi thì giữ như bản nháp."""
    one = _incident(request, incident_id)
    facts.report_of(one, kind)
    policies.check_can_make_report(request.user, one, kind)
    form = ReportForm(answers=facts.answers(one, kind), letter=facts.letter(one))
    drafted = {name: field.initial for name, field in form.fields.items()}
    form = ReportForm(
        drafted | {name: value for name, value in body.fields.items() if name in drafted},
        answers=facts.answers(one, kind),
        letter=facts.letter(one),
    )
    checked(form)

    def make() -> ReportRow:
        services.save_facts(
            incident=one, kind=kind, answers=form.answer_values(), letter=form.letter_values(), by=request.user
        )
        return ReportRow.from_orm(services.make_report(incident=one, kind=kind, by=request.user))

    return once(request, make)


@operations.file("/incidents/{incident_id}/reports/{report_id}/file")
def report_file(request: HttpRequest, incident_id: Id, report_id: Id) -> FileResponse:
    """Văn bản đã lập, DOCX."""
    return report_pages.report_file(request, incident_id, report_id)


@operations.do("/incidents/{incident_id}/reports/{report_id}/sent", ReportRow)
def report_sent(request: HttpRequest, incident_id: Id, report_id: Id, body: body_of(SentForm)) -> ReportDocument:  # type: ignore[valid-type]
    """Đã gửi: cho ai, bằng cách nào, lúc nào."""
    reports = selectors.reports_of(request.user).select_related("incident")
    made = get_object_or_404(reports, pk=report_id, incident_id=incident_id)
    policies.check_can_mark_sent(request.user, made)
    values = checked(SentForm(typed(body)))
    return services.mark_report_sent(report=made, to=values["to"], at=values["at"], by=request.user)


# --- procedures ---


@operations.read("/sops", Page[SopsOfUnit])
def units_with_sops(request: HttpRequest, q: Text = "", limit: Limit = 50, cursor: Cursor = "") -> dict[str, Any]:
    """Mỗi đơn vị đã áp dụng và phê duyệt mấy quy trình."""
    return page_of_list(selectors.units_with_sops(request.user, q), limit, cursor)


@operations.read("/units/{unit_id}/sops", list[SopRow])
def sops(request: HttpRequest, unit_id: Id) -> list[dict[str, Any]]:
    """Quy trình của một đơn vị, còn thiếu gì."""
    return [_sop_row(line) for line in selectors.sop_lines(_visible(request, unit_id))]


def _sop_row(line: selectors.SopLine) -> dict[str, Any]:
    return fields(
        line,
        ("kind", "title", "label", "next_step", "approved", "newer"),
        id=line.sop.pk if line.sop else None,
        has_document=bool(line.sop and line.sop.document),
    )


def _visible(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in visible_unit_ids(request.user):
        raise not_found()
    return unit_id


@operations.read("/procedures/{kind}", Procedure)
def procedure(request: HttpRequest, kind: str, unit: int | None = None) -> dict[str, Any]:
    """Quy trình mẫu, hoặc quy trình mà đơn vị đã áp dụng."""
    if kind not in IncidentKind.values:
        raise not_found()
    playbook = procedures.for_unit(_visible(request, unit), kind) if unit else procedures.standard().get(kind)
    if playbook is None:
        raise not_found()
    return {
        "kind": kind,
        "name": playbook.name,
        "version": procedures.version_of(playbook),
        "steps": [
            {
                "id": step.id,
                "name": step.name,
                "text": step.text,
                "choices": [choice.label for choice in step.choices],
            }
            for step in playbook.steps
        ],
    }


@operations.create("/units/{unit_id}/sops/{kind}", SopRow)
def adopt_sop(request: HttpRequest, unit_id: Id, kind: str) -> Any:
    """Áp dụng quy trình mẫu."""
    if kind not in IncidentKind.values:
        raise not_found()
    _visible(request, unit_id)

    def make() -> SopRow:
        services.adopt_sop(unit_id=unit_id, kind=kind, by=request.user)
        return SopRow(**next(_sop_row(line) for line in selectors.sop_lines(unit_id) if line.kind == kind))

    return once(request, make)


def _sop(request: HttpRequest, sop_id: int) -> Sop:
    return get_object_or_404(selectors.sops_of(request.user), pk=sop_id)


@operations.do("/sops/{sop_id}/approve")
def approve_sop(request: HttpRequest, sop_id: Id) -> Any:
    """Thủ trưởng phê duyệt."""
    services.approve_sop(sop=_sop(request, sop_id), by=request.user)
    return Status(204, None)


@operations.do("/sops/{sop_id}/read")
def confirm_read(request: HttpRequest, sop_id: Id) -> Any:
    """Tôi đã đọc quy trình."""
    services.confirm_read(sop=_sop(request, sop_id), by=request.user)
    return Status(204, None)


@operations.file("/sops/{sop_id}/document")
def sop_document(request: HttpRequest, sop_id: Id) -> FileResponse:
    """Văn bản của đơn vị bên cạnh quy trình mẫu."""
    return sop_pages.document(request, sop_id)


@operations.do("/sops/{sop_id}/document")
def put_sop_document(request: HttpRequest, sop_id: Id, document: File[UploadedFile]) -> Any:
    """Đặt văn bản của đơn vị bên cạnh quy trình mẫu."""
    sop = _sop(request, sop_id)
    policies.check_can_change_document(request.user, sop)
    services.put_document(sop=sop, file=document, by=request.user)
    return Status(204, None)
