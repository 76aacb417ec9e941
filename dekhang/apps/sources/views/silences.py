"""One silence: since when, why, what to do, what is blind meanwhile, and who was told."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from dekhang.apps.core.errors import refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import messages, policies, selectors
from dekhang.apps.sources.wording import silence_steps, silence_why


@require_GET
def silence(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.silences_of(request.user), pk=pk)
    context = {
        "silence": found,
        "source": found.source,
        "unit_name": registry.unit_name(found.unit_id),
        "why": silence_why(found.cause),
        "steps": silence_steps(found.cause),
        "told": messages.messages_about(found),
        "no_change": refusal(policies.check_can_change, request.user, found.source),
    }
    return render(request, "sources/silence.html", context)
