"""One page: how long logs are kept, on what ground, and what is held longer."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry import selectors as registry
from dekhang.apps.retention import policies, selectors, services
from dekhang.apps.retention.forms import HoldForm, LiftForm


@require_GET
def page(request: HttpRequest) -> HttpResponse:
    return _page(request, HoldForm())


@require_POST
def place(request: HttpRequest) -> HttpResponse:
    policies.check_can_place_hold(request.user)
    form = HoldForm(request.POST)
    if form.is_valid():
        try:
            hold = services.place_hold(**form.cleaned_data, by=request.user)
        except ActionDenied as fault:
            form.add_error(None, str(fault))
        else:
            messages.success(request, _("Đã ra lệnh giữ số %(n)d.") % {"n": hold.pk})
            return redirect("retention:page")
    return _page(request, form, status=400)


@require_POST
def lift(request: HttpRequest, pk: int) -> HttpResponse:
    hold = get_object_or_404(selectors.holds_seen_by(request.user), pk=pk)
    form = LiftForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Hãy ghi lý do gỡ lệnh giữ."))
        return redirect("retention:page")
    services.lift_hold(hold=hold, reason=form.cleaned_data["reason"], by=request.user)
    messages.success(request, _("Đã gỡ lệnh giữ số %(n)d; nhật ký quá hạn sẽ được xóa.") % {"n": hold.pk})
    return redirect("retention:page")


def _page(request: HttpRequest, form: HoldForm, *, status: int = 200) -> HttpResponse:
    user = request.user
    found = selectors.holds_seen_by(user)
    in_force = list(found & selectors.holds_in_force(clock.today()))
    shown = Paginator(found.exclude(pk__in=[hold.pk for hold in in_force]), 20).get_page(request.GET.get("page"))
    names = registry.unit_names({hold.unit_id for hold in [*in_force, *shown] if hold.unit_id is not None})
    texts = law.load()
    context = {
        "terms": [(term, texts.cite_in_force(term.basis, clock.today())) for term in selectors.terms_seen_by(user)],
        "holds": [(hold, names.get(hold.unit_id, "")) for hold in in_force],
        "over": [(hold, names.get(hold.unit_id, "")) for hold in shown],
        "page": shown,
        "form": form,
        "no_hold": refusal(policies.check_can_place_hold, user),
    }
    return render(request, "retention/page.html", context, status=status)
