"""Pages of search: the question with its answer, one event, what lies around it, exports, saved searches."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.search import exports, policies, selectors, services
from dekhang.apps.search.asking import CUSTOM, RANGES, RECEIPT, Asked, Unclear
from dekhang.apps.search.finding import FACETS, find
from dekhang.apps.search.forms import SavingForm
from dekhang.pipeline.stores.lake import Lake, StoredEvent
from dekhang.pipeline.stores.search import Marker, QueryError, TooBusy, narrowed
from dekhang.pipeline.stores.search.nodes import QUESTION_CHARS, Everything

AROUND = timedelta(minutes=10)
KINDS = {
    "windows": "Windows",
    "linux_auth": "Linux: đăng nhập",
    "linux_auditd": "Linux: auditd",
    "linux_sysmon": "Linux: Sysmon",
    "web_access": "Truy cập web",
    "web_error": "Lỗi máy chủ web",
    "suricata": "Suricata",
    "zeek": "Zeek",
    "firewall": "Tường lửa",
    "proxy": "Proxy",
    "dns": "DNS",
    "antivirus": "Diệt virus",
    "cloud": "Đám mây",
    "cef": "CEF",
    "leef": "LEEF",
    "syslog": "Syslog",
    "raw": "Chưa đọc được",
}
_SHORT_NAMES = ("host", "user", "src_ip")


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    asked = Asked.of(request.GET)
    sight = selectors.sight_of(request.user)
    names = sight.names
    context = {
        "asked": asked,
        "query": asked.query(),
        "custom": asked.span == CUSTOM,
        "ranges": [(key, label) for key, (label, _length) in RANGES.items()],
        "by_receipt": asked.axis == RECEIPT,
        "units": sorted(names.units.items(), key=lambda pair: pair[1]),
        "sources": sorted(sight.source_labels.items(), key=lambda pair: pair[1]),
        "kinds": KINDS.items(),
        "longest": QUESTION_CHARS,
        "forms": list(exports.TYPES),
        "may_hunt": refusal(policies.check_can_hunt, request.user) is None,
        "saved": [one for one in selectors.saved_of(request.user) if one.removed_at is None],
        "narrow": asked.unit or asked.source or asked.kind or asked.axis,
    }
    status = 200
    try:
        question, within = asked.question(names), asked.within()
        context |= {
            "finding": find(sight, asked, question, within),
            "since": _moment(within.since_ms),
            "until": min(_moment(within.until_ms), clock.now()),
            "looser": _looser(asked),
        }
    except Unclear as fault:
        status = 422
        context |= {"fault": str(fault), "fault_parts": _parts(asked.text, fault.position)}
    except TooBusy:
        status = 503
        context["fault"] = _("Máy đang bận với những lần tìm khác. Chờ vài giây rồi bấm Tìm lại.")
    if request.htmx:  # an answer that is not 200 would not be shown
        return render(request, "search/_search.html", context)
    return render(request, "search/page.html", context, status=status)


def _parts(text: str, position: int | None) -> tuple[str, str, str] | None:
    """The query before, at and behind its fault."""
    if position is None:
        return None
    return text[:position], text[position : position + 1] or " ", text[position + 1 :]


def _looser(asked: Asked) -> str:
    """A query of one field's whole value, as one that only has to be in it: what beginners mean."""
    name, colon, value = asked.text.strip().partition(":")
    if not colon or not value or any(sign in asked.text for sign in ' "*?()<>') or asked.text.startswith("-"):
        return ""
    return asked.query(text=f"{name}:*{value}*")


@require_GET
def event(request: HttpRequest, event_id: int) -> HttpResponse:
    sight = selectors.sight_of(request.user)
    found = _event_or_404(sight.unit_ids, event_id)
    asked, names = Asked.of(request.GET), sight.names
    try:
        marker = Marker(asked.question(names))
    except Unclear:
        marker = Marker(Everything())
    context = {
        "event": found,
        "received_at": _moment(found.received_ms),
        "unit": names.units.get(found.unit_id, ""),
        "source": names.sources.get(found.source_id, ""),
        "kind": KINDS.get(found.kind, found.kind),
        "marker": marker,
        "query": asked.query(),
        "fields": [(name, value, *_links(asked, name, value)) for name, value in found.fields.items()],
        "pivots": [
            (FACETS[name][1], getattr(found, name), *_links(asked, FACETS[name][0], getattr(found, name)))
            for name in _SHORT_NAMES
            if getattr(found, name)
        ],
    }
    return render(request, "search/_event.html" if request.htmx else "search/event.html", context)


def _event_or_404(unit_ids: frozenset[int], event_id: int) -> StoredEvent:
    if event_id >= 1 << 63:
        raise Http404
    found = Lake(settings.DATA).events([event_id], unit_ids=unit_ids)
    if not found:
        raise Http404
    return found[0]


def _links(asked: Asked, name: str, value: object) -> tuple[str, str]:
    """Addresses of the search with this value, and without it; empty for what cannot be asked for."""
    if isinstance(value, bool):
        value = "true" if value else "false"
    if not isinstance(value, (str, int, float)) or len(str(value)) > QUESTION_CHARS // 4 or value == "":
        return "", ""
    try:
        only = narrowed(asked.text, name, str(value))
        return asked.query(text=only), asked.query(text=narrowed(asked.text, name, str(value), exclude=True))
    except QueryError:
        return "", ""


@require_GET
def around(request: HttpRequest, event_id: int) -> HttpResponse:
    """What else the same machine (or source) wrote in the minutes before and after."""
    found = _event_or_404(registry.visible_unit_ids(request.user), event_id)
    text = narrowed("", "host", found.host) if found.host else ""
    source = "" if found.host else found.source_id
    asked = Asked(text=text, unit=str(found.unit_id), source=str(source))
    return redirect(f"{reverse('search:page')}?{asked.during(found.time - AROUND, found.time + AROUND)}")


@require_POST
def export(request: HttpRequest, form: str) -> HttpResponse:
    if form not in exports.TYPES:
        raise Http404
    asked = Asked.of(request.POST)
    sight = selectors.sight_of(request.user)
    try:
        question, within = asked.question(sight.names), asked.within()
        found = exports.collect(sight, question, within)
    except (Unclear, TooBusy) as fault:
        messages.error(request, str(fault) or _("Máy đang bận với những lần tìm khác. Chờ vài giây rồi thử lại."))
        return redirect(f"{reverse('search:page')}?{asked.query()}")
    content = exports.written(found, form)
    units = {row.event.unit_id for row in found.rows}
    services.note_export(
        form=form,
        rows=len(found.rows),
        asked={"query": asked.query(), "since_ms": within.since_ms, "until_ms": within.until_ms},
        unit_id=units.pop() if len(units) == 1 else registry.own_unit_id(request.user),
        by=request.user,
    )
    response = HttpResponse(content, content_type=exports.TYPES[form])
    response.headers["Content-Disposition"] = f'attachment; filename="su-kien-{clock.now():%Y%m%d-%H%M%S}.{form}"'
    return response


@require_GET
def saved(request: HttpRequest) -> HttpResponse:
    found = list(selectors.saved_of(request.user))
    context = {
        "kept": [
            (one, refusal(policies.check_can_change_saved, request.user, one))
            for one in found
            if one.removed_at is None
        ],
        "removed": [one for one in found if one.removed_at is not None],
    }
    return render(request, "search/saved.html", context)


@require_POST
def save(request: HttpRequest) -> HttpResponse:
    asked = Asked.of(request.POST)
    form = SavingForm(request.POST)
    address = f"{reverse('search:page')}?{asked.query()}"
    if not form.is_valid():
        messages.error(request, _("Chưa lưu: hãy đặt tên cho câu tìm."))
        return redirect(address)
    services.save_search(query=asked.query(), by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã lưu câu tìm “%(name)s”.") % {"name": form.cleaned_data["name"]})
    return redirect(address)


@require_POST
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.saved_of(request.user), pk=pk)
    form = SavingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Chưa đổi: tên không được để trống."))
        return redirect("search:saved")
    services.rename_search(saved=one, by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã sửa câu tìm."))
    return redirect("search:saved")


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.saved_of(request.user), pk=pk)
    services.remove_search(saved=one, by=request.user)
    messages.success(request, _("Đã xóa. Xóa nhầm thì bấm Khôi phục ở cuối trang này."))
    return redirect("search:saved")


@require_POST
def restore(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.saved_of(request.user), pk=pk)
    services.restore_search(saved=one, by=request.user)
    messages.success(request, _("Đã khôi phục câu tìm."))
    return redirect("search:saved")


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
