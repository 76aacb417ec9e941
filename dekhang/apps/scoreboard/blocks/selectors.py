"""Bands of every unit on a day, by block. Counts of a block are everybody's, as shares are; rows are only what one may see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import COUNTED_KINDS, visible_unit_ids
from dekhang.apps.scoreboard.bands import Formula, Placed, formula_on, place
from dekhang.apps.scoreboard.figures import Board
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES, brief_boards
from dekhang.apps.sources.coverage import Coverage
from dekhang.law.shapes import Band, Duty


@dataclass(frozen=True, slots=True)
class UnitPlace:
    """A unit with the states of the duties that fall on it, and where that puts it."""

    unit_id: int
    name: str
    kind: str
    parent_id: int | None
    states: Mapping[str, ClaimState]
    placed: Placed | None

    @property
    def heard_of(self) -> bool:
        """Whether anything was ever heard of it: a declaration, or evidence."""
        return any(state != ClaimState.UNKNOWN for state in self.states.values())

    @property
    def proven(self) -> int:
        return sum(state == ClaimState.PROVEN for state in self.states.values())


@dataclass(frozen=True, slots=True)
class Block:
    """Equals together. `bands`: how many units are in each band; `shares`: (proven, units) of each duty."""

    kind: str
    units: int
    heard_of: int
    bands: tuple[tuple[Band, int], ...]
    shares: Mapping[str, tuple[int, int]]

    @property
    def label(self) -> str:
        return str(UnitKind(self.kind).label)


@dataclass(frozen=True, slots=True)
class Comparison:
    day: date
    formula: Formula
    duties: tuple[Duty, ...]
    places: tuple[UnitPlace, ...]
    blocks: tuple[Block, ...]
    coverage: Coverage | None
    frozen: bool


def compare(day: date) -> Comparison:
    """Every counted unit on the day, in the order of blocks and names. Boards are read once.

    No isolation of `places`: show `visible`.
    """
    return comparison_of(brief_boards(BOARD_DUTIES, day), day)


def comparison_of(of: Mapping[str, Board], day: date) -> Comparison:
    """The same from boards that were read already. Providers are no block: one duty falls on them, bands would say nothing."""
    formula = formula_on(day)
    rows: dict[int, tuple[str, str, int | None]] = {}
    states: dict[int, dict[str, ClaimState]] = {}
    for key, board in of.items():
        for row in board.rows:
            if row.kind in COUNTED_KINDS:
                rows[row.unit_id] = (row.name, row.kind, row.parent_id)
                states.setdefault(row.unit_id, {})[key] = row.state
    order = list(COUNTED_KINDS)
    places = sorted(
        (
            UnitPlace(unit_id, name, kind, parent_id, states[unit_id], place(states[unit_id], formula))
            for unit_id, (name, kind, parent_id) in rows.items()
        ),
        key=lambda one: (order.index(one.kind), one.name),
    )
    return Comparison(
        day,
        formula,
        tuple(board.duty for board in of.values() if any(row.kind in COUNTED_KINDS for row in board.rows)),
        tuple(places),
        blocks_of(places, formula),
        next((board.coverage for board in of.values() if board.coverage is not None), None),
        all(board.frozen for board in of.values()),
    )


def blocks_of(places: Sequence[UnitPlace], formula: Formula) -> tuple[Block, ...]:
    blocks = []
    for kind in COUNTED_KINDS:
        own = [one for one in places if one.kind == kind]
        if not own:
            continue
        keys = dict.fromkeys(key for one in own for key in one.states)
        blocks.append(
            Block(
                kind,
                len(own),
                sum(one.heard_of for one in own),
                tuple((band, sum(_in(one, band.key) for one in own)) for band in formula.bands),
                {
                    key: (
                        sum(one.states.get(key) == ClaimState.PROVEN for one in own),
                        sum(key in one.states for one in own),
                    )
                    for key in keys
                },
            )
        )
    return tuple(blocks)


def _in(one: UnitPlace, band: str) -> bool:
    return one.placed is not None and one.placed.band.key == band


def visible(places: Iterable[UnitPlace], user: User) -> list[UnitPlace]:
    ids = visible_unit_ids(user)
    return [one for one in places if one.unit_id in ids]


def pick(places: Iterable[UnitPlace], *, kind: str = "", band: str = "", text: str = "") -> list[UnitPlace]:
    """Those that fit every filter, by block and name: within a band nobody stands before another."""
    return [
        one
        for one in places
        if (not kind or one.kind == kind) and (not band or _in(one, band)) and (not text or found_in(text, one.name))
    ]
