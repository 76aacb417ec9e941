"""Who can be reached, calling them, and the page behind the link of a call."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dekhang.apps.contacts import policies, selectors, services
from dekhang.apps.contacts.enums import Liveness
from dekhang.apps.contacts.links import call_of
from dekhang.apps.contacts.liveness import Line
from dekhang.apps.contacts.targets import Target
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import unit_name, unit_names, visible_unit_ids

PER_PAGE = 20  # each may take several lines on a phone
TONES = {Liveness.ALIVE: "ok", Liveness.ASKED: "info", Liveness.UNKNOWN: "warn", Liveness.DEAD: "bad"}


@require_GET
def contacts(request: HttpRequest) -> HttpResponse:
    """Every contact this person may see, worst first; who is well is hidden until asked for."""
    everything = selectors.lines_seen_by(request.user)
    names = unit_names({line.target.unit_id for line in everything if line.target.unit_id})
    text, wanted = request.GET.get("q", "").strip()[:100], request.GET.get("xem", "")
    counts = {state: sum(line.state == state for line in everything) for state in Liveness}
    shown = [
        line
        for line in everything
        if (line.state == wanted if wanted in Liveness.values else wanted == "all" or line.state != Liveness.ALIVE)
        and found_in(text, names.get(line.target.unit_id or 0, ""), line.target.name, line.target.address)
    ]
    page = Paginator(shown, PER_PAGE).get_page(request.GET.get("page"))
    unreached = {line.target.unit_id for line in everything} - {
        line.target.unit_id for line in everything if line.counts_until and line.counts_until > clock.now()
    }
    context = {
        "page": page,
        "rows": [_row(request, line, names) for line in page],
        "q": text,
        "wanted": wanted,
        "states": [(state.value, state.label, counts[state]) for state in selectors.ORDER],
        "total": len(everything),
        "unreached": sorted(names.get(unit_id, "") for unit_id in unreached if unit_id),
    }
    return render(request, "contacts/_rows.html" if request.htmx else "contacts/list.html", context)


def _row(request: HttpRequest, line: Line, names: dict[int, str]) -> dict[str, object]:
    return {
        "line": line,
        "tone": TONES[line.state],
        "unit_name": names.get(line.target.unit_id or 0, ""),
        "call_refusal": refusal(policies.check_can_call, request.user, line),
        "spoken_refusal": refusal(policies.check_can_say_spoken, request.user, line.target),
    }


@require_GET
def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    """Part of another app's page: who of the unit can be reached."""
    if unit_id not in visible_unit_ids(request.user):
        raise Http404
    found = selectors.lines([unit_id])
    context = {
        "rows": [_row(request, line, {unit_id: unit_name(unit_id)}) for line in found],
        "reached": any(line.counts_until and line.counts_until > clock.now() for line in found),
        "unit_id": unit_id,
    }
    return render(request, "contacts/_of_unit.html" if request.htmx else "contacts/of_unit.html", context)


def _target(request: HttpRequest, kinds: str, pk: int, unit_id: int) -> Target:
    """The target at an address: `contacts`, `users` or `providers`, its number, its unit's (0: a provider's)."""
    target = selectors.target_seen_by(request.user, kinds.removesuffix("s"), pk, unit_id)
    if target is None:
        raise Http404
    return target


@require_POST
def call(request: HttpRequest, kinds: str, pk: int, unit_id: int) -> HttpResponse:
    one = services.call(target=_target(request, kinds, pk, unit_id), by=request.user)
    messages.success(
        request,
        _("Đã gửi lời gọi thử tới %(address)s. Người nhận bấm một nút là xong; chưa trả lời sẽ được nhắc lại.")
        % {"address": one.address},
    )
    return redirect("contacts:list")


@require_POST
def spoken(request: HttpRequest, kinds: str, pk: int, unit_id: int) -> HttpResponse:
    services.say_spoken(target=_target(request, kinds, pk, unit_id), by=request.user)
    messages.success(request, _("Đã ghi nhận: gọi điện, có người trả lời."))
    return redirect("contacts:list")


@never_cache
@login_not_required
@require_http_methods(["GET", "POST"])
def answer(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind the link. Looking answers nothing: mail scanners open links, people press buttons."""
    one = call_of(token)
    if one is None:
        return render(request, "contacts/answer.html", {"fault": _("Liên kết này không đúng hoặc đã bị cắt ngắn. Hãy mở lại từ thư.")}, status=404)  # fmt: skip
    fault = ""
    if request.method == "POST":
        try:
            one = services.disown(one=one) if "khong-phai" in request.POST else services.answer(one=one)
        except ActionDenied as denied:
            fault = str(denied)
    context = {
        "one": one,
        "unit_name": unit_name(one.unit_id) if one.unit_id else "",
        "fault": fault,
        "over": clock.now() >= one.expires_at,
    }
    return render(request, "contacts/answer.html", context, status=403 if fault else 200)
