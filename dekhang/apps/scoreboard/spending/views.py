"""The page of the budget share, its picture by year, and the rows as a file."""

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core import clock, sheets
from dekhang.apps.core.templatetags.dk import percent
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS, own_unit_id, unit_names
from dekhang.apps.scoreboard import services
from dekhang.apps.scoreboard.spending import selectors
from dekhang.apps.scoreboard.spending.selectors import Spending, Year
from dekhang.law import load

ROWS_A_PAGE = 40
STATES = {
    "du": gettext_lazy("Đạt mức tối thiểu"),
    "thieu": gettext_lazy("Dưới mức tối thiểu"),
    "khong-ro": gettext_lazy("Chưa có văn bản"),
}


def _asked(request: HttpRequest) -> dict[str, str]:
    get = request.GET.get
    return {
        "kind": get("loai", "") if get("loai") in COUNTED_KINDS else "",
        "state": get("muc", "") if get("muc") in STATES else "",
        "text": get("q", "").strip()[:100],
    }


def page(request: HttpRequest) -> HttpResponse:
    day, fault = asked_day(request.GET.get("ngay"))
    found = selectors.spending(request.user, day)
    asked = _asked(request)
    rows = Paginator(selectors.pick(found.rows, **asked), ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, day)
    target = load().duty("budget").target_on(day)
    context = {
        "day": day,
        "today": clock.today(),
        "fault": fault,
        "asked": asked,
        "states": STATES.items(),
        "kinds": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "spending": found,
        "of": target.of if target else "",
        "basis": [load().cite(key) for key in target.basis] if target else [],
        "picture": years_picture(found.years) if found.years else "",
        "rows": [(row, names.get(row.parent_id or 0, "")) for row in rows],
        "page": rows,
        "own_unit": own_unit_id(request.user),
        "query": request.GET.urlencode()[:1000],
    }
    return render(request, "scoreboard/_spending.html" if request.htmx else "scoreboard/spending.html", context)


def export(request: HttpRequest, form: str) -> HttpResponse:
    if form not in sheets.CONTENT_TYPES:
        raise Http404
    day, _fault = asked_day(request.GET.get("ngay"))
    found = selectors.spending(request.user, day)
    rows = selectors.pick(found.rows, **_asked(request))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, day)
    services.record_export(duty_key="budget", day=day, rows=len(rows), form=form, by=request.user)
    headings = [
        *(_("Ngày"), _("Đơn vị"), _("Loại"), _("Thuộc"), _("Năm ngân sách"), _("Kinh phí CNTT (triệu đồng)")),
        *(_("Trong đó an toàn thông tin (triệu đồng)"), _("Tỷ lệ"), _("Mức tối thiểu"), _("So với mức tối thiểu")),
    ]
    cells = (
        [
            day.isoformat(),
            row.name,
            UnitKind(row.kind).label,
            names.get(row.parent_id or 0, ""),
            *((row.paper.year, _money(row.paper.it), _money(row.paper.security), percent(row.paper.share)) if row.paper else ("", "", "", "")),
            percent(row.minimum, 0),
            STATES[row.state],
        ]
        for row in rows
    )  # fmt: skip
    table = sheets.Table(_("Kinh phí"), headings, cells, _notes(found))
    response = HttpResponse(sheets.render(table, form), content_type=sheets.CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="kinh-phi-{day.isoformat()}.{form}"'
    return response


def _notes(found: Spending) -> list[tuple[str, str]]:
    return [
        (_("Tính đến"), f"{found.day:%d/%m/%Y}"),
        (_("Nguồn"), _("Quyết định giao kinh phí mà cơ quan điều phối đã kiểm tra.")),
        (_("Tỷ lệ của một khối"), _("Tổng kinh phí an toàn thông tin chia tổng kinh phí công nghệ thông tin của các đơn vị có văn bản.")),
    ]  # fmt: skip


def _money(amount: float) -> str:
    return f"{amount:,.0f}".replace(",", ".")


WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 640, 220, 52, 24, 30


def years_picture(years: tuple[Year, ...]) -> SafeString:
    """Bars by year with the law's share of each year as a line across the bar."""
    top = max(0.15, *(year.sum.share or 0 for year in years), *(year.minimum or 0 for year in years)) * 1.2
    step = (WIDTH - LEFT) / len(years)
    wide = min(70, step * 0.6)

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share / top)

    def bar(place: int, year: Year) -> SafeString:
        left, share = LEFT + step * place + (step - wide) / 2, year.sum.share or 0
        enough = year.minimum is not None and share >= year.minimum
        line = format_html(
            '<line class="line-reference" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>',
            f"{left - 8:.1f}", f"{left + wide + 8:.1f}", f"{y(year.minimum):.1f}",
        ) if year.minimum is not None else ""  # fmt: skip
        return format_html(
            '<rect class="tone-{}" x="{}" y="{}" width="{}" height="{}" rx="3"/>{}'
            '<text x="{}" y="{}" text-anchor="middle">{}</text><text x="{}" y="{}" text-anchor="middle">{}</text>',
            "ok" if enough else "warn", f"{left:.1f}", f"{y(share):.1f}", f"{wide:.1f}", f"{max(1, y(0) - y(share)):.1f}", line,
            f"{left + wide / 2:.1f}", f"{y(share) - 6:.1f}", percent(year.sum.share), f"{left + wide / 2:.1f}", HEIGHT - 8, year.year,
        )  # fmt: skip

    bars = format_html_join("", "{}", ((bar(place, year),) for place, year in enumerate(years)))
    label = _("Tỷ lệ kinh phí an toàn thông tin theo năm; vạch đỏ là mức tối thiểu của năm đó; bảng số liệu ở dưới.")
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><line class="chart__grid" x1="{}" x2="{}" y1="{}" y2="{}"/>{}</svg>',
        WIDTH, HEIGHT, label, LEFT, WIDTH, f"{y(0):.1f}", f"{y(0):.1f}", bars,
    )  # fmt: skip
