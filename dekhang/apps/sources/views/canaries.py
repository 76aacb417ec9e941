"""*Thử khả năng ghi nhận*: starting a test and watching it."""

import math
from datetime import timedelta

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import policies, selectors, services
from dekhang.apps.sources.enums import CANARY_KINDS, SourceKind
from dekhang.apps.sources.forms import CanaryPlanForm
from dekhang.apps.sources.shippers import canary_commands
from dekhang.apps.sources.shippers.canarycommands import CRON_LINE
from dekhang.apps.sources.views.looking import source_or_404

ROWS_A_PAGE = 40


@require_POST
def start_canary(request: HttpRequest, pk: int) -> HttpResponse:
    canary = services.start_canary(source=source_or_404(request, pk), by=request.user)
    return redirect("sources:canary", pk=canary.pk)


@require_POST
def cancel_canary(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.canaries_of(request.user), pk=pk)
    services.cancel_canary(canary=found, by=request.user)
    messages.success(request, _("Đã hủy phép thử."))
    return redirect("sources:detail", pk=found.source_id)


@require_GET
def canary(request: HttpRequest, pk: int) -> HttpResponse:
    """One test: the command to run, and how far its trace has come."""
    found = get_object_or_404(selectors.canaries_of(request.user).select_related("acknowledged_by"), pk=pk)
    context = {
        "canary": found,
        "source": found.source,
        "commands": canary_commands(found.source.kind, found.marker),
        "no_cancel": refusal(policies.check_can_cancel_canary, request.user, found),
        "due_at": selectors.canary_due_at(found),
    }
    return render(request, "sources/_canary.html" if request.htmx else "sources/canary.html", context)


@require_GET
def canaries(request: HttpRequest) -> HttpResponse:
    """Every test of the units that one may see, what is asked for now, and when the unit is asked next."""
    found = selectors.canaries_of(request.user).select_related("acknowledged_by")
    unit = request.GET.get("don-vi", "")
    if unit.isdigit() and len(unit) < 18:
        found = found.filter(unit_id=int(unit))
    page = Paginator(found, ROWS_A_PAGE).get_page(request.GET.get("page"))
    own = registry.own_unit_id(request.user)
    calls = list(selectors.open_calls(request.user)[:ROWS_A_PAGE])
    names = registry.unit_names({one.unit_id for one in page} | {call.unit_id for call in calls})
    context = {
        "page": page,
        "rows": [(canary, names.get(canary.unit_id, "")) for canary in page],
        "calls": [
            (call, names.get(call.unit_id, ""), canary_commands(call.source.kind, call.marker)) for call in calls
        ],
        "plans": selectors.canary_plans(own) if own is not None else [],
        "cron_line": CRON_LINE,
        "is_provincial": request.user.is_provincial,
    }
    return render(request, "sources/canaries.html", context)


@require_http_methods(["GET", "POST"])
def canary_plan(request: HttpRequest, kind: str) -> HttpResponse:
    """The unit's own times for canaries of a kind."""
    unit_id = registry.own_unit_id(request.user)
    if kind not in CANARY_KINDS:
        raise Http404
    if unit_id is None:
        raise ActionDenied(_("Lịch thử do cán bộ chuyên trách hoặc thủ trưởng của chính đơn vị đặt."))
    policies.check_can_plan_canaries(request.user, unit_id)
    plan = services.plan_of(unit_id, kind)
    left = max(plan.paused_until - clock.now(), timedelta(0)) if plan.paused_until else timedelta(0)
    initial = {
        "every_days": plan.every_days,
        "from_hour": plan.from_hour,
        "to_hour": plan.to_hour,
        "pause_days": math.ceil(left / timedelta(days=1)),  # or a change of the hours would end the pause
    }
    form = CanaryPlanForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.change_plan(unit_id=unit_id, kind=kind, by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lưu lịch thử."))
        return redirect("sources:canaries")
    context = {"form": form, "kind": SourceKind(kind), "plan": plan}
    return render(request, "sources/canary_plan.html", context, status=422 if form.errors else 200)
