"""Comparing by block with bands A–E, the rows behind, their export, and the formula in plain words."""

from collections.abc import Iterator
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from dekhang.apps.core import clock, sheets
from dekhang.apps.duties.enums import ReasonCode
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS, unit_names
from dekhang.apps.scoreboard.bands import Formula
from dekhang.apps.scoreboard.blocks import selectors
from dekhang.apps.scoreboard.blocks.selectors import Comparison, UnitPlace
from dekhang.apps.scoreboard.priorities import weights_on
from dekhang.apps.scoreboard.services import record_export
from dekhang.law import load

ROWS_A_PAGE = 40
TONES = {"A": "ok", "B": "ok", "C": "info", "D": "warn", "E": "bad"}


def _asked(request: HttpRequest) -> dict[str, str]:
    get = request.GET.get
    return {
        "kind": get("khoi", "") if get("khoi") in COUNTED_KINDS else "",
        "band": get("bac", "") if get("bac") in TONES else "",
        "text": get("q", "").strip()[:100],
    }


def page(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    found = selectors.compare(day)
    mine = selectors.visible(found.places, request.user)
    asked = _asked(request)
    rows = Paginator(selectors.pick(mine, **asked), ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, day)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "asked": asked,
        "comparison": found,
        "table": _table(found),
        "blocks": [
            (block, [(band, count, TONES[band.key], _link(day, block.kind, band.key)) for band, count in block.bands])
            for block in found.blocks
        ],
        "links": request.user.is_provincial,
        "seen": len(mine),
        "kinds": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "bands": found.formula.bands,
        "rows": [(row, names.get(row.parent_id or 0, ""), TONES[row.placed.band.key] if row.placed else "") for row in rows],
        "page": rows,
        "query": request.GET.urlencode()[:1000],
    }  # fmt: skip
    return render(request, "scoreboard/_bands.html" if request.htmx else "scoreboard/bands.html", context)


def _link(day: object, kind: str, band: str) -> str:
    return "?" + urlencode({"khoi": kind, "bac": band, "ngay": str(day)}) + "#cac-don-vi"


def _table(found: Comparison) -> list[tuple[object, list[tuple[str, tuple[int, int]]]]]:
    """Duties down, blocks across: (proven, units) in each."""
    return [
        (duty, [(block.label, block.shares.get(duty.key, (0, 0))) for block in found.blocks]) for duty in found.duties
    ]


def export(request: HttpRequest, form: str) -> HttpResponse:
    if form not in sheets.CONTENT_TYPES:
        raise Http404
    day, _fault = asked_day(request.GET.get("ngay"))
    found = selectors.compare(day)
    rows = selectors.pick(selectors.visible(found.places, request.user), **_asked(request))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, day)
    record_export(duty_key="bands", day=day, rows=len(rows), form=form, by=request.user)
    headings = [
        _("Ngày"),
        _("Khối"),
        _("Đơn vị"),
        _("Thuộc"),
        _("Bậc"),
        _("Điểm trên 100"),
        _("Bị giữ bậc vì khai báo bị bác bỏ"),
    ]
    headings += [duty.short for duty in found.duties]
    table = sheets.Table(_("So theo khối"), headings, _cells(found, rows, names), notes_of(found.formula, day))
    response = HttpResponse(sheets.render(table, form), content_type=sheets.CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="so-theo-khoi-{day.isoformat()}.{form}"'
    return response  # fmt: skip


def _cells(found: Comparison, rows: list[UnitPlace], names: dict[int, str]) -> Iterator[list[object]]:
    for row in rows:
        placed = row.placed
        yield [
            found.day.isoformat(),
            UnitKind(row.kind).label,
            row.name,
            names.get(row.parent_id or 0, ""),
            placed.band.key if placed else "",
            f"{placed.index:.1f}".replace(".", ",") if placed else "",
            _("có") if placed and placed.capped else _("không"),
            *(row.states[duty.key].label if duty.key in row.states else _("không thuộc") for duty in found.duties),
        ]


def notes_of(formula: Formula, day: object) -> list[tuple[str, str]]:
    """The formula as words for a file."""
    bands = "; ".join(f"{band.key} ({band.title}) từ {band.minimum:g}" for band in formula.bands)
    points = "; ".join(f"{load().duty(key).short} {value:g}" for key, value in formula.points.items())
    return [
        (_("Tính đến"), str(day)),
        (_("Điểm"), _("100 × điểm các nghĩa vụ đã chứng minh ÷ điểm các nghĩa vụ thuộc đơn vị. Khai báo không được điểm.")),
        (_("Điểm mỗi nghĩa vụ"), points),
        (_("Bậc"), bands),
        (_("Giữ bậc"), _("Đơn vị có khai báo bị bác bỏ không quá bậc %(band)s.") % {"band": formula.refuted_at_best}),
        (_("So sánh"), _("Chỉ so trong cùng một khối; trong một bậc xếp theo tên, không xếp hạng.")),
    ]  # fmt: skip


def formula(request: HttpRequest) -> HttpResponse:
    """Every number of the two formulas, as the law's data have them on the day."""
    day, fault = asked_day(request.GET.get("ngay"))
    book, weights = load(), weights_on(day)
    efforts = [
        (ReasonCode(code).label, effort) for code, effort in weights.efforts.items() if code in ReasonCode.values
    ]
    context = {
        "day": day,
        "fault": fault,
        "bands": book.bands(day),
        "refuted_at_best": book.refuted_at_best,
        "points": [(book.duty(key), one) for key, one in weights.points.items()],
        "efforts": sorted(efforts, key=lambda one: one[1].hours + weights.waiting_hours_a_day * one[1].waiting_days),
        "risk_weight": weights.risk_weight,
        "waiting": weights.waiting_hours_a_day,
    }
    return render(request, "scoreboard/formula.html", context)
