"""*Khả năng thấy tấn công*: which techniques could be seen at a unit, and what one more log would add."""

import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from dekhang.apps.core.errors import refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.sources import detectability as maps
from dekhang.apps.sources import policies, seeing, services

GAINS_SHOWN = 5
TECHNIQUE = re.compile(r"T\d{4}")


@require_GET
def detectability(request: HttpRequest) -> HttpResponse:
    """A unit's people go to their own map; provincial roles compare units."""
    own = registry.own_unit_id(request.user)
    if own is not None:
        return redirect("sources:detectability_of", unit_id=own)
    rows = seeing.maps_of(request.user)
    return render(request, "sources/detectability_units.html", {"rows": rows})


def _map_or_404(request: HttpRequest, unit_id: int) -> tuple[str, seeing.UnitMap | None]:
    if unit_id not in registry.visible_unit_ids(request.user):
        raise Http404
    return registry.unit_name(unit_id), seeing.of_unit(request.user, unit_id)


@require_GET
def detectability_of(request: HttpRequest, unit_id: int) -> HttpResponse:
    unit_name, seen = _map_or_404(request, unit_id)
    context = {
        "unit_id": unit_id,
        "unit_name": unit_name,
        "seen": seen,
        "first_gains": seen.gains[:GAINS_SHOWN] if seen else [],
        "more_gains": seen.gains[GAINS_SHOWN:] if seen else [],
        "no_connect": refusal(policies.check_can_connect, request.user, unit_id),
        "is_provincial": request.user.is_provincial,
    }
    return render(request, "sources/detectability.html", context)


@require_GET
def detectability_csv(request: HttpRequest, unit_id: int) -> HttpResponse:
    unit_name, seen = _map_or_404(request, unit_id)
    if seen is None:
        raise Http404
    services.record_map_export(unit_id=unit_id, by=request.user)
    response = HttpResponse(seeing.as_csv(unit_name, seen), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="kha-nang-thay-{unit_id}.csv"'
    return response


@require_GET
def technique(request: HttpRequest, unit_id: int, technique: str) -> HttpResponse:
    """The rules behind one technique at one unit."""
    unit_name, seen = _map_or_404(request, unit_id)
    if seen is None or not TECHNIQUE.fullmatch(technique):
        raise Http404
    row = next((row for tactic in seen.tactics for row in tactic.techniques if row.key == technique), None)
    if row is None:
        raise Http404
    context = {
        "unit_id": unit_id,
        "unit_name": unit_name,
        "row": row,
        "rules": seeing.rules_of(unit_id, technique),
        "tactics": [tactic for tactic in seen.tactics if any(one.key == technique for one in tactic.techniques)],
        "states": maps,
    }
    return render(request, "sources/technique.html", context)
