"""Pages of the roster: who works where, bringing in a workbook with its preview, and taking it back."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from dekhang.apps.core import clock
from dekhang.apps.core.errors import refusal
from dekhang.apps.core.paging import BoundedPaginator
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import ChangeKind, ImportState
from dekhang.apps.registry.models import RosterImport
from dekhang.apps.registry.people import exports, selectors, services
from dekhang.apps.registry.people.forms import ImportForm
from dekhang.apps.registry.people.policies import check_can_import, check_can_undo_import
from dekhang.apps.registry.selectors import own_unit_id, unit_names, visible_unit_ids

PER_PAGE = 50
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
MOVING = frozenset({ImportState.WAITING, ImportState.READING, ImportState.APPLYING})


def _scope(request: HttpRequest) -> int | None:
    """Whose list this person brings: the province's (None) or their own unit's."""
    return own_unit_id(request.user)


def roster(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    text, unit = request.GET.get("q", "").strip()[:100], request.GET.get("don-vi", "")[:18]
    employments = selectors.employments_of(request.user, day)
    if unit.isascii() and unit.isdigit():
        employments = employments.filter(unit_id=int(unit))
    employments = selectors.found(employments, text)
    page = BoundedPaginator(employments, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.unit_id for row in page}, day)
    context = {
        "page": page,
        "total": employments.count() if page.paginator.is_cut else page.paginator.count,
        "rows": [(row, names.get(row.unit_id, "")) for row in page],
        "q": text,
        "unit": unit,
        "unit_name": unit_names({int(unit)}).get(int(unit), "") if unit.isascii() and unit.isdigit() else "",
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "imports": selectors.imports_of(request.user)[:10],
        "refusal": refusal(check_can_import, request.user, _scope(request)),
    }
    return render(request, "registry/_people.html" if request.htmx else "registry/roster.html", context)


def export(request: HttpRequest) -> HttpResponse:
    """The roster of today as a workbook, as far as this person may see it; who took it is on record."""
    content = exports.xlsx(selectors.employments_of(request.user))
    services.note_export(by=request.user)
    name = f"danh-sach-can-bo-{clock.today():%Y-%m-%d}.xlsx"
    return HttpResponse(content, content_type=XLSX, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def sample(request: HttpRequest) -> HttpResponse:
    """An empty workbook with the headings."""
    return HttpResponse(
        exports.xlsx([]),
        content_type=XLSX,
        headers={"Content-Disposition": 'attachment; filename="mau-danh-sach-can-bo.xlsx"'},
    )


def bring(request: HttpRequest) -> HttpResponse:
    unit_id = _scope(request)
    check_can_import(request.user, unit_id)
    form = ImportForm(request.POST or None, request.FILES or None, initial={"day": clock.today()})
    if request.method == "POST" and form.is_valid():
        one = services.begin_import(unit_id=unit_id, by=request.user, **form.cleaned_data)
        return redirect("registry:roster_import", one.pk)
    name = unit_names({unit_id}).get(unit_id, "") if unit_id else ""
    return render(request, "registry/bring_roster.html", {"form": form, "unit_name": name})


def roster_import(request: HttpRequest, pk: int) -> HttpResponse:
    one = get_object_or_404(selectors.imports_of(request.user), pk=pk)
    kind = request.GET.get("loai", "")
    changes = one.changes.select_related("person")
    if kind in ChangeKind.values:
        changes = changes.filter(kind=kind)
    page = Paginator(changes, PER_PAGE).get_page(request.GET.get("page"))
    names = unit_names({change.unit_id for change in page if change.unit_id})
    counts = {
        ChangeKind.JOIN: one.joins,
        ChangeKind.MOVE: one.moves,
        ChangeKind.CORRECT: one.corrections,
        ChangeKind.LEAVE: one.leaves,
    }
    context = {
        "one": one,
        "moving": one.state in MOVING,
        "counts": [(value, label, counts[ChangeKind(value)]) for value, label in ChangeKind.choices],
        "kind": kind,
        "page": page,
        "rows": [(change, names.get(change.unit_id or 0, "")) for change in page],
        "refusal": refusal(check_can_import, request.user, one.unit_id),
        "undo_refusal": refusal(check_can_undo_import, request.user, one),
    }
    return render(request, "registry/_import.html" if request.htmx else "registry/import.html", context)


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    services.confirm(one=_import_of(request, pk), by=request.user)
    return redirect("registry:roster_import", pk)


@require_POST
def drop(request: HttpRequest, pk: int) -> HttpResponse:
    services.drop(one=_import_of(request, pk), by=request.user)
    messages.success(request, _("Đã bỏ tệp, không có gì thay đổi."))
    return redirect("registry:roster")


@require_POST
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    services.undo(one=_import_of(request, pk), by=request.user)
    messages.success(request, _("Đã hoàn tác. Danh sách trở lại như trước khi nạp tệp."))
    return redirect("registry:roster_import", pk)


def _import_of(request: HttpRequest, pk: int) -> RosterImport:
    one = selectors.imports_of(request.user).filter(pk=pk).first()
    if one is None or (one.unit_id is not None and one.unit_id not in visible_unit_ids(request.user)):
        raise Http404
    return one
