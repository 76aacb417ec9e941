"""Pages of findings: those that wait, one with its history, filing, judging, withdrawing."""

from pathlib import PurePath

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import FileResponse, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.duties import documents
from dekhang.apps.inspections import policies, selectors, services
from dekhang.apps.inspections.enums import FindingStatus, Severity
from dekhang.apps.inspections.forms import FollowUpForm, NoteForm
from dekhang.apps.inspections.models import Finding
from dekhang.apps.inspections.views.visits import (
    FINDING_TONES,
    INVALID,
    SEVERITY_TONES,
    find,
    finding_form_of,
    note_of,
    page_of,
)
from dekhang.apps.registry.selectors import unit_name, unit_names

PER_PAGE = 40
VIEWS = (
    ("overdue", gettext_lazy("Quá hạn")),
    ("open", gettext_lazy("Chờ khắc phục")),
    ("filed", gettext_lazy("Chờ kiểm tra lại")),
    ("all", gettext_lazy("Tất cả")),
)


def finding_list(request: HttpRequest) -> HttpResponse:
    findings = selectors.findings_of(request.user)
    view = request.GET.get("xem", "open")
    if view == "overdue":
        findings = selectors.overdue(findings)
    elif view == "filed":
        findings = selectors.waiting_for_judgement(findings)
    elif view == "all":
        findings = findings.order_by("-raised_at", "-pk")
    else:
        view = "open"
        findings = findings.filter(status=FindingStatus.OPEN).order_by("due_on", "pk")
    page = Paginator(findings, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.unit_id for one in page})
    context = {
        "rows": [{**_shown(one), "unit": names.get(one.unit_id, "")} for one in page],
        "page": page,
        "view": view,
        "views": VIEWS,
    }
    return render(request, "inspections/findings.html", context)


def _shown(one: Finding) -> dict[str, object]:
    return {
        "finding": one,
        "tone": FINDING_TONES[FindingStatus(one.status)],
        "severity_tone": SEVERITY_TONES[Severity(one.severity)],
        "late": one.status in policies.OPEN and one.due_on < clock.today(),
    }


def finding(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.findings_of(request.user), pk=pk)
    return _page(request, one, FollowUpForm())


def _page(request: HttpRequest, one: Finding, form: FollowUpForm) -> HttpResponse:
    context = {
        **_shown(one),
        "unit": unit_name(one.unit_id),
        "follow_ups": one.follow_ups.select_related("filed_by", "judged_by"),
        "form": form,
        "judge_form": NoteForm(auto_id="kt_%s"),
        "withdraw_form": NoteForm(auto_id="rut_%s"),
        "file_refusal": refusal(policies.check_can_file, request.user, one),
        "judge_refusal": refusal(policies.check_can_judge, request.user, one),
        "withdraw_refusal": refusal(policies.check_can_withdraw_finding, request.user, one),
    }
    return render(request, "inspections/finding.html", context, status=INVALID if form.errors else 200)


@require_POST
def raise_one(request: HttpRequest, pk: int) -> HttpResponse:
    visit = find(request, pk)
    policies.check_can_work(request.user, visit)
    items = {item.pk: item for item in visit.items.all()}
    form = finding_form_of(list(items.values()), request.POST, auto_id="ph_%s")
    if form.is_valid():
        facts = form.cleaned_data
        try:
            services.raise_finding(visit=visit, by=request.user, **{**facts, "item": items.get(facts["item"])})
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã ghi phát hiện. Đơn vị thấy sau khi đoàn kết luận."))
            response = redirect("inspections:visit", pk)
            response["Location"] += "#phat-hien"
            return response
    return page_of(request, visit, finding_form=form)


@require_POST
def file_one(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.findings_of(request.user), pk=pk)
    policies.check_can_file(request.user, one)
    form = FollowUpForm(request.POST, request.FILES)
    if form.is_valid():
        facts = form.cleaned_data
        try:
            services.file_follow_up(finding=one, text=facts["text"], file=facts["file"], by=request.user)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã gửi báo cáo khắc phục; đoàn kiểm tra xem lại rồi xác nhận."))
            return redirect("inspections:finding", pk)
    return _page(request, one, form)


@require_POST
def judge(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.findings_of(request.user), pk=pk)
    verified = request.POST.get("verdict") == "verified"
    services.judge(finding=one, verified=verified, note=note_of(request), by=request.user)
    messages.success(request, _("Đã xác nhận khắc phục.") if verified else _("Đã trả lại kèm điều còn thiếu."))
    return redirect("inspections:finding", pk)


@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.findings_of(request.user), pk=pk)
    services.withdraw_finding(finding=one, reason=note_of(request), by=request.user)
    messages.success(request, _("Đã rút phát hiện."))
    return redirect("inspections:finding", pk)


def follow_up_file(request: HttpRequest, pk: int) -> FileResponse:
    """What the unit attached, always as a download."""
    one = get_object_or_404(selectors.follow_ups_of(request.user).exclude(file=""), pk=pk)
    name = f"khac-phuc-{one.finding_id}-{one.pk}{PurePath(one.file_name).suffix.lower()}"
    return documents.download(one.file, name)
