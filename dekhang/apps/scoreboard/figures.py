"""What the scoreboard hands out: a duty's figure on a day, its rows, its trend. Values only; `selectors` reads them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property

from dekhang.apps.duties.contesting.selectors import ContestMark
from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState
from dekhang.apps.duties.states import Measure
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.sources.coverage import Coverage
from dekhang.law.shapes import Duty, ReferenceFigure, Target


@dataclass(frozen=True, slots=True)
class Contests:
    """How many giải trình stand beside a number: waiting, corrected, refused."""

    open: int = 0
    corrected: int = 0
    refused: int = 0

    def __bool__(self) -> bool:
        return any((self.open, self.corrected, self.refused))


@dataclass(frozen=True)
class Figure:
    """Both shares of one duty on one day, without rows. Proven units always count as declared: proven ≤ declared ≤ units.

    Args:
        states: how many units are in each state; their sum is the denominator.
        measure: the detail share (people, systems, sources …) summed over the units; None where nothing is counted.
        frozen: read from the day's snapshot, not computed from evidence just now.
        contests: what units contest of it, and what became of that; they never change the number.
    """

    duty: Duty
    day: date
    at: datetime
    states: Mapping[ClaimState, int]
    measure: Measure | None = None
    frozen: bool = False
    contests: Contests = Contests()

    @cached_property
    def units(self) -> int:
        return sum(self.states.values())

    @cached_property
    def declared(self) -> int:
        return sum(number for state, number in self.states.items() if state in COUNTS_AS_DECLARED)

    @property
    def proven(self) -> int:
        return self.states.get(ClaimState.PROVEN, 0)

    @property
    def declared_share(self) -> float | None:
        """None when no unit is in force: a percentage of nothing is not 0 %."""
        return self.declared / self.units if self.units else None

    @property
    def proven_share(self) -> float | None:
        return self.proven / self.units if self.units else None

    @property
    def measure_share(self) -> float | None:
        return self.measure.done / self.measure.whole if self.measure and self.measure.whole else None

    @property
    def in_force(self) -> bool:
        """Whether the duty was in force on the day; before, there is nothing to count."""
        return self.duty.in_force(self.day)

    @property
    def target(self) -> Target | None:
        """The share that the law asks for on that day."""
        return self.duty.target_on(self.day)

    @property
    def reference(self) -> ReferenceFigure | None:
        return self.duty.references[0] if self.duty.references else None


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One unit on the board. `reason`, `next_step` are of the first thing that stands in the way; "" when proven."""

    unit_id: int
    name: str
    kind: str
    subtype: str
    parent_id: int | None
    column: int | None
    line: int | None
    state: ClaimState
    code: str = ""
    reason: str = ""
    next_step: str = ""
    more_reasons: int = 0
    since: datetime | None = None
    proven_until: datetime | None = None
    measure: Measure | None = None

    @property
    def declared(self) -> bool:
        return self.state in COUNTS_AS_DECLARED

    @property
    def proven(self) -> bool:
        return self.state == ClaimState.PROVEN


@dataclass(frozen=True)
class Board(Figure):
    """A figure with the rows behind it: one for each unit of the denominator.

    `snapshot`: the frozen numbers it was read from; None when computed from evidence just now.
    `coverage`: of the day's logs behind it; None for a duty that is not about logs.
    `marks`: contests by unit, oldest first.
    `intact`: False when the frozen numbers no longer fit their digest, or the digest is not the one of the audit chain.
    """

    rows: tuple[BoardRow, ...] = ()
    snapshot: Snapshot | None = None
    coverage: Coverage | None = None
    intact: bool = True
    marks: Mapping[int, tuple[ContestMark, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrendPoint:
    day: date
    units: int
    declared: int
    proven: int
    frozen: bool

    @property
    def declared_share(self) -> float:
        return self.declared / self.units if self.units else 0.0

    @property
    def proven_share(self) -> float:
        return self.proven / self.units if self.units else 0.0
