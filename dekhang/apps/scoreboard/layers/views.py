"""Pages of the four layers: all units with a word for each layer, one unit with who stands where, and the rows as a file."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core import clock, sheets
from dekhang.apps.core.errors import refusal
from dekhang.apps.duties.filing.policies import check_can_submit
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS, current_version, unit_names, visible_unit_ids
from dekhang.apps.scoreboard import services
from dekhang.apps.scoreboard.layers import selectors
from dekhang.apps.scoreboard.layers.selectors import LAYERS, UnitLayers
from dekhang.law import load

ROWS_A_PAGE = 40
FILTERS = {
    "thieu-1": gettext_lazy("Thiếu lớp 1"),
    "thieu-2": gettext_lazy("Thiếu lớp 2"),
    "thieu-3": gettext_lazy("Thiếu lớp 3"),
    "thieu-4": gettext_lazy("Thiếu lớp 4"),
    "trung-ben": gettext_lazy("Lớp 2 và 3 cùng một bên"),
    "du": gettext_lazy("Đủ bốn lớp"),
}


def _asked(request: HttpRequest) -> dict[str, str]:
    get = request.GET.get
    return {
        "kind": get("loai", "") if get("loai") in COUNTED_KINDS else "",
        "state": get("lop", "") if get("lop") in FILTERS else "",
        "text": get("q", "").strip()[:100],
    }


def all_units(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    rows = selectors.of_units(request.user, day)
    asked = _asked(request)
    page = Paginator(selectors.pick(rows, **asked), ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.parent_id for row in page if row.parent_id}, day)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "asked": asked,
        "filters": FILTERS.items(),
        "kinds": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "layers": [(kind, sum(row.layers[kind.number - 1].stands for row in rows)) for kind in LAYERS],
        "same_firm": sum(row.same_firm for row in rows),
        "complete": sum(row.standing == len(LAYERS) for row in rows),
        "seen": len(rows),
        "rows": [(row, names.get(row.parent_id or 0, "")) for row in page],
        "page": page,
        "basis": load().cite_in_force(load().duty("four_layers").basis, day),
        "query": request.GET.urlencode()[:1000],
    }
    return render(request, "scoreboard/_layers.html" if request.htmx else "scoreboard/layers.html", context)


def one_unit(request: HttpRequest, unit_id: int) -> HttpResponse:
    if unit_id not in visible_unit_ids(request.user):
        raise Http404
    day, fault = asked_day(request.GET.get("ngay"))
    version = current_version(unit_id, day)
    if version is None:
        raise Http404
    row = selectors.of_unit(request.user, version, day)
    waiting = selectors.waiting(request.user, unit_id)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "version": version,
        "unit_id": unit_id,
        "row": row,
        "layers": [(layer, waiting.get(layer.kind.number)) for layer in row.layers],
        "system": selectors.seen(request.user, unit_id, day),
        "refusal": refusal(check_can_submit, request.user, unit_id),
        "basis": load().cite_in_force(load().duty("four_layers").basis, day),
    }
    return render(request, "scoreboard/layers_of_unit.html", context)


def export(request: HttpRequest, form: str) -> HttpResponse:
    if form not in sheets.CONTENT_TYPES:
        raise Http404
    day, _fault = asked_day(request.GET.get("ngay"))
    rows = selectors.pick(selectors.of_units(request.user, day), **_asked(request))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, day)
    services.record_export(duty_key="four_layers", day=day, rows=len(rows), form=form, by=request.user)
    headings = [_("Ngày"), _("Đơn vị"), _("Loại"), _("Thuộc"), _("Số lớp đứng được")]
    for kind in LAYERS:
        headings += [f"{kind.number}. {kind.title}", _("Bên thực hiện"), _("Ngày văn bản"), _("Hết hạn")]
    notes = [
        (_("Định nghĩa"), load().duty("four_layers").proven),
        (_("Độc lập"), _("Lớp 3 do chính bên của lớp 2 làm thì không được tính.")),
        (_("Tính đến"), f"{day:%d/%m/%Y}"),
    ]
    table = sheets.Table(_("Bốn lớp"), headings, (_cells(row, names, day.isoformat()) for row in rows), notes)
    response = HttpResponse(sheets.render(table, form), content_type=sheets.CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="bon-lop-{day.isoformat()}.{form}"'
    return response


def _cells(row: UnitLayers, names: dict[int, str], day: str) -> list[str]:
    cells = [day, row.name, str(UnitKind(row.kind).label), names.get(row.parent_id or 0, ""), f"{row.standing}/4"]
    for layer in row.layers:
        cells += [
            layer.words,
            layer.firm,
            layer.since.isoformat() if layer.since else "",
            timezone.localtime(layer.until).date().isoformat() if layer.until else "",
        ]
    return cells
