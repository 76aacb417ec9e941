"""Own small SVG writer: tile map, shares, trend. No styles, no scripts; colours come from classes in dk.css.

Every state has a colour, a shape and a word (in the title of its tile and in the table below the picture).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from dekhang.apps.core.templatetags.dk import percent
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.figures import BoardRow, Figure, TrendPoint

CELL, TILE = 30, 28  # a tile is over 24 px, the least that WCAG 2.2 asks of a target
HEADING = 26
MAX_COLUMNS = 24
HIDDEN = "hidden"
# shapes drawn in a box of 28 × 28
SHAPES = {
    ClaimState.PROVEN: "M8 14.5l4 4 8-9",
    ClaimState.DECAYED: "M8 9l5 5 2-2 5 6m0-5v5h-5",
    ClaimState.REFUTED: "M9 9l10 10M19 9L9 19",
    ClaimState.EVIDENCED: "M7 14c3-5.5 11-5.5 14 0-3 5.5-11 5.5-14 0zM14 12.5v3",
    ClaimState.DECLARED: "M14 8.5a5.5 5.5 0 1 0 .01 0z",
    ClaimState.UNKNOWN: "M11 14h6",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A tile with its place in the picture, in cells."""

    row: BoardRow
    x: int
    y: float
    seen: bool


def tile(state: str) -> SafeString:
    """One tile of the legend."""
    return format_html('<svg width="22" height="22" viewBox="0 0 28 28" aria-hidden="true">{}</svg>', _box(state, 0, 0))


def _box(state: str, x: float, y: float, kind: str = "") -> SafeString:
    shape = SHAPES.get(ClaimState(state), "") if state != HIDDEN else ""
    return format_html(
        '<g transform="translate({} {})"><rect class="tile tile--{}{}" width="28" height="28" rx="5"/>'
        '<path class="tile__shape tile__shape--{}" d="{}"/></g>',
        f"{x:g}", f"{y:g}", state, " tile--district" if kind == UnitKind.DISTRICT else "", state, shape,
    )  # fmt: skip


def tile_map(
    rows: Sequence[BoardRow], visible: frozenset[int] | set[int], *, label: str, link: str, others: str
) -> SafeString:
    """Units as tiles: communes where they lie (schematically), departments and districts in lines of their own.

    Args:
        visible: units whose state this person may see; the others are blank tiles with `others` in their title.
        link: address of a unit's page with `{}` for its id.
    """
    placed, headings, columns, height = _place(rows, visible)
    tiles = format_html_join(
        "", "{}", ((_linked(spot, link) if spot.seen else _blank(spot, others),) for spot in placed)
    )
    words = format_html_join(
        "", '<text x="0" y="{}" class="tilemap__heading">{}</text>', ((f"{y:g}", text) for y, text in headings)
    )
    return format_html(
        '<svg class="tilemap" viewBox="0 0 {} {}" width="{}" height="{}" role="group" aria-label="{}">{}{}</svg>',
        columns * CELL, f"{height:g}", columns * CELL, f"{height:g}", label, words, tiles,
    )  # fmt: skip


def _linked(spot: Placed, link: str) -> SafeString:
    title = f"{spot.row.name}: {spot.row.state.label}" + (f". {spot.row.reason}" if spot.row.reason else "")
    box = _box(spot.row.state, spot.x * CELL, spot.y, spot.row.kind)
    return format_html(
        '<a href="{}" aria-label="{}"><title>{}</title>{}</a>', link.format(spot.row.unit_id), title, title, box
    )


def _blank(spot: Placed, others: str) -> SafeString:
    return format_html(
        "<g><title>{}</title>{}</g>", f"{spot.row.name}: {others}", _box(HIDDEN, spot.x * CELL, spot.y, spot.row.kind)
    )


def _place(
    rows: Sequence[BoardRow], visible: frozenset[int] | set[int]
) -> tuple[list[Placed], list[tuple[float, str]], int, float]:
    """Tiles with their places, headings (y, text), the number of columns and the height in pixels."""
    on_map = [row for row in rows if _has_place(row)]
    left = min((row.column or 0 for row in on_map), default=0)
    top = min((row.line or 0 for row in on_map), default=0)
    columns = min(MAX_COLUMNS, max([10, *((row.column or 0) - left + 1 for row in on_map)]))
    placed: list[Placed] = []
    headings: list[tuple[float, str]] = []
    y = 0.0
    if on_map:
        headings.append((y + 16, _("Xã, phường, thị trấn và huyện (vị trí ước lệ)")))
        y += HEADING
        for row in on_map:
            spot = y + ((row.line or 0) - top) * CELL
            placed.append(Placed(row, (row.column or 0) - left, spot, row.unit_id in visible))
        y += (max(row.line or 0 for row in on_map) - top + 1) * CELL + 8
    for kind, heading in (
        (UnitKind.DEPARTMENT, _("Sở, ban, ngành")),
        (UnitKind.DISTRICT, _("Huyện, thị xã, thành phố")),
        (UnitKind.COMMUNE, _("Xã, phường, thị trấn")),
        (UnitKind.ISP, _("Doanh nghiệp viễn thông, Internet")),
    ):
        line = sorted((row for row in rows if row.kind == kind and not _has_place(row)), key=lambda row: row.name)
        if not line:
            continue
        headings.append((y + 16, heading))
        y += HEADING
        for number, row in enumerate(line):
            placed.append(Placed(row, number % columns, y + number // columns * CELL, row.unit_id in visible))
        y += math.ceil(len(line) / columns) * CELL + 8
    return placed, headings, columns, max(y, CELL)


def _has_place(row: BoardRow) -> bool:
    """Departments stand in a line of their own even when the schema has a place for them."""
    return row.column is not None and row.line is not None and row.kind != UnitKind.DEPARTMENT


def share_bar(share: float | None, *, tone: str, reference: float | None, label: str) -> SafeString:
    """A bar from 0 to 100 % with the reference as a line. `share` and `reference` are fractions."""
    width = round((share or 0) * 400, 1)
    line = (
        format_html('<line class="line-reference" x1="{0}" x2="{0}" y1="0" y2="24"/>', round(reference * 400, 1))
        if reference is not None
        else ""
    )
    return format_html(
        '<svg class="share__bar" viewBox="0 0 400 24" preserveAspectRatio="none" role="img" aria-label="{}">'
        '<rect class="share__ground" width="400" height="24" rx="4"/><rect class="tone-{}" width="{}" height="24" rx="4"/>{}</svg>',
        label, tone, width, line,
    )  # fmt: skip


def proven_bar(figure: Figure) -> SafeString:
    """A duty's proven share, with its reference."""
    return share_bar(
        figure.proven_share,
        tone="ok",
        reference=figure.reference.percent / 100 if figure.reference else None,
        label=_("Đã chứng minh: %(n)d trên %(all)d đơn vị") % {"n": figure.proven, "all": figure.units},
    )


WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 240, 46, 12, 12, 30


def trend(points: Sequence[TrendPoint], *, reference: float | None, reference_label: str, label: str) -> SafeString:
    """Declared and proven shares by day, with the reference line. Days without a frozen number leave a gap in time."""
    top = _top_of_scale(points, reference)
    days = [point.day for point in points]
    first, last = min(days), max(days)

    def x(day: date) -> float:
        span = (last - first).days
        return LEFT + (WIDTH - LEFT - RIGHT) * ((day - first).days / span if span else 0.5)

    def y(share: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - share / top)

    grid = format_html_join(
        "",
        '<line class="chart__grid" x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}" text-anchor="end">{}</text>',
        (
            (LEFT, WIDTH - RIGHT, f"{y(s):.1f}", f"{y(s):.1f}", LEFT - 6, f"{y(s) + 4:.1f}", percent(s, 0))
            for s in (0.0, top / 2, top)
        ),
    )
    lines = format_html(
        "{}{}",
        _line(points, "declared", [(x(p.day), y(p.declared_share)) for p in points]),
        _line(points, "proven", [(x(p.day), y(p.proven_share)) for p in points]),
    )
    mark: SafeString | str = ""
    if reference is not None:
        mark = format_html(
            '<line class="line-reference" x1="{}" x2="{}" y1="{}" y2="{}"><title>{}</title></line>',
            LEFT, WIDTH - RIGHT, f"{y(reference):.1f}", f"{y(reference):.1f}", reference_label,
        )  # fmt: skip
    ends = _dates(first, last, x)
    return format_html(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}{}</svg>',
        WIDTH, HEIGHT, label, grid, mark, lines, ends,
    )  # fmt: skip


def _top_of_scale(points: Iterable[TrendPoint], reference: float | None) -> float:
    """The top of the scale: at least 50 %, in steps of 10 %."""
    highest = max([reference or 0.0, *(max(p.declared_share, p.proven_share) for p in points)])
    return min(1.0, max(0.5, math.ceil(highest * 10 + 0.001) / 10))


def _line(points: Sequence[TrendPoint], name: str, places: Sequence[tuple[float, float]]) -> SafeString:
    path = " ".join(f"{'M' if n == 0 else 'L'}{x:.1f} {y:.1f}" for n, (x, y) in enumerate(places))
    last_x, last_y = places[-1]
    dot = format_html('<circle class="dot-{}" cx="{}" cy="{}" r="4"/>', name, f"{last_x:.1f}", f"{last_y:.1f}")
    return format_html('<path class="line-{}" d="{}"/>{}', name, path, dot)


def _dates(first: date, last: date, x: object) -> SafeString:
    if first == last:
        return format_html(
            '<text x="{}" y="{}" text-anchor="middle">{}</text>',
            LEFT + (WIDTH - LEFT - RIGHT) / 2,
            HEIGHT - 8,
            f"{last:%d/%m/%Y}",
        )
    return format_html(
        '<text x="{}" y="{}">{}</text><text x="{}" y="{}" text-anchor="end">{}</text>',
        LEFT, HEIGHT - 8, f"{first:%d/%m/%Y}", WIDTH - RIGHT, HEIGHT - 8, f"{last:%d/%m/%Y}",
    )  # fmt: skip
