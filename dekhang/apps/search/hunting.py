"""Pages of hunts: the list, a new one, one with its progress and what it found."""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.core import clock
from dekhang.apps.search import policies, selectors, services
from dekhang.apps.search.forms import HuntForm
from dekhang.pipeline.stores import hunts as store
from dekhang.pipeline.stores.hunts import Hunt
from dekhang.pipeline.stores.search import Everything, Marker, QueryError, parse

HITS_A_PAGE = 100
USUAL = timedelta(days=30)
STATUSES = {
    "waiting": ("neutral", "clock", gettext_lazy("Chờ bắt đầu")),
    "running": ("info", "loader", gettext_lazy("Đang lùng")),
    "stopped": ("warn", "pause", gettext_lazy("Đã dừng, làm tiếp được")),
    "done": ("ok", "check", gettext_lazy("Xong")),
    "cancelled": ("neutral", "x", gettext_lazy("Đã hủy, làm tiếp được")),
    "failed": ("bad", "octagon-x", gettext_lazy("Hỏng")),
}
KINDS = {"query": gettext_lazy("câu tìm"), "rules": gettext_lazy("luật"), "indicators": gettext_lazy("chỉ dấu")}


def _hunt_or_404(request: HttpRequest, key: str) -> Hunt:
    policies.check_can_hunt(request.user)
    found = store.get(settings.DATA, key)
    if found is None:
        raise Http404
    return found


def _shown(hunt: Hunt) -> dict[str, object]:
    state, request = hunt.state, hunt.request
    tone, icon, word = STATUSES[state.status]
    return {
        "id": hunt.id,
        "title": request.title,
        "kind": KINDS[request.kind],
        "by": request.by,
        "created_at": hunt.created_at,
        "since": datetime.fromtimestamp(request.since_ms / 1000, UTC),
        "until": datetime.fromtimestamp(min(request.until_ms, request.snapshot_ms) / 1000, UTC),
        "units": len(request.unit_ids),
        "state": state,
        "status": (tone, word, icon),
        "percent": int(state.done * 100 / state.slices) if state.slices else (100 if state.status == "done" else 0),
        "goes_on": state.status in ("waiting", "running") or (hunt.wants_alerts and state.told is None),
    }


@require_GET
def hunts(request: HttpRequest) -> HttpResponse:
    policies.check_can_hunt(request.user)
    shown = [_shown(one) for one in store.listing(settings.DATA)]
    return render(request, "search/hunts.html", {"hunts": shown, "goes_on": any(one["goes_on"] for one in shown)})


def start(request: HttpRequest) -> HttpResponse:
    policies.check_can_hunt(request.user)
    sight = selectors.sight_of(request.user)
    since = timezone.localtime(clock.now() - USUAL).replace(second=0, microsecond=0)
    initial = {
        "query": request.GET.get("q", "")[:2000],
        "rule_id": request.GET.get("luat", "")[:64],
        "since": f"{since:%Y-%m-%dT%H:%M}",
    }
    form = HuntForm(request.POST or None, request.FILES or None, initial=initial, units=sight.names.units)
    if request.method == "POST" and form.is_valid():
        try:
            hunt = services.start_hunt(sight=sight, by=request.user, **form.cleaned_data)
        except ValueError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, _("Đã bắt đầu. Trang này tự cập nhật; bạn đi làm việc khác cũng được."))
            return redirect("search:hunt", key=hunt.id)
    return render(request, "search/start_hunt.html", {"form": form}, status=422 if form.errors else 200)


@require_GET
def hunt(request: HttpRequest, key: str) -> HttpResponse:
    found = _hunt_or_404(request, key)
    sight = selectors.sight_of(request.user)
    page = request.GET.get("page", "1")
    number = int(page) if page.isdecimal() and 0 < len(page) < 7 else 1
    start_at = max(0, number - 1) * HITS_A_PAGE
    state = found.state
    hits = [
        {**hit, "at": datetime.fromtimestamp(hit["event_ms"] / 1000, UTC), "unit": sight.names.units[hit["unit_id"]]}
        for hit in found.hits(start=start_at, limit=HITS_A_PAGE)
        if hit["unit_id"] in sight.names.units
    ]
    context = {
        "hunt": _shown(found),
        "hits": hits,
        "marker": _marker(found),
        "number": number,
        "first": start_at + 1,
        "last": start_at + len(hits),
        "previous": number - 1 if number > 1 else None,
        "next": number + 1 if start_at + HITS_A_PAGE < state.hits else None,
        "may_resume": state.status in ("stopped", "cancelled", "failed"),
        "may_cancel": state.status in ("waiting", "running", "stopped"),
        "may_tell": state.status == "done" and state.hits and found.request.kind != "query" and state.told is None,
        "telling": found.wants_alerts and state.told is None,
    }
    return render(request, "search/_hunt.html" if request.htmx else "search/hunt.html", context)


def _marker(hunt: Hunt) -> Marker:
    try:
        return Marker(parse(hunt.request.query))
    except QueryError:
        return Marker(Everything())


@require_POST
def cancel(request: HttpRequest, key: str) -> HttpResponse:
    services.cancel_hunt(hunt=_hunt_or_404(request, key), by=request.user)
    messages.success(request, _("Đã cho dừng. Những gì tìm được tới lúc này vẫn còn."))
    return redirect("search:hunt", key=key)


@require_POST
def resume(request: HttpRequest, key: str) -> HttpResponse:
    services.resume_hunt(hunt=_hunt_or_404(request, key), by=request.user)
    messages.success(request, _("Sẽ làm tiếp từ chỗ đã dừng."))
    return redirect("search:hunt", key=key)


@require_POST
def to_alerts(request: HttpRequest, key: str) -> HttpResponse:
    services.hand_over(hunt=_hunt_or_404(request, key), by=request.user)
    messages.success(request, _("Kết quả đang được chuyển thành cảnh báo; những gì đã báo thì không báo lại."))
    return redirect("search:hunt", key=key)
