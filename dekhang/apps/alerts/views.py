"""Pages of alerts: the list, one alert, what a person may do with it, and the raw records behind it."""

import hashlib

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.alerts import policies, selectors, services
from dekhang.apps.alerts.enums import OPEN, AlertLevel
from dekhang.apps.alerts.fieldnames import name_of
from dekhang.apps.alerts.forms import ClosingForm
from dekhang.apps.alerts.models import Alert, AlertDetection
from dekhang.apps.core.errors import refusal
from dekhang.apps.core.paging import BoundedPaginator
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.policies import check_works_for_unit

ROWS_A_PAGE = 50
VIEW_LABELS = {
    "open": gettext_lazy("Đang mở"),
    "escalated": gettext_lazy("Đã chuyển lên cấp trên"),
    "closed": gettext_lazy("Đã đóng"),
    "canary": gettext_lazy("Phép thử"),
    "all": gettext_lazy("Tất cả"),
}
NO_CHANGE = 204  # htmx leaves the page as it is


def _alert_or_404(request: HttpRequest, pk: int) -> Alert:
    alerts = selectors.alerts_of(request.user).select_related("source", "acknowledged_by", "closed_by")
    return get_object_or_404(alerts, pk=pk)


@require_GET
def alert_list(request: HttpRequest) -> HttpResponse:
    view = request.GET.get("xem", "open")
    view = view if view in selectors.VIEWS else "open"
    level, text = request.GET.get("muc", ""), request.GET.get("q", "")
    unit = request.GET.get("don-vi", "")
    unit_id = int(unit) if unit.isdigit() and len(unit) < 18 else None
    found = selectors.search(request.user, view=view, level=level, text=text, unit_id=unit_id)
    page = BoundedPaginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    rows = list(page)
    stamp = _stamp(rows, page.paginator.count)
    if request.htmx and request.GET.get("moc") == stamp:
        return HttpResponse(status=NO_CHANGE)
    names = registry.unit_names({alert.unit_id for alert in rows}) if request.user.is_provincial else {}
    kept = {"xem": view, "muc": level, "q": text, "don-vi": unit}
    context = {
        "page": page,
        "rows": [(alert, names.get(alert.unit_id, "")) for alert in rows],
        "view": view,
        "tabs": [(name, VIEW_LABELS[name], urlencode({**kept, "xem": name})) for name in selectors.VIEWS],
        "levels": AlertLevel.choices,
        "level": level,
        "q": text,
        "is_search_cut": bool(text.strip())
        and request.user.is_provincial
        and unit_id is None
        and selectors.oldest_searched() > 0,
        "searched": selectors.SEARCHED_NEWEST,
        "unit_id": unit_id,
        "unit_name": registry.unit_name(unit_id) if unit_id is not None else "",
        "poll": urlencode({**kept, "page": page.number, "moc": stamp}),
        "counts": selectors.counts(request.user),
        "may_see_strays": refusal(policies.check_can_see_strays, request.user) is None,
    }
    return render(request, "alerts/_rows.html" if request.htmx else "alerts/list.html", context)


def _stamp(rows: list[Alert], count: int) -> str:
    """Differs when a row of the page came, went or changed, or the list grew."""
    facts = [(row.pk, row.last_event_at, row.acknowledged_at, row.closed_at, row.escalated_at) for row in rows]
    return hashlib.sha256(repr((count, facts)).encode()).hexdigest()[:16]


@require_GET
def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """The worst open alerts of one unit: a part for other pages, or the list by itself."""
    if not request.htmx:
        return redirect(f"{reverse('alerts:list')}?{urlencode({'don-vi': unit_id})}")
    found = selectors.search(request.user, unit_id=unit_id)[:10]
    return render(request, "alerts/_of_unit.html", {"alerts": found, "unit_id": unit_id})


@require_GET
def detail(request: HttpRequest, pk: int) -> HttpResponse:
    alert = _alert_or_404(request, pk)
    return _render_detail(request, alert, ClosingForm())


def _render_detail(request: HttpRequest, alert: Alert, form: ClosingForm, status: int = 200) -> HttpResponse:
    detections = selectors.newest_detections(alert)
    newest = detections[0] if detections else None
    user = request.user
    context = {
        "alert": alert,
        "unit_name": registry.unit_name(alert.unit_id),
        "text": selectors.explanation(alert),
        "detections": detections,
        "evidence": [(name_of(field), field, value) for field, value in _ordered(newest)] if newest else [],
        "newest": newest,
        "history": selectors.history(alert),
        "told": selectors.told(alert),
        "form": form,
        "is_open": alert.status in OPEN,
        "no_acknowledge": refusal(policies.check_can_acknowledge, user, alert),
        "no_resolve": refusal(policies.check_can_resolve, user, alert),
        "no_false_alarm": refusal(policies.check_can_mark_false_alarm, user, alert),
        "no_incident": refusal(check_works_for_unit, user, alert.unit_id),
        "no_reopen": refusal(policies.check_can_reopen, user, alert),
    }
    return render(request, "alerts/detail.html", context, status=status)


def _ordered(detection: AlertDetection) -> list[tuple[str, object]]:
    """Fields we can name first; then the others."""
    return sorted(detection.fields.items(), key=lambda pair: (name_of(pair[0]) == pair[0], pair[0]))[:100]


@require_POST
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    alert = services.acknowledge(alert=_alert_or_404(request, pk), by=request.user)
    if alert.is_canary:
        messages.success(request, alert.closing_note)
    else:
        messages.success(request, _("Đã tiếp nhận. Làm theo các việc bên dưới, rồi ghi kết quả."))
    return redirect("alerts:detail", pk=alert.pk)


@require_POST
def close(request: HttpRequest, pk: int) -> HttpResponse:
    """Resolved or false alarm, by the button that was pressed."""
    alert = _alert_or_404(request, pk)
    as_false_alarm = request.POST.get("ket-qua") == "bao-nham"
    check = policies.check_can_mark_false_alarm if as_false_alarm else policies.check_can_resolve
    check(request.user, alert)
    form = ClosingForm(request.POST)
    if not form.is_valid():
        return _render_detail(request, alert, form, status=422)
    service = services.mark_false_alarm if as_false_alarm else services.resolve
    service(alert=alert, note=form.cleaned_data["note"], by=request.user)
    messages.success(request, _("Đã ghi kết quả. Nếu bấm nhầm, mở lại cảnh báo ở cuối trang."))
    return redirect("alerts:detail", pk=alert.pk)


@require_POST
def reopen(request: HttpRequest, pk: int) -> HttpResponse:
    alert = services.reopen(alert=_alert_or_404(request, pk), by=request.user)
    messages.success(request, _("Đã mở lại cảnh báo."))
    return redirect("alerts:detail", pk=alert.pk)


@require_GET
def raw_events(request: HttpRequest, pk: int, detection_pk: int) -> HttpResponse:
    """The records behind one detection, as they were received."""
    alert = _alert_or_404(request, pk)
    detection = get_object_or_404(alert.detections, pk=detection_pk)
    ids = detection.event_ids or [detection.event_id]
    context = {
        "alert": alert,
        "detection": detection,
        "events": selectors.raw_events(alert, ids),
        "asked": len(ids),
    }
    return render(request, "alerts/_raw_events.html" if request.htmx else "alerts/raw_events.html", context)


@require_GET
def strays(request: HttpRequest) -> HttpResponse:
    policies.check_can_see_strays(request.user)
    page = Paginator(selectors.strays(), ROWS_A_PAGE).get_page(request.GET.get("page"))
    return render(request, "alerts/strays.html", {"page": page})
