"""The dated lists of systems, posts, networks and providers, and changing what is in them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.inventory import selectors, services
from dekhang.apps.registry.inventory.forms import NameForm, NetworkForm, ProviderForm
from dekhang.apps.registry.models import Network, Provider, SystemName
from dekhang.apps.registry.policies import check_can_manage_registry, check_works_for_unit
from dekhang.apps.registry.search import fold
from dekhang.apps.registry.selectors import unit_names, versions_in_force, visible_unit_ids

PER_PAGE = 50


@dataclass(frozen=True, slots=True)
class Listed:
    """One dated list: what it reads and how a row is written. `cells`: row → texts of the columns after the unit."""

    title: Any
    columns: tuple[Any, ...]
    rows: Callable[[Any, date], QuerySet[Any]]
    cells: Callable[[Any], list[str]]


def _since(row: Any) -> str:
    return f"{row.valid_from:%d/%m/%Y}"


LISTS = {
    "systems": Listed(
        gettext_lazy("Hệ thống thông tin"),
        (gettext_lazy("Hệ thống"), gettext_lazy("Cấp độ"), gettext_lazy("Đường truyền"), gettext_lazy("Từ ngày")),
        selectors.systems_of,
        lambda row: [row.name, str(row.level or "–"), str(row.provider or "–"), _since(row)],
    ),
    "posts": Listed(
        gettext_lazy("Người giữ vị trí"),
        (gettext_lazy("Vị trí"), gettext_lazy("Người giữ"), gettext_lazy("Quyết định"), gettext_lazy("Từ ngày")),
        selectors.posts_of,
        lambda row: [str(row.get_kind_display()), str(row.user), row.decision or "–", _since(row)],
    ),
    "networks": Listed(
        gettext_lazy("Dải địa chỉ"),
        (gettext_lazy("Dải"), gettext_lazy("Ghi chú"), gettext_lazy("Đường truyền"), gettext_lazy("Từ ngày")),
        selectors.networks_of,
        lambda row: [row.cidr, row.label or "–", str(row.provider or "–"), _since(row)],
    ),
}


def _listed(request: HttpRequest, key: str) -> HttpResponse:
    """A list as it was on the day asked about, of the units this person may see, some of them when words are given."""
    listed = LISTS[key]
    day, fault = asked_day(request.GET.get("ngay"))
    text = request.GET.get("q", "").strip()[:100]
    found = listed.rows(request.user, day)
    if text:
        words = fold(text).split()
        units = [v.unit_id for v in versions_in_force(day) if all(word in fold(v.name) for word in words)]
        found = found.filter(unit_id__in=units)
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.unit_id for row in page}, day)
    visible = visible_unit_ids(request.user)
    context = {
        "title": listed.title,
        "columns": listed.columns,
        "rows": [(row.unit_id, names.get(row.unit_id, ""), row.unit_id in visible, listed.cells(row)) for row in page],
        "page": page,
        "q": text,
        "day": day,
        "today": clock.today(),
        "fault": fault,
    }
    return render(request, "registry/_register.html" if request.htmx else "registry/register.html", context)


@require_GET
def systems(request: HttpRequest) -> HttpResponse:
    return _listed(request, "systems")


@require_GET
def posts(request: HttpRequest) -> HttpResponse:
    return _listed(request, "posts")


@require_GET
def networks(request: HttpRequest) -> HttpResponse:
    return _listed(request, "networks")


@require_POST
def add_network(request: HttpRequest, pk: int) -> HttpResponse:
    if pk not in visible_unit_ids(request.user):
        raise Http404
    services.check_can_change_networks(request.user, pk)
    form = NetworkForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Chưa ghi dải địa chỉ: %(why)s") % {"why": " ".join(_sentences(form))})
    else:
        try:
            services.add_network(unit_id=pk, by=request.user, **form.cleaned_data)
            messages.success(request, _("Đã ghi dải địa chỉ của đơn vị."))
        except ActionDenied as denied:
            messages.error(request, str(denied))
    return redirect("registry:unit", pk)


@require_POST
def remove_network(request: HttpRequest, pk: int) -> HttpResponse:
    visible = visible_unit_ids(request.user)
    network = get_object_or_404(Network.objects.in_force(clock.today()), pk=pk, unit_id__in=visible)
    services.remove_network(network=network, by=request.user)
    messages.success(request, _("Đã bỏ dải %(cidr)s. Bỏ nhầm thì thêm lại ở dưới.") % {"cidr": network.cidr})
    return redirect("registry:unit", network.unit_id)


@require_POST
def add_name(request: HttpRequest, pk: int) -> HttpResponse:
    """A name of one of the unit's systems."""
    if pk not in visible_unit_ids(request.user):
        raise Http404
    check_works_for_unit(request.user, pk)
    form = NameForm(request.POST, unit_id=pk)
    if not form.is_valid():
        messages.error(request, _("Chưa ghi tên: %(why)s") % {"why": " ".join(_sentences(form))})
    else:
        try:
            services.add_name(by=request.user, **form.cleaned_data)
            messages.success(request, _("Đã ghi tên của hệ thống."))
        except ActionDenied as denied:
            messages.error(request, str(denied))
    return redirect("registry:unit", pk)


@require_POST
def remove_name(request: HttpRequest, pk: int) -> HttpResponse:
    visible = visible_unit_ids(request.user)
    name = get_object_or_404(SystemName.objects.in_force(clock.today()), pk=pk, system__unit_id__in=visible)
    services.remove_name(name=name, by=request.user)
    messages.success(request, _("Đã bỏ tên %(name)s. Bỏ nhầm thì thêm lại ở dưới.") % {"name": name})
    return redirect("registry:unit", name.system.unit_id)


def _sentences(form: Any) -> list[str]:
    return [str(error) for errors in form.errors.values() for error in errors]


@require_GET
def providers(request: HttpRequest) -> HttpResponse:
    """Who serves whom on a day; the coordinator changes it."""
    day, fault = asked_day(request.GET.get("ngay"))
    found = list(selectors.providers_on(day))
    served = selectors.served_units(found, request.user, day)
    names = unit_names({unit_id for units in served.values() for unit_id in units}, day)
    context = {
        "rows": [(one, sorted(names.get(unit_id, "") for unit_id in served[one.pk])) for one in found],
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "form": ProviderForm(),
        "refusal": refusal(check_can_manage_registry, request.user),
    }
    return render(request, "registry/providers.html", context)


@require_http_methods(["GET", "POST"])
def provider(request: HttpRequest, pk: int = 0) -> HttpResponse:
    """Adding one (no number) or changing one."""
    check_can_manage_registry(request.user)
    one = get_object_or_404(Provider.objects.in_force(clock.today()), pk=pk) if pk else None
    initial = {name: getattr(one, name) for name in ProviderForm.base_fields} if one is not None else None
    form = ProviderForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        services.save_provider(provider=one, by=request.user, **form.cleaned_data)
        messages.success(request, _("Đã lưu doanh nghiệp viễn thông."))
        return redirect("registry:providers")
    return render(request, "registry/provider.html", {"form": form, "one": one})


@require_POST
def end_provider(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(Provider.objects.in_force(clock.today()), pk=pk)
    services.end_provider(provider=one, by=request.user)
    messages.success(request, _("Đã ghi: %(name)s thôi phục vụ.") % {"name": one})
    return redirect("registry:providers")
