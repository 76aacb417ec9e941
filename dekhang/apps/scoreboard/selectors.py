"""Shares: units whose claim counts ÷ units in force on a date, always with the rows behind them."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

import orjson
from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties import selectors as duties
from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState, ReasonCode
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import counted_units, visible_unit_ids
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.sources.coverage import Coverage, coverage_of
from dekhang.law import load
from dekhang.law.shapes import Duty, ReferenceFigure

BOARD_DUTIES = ("record_attacks", "sop")
OVER_LOGS = frozenset(
    {"record_attacks"}
)  # duties whose share is computed over logs: it shows how many of them are there
TREND_DAYS = 90
# what needs a person first; proven units need nobody
URGENCY = (
    ClaimState.REFUTED,
    ClaimState.DECAYED,
    ClaimState.EVIDENCED,
    ClaimState.DECLARED,
    ClaimState.UNKNOWN,
    ClaimState.PROVEN,
)
# filters that name several states at once, beside the states themselves
STATE_GROUPS: dict[str, frozenset[ClaimState]] = {
    "da-khai": COUNTS_AS_DECLARED,
    "chua-chung-minh": frozenset(ClaimState) - {ClaimState.PROVEN},
}


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

    @property
    def declared(self) -> bool:
        return self.state in COUNTS_AS_DECLARED

    @property
    def proven(self) -> bool:
        return self.state == ClaimState.PROVEN


@dataclass(frozen=True)
class Board:
    """Both shares of one duty on one day. Proven units always count as declared, so proven ≤ declared ≤ units.

    `snapshot`: the frozen numbers it was read from; None when computed from evidence just now.
    `coverage`: of the day's logs behind it; None for a duty that is not about logs.
    """

    duty: Duty
    day: date
    at: datetime
    rows: tuple[BoardRow, ...]
    snapshot: Snapshot | None = None
    coverage: Coverage | None = None

    @property
    def units(self) -> int:
        return len(self.rows)

    @cached_property
    def declared(self) -> int:
        return sum(row.declared for row in self.rows)

    @cached_property
    def proven(self) -> int:
        return sum(row.proven for row in self.rows)

    @property
    def declared_share(self) -> float | None:
        """None when no unit is in force: a percentage of nothing is not 0 %."""
        return self.declared / self.units if self.units else None

    @property
    def proven_share(self) -> float | None:
        return self.proven / self.units if self.units else None

    @property
    def reference(self) -> ReferenceFigure | None:
        return self.duty.references[0] if self.duty.references else None

    @cached_property
    def intact(self) -> bool:
        """False when the frozen numbers no longer fit their digest: somebody changed them."""
        return self.snapshot is None or snapshot_digest(self.snapshot) == self.snapshot.digest


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


def moment_of(day: date) -> datetime:
    """The moment that a day's number describes: its last microsecond here, or now when the day is not over."""
    midnight = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    return min(midnight - timedelta(microseconds=1), clock.now())


def board(duty_key: str, day: date | None = None) -> Board:
    """The board of a duty on a day (today by default): frozen numbers when the day was frozen, else from evidence."""
    return boards((duty_key,), day)[duty_key]


def boards(duty_keys: Iterable[str], day: date | None = None) -> dict[str, Board]:
    """Boards of several duties on one day: one query for the units, two for each duty, one for frozen numbers."""
    day = day or clock.today()
    versions = list(counted_units(day))
    frozen = {s.duty_key: s for s in Snapshot.objects.filter(date=day)} if day < clock.today() else {}
    return {
        key: _frozen_board(frozen[key], versions) if key in frozen else live_board(key, day, versions)
        for key in duty_keys
    }


def live_board(duty_key: str, day: date, versions: list[UnitVersion] | None = None) -> Board:
    """The board computed from evidence, whether or not the day was frozen."""
    versions = list(counted_units(day)) if versions is None else versions
    at = moment_of(day)
    assessments = duties.assess(duty_key, [version.unit_id for version in versions], at)
    rows = []
    for version in versions:
        assessment = assessments[version.unit_id]
        first = assessment.reasons[0] if assessment.reasons else None
        rows.append(
            _row(
                version,
                state=assessment.state,
                code=first.code if first else "",
                reason=first.text if first else "",
                next_step=first.next_step if first else "",
                more_reasons=max(0, len(assessment.reasons) - 1),
                since=assessment.since,
            )
        )
    coverage = None
    if duty_key in OVER_LOGS:
        midnight = timezone.make_aware(datetime.combine(day, time.min))
        coverage = coverage_of([version.unit_id for version in versions], midnight, midnight + timedelta(days=1))
    return Board(load().duty(duty_key), day, at, tuple(rows), coverage=coverage)


def _row(version: UnitVersion, **state: object) -> BoardRow:
    return BoardRow(
        unit_id=version.unit_id,
        name=version.name,
        kind=version.kind,
        subtype=version.subtype or version.get_kind_display(),
        parent_id=version.parent_id,
        column=version.tile_column,
        line=version.tile_row,
        **state,  # type: ignore[arg-type]
    )


def _frozen_board(snapshot: Snapshot, versions: list[UnitVersion]) -> Board:
    """The rows as they were frozen; names and places of the units come from the registry on that day."""
    by_id = {version.unit_id: version for version in versions}
    rows = []
    for frozen in snapshot.rows:
        version = by_id.get(frozen["unit"]) or UnitVersion(
            unit_id=frozen["unit"], name=frozen["name"], kind=frozen["kind"]
        )
        rows.append(
            _row(
                version,
                state=ClaimState(frozen["state"]),
                code=frozen["code"],
                reason=frozen["reason"],
                next_step=frozen["next_step"],
                more_reasons=frozen["more_reasons"],
                since=datetime.fromisoformat(frozen["since"]) if frozen["since"] else None,
            )
        )
    sent, lost = snapshot.records_sent, snapshot.records_lost
    coverage = Coverage(sent, lost) if sent is not None and lost is not None else None
    return Board(
        load().duty(snapshot.duty_key), snapshot.date, moment_of(snapshot.date), tuple(rows), snapshot, coverage
    )


def frozen_rows(board: Board) -> list[dict[str, object]]:
    """The board's rows as a snapshot keeps them."""
    return [
        {
            "unit": row.unit_id,
            "name": row.name,
            "kind": row.kind,
            "state": str(row.state),
            "code": row.code,
            "reason": row.reason,
            "next_step": row.next_step,
            "more_reasons": row.more_reasons,
            "since": row.since.isoformat() if row.since else None,
        }
        for row in board.rows
    ]


def snapshot_digest(snapshot: Snapshot) -> str:
    body = [
        snapshot.duty_key,
        snapshot.date.isoformat(),
        snapshot.units_in_force,
        snapshot.declared,
        snapshot.proven,
        snapshot.records_sent,
        snapshot.records_lost,
        snapshot.rows,
    ]
    return hashlib.sha256(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()


def visible_rows(board: Board, user: User) -> list[BoardRow]:
    """The rows that `user` may see: all for provincial roles, those of their own units otherwise."""
    visible = visible_unit_ids(user)
    return [row for row in board.rows if row.unit_id in visible]


def pick(
    rows: Iterable[BoardRow], *, state: str = "", kind: str = "", district: str = "", reason: str = "", text: str = ""
) -> list[BoardRow]:
    """Rows that fit every filter given, the most urgent first. `district` is a unit's id: itself and what is in it."""
    tests: list[Callable[[BoardRow], bool]] = []
    if state:
        wanted = STATE_GROUPS.get(state, frozenset({state}))
        tests.append(lambda row: row.state in wanted)
    if kind:
        tests.append(lambda row: row.kind == kind)
    if district:
        tests.append(lambda row: int(district) in (row.unit_id, row.parent_id))
    if reason:
        tests.append(lambda row: row.code == reason)
    if text:
        tests.append(lambda row: found_in(text, row.name))
    kept = [row for row in rows if all(test(row) for test in tests)]
    kinds = list(UnitKind.values)
    return sorted(kept, key=lambda row: (URGENCY.index(row.state), kinds.index(row.kind), row.name))


def reasons_of(rows: Iterable[BoardRow]) -> list[tuple[ReasonCode, int]]:
    """How many units stand before the same first obstacle, most first."""
    counts: dict[str, int] = {}
    for row in rows:
        if row.code:
            counts[row.code] = counts.get(row.code, 0) + 1
    return [(ReasonCode(code), number) for code, number in sorted(counts.items(), key=lambda item: -item[1])]


def trend(board: Board, days: int = TREND_DAYS) -> list[TrendPoint]:
    """Frozen days before the board's day, oldest first, and the board itself."""
    snapshots = Snapshot.objects.filter(
        duty_key=board.duty.key, date__lt=board.day, date__gte=board.day - timedelta(days=days)
    ).values_list("date", "units_in_force", "declared", "proven")
    points = [TrendPoint(day, units, declared, proven, True) for day, units, declared, proven in snapshots]
    here = TrendPoint(board.day, board.units, board.declared, board.proven, board.snapshot is not None)
    return [*points, here]
