"""The province's work: assignments with their state, and everything a unit and its sender say to each other about one."""

from datetime import date, datetime
from typing import Annotated, Any, Literal

from django.http import FileResponse, HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Field, File, Form, Schema
from ninja.files import UploadedFile

from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.asked import Day, day_of
from dekhang.apps.api.rest.bodies import body_of, checked, typed
from dekhang.apps.api.rest.building import Id, Operations
from dekhang.apps.api.rest.once import once
from dekhang.apps.api.rest.paging import Cursor, Limit, Page, page_of_list
from dekhang.apps.api.rest.problems import not_found
from dekhang.apps.api.rest.shapes import Person, Row, fields
from dekhang.apps.cascade import policies, selectors, services
from dekhang.apps.cascade.enums import Verdict
from dekhang.apps.cascade.forms import ExtensionForm, NoteForm, ReportForm, SubDutyForm, TextForm
from dekhang.apps.cascade.models import Assignment, Extension, Question, Report, SubDuty, TaskContest
from dekhang.apps.cascade.views import work as pages
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.duties.selectors import moment_of

operations = Operations(Area.CASCADE)
OfAssignment = Annotated[int, Field(alias="assignment_id")]


class AssignmentRow(Schema):
    """`state`: contested · not_reported · reported · proven, computed from rows, never typed.

    `sender`: the unit that sent it on; None: the province itself.
    """

    id: int
    task: int
    title: str
    unit: int
    unit_name: str
    sender: int | None
    role: str
    state: str
    due_on: date | None
    overdue: bool
    sent_at: datetime


class ReportRow(Row):
    id: int
    assignment: OfAssignment
    text: str
    file_name: str
    sha256: str
    reported_at: datetime
    reported_by: Person
    withdrawn_at: datetime | None
    verdict: str


class QuestionRow(Row):
    id: int
    assignment: OfAssignment
    text: str
    asked_at: datetime
    asked_by: Person
    answer: str
    answered_at: datetime | None
    answered_by: Person


class TaskContestRow(Row):
    """`side`: who opened it, the unit or the sender."""

    id: int
    assignment: OfAssignment
    side: str
    text: str
    opened_at: datetime
    opened_by: Person
    answer: str
    answered_at: datetime | None
    answered_by: Person


class ExtensionRow(Row):
    id: int
    assignment: OfAssignment
    before: date
    until: date
    reason: str
    asked_at: datetime
    asked_by: Person
    withdrawn_at: datetime | None
    granted: bool | None
    decided_at: datetime | None
    decision_note: str


class SubDutyRow(Row):
    id: int
    assignment: OfAssignment
    text: str
    person: str
    due_on: date | None
    done_at: datetime | None


class AssignmentDetail(Schema):
    assignment: AssignmentRow
    reports: list[ReportRow]
    questions: list[QuestionRow]
    contests: list[TaskContestRow]
    extensions: list[ExtensionRow]
    sub_duties: list[SubDutyRow]


class Judgement(body_of(NoteForm, "JudgementFields")):  # type: ignore[misc]
    verdict: Literal["accepted", "returned"]


class Decision(body_of(NoteForm, "DecisionFields")):  # type: ignore[misc]
    granted: bool


PERIOD = frozenset({"occurrence"})


class Reporting(body_of(ReportForm, "ReportingFields", without=PERIOD)):  # type: ignore[misc]
    """`occurrence`: the period, of a recurring task only."""

    occurrence: int | None = None


class Extending(body_of(ExtensionForm, "ExtendingFields", without=PERIOD)):  # type: ignore[misc]
    occurrence: int | None = None


@operations.read("/assignments", Page[AssignmentRow])
def assignments(
    request: HttpRequest,
    day: Day = None,
    unit: int | None = None,
    state: str = "",
    limit: Limit = 50,
    cursor: Cursor = "",
) -> dict[str, Any]:
    """Việc được giao, với trạng thái vào một ngày."""
    found = selectors.assignments_of(request.user)
    if unit is not None:
        found = found.filter(unit_id=unit)
    rows = [row for row in selectors.rows_of(found, moment_of(day_of(day))) if not state or row.state == state]
    page = page_of_list(rows, limit, cursor)
    return page | {"rows": [_row(row) for row in page["rows"]]}


def _row(row: selectors.Row) -> dict[str, Any]:
    return fields(
        row,
        ("unit_name", "state", "due_on", "overdue"),
        id=row.assignment.pk,
        task=row.assignment.task_id,
        title=row.task.title,
        unit=row.unit_id,
        sender=row.parent_unit_id,
        role=row.assignment.role,
        sent_at=row.assignment.sent_at,
    )


def _assignment(request: HttpRequest, assignment_id: int) -> Assignment:
    return get_object_or_404(selectors.assignments_of(request.user), pk=assignment_id)


def _one(request: HttpRequest, model: Any, pk: int) -> Any:
    """A row of an assignment that the account may see."""
    rows = model.objects.filter(assignment__in=selectors.assignments_of(request.user))
    return get_object_or_404(rows.select_related("assignment__parent"), pk=pk)


@operations.read("/assignments/{assignment_id}", AssignmentDetail)
def assignment(request: HttpRequest, assignment_id: Id) -> dict[str, Any]:
    """Một việc được giao: báo cáo, hỏi đáp, giải trình, gia hạn, phân công."""
    one = _assignment(request, assignment_id)
    rows = selectors.rows_of(selectors.assignments_of(request.user).filter(pk=one.pk), moment_of(day_of(None)))
    row = rows[0] if rows else None
    shown = (
        _row(row)
        if row
        else {"state": "", "unit_name": "", "overdue": False, "due_on": None, "title": ""}
        | fields(one, ("role", "sent_at"), id=one.pk, task=one.task_id, unit=one.unit_id)
        | {"sender": one.parent.unit_id if one.parent else None}
    )
    return {
        "assignment": shown,
        "reports": list(one.reports.all()),
        "questions": list(one.questions.all()),
        "contests": list(one.contests.all()),
        "extensions": list(one.extensions.all()),
        "sub_duties": list(SubDuty.objects.filter(assignment=one)),
    }


@operations.do("/assignments/{assignment_id}/accept", AssignmentDetail)
def accept(request: HttpRequest, assignment_id: Id) -> dict[str, Any]:
    """Tiếp nhận việc."""
    services.accept(assignment=_assignment(request, assignment_id), by=request.user)
    return assignment(request, assignment_id)


@operations.do("/assignments/{assignment_id}/withdraw", AssignmentDetail)
def withdraw(request: HttpRequest, assignment_id: Id) -> dict[str, Any]:
    """Nơi giao thu hồi việc."""
    services.withdraw_assignment(assignment=_assignment(request, assignment_id), by=request.user)
    return assignment(request, assignment_id)


@operations.create("/assignments/{assignment_id}/sub-duties", SubDutyRow)
def set_sub_duty(request: HttpRequest, assignment_id: Id, body: body_of(SubDutyForm)) -> Any:  # type: ignore[valid-type]
    """Phân công một phần việc trong đơn vị."""
    one = _assignment(request, assignment_id)
    policies.check_can_work(request.user, one)
    facts = checked(SubDutyForm(typed(body)))
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": facts["text"]})
    return once(request, lambda: SubDutyRow.from_orm(services.set_sub_duty(assignment=one, by=request.user, **facts)))


@operations.do("/sub-duties/{part_id}/toggle", SubDutyRow)
def toggle_sub_duty(request: HttpRequest, part_id: Id) -> SubDuty:
    """Đánh dấu xong, hoặc chưa xong."""
    return services.toggle_sub_duty(part=_one(request, SubDuty, part_id), by=request.user)


@operations.create("/assignments/{assignment_id}/reports", ReportRow)
def report(
    request: HttpRequest,
    assignment_id: Id,
    body: Form[Reporting],
    file: File[UploadedFile | None] = None,
) -> Any:
    """Báo cáo thực hiện, kèm tệp; việc định kỳ nêu `occurrence`."""
    one = _assignment(request, assignment_id)
    policies.check_can_work(request.user, one)
    form = ReportForm(selectors.periods_to_report(one), typed(body), {"file": file} if file else {})
    facts = checked(form)
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": facts["text"]}, file=facts["file"])
    return once(
        request,
        lambda: ReportRow.from_orm(
            services.report(
                assignment=one,
                text=facts["text"],
                file=facts["file"],
                occurrence=form.period,
                by=request.user,
            )
        ),
    )


@operations.file("/task-reports/{report_id}/file")
def report_file(request: HttpRequest, report_id: Id) -> FileResponse:
    """Tệp kèm báo cáo."""
    return pages.report_file(request, report_id)


@operations.do("/task-reports/{report_id}/withdraw", ReportRow)
def withdraw_report(request: HttpRequest, report_id: Id) -> Report:
    """Rút báo cáo chưa xét."""
    return services.withdraw_report(report=_one(request, Report, report_id), by=request.user)


@operations.do("/task-reports/{report_id}/judge", ReportRow)
def judge(request: HttpRequest, report_id: Id, body: Judgement) -> Report:
    """Chấp nhận, hoặc trả lại kèm lý do."""
    one = _one(request, Report, report_id)
    policies.check_can_judge(request.user, one)
    note = checked(NoteForm(typed(body)))["note"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"note": note})
    return services.judge(report=one, verdict=Verdict(body.verdict), note=note, by=request.user)


@operations.create("/assignments/{assignment_id}/extensions", ExtensionRow)
def ask_extension(request: HttpRequest, assignment_id: Id, body: Extending) -> Any:
    """Xin gia hạn."""
    one = _assignment(request, assignment_id)
    policies.check_can_work(request.user, one)
    form = ExtensionForm(selectors.periods_to_report(one), typed(body))
    facts = checked(form)
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"reason": facts["reason"]})
    return once(
        request,
        lambda: ExtensionRow.from_orm(
            services.ask_extension(
                assignment=one,
                until=facts["until"],
                reason=facts["reason"],
                occurrence=form.period,
                by=request.user,
            )
        ),
    )


@operations.do("/extensions/{extension_id}/decide", ExtensionRow)
def decide_extension(request: HttpRequest, extension_id: Id, body: Decision) -> Extension:
    """Đồng ý hoặc từ chối gia hạn."""
    one = _one(request, Extension, extension_id)
    policies.check_can_decide_extension(request.user, one)
    note = checked(NoteForm(typed(body)))["note"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"note": note})
    return services.decide_extension(extension=one, granted=body.granted, note=note, by=request.user)


@operations.do("/extensions/{extension_id}/withdraw", ExtensionRow)
def withdraw_extension(request: HttpRequest, extension_id: Id) -> Extension:
    """Rút yêu cầu gia hạn."""
    return services.withdraw_extension(extension=_one(request, Extension, extension_id), by=request.user)


def _said(request: HttpRequest, one: Assignment, what: str, body: Schema) -> str:
    """A text for `what` of the page's ways to talk, allowed, checked and free of secret marks."""
    pages.CHECKS[what](request.user, one)
    text: str = checked(TextForm(typed(body)))["text"]
    refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": text})
    return text


@operations.create("/assignments/{assignment_id}/talk/{what}", QuestionRow | TaskContestRow)
def talk(request: HttpRequest, assignment_id: Id, what: str, body: body_of(TextForm)) -> Any:  # type: ignore[valid-type]
    """Hỏi, giải trình, hoặc yêu cầu giải trình; `what` như trên trang."""
    one = _assignment(request, assignment_id)
    if what not in pages.TALKS:
        raise not_found()
    text = _said(request, one, what, body)

    def make() -> Schema:
        made = pages.TALKS[what](assignment=one, text=text, by=request.user)
        return QuestionRow.from_orm(made) if isinstance(made, Question) else TaskContestRow.from_orm(made)

    return once(request, make)


@operations.do("/questions/{question_id}/answer", QuestionRow)
def answer_question(request: HttpRequest, question_id: Id, body: body_of(TextForm)) -> Question:  # type: ignore[valid-type]
    """Trả lời câu hỏi."""
    one = _one(request, Question, question_id)
    policies.check_can_answer_question(request.user, one)
    text = checked(TextForm(typed(body)))["text"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"text": text})
    return services.answer_question(question=one, answer=text, by=request.user)


@operations.do("/task-contests/{contest_id}/answer", TaskContestRow)
def answer_contest(request: HttpRequest, contest_id: Id, body: body_of(TextForm)) -> TaskContest:  # type: ignore[valid-type]
    """Trả lời giải trình về một việc."""
    one = _one(request, TaskContest, contest_id)
    policies.check_can_answer_contest(request.user, one)
    text = checked(TextForm(typed(body)))["text"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"text": text})
    return services.answer_contest(contest=one, answer=text, by=request.user)
