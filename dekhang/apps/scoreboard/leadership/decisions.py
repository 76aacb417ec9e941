"""Things to decide, with the units they are about. Pure: boards, places and forecasts in, decisions out.

In this order: what somebody said and the system refuted; a deadline that will not be kept; the one
obstacle whose removal brings most for an hour; proofs that were lost; units of which nothing was ever heard; then further obstacles.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState, ReasonCode
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.blocks.selectors import UnitPlace
from dekhang.apps.scoreboard.figures import Board, BoardRow
from dekhang.apps.scoreboard.forecast import Forecast
from dekhang.apps.scoreboard.priorities import Weights, worth_of

AT_MOST = 3
UNLIKELY = 0.5  # a deadline that is kept with less than an even chance is for somebody to decide about
NAMED = 4
_KINDS = list(UnitKind.values)


@dataclass(frozen=True, slots=True)
class About:
    """A unit that a decision is about, and why."""

    unit_id: int
    name: str
    kind: str
    why: str


@dataclass(frozen=True, slots=True)
class Decision:
    """`key` names its page of rows. `title` says what to decide, `because` why now. Never without units."""

    key: str
    title: str
    because: str
    units: tuple[About, ...]
    duty_key: str = ""

    @property
    def named(self) -> tuple[About, ...]:
        return self.units[:NAMED]

    @property
    def more(self) -> int:
        return max(0, len(self.units) - NAMED)


def decisions(
    boards: Mapping[str, Board],
    places: Sequence[UnitPlace],
    forecasts: Mapping[str, Forecast | None],
    weights: Weights,
) -> list[Decision]:
    """Every decision that the day offers, the most urgent first; a page shows the first three."""
    first, *others = _levers(boards, weights) or [None]
    found = (
        _refuted(boards),
        _deadline(boards, forecasts, weights),
        first,
        _decayed(boards),
        _unheard(places),
        *others,
    )
    return [one for one in found if one is not None and one.units]


def _about(pairs: Iterable[tuple[BoardRow, str]]) -> tuple[About, ...]:
    """One line for each unit, its reasons joined; departments first, as those who decide know them best."""
    found: dict[int, About] = {}
    for row, why in pairs:
        known = found.get(row.unit_id)
        found[row.unit_id] = About(row.unit_id, row.name, row.kind, f"{known.why} {why}" if known else why)
    return tuple(sorted(found.values(), key=lambda one: (_KINDS.index(one.kind), one.name)))


def _in_state(boards: Mapping[str, Board], state: ClaimState) -> tuple[About, ...]:
    return _about(
        (row, f"{board.duty.short}: {row.reason}")
        for board in boards.values()
        for row in board.rows
        if row.state == state
    )


def _refuted(boards: Mapping[str, Board]) -> Decision:
    units = _in_state(boards, ClaimState.REFUTED)
    return Decision(
        "bac-bo",
        _("Yêu cầu thủ trưởng %(n)d đơn vị giải trình") % {"n": len(units)},
        _("Họ khai báo là có, nhưng hệ thống thấy điều ngược lại."),
        units,
    )


def _deadline(
    boards: Mapping[str, Board], forecasts: Mapping[str, Forecast | None], weights: Weights
) -> Decision | None:
    """The heaviest duty whose deadline has passed, or is kept with less than an even chance."""
    at_risk = [
        (boards[key], one)
        for key, one in forecasts.items()
        if one is not None and one.deadline is not None and one.chance is not None and one.chance < UNLIKELY
    ]
    if not at_risk:
        return None
    board, one = max(at_risk, key=lambda pair: _points(pair[0].duty.key, weights))
    assert one.deadline is not None and one.chance is not None
    words = {
        "duty": board.duty.short,
        "day": f"{one.deadline:%d/%m/%Y}",
        "n": one.remaining,
        "chance": round(one.chance * 100),
    }
    if one.deadline < board.day:
        because = _("Hạn %(day)s đã qua, còn %(n)d đơn vị chưa chứng minh.") % words
    else:
        because = _("Theo nhịp hiện nay, khả năng đúng hạn %(day)s là %(chance)d %%; còn %(n)d đơn vị.") % words
    units = _about((row, row.reason) for row in board.rows if not row.proven)
    return Decision("qua-han", _("“%(duty)s”: tăng lực hay lùi hạn") % words, because, units, board.duty.key)


def _points(duty_key: str, weights: Weights) -> float:
    return weights.points[duty_key].points if duty_key in weights.points else 0.0


def _levers(boards: Mapping[str, Board], weights: Weights) -> list[Decision]:
    """First obstacles whose removal everywhere brings most (worth an hour × units before it), one for each duty, the best first."""
    groups: dict[tuple[str, str], list[BoardRow]] = {}
    for key, board in boards.items():
        for row in board.rows:
            if row.code in weights.efforts and key in weights.points:
                groups.setdefault((key, row.code), []).append(row)

    def brings(group: tuple[str, str]) -> float:
        key, code = group
        points, effort = weights.points[key], weights.efforts[code]
        parts = (1 + row.more_reasons for row in groups[group])
        return sum(worth_of(points.points / part, points.risk / part, effort, weights) for part in parts)

    found: dict[str, Decision] = {}
    for key, code in sorted(groups, key=brings, reverse=True):
        if key not in found:
            found[key] = _lever(boards[key], code, groups[key, code], weights)
    return list(found.values())


def _lever(board: Board, code: str, rows: Sequence[BoardRow], weights: Weights) -> Decision:
    hours = weights.efforts[code].hours * len(rows)
    words = {
        "n": len(rows),
        "what": str(ReasonCode(code).label) if code in ReasonCode.values else code,
        "duty": board.duty.short,
        "hours": f"{hours:,.0f}".replace(",", ".") if hours >= 1 else _("chưa tới 1"),
    }
    return Decision(
        f"don-bay-{board.duty.key}",
        _("Gỡ trở ngại chung của %(n)d đơn vị: “%(what)s”") % words,
        _("Đưa “%(duty)s” đi xa nhất cho mỗi giờ công; cả thảy khoảng %(hours)s giờ.") % words,
        _about((row, row.next_step) for row in rows),
        board.duty.key,
    )


def _decayed(boards: Mapping[str, Board]) -> Decision:
    units = _in_state(boards, ClaimState.DECAYED)
    return Decision(
        "suy-giam",
        _("Đôn đốc %(n)d đơn vị đã để mất kết quả") % {"n": len(units)},
        _("Từng chứng minh được, nay bằng chứng hết hạn hoặc đã ngừng."),
        units,
    )


def _unheard(places: Sequence[UnitPlace]) -> Decision:
    units = tuple(
        About(one.unit_id, one.name, one.kind, _("Chưa khai báo và chưa có bằng chứng nào."))
        for one in places
        if not one.heard_of
    )
    return Decision(
        "chua-ai-biet",
        _("Yêu cầu %(n)d đơn vị báo cáo lần đầu") % {"n": len(units)},
        _("Chưa khai báo gì, hệ thống cũng chưa thấy gì."),
        units,
    )
