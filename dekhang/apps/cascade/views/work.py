"""The work of a unit, and one assignment with everything that its people, and those above, can do with it."""

from pathlib import PurePath
from typing import Any

from django.contrib import messages
from django.db.models import Q
from django.forms import Form
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.cascade import policies, selectors, services
from dekhang.apps.cascade.enums import DeadlineKind, ReceiptKind, TaskState, Verdict
from dekhang.apps.cascade.forms import (
    ExtensionForm,
    NoteForm,
    ReportForm,
    SendDownForm,
    SubDutyForm,
    TextForm,
)
from dekhang.apps.cascade.history import history_of
from dekhang.apps.cascade.models import (
    Assignment,
    Extension,
    Question,
    Receipt,
    Report,
    SubDuty,
    TaskContest,
)
from dekhang.apps.cascade.waiting import Waiting, waiting_at
from dekhang.apps.cascade.wordings import wording
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.models import User
from dekhang.apps.duties import documents
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.selectors import current_version, own_unit_id, unit_names, visible_unit_ids
from dekhang.law import load


def mine(request: HttpRequest) -> HttpResponse:
    unit_id = own_unit_id(request.user)
    return redirect("cascade:of_unit", unit_id) if unit_id else redirect("cascade:overview")


def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """What a unit was given, the most urgent first. Its own people receive by looking."""
    version = current_version(unit_id) if unit_id in visible_unit_ids(request.user) else None
    if version is None:
        raise Http404
    # its own, and what it sent down: of who sees the whole province nothing else is read
    concerned = selectors.assignments_of(request.user).filter(Q(unit_id=unit_id) | Q(parent__unit_id=unit_id))
    numbers = waiting_at(clock.now(), clock.today(), concerned).get(unit_id, Waiting())
    rows = selectors.by_urgency(numbers.rows)
    own = refusal(check_works_for_unit, request.user, unit_id) is None
    receipts = _receipts([row.assignment.pk for row in rows])
    if own:
        new = [row.assignment.pk for row in rows if ReceiptKind.RECEIVED not in receipts.get(row.assignment.pk, set())]
        services.note_received(unit_id=unit_id, assignment_ids=new, by=request.user)
    senders = unit_names({row.parent_unit_id for row in rows if row.parent_unit_id})
    context = {
        "version": version,
        "unit_id": unit_id,
        "own": own,
        "rows": [
            {
                "row": row,
                "sender": senders.get(row.parent_unit_id or 0, ""),
                "accepted": ReceiptKind.ACCEPTED in receipts.get(row.assignment.pk, set()),
                "returned": row.assignment.pk in numbers.returned_in,
            }
            for row in rows
        ],
        "numbers": numbers,
    }
    return render(request, "cascade/of_unit.html", context)


def _receipts(ids: list[int]) -> dict[int, set[str]]:
    found: dict[int, set[str]] = {}
    for pk, kind in Receipt.objects.filter(assignment_id__in=ids).values_list("assignment_id", "kind"):
        found.setdefault(pk, set()).add(kind)
    return found


def _assignment(request: HttpRequest, pk: int) -> Assignment:
    return get_object_or_404(selectors.assignments_of(request.user), pk=pk)


def assignment(request: HttpRequest, pk: int) -> HttpResponse:
    one = _assignment(request, pk)
    services.note_opened(assignment=one, by=request.user)
    return _page(request, one)


def _page(request: HttpRequest, one: Assignment, **forms: Form) -> HttpResponse:
    """The page; `forms`: those that came back with faults."""
    user, task = request.user, wording(one.task_id)
    row = next(iter(selectors.rows_of(Assignment.objects.filter(pk=one.pk), clock.now())), None)
    recurring = task.deadline == DeadlineKind.RECURRING
    open_periods = selectors.periods_to_report(one)
    later = [period for period in open_periods if period.due_on >= clock.today() and period.missed_at is None]
    children = selectors.rows_of(selectors.assignments_of(user).filter(parent=one), clock.now())
    names = unit_names({one.unit_id, *([one.parent.unit_id] if one.parent else [])})
    work_refusal = refusal(policies.check_can_work, user, one)
    above = policies.is_above(user, one)
    context: dict[str, Any] = {
        "one": one,
        "task": task,
        "row": row,
        "unit": names.get(one.unit_id, ""),
        "sender": names.get(one.parent.unit_id, "") if one.parent else "",
        "above": above,
        "own": refusal(check_works_for_unit, user, one.unit_id) is None,
        "accept_refusal": refusal(policies.check_can_accept, user, one),
        "accepted": policies.is_accepted(one),
        "withdraw_refusal": refusal(policies.check_can_withdraw_assignment, user, one),
        "work_refusal": work_refusal,
        "ask_refusal": refusal(policies.check_can_ask, user, one),
        "demand_refusal": refusal(policies.check_can_demand, user, one),
        "receipts": one.receipts.select_related("by"),
        "sub_duties": one.sub_duties.select_related("set_by"),
        "reports": [_of_report(user, report) for report in one.reports.select_related("reported_by", "occurrence").prefetch_related("judgements__by")],
        "extensions": [
            (x, refusal(policies.check_can_decide_extension, user, x))
            for x in one.extensions.select_related("asked_by", "decided_by", "occurrence")
        ],
        "questions": [(q, refusal(policies.check_can_answer_question, user, q)) for q in one.questions.select_related("asked_by", "answered_by")],
        "contests": [(c, refusal(policies.check_can_answer_contest, user, c)) for c in one.contests.select_related("opened_by", "answered_by")],
        "children": children,
        "left_behind": Report.objects.filter(assignment__continued_by=one, verdict="", withdrawn_at=None).exists(),
        "stays_unjudged": one.ended_at is not None and one.reports.filter(verdict="", withdrawn_at=None).exists(),
        "history": history_of(one),
        "duty": load().duty(task.duty_key) if task.duty_key else None,
        "may_report": not recurring or bool(open_periods),
        "is_done": row is not None and row.state in (TaskState.PROVEN, TaskState.REPORTED) and task.own_proof,
        "may_extend": bool(later) if recurring else one.dues.filter(day__isnull=False).exists(),
        "report_form": ReportForm(open_periods),
        "extension_form": ExtensionForm(later),
        "sub_form": SubDutyForm(),
        "text_form": TextForm(),
        "note_form": NoteForm(),
        "send_form": SendDownForm(one) if work_refusal is None else None,
    }  # fmt: skip
    return render(request, "cascade/assignment.html", context | forms)


def _of_report(user: User, report: Report) -> dict[str, object]:
    judge_refusal = refusal(policies.check_can_judge, user, report)
    return {
        "report": report,
        "judgements": list(report.judgements.all()),
        "judge_refusal": judge_refusal,
        "same_file": selectors.units_with_the_file(user, report) if judge_refusal is None else [],
        "withdraw_refusal": refusal(policies.check_can_withdraw_report, user, report),
    }


@require_POST
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    services.accept(assignment=_assignment(request, pk), by=request.user)
    messages.success(request, _("Đã tiếp nhận. Nơi giao thấy ngay."))
    return redirect("cascade:assignment", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    services.withdraw_assignment(assignment=_assignment(request, pk), by=request.user)
    messages.success(request, _("Đã thu hồi. Thu hồi nhầm thì giao lại."))
    return redirect("cascade:assignment", pk)


@require_POST
def send_down(request: HttpRequest, pk: int) -> HttpResponse:
    one = _assignment(request, pk)
    policies.check_can_work(request.user, one)
    form = SendDownForm(one, request.POST)
    if form.is_valid():
        facts = form.cleaned_data
        try:
            refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"note": facts["note"]})
            sent = services.send(
                tasks=[], parent=one, to=form.recipients(), note=facts["note"], due_on=facts["due_on"], by=request.user
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(
                request,
                _("Đã giao tiếp cho %(n)d đơn vị. Đơn vị đã có việc này thì không giao lần nữa.") % {"n": len(sent)},
            )
            return redirect("cascade:assignment", pk)
    return _page(request, one, send_form=form)


@require_POST
def set_sub_duty(request: HttpRequest, pk: int) -> HttpResponse:
    one = _assignment(request, pk)
    policies.check_can_work(request.user, one)
    form = SubDutyForm(request.POST)
    if form.is_valid():
        try:
            facts = form.cleaned_data
            refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": facts["text"]})
            services.set_sub_duty(assignment=one, by=request.user, **facts)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã phân công."))
            return redirect("cascade:assignment", pk)
    return _page(request, one, sub_form=form)


@require_POST
def toggle_sub_duty(request: HttpRequest, pk: int) -> HttpResponse:
    part = get_object_or_404(SubDuty, pk=pk, assignment__in=selectors.assignments_of(request.user))
    services.toggle_sub_duty(part=part, by=request.user)
    return redirect("cascade:assignment", part.assignment_id)


@require_POST
def report(request: HttpRequest, pk: int) -> HttpResponse:
    one = _assignment(request, pk)
    policies.check_can_work(request.user, one)
    form = ReportForm(selectors.periods_to_report(one), request.POST, request.FILES)
    if form.is_valid():
        text, file = form.cleaned_data["text"], form.cleaned_data["file"]
        try:
            refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": text}, file=file)
            services.report(assignment=one, text=text, file=file, occurrence=form.period, by=request.user)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã gửi báo cáo. Nơi giao kiểm tra rồi mới tính là đã chứng minh."))
            return redirect("cascade:assignment", pk)
    return _page(request, one, report_form=form)


def report_file(request: HttpRequest, pk: int) -> FileResponse:
    """The file as it was sent; always as a download, so that nothing in it runs as a page of ours."""
    found = Report.objects.filter(assignment__in=selectors.assignments_of(request.user)).exclude(file="")
    one = get_object_or_404(found, pk=pk)
    name = f"bao-cao-{one.pk}{PurePath(one.file_name).suffix.lower()}"
    return documents.download(one.file, name)


@require_POST
def withdraw_report(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, Report, pk)
    services.withdraw_report(report=one, by=request.user)
    messages.success(request, _("Đã rút báo cáo. Gửi lại lúc nào cũng được."))
    return redirect("cascade:assignment", one.assignment_id)


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, Report, pk)
    policies.check_can_judge(request.user, one)
    form = NoteForm(request.POST)
    if request.POST.get("verdict") not in Verdict.values or not form.is_valid():
        raise Http404
    verdict, note = Verdict(request.POST["verdict"]), form.cleaned_data["note"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"note": note})
    services.judge(report=one, verdict=verdict, note=note, by=request.user)
    done = _("Đã chấp nhận báo cáo.") if verdict == Verdict.ACCEPTED else _("Đã trả lại báo cáo kèm lý do.")
    messages.success(request, done + " " + _("Nhầm thì bấm nút còn lại; cả hai lần đều được ghi lại."))
    return redirect("cascade:assignment", one.assignment_id)


def _one(request: HttpRequest, model: type, pk: int):
    """A row of an assignment that this person may see."""
    rows = model.objects.filter(assignment__in=selectors.assignments_of(request.user))
    return get_object_or_404(rows.select_related("assignment__parent"), pk=pk)


@require_POST
def ask_extension(request: HttpRequest, pk: int) -> HttpResponse:
    one = _assignment(request, pk)
    policies.check_can_work(request.user, one)
    form = ExtensionForm(selectors.periods_to_report(one), request.POST)
    if form.is_valid():
        facts = form.cleaned_data
        try:
            refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"reason": facts["reason"]})
            services.ask_extension(
                assignment=one,
                occurrence=form.period,
                until=facts["until"],
                reason=facts["reason"],
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã gửi. Hạn cũ vẫn tính tới khi nơi giao đồng ý."))
            return redirect("cascade:assignment", pk)
    return _page(request, one, extension_form=form)


@require_POST
def decide_extension(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, Extension, pk)
    policies.check_can_decide_extension(request.user, one)
    granted, form = request.POST.get("granted"), NoteForm(request.POST)
    if granted not in ("co", "khong") or not form.is_valid():
        raise Http404
    note = form.cleaned_data["note"]
    refuse_secrets(unit_id=one.assignment.unit_id, by=request.user, texts={"note": note})
    services.decide_extension(extension=one, granted=granted == "co", note=note, by=request.user)
    messages.success(request, _("Đã trả lời đơn vị."))
    return redirect("cascade:assignment", one.assignment_id)


@require_POST
def withdraw_extension(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, Extension, pk)
    services.withdraw_extension(extension=one, by=request.user)
    messages.success(request, _("Đã rút yêu cầu gia hạn."))
    return redirect("cascade:assignment", one.assignment_id)


TALKS = {"hoi": services.ask, "giai-trinh": services.contest, "yeu-cau": services.demand_explanation}
CHECKS = {
    "hoi": policies.check_can_ask,
    "giai-trinh": policies.check_can_contest,
    "yeu-cau": policies.check_can_demand,
}


@require_POST
def talk(request: HttpRequest, pk: int, what: str) -> HttpResponse:
    """A question, an explanation of the unit, or the demand for one."""
    if what not in TALKS:
        raise Http404
    one = _assignment(request, pk)
    CHECKS[what](request.user, one)
    form = TextForm(request.POST)
    if form.is_valid():
        text = form.cleaned_data["text"]
        refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": text})
        TALKS[what](assignment=one, text=text, by=request.user)
        messages.success(request, _("Đã gửi."))
    else:
        messages.error(request, _("Hãy viết nội dung trước khi gửi."))
    return redirect("cascade:assignment", pk)


@require_POST
def answer_question(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, Question, pk)
    policies.check_can_answer_question(request.user, one)
    return _answer(
        request, one.assignment_id, lambda text: services.answer_question(question=one, answer=text, by=request.user)
    )


@require_POST
def answer_contest(request: HttpRequest, pk: int) -> HttpResponse:
    one = _one(request, TaskContest, pk)
    policies.check_can_answer_contest(request.user, one)
    return _answer(
        request, one.assignment_id, lambda text: services.answer_contest(contest=one, answer=text, by=request.user)
    )


def _answer(request: HttpRequest, pk: int, write) -> HttpResponse:
    form = TextForm(request.POST)
    if form.is_valid():
        text = form.cleaned_data["text"]
        one = _assignment(request, pk)
        refuse_secrets(unit_id=one.unit_id, by=request.user, texts={"text": text})
        write(text)
        messages.success(request, _("Đã trả lời."))
    else:
        messages.error(request, _("Hãy viết câu trả lời trước khi gửi."))
    return redirect("cascade:assignment", pk)
