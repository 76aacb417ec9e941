"""The summary of a day out of boards that are read once, and of the boards of a month before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.core.templatetags.dk import percent
from dekhang.apps.scoreboard.blocks.selectors import Comparison, comparison_of
from dekhang.apps.scoreboard.deadlines import deadlines_at
from dekhang.apps.scoreboard.figures import Board, BoardRow
from dekhang.apps.scoreboard.forecast import FORECAST_DAYS, Forecast, forecast
from dekhang.apps.scoreboard.leadership.decisions import Decision, decisions
from dekhang.apps.scoreboard.priorities import weights_on
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES, brief_boards, moment_of, proven_on, trends

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Line:
    """One duty. `gained`, `lost`: units of both days that are proven now and were not, and the other way round."""

    board: Board
    gained: tuple[BoardRow, ...]
    lost: tuple[BoardRow, ...]
    forecast: Forecast | None

    @property
    def change(self) -> int:
        return len(self.gained) - len(self.lost)


@dataclass(frozen=True, slots=True)
class Summary:
    day: date
    before: date
    lines: tuple[Line, ...]
    comparison: Comparison
    decisions: tuple[Decision, ...]

    @property
    def proven(self) -> int:
        return sum(line.board.proven for line in self.lines)

    @property
    def declared(self) -> int:
        return sum(line.board.declared for line in self.lines)

    @property
    def whole(self) -> int:
        return sum(line.board.units for line in self.lines)

    @property
    def intact(self) -> bool:
        """False when frozen numbers of the day no longer fit their digest."""
        return all(line.board.intact for line in self.lines)

    @property
    def gained(self) -> int:
        return sum(len(line.gained) for line in self.lines)

    @property
    def lost(self) -> int:
        return sum(len(line.lost) for line in self.lines)

    @property
    def sentence(self) -> str:
        """The province's state in one sentence."""
        if not self.whole:
            return _("Ngày này chưa có đơn vị hoặc nghĩa vụ nào để đếm.")
        change = self.gained - self.lost
        words = {
            "tone": _("Tỉnh đang tiến lên") if change > 0 else _("Tỉnh đang lùi lại") if change < 0 else _("Tỉnh đang đứng yên"),
            "proven": _grouped(self.proven),
            "whole": _grouped(self.whole),
            "units": _grouped(len({row.unit_id for line in self.lines for row in line.board.rows})),
            "share": percent(self.proven / self.whole).replace(" ", "\u00a0"),
            "gained": self.gained,
            "lost": self.lost,
            "day": f"{self.before:%d/%m/%Y}",
        }  # fmt: skip
        return (
            _(
                "%(tone)s: %(proven)s trên %(whole)s nghĩa vụ của %(units)s đơn vị đã được chứng minh (%(share)s); "
                "so với %(day)s thêm %(gained)d, mất %(lost)d."
            )
            % words
        )


def _grouped(number: int) -> str:
    return f"{number:,}".replace(",", ".")


def summary(day: date) -> Summary:
    """Everything on the leadership page. For provincial roles: it names units. A fixed number of queries."""
    before = day - MONTH
    now, then = brief_boards(BOARD_DUTIES, day), proven_on(BOARD_DUTIES, before)
    points, deadlines = trends(list(now.values()), FORECAST_DAYS), deadlines_at(moment_of(day))
    lines = tuple(_line(board, then[key], forecast(points[key], deadlines.get(key))) for key, board in now.items())
    comparison = comparison_of(now, day)
    forecasts = {line.board.duty.key: line.forecast for line in lines}
    todo = decisions(now, comparison.places, forecasts, weights_on(day))
    return Summary(day, before, lines, comparison, tuple(todo))


def _line(now: Board, was: Mapping[int, bool], ahead: Forecast | None) -> Line:
    # a unit that is new in a month has gained nothing by being founded; before the duty was in force nobody had anything
    gained = tuple(row for row in now.rows if row.proven and not was.get(row.unit_id, bool(was)))
    lost = tuple(row for row in now.rows if not row.proven and was.get(row.unit_id, False))
    return Line(now, gained, lost, ahead)


def at_a_glance(one: Forecast | None) -> str:
    """The forecast in a few words; the board has it whole (`forecast.in_words`)."""
    if one is None:
        return "–"
    if one.is_reached:
        return _("đã đạt")
    deadline = _("hạn %(day)s: ") % {"day": f"{one.deadline:%d/%m/%Y}"} if one.deadline else ""
    if one.deadline and one.chance == 0.0:
        return deadline + _("không kịp")
    if one.too_few:
        return deadline + _("chưa đủ số liệu")
    if one.deadline and one.chance is not None:
        return deadline + _("%(chance)d %% khả năng kịp") % {"chance": round(one.chance * 100)}
    if one.likely is None:
        return _("quá hai năm")
    return _("khoảng %(day)s") % {"day": f"{one.likely:%m/%Y}"}
