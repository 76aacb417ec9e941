"""The list of units at any date, and one unit with its people, contacts, systems and history."""

from dataclasses import dataclass
from datetime import date

from django.contrib import messages
from django.db.models import Exists, OuterRef, Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.registry import history, selectors, services
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import ContactKind, UnitKind
from dekhang.apps.registry.forms import ContactForm, SystemForm
from dekhang.apps.registry.inventory.forms import NameForm, NetworkForm
from dekhang.apps.registry.inventory.services import check_can_change_networks
from dekhang.apps.registry.models import (
    Contact,
    Employment,
    Network,
    PostHolding,
    System,
    SystemName,
    Unit,
    UnitVersion,
)
from dekhang.apps.registry.people.selectors import headcounts
from dekhang.apps.registry.policies import check_works_for_unit
from dekhang.apps.registry.search import found_in


@dataclass(frozen=True, slots=True)
class UnitRow:
    version: UnitVersion
    depth: int
    parent_name: str
    opens: bool  # whether this person may open its page


def units(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    text, kind = request.GET.get("q", "").strip()[:100], request.GET.get("loai", "")
    everything = selectors.tree(day)
    names = {row.version.unit_id: row.version.name for row in everything}
    visible = selectors.visible_unit_ids(request.user)
    rows = [
        UnitRow(
            version=row.version,
            depth=0 if (text or kind) else min(row.depth, 3),
            parent_name=names.get(row.version.parent_id or 0, ""),
            opens=row.version.unit_id in visible,
        )
        for row in everything
        if (not kind or row.version.kind == kind) and found_in(text, row.version.name, row.version.code)
    ]
    counts = {value: sum(row.version.kind == value for row in everything) for value in UnitKind.values}
    context = {
        "rows": rows,
        "total": len(everything),
        "q": text,
        "kind": kind,
        "kinds": [(value, label, counts[value]) for value, label in UnitKind.choices if counts[value]],
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "milestones": history.milestones(),
    }
    return render(request, "registry/_rows.html" if request.htmx else "registry/units.html", context)


def unit(request: HttpRequest, pk: int) -> HttpResponse:
    return _unit_page(request, _visible_unit(request, pk), ContactForm(), SystemForm())


def _visible_unit(request: HttpRequest, pk: int) -> Unit:
    if pk not in selectors.visible_unit_ids(request.user):
        raise Http404
    return get_object_or_404(Unit, pk=pk)


def _unit_page(request: HttpRequest, unit: Unit, contact_form: ContactForm, system_form: SystemForm) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    today = clock.today()
    version = selectors.current_version(unit.pk, day)
    if version is None:
        raise Http404
    then = day != today
    context = {
        "unit": unit,
        "version": version,
        "parent_name": selectors.unit_name(version.parent_id, day) if version.parent_id else "",
        "in_force": version.valid_from <= day and (version.valid_to is None or version.valid_to > day),
        "day": day,
        "today": today,
        "then": then,
        "fault": fault,
        "headcount": headcounts([unit.pk], day).get(unit.pk, 0),
        "holdings": _holdings(unit, day),
        "past_holdings": PostHolding.objects.filter(unit=unit, valid_to__lte=day)
        .select_related("user")
        .order_by("-valid_to")[:20],
        "contacts": Contact.objects.in_force(day).filter(unit=unit).select_related("user"),
        "systems": System.objects.in_force(day)
        .filter(unit=unit)
        .select_related("provider")
        .prefetch_related(Prefetch("names", queryset=SystemName.objects.in_force(day), to_attr="names_then"))
        .order_by("name"),
        "networks": Network.objects.in_force(day).filter(unit=unit).select_related("provider"),
        "network_form": NetworkForm(),
        "name_form": NameForm(unit_id=unit.pk),
        "network_refusal": _("Đang xem một ngày đã qua: chỉ đọc.")
        if then
        else refusal(check_can_change_networks, request.user, unit.pk),
        "versions": history.versions_of(unit.pk),
        "changes": history.changes_of(unit.pk),
        "contact_form": contact_form,
        "system_form": system_form,
        "refusal": _("Đang xem một ngày đã qua: chỉ đọc.")
        if then
        else refusal(check_works_for_unit, request.user, unit.pk),
    }
    return render(request, "registry/unit.html", context)


def _holdings(unit: Unit, day: date) -> QuerySet[PostHolding]:
    """`works_elsewhere`: by the roster the holder has moved; the post stays theirs until somebody ends it."""
    there = Employment.objects.in_force(day).filter(person__user=OuterRef("user"))
    found = PostHolding.objects.in_force(day).filter(unit=unit).select_related("user").order_by("kind")
    return found.annotate(works_elsewhere=Exists(there.exclude(unit=unit)) & ~Exists(there.filter(unit=unit)))


@require_POST
def add_contact(request: HttpRequest, pk: int) -> HttpResponse:
    unit = _visible_unit(request, pk)
    check_works_for_unit(request.user, unit.pk)
    form = ContactForm(request.POST)
    if not form.is_valid():
        return _unit_page(request, unit, form, SystemForm())
    facts = form.cleaned_data
    services.add_contact(
        unit_id=unit.pk,
        kind=ContactKind(facts["kind"]),
        value=facts["value"],
        label=facts["label"],
        user=request.user,
        by=request.user,
    )
    messages.success(request, _("Đã thêm đầu mối liên hệ."))
    return redirect("registry:unit", unit.pk)


@require_POST
def remove_contact(request: HttpRequest, pk: int) -> HttpResponse:
    visible = selectors.visible_unit_ids(request.user)
    contact = get_object_or_404(Contact.objects.in_force(clock.today()), pk=pk, unit_id__in=visible)
    services.remove_contact(contact=contact, by=request.user)
    messages.success(request, _("Đã bỏ đầu mối “%(value)s”. Bỏ nhầm thì thêm lại ở dưới.") % {"value": contact.value})
    return redirect("registry:unit", contact.unit_id)


@require_POST
def register_system(request: HttpRequest, pk: int) -> HttpResponse:
    unit = _visible_unit(request, pk)
    check_works_for_unit(request.user, unit.pk)
    form = SystemForm(request.POST)
    if not form.is_valid():
        return _unit_page(request, unit, ContactForm(), form)
    services.register_system(unit_id=unit.pk, by=request.user, **form.cleaned_data)
    messages.success(request, _("Đã đăng ký hệ thống thông tin."))
    return redirect("registry:unit", unit.pk)


@require_POST
def retire_system(request: HttpRequest, pk: int) -> HttpResponse:
    visible = selectors.visible_unit_ids(request.user)
    system = get_object_or_404(System.objects.in_force(clock.today()), pk=pk, unit_id__in=visible)
    services.retire_system(system=system, by=request.user)
    messages.success(
        request, _("Hệ thống “%(name)s” ngừng từ hôm nay hoặc ngày mai. Ngừng nhầm thì đăng ký lại.") % {"name": system}
    )
    return redirect("registry:unit", system.unit_id)
