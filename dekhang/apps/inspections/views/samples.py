"""Pages of samples: drawing, and the proof of a draw."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from dekhang.apps.core.audit import GENESIS
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.inspections import risk, selectors, services
from dekhang.apps.inspections.enums import Way
from dekhang.apps.inspections.forms import SampleForm
from dekhang.apps.inspections.models import Sample
from dekhang.apps.inspections.policies import check_can_inspect
from dekhang.apps.inspections.services.drawing import redraw
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import unit_names

PER_PAGE = 40
INVALID = 422
WEIGHTS = {"refuted": risk.REFUTED, "decayed": risk.DECAYED, "sign": risk.SIGN, "overdue": risk.OVERDUE}


def samples(request: HttpRequest) -> HttpResponse:
    check_can_inspect(request.user)
    page = Paginator(selectors.samples_of(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "inspections/samples.html", {"page": page})


def new(request: HttpRequest) -> HttpResponse:
    check_can_inspect(request.user)
    form = SampleForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            sample = services.draw_sample(title=form.cleaned_data["title"], quotas=form.quotas(), by=request.user)
        except ActionDenied as denied:
            form.add_error(None, str(denied))
        else:
            return redirect("inspections:sample", sample.pk)
    context = {"form": form, "weights": WEIGHTS}
    return render(request, "inspections/draw.html", context, status=INVALID if form.errors else 200)


def sample(request: HttpRequest, pk: int) -> HttpResponse:
    """The units drawn with what the draw was made of; it is drawn again while the page is made."""
    one = get_object_or_404(selectors.samples_of(request.user), pk=pk)
    drawn = list(one.drawn.all())
    names = unit_names({row.unit_id for row in drawn})
    visits = {visit.unit_id: visit for visit in one.visits.all()}
    labels = dict(UnitKind.choices)
    context = {
        "sample": one,
        "rows": [
            {
                "row": row,
                "unit": names.get(row.unit_id, ""),
                "block": labels.get(row.block, row.block),
                "by_risk": row.way == Way.RISK,
                "visit": visits.get(row.unit_id),
            }
            for row in drawn
        ],
        "quotas": [(labels.get(block, block), numbers[0], numbers[1]) for block, numbers in one.quotas.items()],
        "framed": len(one.frame),
        "same": redraw(one),
        "seed_stands": _seed_stands(one),
        "weights": WEIGHTS,
    }
    return render(request, "inspections/sample.html", context)


def _seed_stands(one: Sample) -> bool:
    """Whether the event of the audit chain that gave the seed still has that hash."""
    if one.seed_event == 0:
        return one.seed == GENESIS
    return AuditEvent.objects.filter(hash=one.seed, at__lte=one.drawn_at).exists()
