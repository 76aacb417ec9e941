"""Pages of visits: the list, planning, one visit with its checklist, minutes."""

from itertools import groupby

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.inspections import policies, selectors, services
from dekhang.apps.inspections.enums import MOVES, FindingStatus, Result, Severity, VisitStatus
from dekhang.apps.inspections.forms import FindingForm, ItemForm, NoteForm, VisitForm
from dekhang.apps.inspections.models import Item, Sample, Visit
from dekhang.apps.registry.search import fold, found_in
from dekhang.apps.registry.selectors import counted_units, unit_name, unit_names

PER_PAGE = 40
INVALID = 422
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
VIEWS = (("coming", gettext_lazy("Sắp tới, đang làm")), ("past", gettext_lazy("Đã kết luận")), ("all", gettext_lazy("Tất cả")))  # fmt: skip
TONES = {
    VisitStatus.PLANNED: "info",
    VisitStatus.UNDER_WAY: "warn",
    VisitStatus.CONCLUDED: "warn",
    VisitStatus.CLOSED: "ok",
    VisitStatus.CANCELLED: "neutral",
}
BUTTONS = {
    VisitStatus.UNDER_WAY: (gettext_lazy("Bắt đầu kiểm tra"), "play", ""),
    VisitStatus.CONCLUDED: (gettext_lazy("Kết luận"), "gavel", gettext_lazy("Kết luận của đoàn")),
    VisitStatus.CLOSED: (gettext_lazy("Đóng: mọi phát hiện đã khắc phục"), "circle-check", ""),
    VisitStatus.CANCELLED: (gettext_lazy("Hủy cuộc kiểm tra"), "x", gettext_lazy("Vì sao hủy")),
    VisitStatus.PLANNED: (gettext_lazy("Lên lịch lại"), "rotate-ccw", ""),
}
RESULT_TONES = {Result.MET: "ok", Result.NOT_MET: "bad", Result.NOT_APPLICABLE: "neutral", "": "neutral"}
SEVERITY_TONES = {Severity.HIGH: "bad", Severity.MEDIUM: "warn", Severity.LOW: "info"}
FINDING_TONES = {
    FindingStatus.OPEN: "warn",
    FindingStatus.FILED: "info",
    FindingStatus.CLOSED: "ok",
    FindingStatus.WITHDRAWN: "neutral",
}


def find(request: HttpRequest, pk: int) -> Visit:
    return get_object_or_404(selectors.visits_of(request.user), pk=pk)


def visit_list(request: HttpRequest) -> HttpResponse:
    view, text = request.GET.get("xem", "coming"), request.GET.get("q", "").strip()[:100]
    visits = selectors.visits_of(request.user).annotate(
        open_findings=Count("findings", filter=Q(findings__status__in=policies.OPEN))
    )
    visits = visits.order_by("-day", "-pk")  # a grouped query loses the model's own order
    if view == "past":
        visits = visits.filter(status__in=[VisitStatus.CONCLUDED, VisitStatus.CLOSED])
    elif view != "all":
        view, visits = "coming", selectors.coming(visits)
    if fold(text):
        names = unit_names(list(visits.values_list("unit_id", flat=True).distinct()))
        visits = visits.filter(unit_id__in=[pk for pk, name in names.items() if found_in(text, name)])
    page = Paginator(visits, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({one.unit_id for one in page})
    context = {
        "rows": [
            {
                "visit": one,
                "unit": names.get(one.unit_id, ""),
                "tone": TONES[VisitStatus(one.status)],
                "open": one.open_findings if selectors.shows_findings(request.user, one) else 0,
            }
            for one in page
        ],
        "page": page,
        "view": view,
        "views": VIEWS,
        "q": text,
        "may_inspect": refusal(policies.check_can_inspect, request.user) is None,
    }
    return render(request, "inspections/_rows.html" if request.htmx else "inspections/list.html", context)


def plan(request: HttpRequest) -> HttpResponse:
    policies.check_can_inspect(request.user)
    units = [(version.unit_id, version.name) for version in counted_units()]
    asked, sample = request.GET.get("don-vi", ""), _sample(request)
    form = VisitForm(
        request.POST or None,
        units=sorted(units, key=lambda pair: pair[1]),
        initial={"unit": asked, "lead": request.user},
    )
    if request.method == "POST" and form.is_valid():
        facts = form.cleaned_data
        try:
            visit = services.plan_visit(
                unit_id=facts["unit"],
                checklist_key=facts["checklist"],
                day=facts["day"],
                lead=facts["lead"],
                members=list(facts["members"]),
                purpose=facts["purpose"],
                announced=facts["announced"],
                sample=sample,
                by=request.user,
            )
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(request, _("Đã lên lịch kiểm tra."))
            return redirect("inspections:visit", visit.pk)
    context = {"form": form, "sample": sample}
    return render(request, "inspections/plan.html", context, status=INVALID if form.errors else 200)


def _sample(request: HttpRequest) -> Sample | None:
    asked = request.GET.get("mau", "")
    return selectors.samples_of(request.user).filter(pk=int(asked)).first() if asked.isascii() and asked.isdigit() and len(asked) < 19 else None  # fmt: skip


def visit(request: HttpRequest, pk: int) -> HttpResponse:
    return page_of(request, find(request, pk))


def page_of(request: HttpRequest, one: Visit, *, finding_form: FindingForm | None = None) -> HttpResponse:
    user = request.user
    items = list(one.items.select_related("answered_by"))
    shows = selectors.shows_findings(user, one)
    work_refusal = refusal(policies.check_can_work, user, one)
    findings = list(one.findings.all()) if shows else []
    context = {
        "visit": one,
        "unit": unit_name(one.unit_id),
        "tone": TONES[VisitStatus(one.status)],
        "members": list(one.members.order_by("pk")),
        "groups": [(group, [_item(item, shows) for item in members]) for group, members in groupby(items, key=lambda item: item.group)],
        "answered": sum(item.result != "" for item in items) if shows else 0,
        "count": len(items),
        "shows": shows,
        "findings": [
            {"finding": finding, "tone": FINDING_TONES[FindingStatus(finding.status)], "severity_tone": SEVERITY_TONES[Severity(finding.severity)]}
            for finding in findings
        ],
        "minutes": one.minutes.select_related("made_by") if shows else [],
        "work_refusal": work_refusal,
        "finding_form": finding_form or finding_form_of(items, auto_id="ph_%s"),
        "moves": [_button(user, one, to) for to in VisitStatus if to in MOVES[VisitStatus(one.status)]],
        "is_lead": user.pk == one.lead_id,
        "minutes_refusal": refusal(policies.check_can_make_minutes, user, one),
        "comment_refusal": refusal(policies.check_can_comment, user, one),
        "comment_form": NoteForm(initial={"note": one.unit_view}, auto_id="yk_%s"),
    }  # fmt: skip
    return render(request, "inspections/visit.html", context, status=INVALID if finding_form else 200)


def finding_form_of(items: list[Item], *args: object, **kwargs: object) -> FindingForm:
    return FindingForm(*args, items=[(item.pk, f"{item.number}. {item.text}") for item in items], **kwargs)


def _item(item: Item, shows: bool) -> dict[str, object]:
    initial = {"result": item.result, "note": item.note, "seen": item.seen}
    return {
        "item": item,
        "tone": RESULT_TONES[item.result] if shows else "",
        "form": ItemForm(initial=initial, auto_id=f"m{item.pk}_%s"),
    }


def _button(user: object, one: Visit, to: VisitStatus) -> dict[str, object]:
    label, icon_name, asks = BUTTONS[to]
    if (one.status, to) == (VisitStatus.CONCLUDED, VisitStatus.UNDER_WAY):
        label, icon_name = _("Mở lại để ghi thêm"), "rotate-ccw"
    elif one.status == VisitStatus.CLOSED:
        label, icon_name, asks = _("Mở lại"), "rotate-ccw", ""
    refused = refusal(policies.check_can_move, user, one, to)
    return {"to": to, "label": label, "icon": icon_name, "asks": asks, "refusal": refused}


def note_of(request: HttpRequest) -> str:
    """What was written beside the button; refused when it is too long, not dropped."""
    form = NoteForm(request.POST)
    if not form.is_valid():
        raise ActionDenied(" ".join(form.errors["note"]))
    return form.cleaned_data["note"]


@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    one = find(request, pk)
    to = request.POST.get("to", "")
    if to not in VisitStatus.values:
        to = VisitStatus.UNDER_WAY
    one = services.move(visit=one, to=to, note=note_of(request), by=request.user)
    messages.success(request, _("Cuộc kiểm tra: %(status)s.") % {"status": one.get_status_display().lower()})
    return redirect("inspections:visit", pk)


@require_POST
def comment(request: HttpRequest, pk: int) -> HttpResponse:
    one = find(request, pk)
    policies.check_can_comment(request.user, one)
    services.comment(visit=one, text=note_of(request), by=request.user)
    messages.success(request, _("Đã ghi ý kiến của đơn vị."))
    return redirect("inspections:visit", pk)


@require_POST
def answer(request: HttpRequest, pk: int, item_pk: int) -> HttpResponse:
    one = find(request, pk)
    item = get_object_or_404(one.items.select_related("visit"), pk=item_pk)
    policies.check_can_work(request.user, one)
    form = ItemForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Chọn kết quả: đạt, không đạt hoặc không áp dụng."))
    else:
        try:
            services.answer_item(item=item, by=request.user, **form.cleaned_data)
        except ActionDenied as denied:
            messages.error(request, str(denied))
    response = redirect("inspections:visit", pk)
    response["Location"] += f"#muc-{item.number}"
    return response


@require_POST
def make_minutes(request: HttpRequest, pk: int) -> HttpResponse:
    services.make_minutes(visit=find(request, pk), by=request.user)
    messages.success(request, _("Đã lập biên bản. Tải về, in, hai bên ký."))
    response = redirect("inspections:visit", pk)
    response["Location"] += "#bien-ban"
    return response


def minutes(request: HttpRequest, pk: int) -> FileResponse:
    made = get_object_or_404(selectors.minutes_of(request.user), pk=pk)
    try:
        content = made.file.open("rb")
    except FileNotFoundError:
        raise Http404 from None
    return FileResponse(content, as_attachment=True, filename=f"bien-ban-kiem-tra-{made.visit_id}.docx", content_type=DOCX)  # fmt: skip
