"""The board: both shares of two duties on any date, a picture, a trend, the rows, and their export."""

from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import ClaimState, ReasonCode
from dekhang.apps.registry.asked import asked_day
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.selectors import COUNTED_KINDS, unit_names
from dekhang.apps.scoreboard import exports, pictures, selectors, services
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES, Board, BoardRow
from dekhang.law import load

ROWS_A_PAGE = 40
CONTENT_TYPES = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


class Asked:
    """What the address asks for: the duty, the day, the filters. Unknown values fall back to "all"."""

    def __init__(self, request: HttpRequest) -> None:
        get = request.GET.get
        self.duty_key = get("nghia-vu") if get("nghia-vu") in BOARD_DUTIES else BOARD_DUTIES[0]
        self.day, self.fault = asked_day(get("ngay"))
        states = {*ClaimState.values, *selectors.STATE_GROUPS}
        self.state = get("trang-thai", "") if get("trang-thai") in states else ""
        self.kind = get("loai", "") if get("loai") in COUNTED_KINDS else ""
        self.district = get("huyen", "") if get("huyen", "").isdecimal() and len(get("huyen", "")) < 18 else ""
        self.reason = get("ly-do", "") if get("ly-do") in ReasonCode.values else ""
        self.text = get("q", "").strip()[:100]

    def rows(self, rows: list[BoardRow]) -> list[BoardRow]:
        return selectors.pick(
            rows, state=self.state, kind=self.kind, district=self.district, reason=self.reason, text=self.text
        )

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
            "q": self.text,
        } | changes
        return "?" + urlencode({key: value for key, value in asked.items() if value})


def board(request: HttpRequest) -> HttpResponse:
    asked = Asked(request)
    boards = selectors.boards(BOARD_DUTIES, asked.day)
    current = boards[asked.duty_key]
    rows = selectors.visible_rows(current, request.user)
    kept = asked.rows(rows)
    page = Paginator(kept, ROWS_A_PAGE).get_page(request.GET.get("page"))
    names = unit_names({row.parent_id for row in page if row.parent_id} | _district_ids(current), asked.day)
    context = {
        "asked": asked,
        "boards": [share_card(board, links=request.user.is_provincial) for board in boards.values()],
        "shown": current,  # not "board": the navigation's own names would replace it
        "rows": [(row, names.get(row.parent_id or 0, "")) for row in page],
        "page": page,
        "seen": len(rows),
        "filtered": any((asked.state, asked.kind, asked.district, asked.reason, asked.text)),
        "states": [(state, state.label, sum(row.state == state for row in rows)) for state in selectors.URGENCY],
        "reasons": selectors.reasons_of(rows),
        "kinds": [(kind, UnitKind(kind).label) for kind in COUNTED_KINDS],
        "districts": sorted(((pk, names[pk]) for pk in _district_ids(current) if pk in names), key=lambda d: d[1]),
        "today": clock.today(),
        "source": exports.source_of(current),
        "definition": exports.definition_of(current),
        "csv": reverse("scoreboard:export", args=["csv"]) + asked.query(),
        "xlsx": reverse("scoreboard:export", args=["xlsx"]) + asked.query(),
    }
    if request.htmx:
        return render(request, "scoreboard/_rows.html", context)
    return render(request, "scoreboard/board.html", context | _pictures(current, rows))


def _district_ids(board: Board) -> set[int]:
    return {row.unit_id for row in board.rows if row.kind == UnitKind.DISTRICT}


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


def trend_picture(board: Board) -> dict[str, object]:
    """The trend of a duty as a picture and as rows, for this page and the portal's."""
    points = selectors.trend(board)
    reference = board.reference
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


def _pictures(board: Board, rows: list[BoardRow]) -> dict[str, object]:
    link = reverse("duties:duty", args=[0, board.duty.key]).replace("/0/", "/{}/", 1)
    tile_map = pictures.tile_map(
        board.rows,
        {row.unit_id for row in rows},
        label=_("Sơ đồ các đơn vị theo trạng thái; bảng ở dưới nói cùng nội dung"),
        link=link,
        others=_("chỉ đơn vị đó và cơ quan của tỉnh xem được trạng thái"),
    )
    legend = [(pictures.tile(state), state.label) for state in selectors.URGENCY[::-1]]
    return {"tile_map": tile_map, "legend": legend} | trend_picture(board)


def export(request: HttpRequest, form: str) -> HttpResponse:
    """The rows that the page shows this person, as a file; who took them is in the audit log."""
    if form not in CONTENT_TYPES:
        raise Http404
    asked = Asked(request)
    current = selectors.board(asked.duty_key, asked.day)
    rows = asked.rows(selectors.visible_rows(current, request.user))
    names = unit_names({row.parent_id for row in rows if row.parent_id}, asked.day)
    body = exports.as_csv(current, rows, names) if form == "csv" else exports.as_xlsx(current, rows, names)
    services.record_export(duty_key=asked.duty_key, day=current.day, rows=len(rows), form=form, by=request.user)
    response = HttpResponse(body, content_type=CONTENT_TYPES[form])
    response["Content-Disposition"] = f'attachment; filename="{asked.duty_key}-{current.day.isoformat()}.{form}"'
    return response
