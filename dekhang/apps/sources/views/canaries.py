"""*Thử khả năng ghi nhận*: starting a test and watching it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.core.errors import refusal
from dekhang.apps.sources import policies, selectors, services
from dekhang.apps.sources.shippers import canary_commands
from dekhang.apps.sources.views.looking import source_or_404


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
