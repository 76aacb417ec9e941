"""The board: both shares of the eleven duties on any date; of one of them picture, trend, rows, and their export."""

from collections.abc import Iterable
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.core import clock
from dekhang.apps.duties.contesting.selectors import ContestMark
from dekhang.apps.duties.enums import ClaimState, ContestState, ReasonCode
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import unit_names
from dekhang.apps.scoreboard import exports, pictures, selectors, services
from dekhang.apps.scoreboard import rows as board_rows
from dekhang.apps.scoreboard.deadlines import deadlines_at
from dekhang.apps.scoreboard.definitions import absence, definition_of, measure_words
from dekhang.apps.scoreboard.figures import Board, BoardRow, Figure, TrendPoint
from dekhang.apps.scoreboard.forecast import FORECAST_DAYS, forecast, in_words
from dekhang.apps.scoreboard.freezing.selectors import periods_of
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES
from dekhang.law import load

ROWS_A_PAGE = 40
FIRST_SHOWN = "record_attacks"
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}

ORDER_NAMES = {
    "can-lam": gettext_lazy("việc cần làm trước"),
    "ten": gettext_lazy("tên"),
    "loai": gettext_lazy("loại"),
    "tu-luc": gettext_lazy("ở trạng thái này lâu nhất"),
    "ty-le": gettext_lazy("tỷ lệ chi tiết thấp nhất"),
}


class Asked:
    """What the address asks for: the duty, the day, the filters. Unknown values fall back to "all"."""

    def __init__(self, request: HttpRequest) -> None:
        get = request.GET.get
        self.duty_key = get("nghia-vu") if get("nghia-vu") in BOARD_DUTIES else FIRST_SHOWN
        self.day, self.fault = asked_day(get("ngay"))
        states = {*ClaimState.values, *board_rows.STATE_GROUPS}
        self.state = get("trang-thai", "") if get("trang-thai") in states else ""
        self.kind = get("loai", "") if get("loai") in UnitKind.values else ""
        self.district = get("huyen", "") if get("huyen", "").isdecimal() and len(get("huyen", "")) < 18 else ""
        self.reason = get("ly-do", "") if get("ly-do") in ReasonCode.values else ""
        self.contested = get("giai-trinh", "") if get("giai-trinh", "") in ContestState.values else ""
        self.text = get("q", "").strip()[:100]
        self.order = get("xep", "") if get("xep", "").removeprefix("-") in board_rows.ORDERS else "can-lam"

    def rows(self, board: Board, rows: list[BoardRow]) -> list[BoardRow]:
        if self.contested:
            states = {pk: {mark.state for mark in marks} for pk, marks in board.marks.items()}
            rows = [row for row in rows if self.contested in states.get(row.unit_id, ())]
        return board_rows.pick(
            rows,
            state=self.state,
            kind=self.kind,
            district=self.district,
            reason=self.reason,
            text=self.text,
            order=self.order,
        )

    @property
    def is_filtered(self) -> bool:
        return any((self.state, self.kind, self.district, self.reason, self.contested, self.text))

    def query(self, **changes: str) -> str:
        """The address of the same question with some answers changed."""
        today = clock.today()
        asked = {
            "nghia-vu": self.duty_key,
            "ngay": "" if self.day == today else self.day.isoformat(),
            "trang-thai": self.state,
            "loai": self.kind,
            "huyen": self.district,
            "ly-do": self.reason,
            "giai-trinh": self.contested,
            "q": self.text,
            "xep": "" if self.order == "can-lam" else self.order,
        } | changes
        return "?" + urlencode({key: value for key, value in asked.items() if value})


def board(request: HttpRequest) -> HttpResponse:
    asked = Asked(request)
    units = selectors.units_of(BOARD_DUTIES, asked.day)
    current = selectors.boards((asked.duty_key,), asked.day, units)[asked.duty_key]
    rows = selectors.visible_rows(current, request.user)
    context = _rows_context(request, asked, current, rows)
    if request.htmx:
        return render(request, "scoreboard/_rows.html", context)
    figures = selectors.figures(asked.day, BOARD_DUTIES, units) | {asked.duty_key: current}
    trends = selectors.trends(list(figures.values()), FORECAST_DAYS)
    deadlines = deadlines_at(current.at)
    context |= {
        "lines": [_line(asked, figure, trends[key], deadlines.get(key)) for key, figure in figures.items()],
        "share": share_card(current, links=request.user.is_provincial),
        "forecast": in_words(forecast(trends[asked.duty_key], deadlines.get(asked.duty_key))),
        "absence": absence(current),
        "measure": measure_words(current),
        "districts": _districts(current, context["names"]),
        "today": clock.today(),
        "source": exports.source_of(current),
        "periods": periods_of(asked.day) if current.frozen else [],
        "definition": definition_of(current.duty, asked.day),
        "csv": reverse("scoreboard:export", args=["csv"]) + asked.query(),
        "xlsx": reverse("scoreboard:export", args=["xlsx"]) + asked.query(),
        "print": reverse("scoreboard:print") + asked.query(),
    }
    since = current.day - selectors.TREND_SPAN
    points = [point for point in trends[asked.duty_key] if point.day >= since]
    return render(request, "scoreboard/board.html", context | _pictures(current, rows, points))


def _rows_context(request: HttpRequest, asked: Asked, current: Board, rows: list[BoardRow]) -> dict[str, Any]:
    kept = asked.rows(current, rows)
    page = Paginator(kept, ROWS_A_PAGE).get_page(request.GET.get("page"))
    districts = {row.unit_id for row in current.rows if row.kind == UnitKind.DISTRICT}
    names = unit_names({row.parent_id for row in page if row.parent_id} | districts, asked.day)
    return {
        "asked": asked,
        "shown": current,  # not "board": the navigation's own names would replace it
        "rows": _with_marks(current, page, names),
        "names": names,
        "page": page,
        "seen": len(rows),
        "states": [(state, state.label, sum(row.state == state for row in rows)) for state in board_rows.URGENCY],
        "reasons": board_rows.reasons_of(rows),
        "kinds": [(kind, kind.label) for kind in UnitKind if any(row.kind == kind for row in current.rows)],
        "contests": [
            (state, state.label) for state in (ContestState.OPEN, ContestState.CORRECTED, ContestState.REFUSED)
        ],
        "orders": [(name, ORDER_NAMES[name]) for name in board_rows.ORDERS],
    }


def _with_marks(
    board: Board, rows: Iterable[BoardRow], names: dict[int, str]
) -> list[tuple[BoardRow, str, tuple[ContestMark, ...]]]:
    """Rows with the name of what they belong to and their contests."""
    return [(row, names.get(row.parent_id or 0, ""), board.marks.get(row.unit_id, ())) for row in rows]


def _districts(board: Board, names: dict[int, str]) -> list[tuple[int, str]]:
    found = [(row.unit_id, names[row.unit_id]) for row in board.rows if row.kind == UnitKind.DISTRICT]
    return sorted(found, key=lambda district: district[1])


def _line(asked: Asked, figure: Figure, points: list[TrendPoint], deadline: date | None) -> dict[str, Any]:
    """One duty in the table of all."""
    return {
        "figure": figure,
        "link": asked.query(**{"nghia-vu": figure.duty.key, "trang-thai": "", "ly-do": ""}),
        "is_shown": figure.duty.key == asked.duty_key,
        "bar": pictures.proven_bar(figure),
        "measure": measure_words(figure),
        "forecast": absence(figure) or in_words(forecast(points, deadline)),
    }


def share_card(board: Board, *, links: bool = True) -> dict[str, object]:
    """One duty's card. Unit people see the province's shares but not its rows, so their numbers are not links."""
    reference = board.reference.percent / 100 if board.reference else None

    def rows(state: str) -> str:
        asked = {"nghia-vu": board.duty.key, "trang-thai": state}
        if board.day != clock.today():
            asked["ngay"] = board.day.isoformat()
        return f"{reverse('scoreboard:board')}?{urlencode({k: v for k, v in asked.items() if v})}#cac-don-vi"

    return {
        "board": board,
        "reference_sources": "; ".join(
            load().sources[key].title for key in (board.reference.source if board.reference else ())
        ),
        "link_declared": rows("da-khai") if links else "",
        "link_proven": rows(str(ClaimState.PROVEN)) if links else "",
        "link_all": rows("") if links else "",
        "bar_declared": pictures.share_bar(
            board.declared_share,
            tone="neutral",
            reference=reference,
            label=_("Đã khai báo: %(n)d trên %(all)d đơn vị") % {"n": board.declared, "all": board.units},
        ),
        "bar_proven": pictures.share_bar(
            board.proven_share,
            tone="ok",
            reference=reference,
            label=_("Đã chứng minh: %(n)d trên %(all)d đơn vị") % {"n": board.proven, "all": board.units},
        ),
    }


def trend_picture(figure: Figure, points: list[TrendPoint] | None = None) -> dict[str, object]:
    """The trend of a duty as a picture and as rows, for this page and the portal's."""
    points = selectors.trend(figure) if points is None else points
    reference = figure.reference
    label = _("Tỷ lệ đã khai báo và đã chứng minh từ %(first)s tới %(last)s; bảng số liệu ở dưới hình.") % {
        "first": f"{points[0].day:%d/%m/%Y}",
        "last": f"{points[-1].day:%d/%m/%Y}",
    }
    picture = pictures.trend(
        points,
        reference=reference.percent / 100 if reference else None,
        reference_label=reference.label if reference else "",
        label=label,
    )
    return {"trend": picture, "points": points[::-1], "reference": reference}


def _pictures(board: Board, rows: list[BoardRow], points: list[TrendPoint]) -> dict[str, object]:
    link = reverse("duties:duty", args=[0, board.duty.key]).replace("/0/", "/{}/", 1)
    tile_map = pictures.tile_map(
        board.rows,
        {row.unit_id for row in rows},
        label=_("Sơ đồ các đơn vị theo trạng thái; bảng ở dưới nói cùng nội dung"),
        link=link,
        others=_("chỉ đơn vị đó và cơ quan của tỉnh xem được trạng thái"),
    )
    legend = [(pictures.tile(state), state.label) for state in board_rows.URGENCY[::-1]]
    return {"tile_map": tile_map, "legend": legend} | trend_picture(board, points)


def print_rows(request: HttpRequest) -> HttpResponse:
    """All rows that fit the filters on one page without navigation, for paper; noted like an export."""
    asked = Asked(request)
    current = selectors.board(asked.duty_key, asked.day)
    rows = asked.rows(current, selectors.visible_rows(current, request.user))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, asked.day)
    services.record_export(duty_key=asked.duty_key, day=current.day, rows=len(rows), form="print", by=request.user)
    return render(
        request,
        "scoreboard/print.html",
        {
            "asked": asked,
            "shown": current,
            "rows": _with_marks(current, rows, names),
            "source": exports.source_of(current),
            "definition": definition_of(current.duty, asked.day),
            "measure": measure_words(current),
            "back": reverse("scoreboard:board") + asked.query(),
        },
    )


def export(request: HttpRequest, form: str) -> HttpResponse:
    """The rows that the page shows this person, as a file; who took them is in the audit log."""
    if form not in CONTENT_TYPES:
        raise Http404
    asked = Asked(request)
    current = selectors.board(asked.duty_key, asked.day)
    rows = asked.rows(current, selectors.visible_rows(current, request.user))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, asked.day)
    body = exports.as_csv(current, rows, names) if form == "csv" else exports.as_xlsx(current, rows, names)
    services.record_export(duty_key=asked.duty_key, day=current.day, rows=len(rows), form=form, by=request.user)
    response = HttpResponse(body, content_type=CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{asked.duty_key}-{current.day.isoformat()}.{form}"'
    return response
