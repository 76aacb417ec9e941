"""Registered and seen: one unit's differences with a button for each, and the province's numbers."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.observed import policies, selectors, services
from dekhang.apps.observed.comparing import Seen
from dekhang.apps.observed.forms import DismissForm, RegisterForm
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import counted_units, own_unit_id, unit_name, visible_unit_ids

PER_PAGE = 50
SHOWN = 100  # things outside the register on a unit's page; the rest is a number


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    """A unit's people see their own; the province sees how many things of each unit wait for an answer."""
    own = own_unit_id(request.user)
    if not request.user.is_provincial:
        return redirect("observed:of_unit", own) if own else render(request, "observed/overview.html", {"rows": []})
    text = request.GET.get("q", "").strip()[:100]
    names = {version.unit_id: version.name for version in counted_units() if found_in(text, version.name)}
    found = [one for one in selectors.comparisons(names).values() if one.outside or one.unseen]
    found.sort(key=lambda one: (-len(one.outside), -one.unseen, names[one.unit_id]))
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {"page": page, "rows": [(one, names[one.unit_id]) for one in page], "q": text, "units": len(found)}
    return render(request, "observed/_units.html" if request.htmx else "observed/overview.html", context)


def _unit(request: HttpRequest, unit_id: int) -> int:
    if unit_id not in visible_unit_ids(request.user):
        raise Http404
    return unit_id


@require_GET
def of_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    one = selectors.comparison(_unit(request, unit_id))
    context = {
        "one": one,
        "rows": [(seen, [one.sources[i] for i in seen.source_ids if i in one.sources]) for seen in one.outside[:SHOWN]],
        "hidden": max(0, len(one.outside) - SHOWN),
        "unit_id": unit_id,
        "unit_name": unit_name(unit_id),
        "register_form": RegisterForm(unit_id=unit_id, auto_id=False),
        "refusal": refusal(policies.check_can_decide, request.user, unit_id),
    }
    return render(request, "observed/of_unit.html", context)


def _seen(request: HttpRequest, unit_id: int) -> Seen:
    """The thing that a form names: only what is really outside the unit's register now."""
    asked = request.POST.get("thay", "")[:300]
    seen = next((one for one in selectors.comparison(unit_id).outside if one.key == asked), None)
    if seen is None:
        raise ActionDenied(_("Mục này không còn trong danh sách: đã được đăng ký, đã có trả lời, hoặc không còn thấy."))
    return seen


@require_POST
def register(request: HttpRequest, unit_id: int) -> HttpResponse:
    policies.check_can_decide(request.user, _unit(request, unit_id))
    form = RegisterForm(request.POST, unit_id=unit_id)
    if not form.is_valid():
        raise ActionDenied(_("Chọn một hệ thống của đơn vị, hoặc ghi tên hệ thống mới."))
    services.register(unit_id=unit_id, seen=_seen(request, unit_id), by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã đăng ký. Nhầm thì bỏ tên ấy ở trang đơn vị."))
    return redirect("observed:of_unit", unit_id)


@require_POST
def dismiss(request: HttpRequest, unit_id: int) -> HttpResponse:
    policies.check_can_decide(request.user, _unit(request, unit_id))
    form = DismissForm(request.POST)
    if not form.is_valid():
        raise ActionDenied(_("Ghi lý do: nó là của ai, hoặc vì sao chỉ đi ngang qua."))
    services.dismiss(unit_id=unit_id, seen=_seen(request, unit_id), by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã ghi “không phải của chúng tôi”. Nhầm thì bấm “Rút lại” ở cuối trang."))
    return redirect("observed:of_unit", unit_id)


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    visible = visible_unit_ids(request.user)
    dismissal = get_object_or_404(Dismissal, pk=pk, unit_id__in=visible)
    services.undo(dismissal=dismissal, by=request.user)
    messages.success(request, _("Đã rút lại."))
    return redirect("observed:of_unit", dismissal.unit_id)
