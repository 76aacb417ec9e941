"""Who came: the code on the screen, the phone that scans it, and the organiser's list."""

from datetime import datetime

import segno
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.briefings import codes, exports, policies, selectors, services, sheets
from dekhang.apps.briefings.enums import AuditAction, SheetState
from dekhang.apps.briefings.forms import PresentForm, SheetForm
from dekhang.apps.briefings.messages import host_name
from dekhang.apps.briefings.models import AttendanceSheet, Briefing, Invitation
from dekhang.apps.briefings.views.planning import INVALID, find
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.sheets import CONTENT_TYPES
from dekhang.apps.core.sheets import render as as_file
from dekhang.apps.core.workbooks import WorkbookRefused
from dekhang.apps.registry.selectors import unit_names

TICKET = "briefing_ticket"  # in the session of the phone: which briefing it scanned, until when
CONFIRMED = "briefing_confirmed"  # briefing → the name that this phone has confirmed
STALE = 403
LAST_SHOWN = 8


@require_GET
def screen(request: HttpRequest, pk: int) -> HttpResponse:
    """For the projector: the code of this half minute, and who came last. Renewed by itself."""
    briefing = find(request, pk)
    policies.check_can_organise(request.user, briefing)
    closed = refusal(policies.check_doors_open, briefing)
    now = clock.now()
    standing = briefing.attendances.filter(struck_at=None)
    last = list(standing.select_related("invitation").order_by("-at", "-pk")[:LAST_SHOWN])
    names = unit_names({row.invitation.unit_id for row in last})
    context = {
        "briefing": briefing,
        "closed": closed,
        "code": None if closed else _picture(codes.code_at(briefing.pk, now)),
        "seconds": codes.seconds_left(now),
        "people": standing.count(),
        "units": standing.values("invitation").distinct().count(),
        "invited": briefing.invitations.count(),
        "last": [(row, names.get(row.invitation.unit_id, "")) for row in last],
    }
    return render(request, "briefings/_screen.html" if request.htmx else "briefings/screen.html", context)


def _picture(code: str) -> SafeString:
    """The address of the code as a QR picture, inline SVG."""
    address = settings.BASE_URL.rstrip("/") + reverse("briefings:scan", args=[code])
    svg = segno.make(address, error="m", micro=False).svg_inline(
        scale=8, border=4, svgclass="qr", lineclass=None, omitsize=True, title=_("Mã điểm danh")
    )
    return mark_safe(svg)  # noqa: S308 - made by us of our own address


@require_GET
def scan(request: HttpRequest, code: str) -> HttpResponse:
    """What the phone opens. A good code gives it a ticket of some minutes, and its address is of no further use."""
    briefing_id = codes.briefing_of(code, clock.now())
    briefing = Briefing.objects.filter(pk=briefing_id).first() if briefing_id else None
    if briefing is None:
        return _stale(request)
    request.session[TICKET] = {"briefing": briefing.pk, "until": (clock.now() + codes.TICKET).isoformat()}
    return redirect("briefings:here")


def _stale(request: HttpRequest) -> HttpResponse:
    return render(request, "briefings/here.html", {"stale": True}, status=STALE)


def here(request: HttpRequest) -> HttpResponse:
    """“Tôi có mặt”: with one's account, or with name and unit from the list of the invited."""
    briefing = _ticket_of(request)
    if briefing is None:
        done = request.session.get(CONFIRMED, {})
        if request.method == "GET" and done:
            return render(request, "briefings/here.html", {"done": list(done.values())[-1]})
        return _stale(request)
    own = selectors.own_invitations(request.user, briefing) if request.user.is_authenticated else []
    invited = _invited(briefing)
    form = PresentForm(request.POST or None, invited=invited)
    problem = refusal(policies.check_doors_open, briefing)
    if request.method == "POST" and not problem:
        try:
            if own and "ten-khac" not in request.POST:
                services.confirm(invitation=own[0], user=request.user)
                return _confirmed(request, briefing, str(request.user))
            if form.is_valid():
                _check_one_name(request, briefing)
                facts = form.cleaned_data
                invitation = get_object_or_404(Invitation.objects.select_related("briefing"), pk=facts["invitation"], briefing=briefing)  # fmt: skip
                row = services.confirm(invitation=invitation, user=None, name=facts["name"], title=facts["title"])
                return _confirmed(request, briefing, row.name)
        except ActionDenied as denied:
            problem = str(denied)
    context = {
        "briefing": briefing,
        "host": host_name(briefing),
        "own": own[0] if own else None,
        "own_unit": dict(invited).get(own[0].pk, "") if own else "",
        "form": form,
        "problem": problem,
        "login": f"{reverse('portal:login')}?next={reverse('briefings:here')}",
    }
    return render(request, "briefings/here.html", context, status=INVALID if problem or form.errors else 200)


def _ticket_of(request: HttpRequest) -> Briefing | None:
    ticket = request.session.get(TICKET)
    if not isinstance(ticket, dict) or clock.now() > datetime.fromisoformat(ticket["until"]):
        return None
    return Briefing.objects.filter(pk=ticket["briefing"]).first()


def _check_one_name(request: HttpRequest, briefing: Briefing) -> None:
    """A phone writes one name: who brings no phone is written down by the organiser."""
    name = request.session.get(CONFIRMED, {}).get(str(briefing.pk))
    if name:
        raise ActionDenied(
            _("Máy này đã xác nhận cho %(name)s. Mỗi người dùng máy của mình, hoặc nhờ ban tổ chức ghi vào danh sách.")
            % {"name": name}
        )


def _confirmed(request: HttpRequest, briefing: Briefing, name: str) -> HttpResponse:
    request.session.pop(TICKET, None)
    request.session[CONFIRMED] = {**request.session.get(CONFIRMED, {}), str(briefing.pk): name}
    return redirect("briefings:here")


def _invited(briefing: Briefing) -> list[tuple[int, str]]:
    names = selectors.invited_names(list(briefing.invitations.all()))
    return sorted(names.items(), key=lambda pair: pair[1])


def attendance(request: HttpRequest, pk: int) -> HttpResponse:
    """Attended ÷ invited with the rows behind it; for the organiser also entry and correction."""
    briefing = find(request, pk)
    _check_sees_all(request, briefing)
    return _list_page(request, briefing, PresentForm(invited=_invited(briefing)))


def _list_page(request: HttpRequest, briefing: Briefing, form: PresentForm) -> HttpResponse:
    lines = selectors.lines_of(briefing)
    only = request.GET.get("xem", "")
    shown = [line for line in lines if only != "absent" or not line.came]
    context = {
        "briefing": briefing,
        "lines": shown,
        "only": only,
        "summary": selectors.summary_of(lines),
        "form": form,
        "sheet_form": SheetForm(auto_id="nap_%s"),
        "sheets": briefing.sheets.exclude(state=SheetState.DROPPED)[:10],
        "keep_refusal": refusal(policies.check_can_keep_list, request.user, briefing),
        "code_refusal": refusal(policies.check_can_show_code, request.user, briefing),
        "may_organise": refusal(policies.check_can_organise, request.user, briefing) is None,
    }
    return render(request, "briefings/attendance.html", context, status=INVALID if form.errors else 200)


def _check_sees_all(request: HttpRequest, briefing: Briefing) -> None:
    if not selectors.organises(request.user, briefing):
        raise ActionDenied(_("Danh sách có mặt của mọi đơn vị chỉ ban tổ chức xem. Đơn vị bạn xem phần của mình ở trang hội nghị."))  # fmt: skip


@require_POST
def write_down(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    policies.check_can_keep_list(request.user, briefing)
    form = PresentForm(request.POST, invited=_invited(briefing))
    if form.is_valid():
        facts = form.cleaned_data
        invitation = get_object_or_404(briefing.invitations.select_related("briefing"), pk=facts["invitation"])
        try:
            row = services.write_down(invitation=invitation, name=facts["name"], title=facts["title"], by=request.user)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            messages.success(
                request, _("Đã ghi %(name)s có mặt. Ghi nhầm thì gạch tên kèm lý do.") % {"name": row.name}
            )
            return redirect("briefings:attendance", pk)
    return _list_page(request, briefing, form)


@require_POST
def strike(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(selectors.attendances_of(request.user), pk=pk)
    services.strike(attendance=row, reason=request.POST.get("reason", "")[:300], by=request.user)
    messages.success(request, _("Đã gạch tên %(name)s. Gạch nhầm thì bấm “Lấy lại”.") % {"name": row.name})
    return redirect("briefings:attendance", row.briefing_id)


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(selectors.attendances_of(request.user), pk=pk)
    services.restore(attendance=row, by=request.user)
    messages.success(request, _("Đã lấy lại tên %(name)s.") % {"name": row.name})
    return redirect("briefings:attendance", row.briefing_id)


@require_GET
def printed(request: HttpRequest, pk: int) -> HttpResponse:
    """The sign-in sheet for paper."""
    briefing = find(request, pk)
    _check_sees_all(request, briefing)
    rows = sheets.expected(selectors.lines_of(briefing))
    return render(request, "briefings/printed.html", {"briefing": briefing, "rows": rows, "host": host_name(briefing)})


@require_GET
def export(request: HttpRequest, pk: int, form: str) -> HttpResponse:
    """`ky-ten`: the sign-in sheet to fill in; `xlsx`, `csv`: what came of it."""
    briefing = find(request, pk)
    _check_sees_all(request, briefing)
    if form == "ky-ten":
        return _download(sheets.blank(briefing), "xlsx", f"ky-ten-{pk}.xlsx")
    if form not in CONTENT_TYPES:
        raise Http404
    record_event(action=AuditAction.SUMMARY_EXPORTED, by=request.user, target=briefing, detail={"form": form})
    table = exports.table_of(briefing, selectors.lines_of(briefing))
    return _download(as_file(table, form), form, f"hoi-nghi-{pk}.{form}")


def _download(content: bytes, form: str, name: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=CONTENT_TYPES[form], headers=headers)


@require_POST
def bring_sheet(request: HttpRequest, pk: int) -> HttpResponse:
    briefing = find(request, pk)
    policies.check_can_keep_list(request.user, briefing)
    form = SheetForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, _("Hãy chọn tệp danh sách."))
        return redirect("briefings:attendance", pk)
    try:
        one = services.read_sheet(briefing=briefing, file=form.cleaned_data["file"], by=request.user)
    except sheets.SheetFaults as faulty:
        context = {"briefing": briefing, "faults": faulty.faults[:200], "count": len(faulty.faults)}
        return render(request, "briefings/sheet.html", context, status=INVALID)
    except (WorkbookRefused, ActionDenied) as refused:
        messages.error(request, str(refused))
        return redirect("briefings:attendance", pk)
    return redirect("briefings:sheet", one.pk)


def sheet(request: HttpRequest, pk: int) -> HttpResponse:
    """What a sheet would add or has added; confirm, drop, undo."""
    one = get_object_or_404(
        AttendanceSheet.objects.filter(briefing__in=selectors.briefings_of(request.user)).select_related("briefing"),
        pk=pk,
    )
    policies.check_can_organise(request.user, one.briefing)
    if request.method == "POST":
        return _with_sheet(request, one)
    names = dict(_invited(one.briefing))
    context = {
        "briefing": one.briefing,
        "sheet": one,
        "rows": [(names.get(invitation_id, ""), name, title) for invitation_id, name, title in one.rows],
        "refusal": refusal(policies.check_can_keep_list, request.user, one.briefing),
    }
    return render(request, "briefings/sheet.html", context)


def _with_sheet(request: HttpRequest, one: AttendanceSheet) -> HttpResponse:
    if "bo" in request.POST:
        services.drop_sheet(sheet=one, by=request.user)
        messages.success(request, _("Đã bỏ tệp, không có gì thay đổi."))
        return redirect("briefings:attendance", one.briefing_id)
    if "hoan-tac" in request.POST:
        services.undo_sheet(sheet=one, by=request.user)
        messages.success(request, _("Đã hoàn tác: mọi tên nạp từ tệp đã bị gạch."))
    else:
        services.apply_sheet(sheet=one, by=request.user)
        messages.success(request, _("Đã ghi %(count)d người có mặt.") % {"count": len(one.rows)})
    return redirect("briefings:sheet", one.pk)
