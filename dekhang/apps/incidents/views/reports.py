"""Statutory documents: fill, make, download, record as sent."""

from django.contrib import messages
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang import law
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.incidents import facts, policies, selectors, services
from dekhang.apps.incidents.enums import ReportKind
from dekhang.apps.incidents.forms import ReportForm, SentForm
from dekhang.apps.incidents.models import Incident
from dekhang.apps.incidents.views.incidents import WRONG_INPUT, find
from dekhang.law import UnknownKey
from dekhang.law.shapes import Report

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def _definition(incident: Incident, kind: str) -> Report:
    try:
        return facts.report_of(incident, kind)
    except UnknownKey:
        raise Http404 from None


def report(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """What the document will say: missing answers first, everything editable; save, or save and make it."""
    incident = find(request, pk)
    definition = _definition(incident, kind)
    answers = facts.answers(incident, kind)
    letter = facts.letter(incident)
    if request.method == "POST":
        policies.check_can_make_report(request.user, incident, kind)
        form = ReportForm(request.POST, answers=answers, letter=letter)
        if form.is_valid():
            try:
                return _save(request, incident, kind, form)
            except ActionDenied as denied:
                form.add_error(None, str(denied))
    else:
        form = ReportForm(answers=answers, letter=letter)
    book = law.load()
    context = {
        "incident": incident,
        "code": facts.code_of(incident),
        "kind": kind,
        "label": ReportKind(kind).label,
        "definition": definition,
        "basis": [book.cite(key) for key in definition.basis],
        "recipients": [book.party(key, regime=incident.regime) for key in definition.recipients],
        "form": form,
        "missing": [(form[f"f_{answer.field.key}"], answer.field) for answer in answers if answer.missing],
        "from_memory": any(field.from_memory for field in definition.fields),
        "refusal": refusal(policies.check_can_make_report, request.user, incident, kind),
    }
    return render(request, "incidents/report.html", context, status=WRONG_INPUT if form.errors else 200)


def _save(request: HttpRequest, incident: Incident, kind: str, form: ReportForm) -> HttpResponse:
    services.save_facts(
        incident=incident, kind=kind, answers=form.answer_values(), letter=form.letter_values(), by=request.user
    )
    if "lap" not in request.POST:
        messages.success(request, _("Đã lưu thông tin; chưa lập văn bản."))
        return redirect("incidents:report", incident.pk, kind)
    services.make_report(incident=incident, kind=kind, by=request.user)
    messages.success(request, _("Đã lập văn bản. Tải về, ký, gửi đi rồi bấm “Đã gửi”."))
    response = redirect("incidents:detail", incident.pk)
    response["Location"] += "#van-ban"
    return response


def report_file(request: HttpRequest, pk: int, report_pk: int) -> FileResponse:
    made = get_object_or_404(selectors.reports_of(request.user), pk=report_pk, incident_id=pk)
    try:
        file = made.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    name = f"{facts.code_of(made.incident)}-{made.kind}.docx"
    return FileResponse(file, as_attachment=True, filename=name, content_type=DOCX)


@require_POST
def sent(request: HttpRequest, pk: int, report_pk: int) -> HttpResponse:
    made = get_object_or_404(
        selectors.reports_of(request.user).select_related("incident"), pk=report_pk, incident_id=pk
    )
    policies.check_can_mark_sent(request.user, made)
    form = SentForm(request.POST, prefix="gui")
    response = redirect("incidents:detail", pk)
    response["Location"] += "#van-ban"
    if not form.is_valid():
        messages.error(request, _("Hãy ghi đã gửi cho ai và bằng cách nào; nếu ghi giờ, hãy ghi đúng ngày giờ."))
        return response
    try:
        services.mark_report_sent(report=made, to=form.cleaned_data["to"], at=form.cleaned_data["at"], by=request.user)
    except ActionDenied as denied:
        messages.error(request, str(denied))
        return response
    messages.success(request, _("Đã ghi nhận là đã gửi; thời hạn đã dừng."))
    return response
