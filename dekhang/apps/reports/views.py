"""Pages of reports: the list, making one, one report with its files and where it stands, who is late, and the public check."""

from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry.selectors import own_unit_id, unit_name, unit_names, visible_unit_ids
from dekhang.apps.reports import archive, jobs, policies, selectors, services
from dekhang.apps.reports.documents import templates
from dekhang.apps.reports.documents.paper import Paper
from dekhang.apps.reports.enums import Form, ReportKind, ReportState
from dekhang.apps.reports.forms import CodeForm, MakeForm, ReturnForm
from dekhang.apps.reports.gathering import Asked
from dekhang.apps.reports.kinds import KINDS, Kind, kinds_for
from dekhang.apps.reports.models import Report, code_as_written
from dekhang.law import load
from dekhang.law.periods import last_ended
from dekhang.law.shapes import ReportDate

ROWS_A_PAGE = 40
WRONG_INPUT = 422
CONTENT_TYPES = {
    Form.DOCX: "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    Form.PDF: "application/pdf",
    Form.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    Form.SIGNED: "application/pdf",
}
STATE_TONES = {
    ReportState.MADE: "info",
    ReportState.REPLACED: "neutral",
    ReportState.CONFIRMED: "ok",
    ReportState.SUBMITTED: "info",
    ReportState.RECEIVED: "ok",
    ReportState.RETURNED: "bad",
}


@require_GET
def report_list(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("loai", "") if request.GET.get("loai") in KINDS else ""
    state = request.GET.get("trang-thai", "") if request.GET.get("trang-thai") in ReportState.values else ""
    unit_id = _asked_unit(request)
    reports = selectors.find(selectors.reports_of(request.user), kind=kind, state=state, unit_id=unit_id)
    reports = reports.defer("inputs", "tools")  # a province's data are hundreds of kilobytes a row
    page = Paginator(reports, ROWS_A_PAGE).get_page(request.GET.get("page"))
    own = own_unit_id(request.user)
    subject_id = own if not request.user.is_provincial else unit_id
    context = {
        "page": page,
        "rows": _rows(page),
        "kinds": ReportKind.choices,
        "states": ReportState.choices,
        "kind": kind,
        "state": state,
        "unit_id": unit_id,
        "unit": unit_name(subject_id) if subject_id else "",
        "subject_id": subject_id,
        "may_make": [
            kind
            for kind in kinds_for("unit" if subject_id else "province")
            if refusal(policies.check_can_make, request.user, str(kind.key), subject_id) is None
        ],
    }
    return render(request, "reports/_rows.html" if request.htmx else "reports/list.html", context)


def _rows(reports: object) -> list[tuple[Report, str, str]]:
    """(report, its unit's name, tone of its state)."""
    found = list(reports)  # type: ignore[call-overload]
    names = unit_names({report.unit_id for report in found if report.unit_id})
    return [(report, names.get(report.unit_id, ""), STATE_TONES[ReportState(report.state)]) for report in found]


def _asked_unit(request: HttpRequest) -> int | None:
    """The unit of `?don-vi=`, if the person may see it."""
    text = request.GET.get("don-vi", "")
    if not text.isdecimal() or len(text) > 17 or int(text) not in visible_unit_ids(request.user):
        return None
    return int(text)


def make(request: HttpRequest, kind: str) -> HttpResponse:
    """The form, a preview of the paper, and making it. Which unit: one's own, or `?don-vi=` for the coordinator."""
    wanted = KINDS.get(kind)
    if wanted is None:
        raise Http404
    unit_id = _subject(request, wanted)
    policies.check_can_make(request.user, kind, unit_id)
    paper: Paper | None = None
    worded = refusal(policies.check_can_word_letter, request.user, kind) is None
    if request.method == "POST":
        form = MakeForm(request.POST, kind=wanted, worded=worded)
        if form.is_valid():
            asked = _asked(form, kind, unit_id)
            try:
                if "xem" in request.POST:
                    paper = services.preview(asked=asked, by=request.user)
                else:
                    report = services.make(asked=asked, by=request.user)
                    assert report is not None  # only the clock makes the same one twice
                    messages.success(request, _("Đã lập và lưu trữ báo cáo."))
                    return redirect("reports:detail", report.pk)
            except ActionDenied as denied:
                form.add_error(None, str(denied))
    else:
        form = MakeForm(initial=_first_days(kind, unit_id), kind=wanted, worded=worded)
    context = {
        "kind": wanted,
        "form": form,
        "unit": unit_name(unit_id) if unit_id else "",
        "unit_id": unit_id,
        "paper": paper,
        "entry": _entry(kind, unit_id),
    }
    if request.htmx:  # only the preview asks so; htmx shows no answer but a good one
        return render(request, "reports/_preview.html", context)
    return render(request, "reports/make.html", context, status=WRONG_INPUT if form.errors else 200)


def _subject(request: HttpRequest, kind: Kind) -> int | None:
    if not request.user.is_provincial:
        own = _asked_unit(request) or own_unit_id(request.user)
        if own is None:
            raise Http404
        return own
    unit_id = _asked_unit(request)
    if unit_id is None and "province" not in kind.subjects:
        raise ActionDenied(_("Chọn đơn vị trước: mở trang đơn vị rồi bấm “Báo cáo”."))
    return unit_id if "unit" in kind.subjects else None


def _entry(kind: str, unit_id: int | None) -> ReportDate | None:
    """What the calendar says of this kind of report today."""
    subject = "province" if unit_id is None else "unit"
    today = clock.today()
    entries = [e for e in load().report_dates if e.kind == kind and e.subject == subject and e.in_force(today)]
    ended = {entry.key: last_ended(entry, today) for entry in entries}
    return max(entries, key=lambda e: ended[e.key].end.toordinal() if ended[e.key] else 0, default=None)  # type: ignore[union-attr]


def _first_days(kind: str, unit_id: int | None) -> dict[str, object]:
    """The last ended period of the calendar; where it has no figures, or there is none, the days until today."""
    entry = _entry(kind, unit_id)
    period = last_ended(entry, clock.today()) if entry else None
    if period and selectors.is_frozen(period):
        return {"start": period.start, "day": period.end}
    today = clock.today()
    return {"start": period.end + timedelta(days=1) if period else today - timedelta(days=30), "day": today}


def _asked(form: MakeForm, kind: str, unit_id: int | None) -> Asked:
    day = form.cleaned_data["day"]
    start = form.cleaned_data.get("start") or day
    subject = "province" if unit_id is None else "unit"
    entries = [e for e in load().report_dates if e.kind == kind and e.subject == subject and e.in_force(day)]
    for entry in entries:  # the one whose period was asked for, else any: it says to whom such reports go
        asked = Asked(kind, unit_id, start, day, entry, form.letter(), form.texts())
        if asked.calendar_key:
            return asked
    return Asked(kind, unit_id, start, day, entries[0] if entries else None, form.letter(), form.texts())


def _find(request: HttpRequest, pk: int) -> Report:
    return get_object_or_404(selectors.reports_of(request.user), pk=pk)


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    return _detail(request, _find(request, pk))


def _detail(
    request: HttpRequest,
    report: Report,
    *,
    comparison: archive.Comparison | None = None,
    return_form: ReturnForm | None = None,
) -> HttpResponse:
    intact = archive.intact(report)
    try:
        paper = templates.build(report.inputs, report.template_version) if intact else None
    except templates.TemplateGone:
        paper = None
    user = request.user
    context = {
        "report": report,
        "unit": unit_name(report.unit_id, report.day) if report.unit_id else "",
        "tone": STATE_TONES[ReportState(report.state)],
        "files": report.files.all(),
        "paper": paper,
        "intact": intact,
        "comparison": comparison,
        "needs_confirming": KINDS[report.kind].confirmed,
        "confirm_refusal": refusal(policies.check_can_confirm, user, report),
        "may_submit": refusal(policies.check_can_submit, user, report) is None,
        "may_decide": refusal(policies.check_can_decide, user, report) is None,
        "return_form": return_form or ReturnForm(),
        "is_certificate": report.kind == ReportKind.CERTIFICATE,
    }
    status = WRONG_INPUT if return_form is not None and return_form.errors else 200
    return render(request, "reports/detail.html", context, status=status)


@require_GET
def file(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """The file as archived; who took it is in the audit log."""
    report = _find(request, pk)
    if form not in Form.values or not report.files.filter(form=form).exists():
        raise Http404
    try:
        body = archive.content(report, form)
    except archive.Missing as missing:
        raise ActionDenied(str(missing)) from missing
    services.record_download(report=report, form=form, by=request.user)
    response = HttpResponse(body, content_type=CONTENT_TYPES[Form(form)])
    response["Content-Disposition"] = f'attachment; filename="{archive.name_of(report, form)}"'
    return response


@require_POST
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    report = _find(request, pk)
    comparison = archive.compare(report)
    services.record_comparison(report=report, faults=len(comparison.faults), by=request.user)
    return _detail(request, report, comparison=comparison)


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    report = services.confirm(report=_find(request, pk), by=request.user)
    messages.success(request, _("Đã xác nhận. Từ giờ nội dung này không đổi được nữa."))
    return redirect("reports:detail", report.pk)


@require_POST
def submit(request: HttpRequest, pk: int) -> HttpResponse:
    report = services.submit(report=_find(request, pk), by=request.user)
    messages.success(request, _("Đã gửi. Khi nơi nhận trả lời, trạng thái ở đây đổi theo."))
    return redirect("reports:detail", report.pk)


@require_POST
def receive(request: HttpRequest, pk: int) -> HttpResponse:
    report = services.receive(report=_find(request, pk), by=request.user)
    messages.success(request, _("Đã tiếp nhận báo cáo."))
    return redirect("reports:detail", report.pk)


@require_POST
def return_it(request: HttpRequest, pk: int) -> HttpResponse:
    report = _find(request, pk)
    policies.check_can_decide(request.user, report)
    form = ReturnForm(request.POST)
    if form.is_valid():
        try:
            services.return_it(report=report, reason=form.cleaned_data["reason"], by=request.user)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
    if form.errors:
        return _detail(request, report, return_form=form)
    messages.success(request, _("Đã trả lại, đơn vị thấy lý do và lập bản khác."))
    return redirect("reports:detail", report.pk)


@require_GET
def follow(request: HttpRequest) -> HttpResponse:
    """Who has sent the report of a period and who is late; and whether the clock made what it should."""
    policies.check_can_follow(request.user)
    periods = selectors.periods_followed()
    asked = request.GET.get("ky", "")
    current = next((period for period in periods if period.entry.key == asked), periods[0] if periods else None)
    rows = selectors.follow(current) if current else []
    late_first = sorted(rows, key=lambda row: (-row.overdue_days, row.unit.name))
    page = Paginator(late_first, ROWS_A_PAGE).get_page(request.GET.get("page"))
    context = {
        "periods": periods,
        "current": current,
        "frozen": current is not None and selectors.is_frozen(current),
        "basis": [load().cite(key) for key in current.entry.basis] if current else [],
        "page": page,
        "rows": [(row, STATE_TONES.get(ReportState(row.state)) if row.state else "warn") for row in page],
        "counts": _counts(rows),
        "progress": jobs.progress(),
    }
    return render(request, "reports/_follow.html" if request.htmx else "reports/follow.html", context)


def _counts(rows: list[selectors.UnitPeriod]) -> list[tuple[str, int]]:
    labels = [("", _("Chưa lập")), *((state.value, str(state.label)) for state in ReportState)]
    counted = [(label, sum(row.state == state for row in rows)) for state, label in labels]
    return [(label, number) for label, number in counted if number]


@require_GET
def ask_code(request: HttpRequest) -> HttpResponse:
    """For whoever holds a certificate: the code typed in leads to its page."""
    form = CodeForm(request.GET) if "ma" in request.GET else CodeForm()
    if form.is_bound and form.is_valid():
        return redirect("reports:check", code_as_written(form.cleaned_data["ma"]) or "-")
    return render(request, "reports/check.html", {"form": form, "asked": False})


@require_GET
def check(request: HttpRequest, code: str) -> HttpResponse:
    """Was this certificate issued here, and does it still hold? Says no more than the certificate itself, and yes or no."""
    report = selectors.certificate(code[:20])
    intact = report is not None and archive.intact(report)
    lines = selectors.still_holds(report) if report and intact else []
    pdf = report.files.filter(form=Form.PDF).first() if report else None
    context = {
        "form": CodeForm(initial={"ma": code[:20]}),
        "asked": True,
        "report": report,
        "unit": report.inputs["unit"]["name"] if report and intact else "",
        "at": report.inputs["at"] if report and intact else "",
        "lines": lines,
        "all_hold": all(line.holds for line in lines),
        "sha256": pdf.sha256 if pdf else "",
        "intact": intact,
    }
    return render(request, "reports/check.html", context, status=200 if report else 404)
