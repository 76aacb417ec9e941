"""Shares and bands as they would be, and what is still missing for it. Reads only; every bound is here."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from dekhang.apps.core.models import User
from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.states import Reason
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.apps.scoreboard.bands import place
from dekhang.apps.scoreboard.blocks.selectors import Block, Comparison, blocks_of, comparison_of
from dekhang.apps.scoreboard.figures import Board
from dekhang.apps.scoreboard.priorities import Job, Weights, in_order, weights_on
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES, brief_boards, moment_of
from dekhang.law.shapes import Duty

MAX_UNITS = 200  # an address of 200 units is some 1,200 characters; more is not a plan but the whole province


@dataclass(frozen=True, slots=True)
class Change:
    """A duty's share before and after. `gained`: units that would be proven and are not."""

    duty: Duty
    before: int
    gained: int
    units: int

    @property
    def after(self) -> int:
        return self.before + self.gained

    @property
    def share_before(self) -> float | None:
        return self.before / self.units if self.units else None

    @property
    def share_after(self) -> float | None:
        return self.after / self.units if self.units else None


@dataclass(frozen=True, slots=True)
class Missing:
    """What one of the chosen units still has to do for the chosen duties."""

    unit_id: int
    name: str
    jobs: tuple[Job, ...]
    band_before: str
    band_after: str

    @property
    def hours(self) -> float:
        return sum(job.effort.hours for job in self.jobs)

    @property
    def waiting_days(self) -> int:
        """The longest wait for others: waits run beside each other."""
        return max((job.effort.waiting_days for job in self.jobs), default=0)


@dataclass(frozen=True, slots=True)
class WhatIf:
    day: date
    units: tuple[int, ...]
    duties: tuple[str, ...]
    changes: tuple[Change, ...]
    before: tuple[Block, ...]
    after: tuple[Block, ...]
    missing: tuple[Missing, ...]
    reasons: tuple[tuple[str, int], ...]  # code → how many of the chosen units stand before it, most first

    @property
    def hours(self) -> float:
        return sum(one.hours for one in self.missing)

    @property
    def gained(self) -> int:
        return sum(change.gained for change in self.changes)


@dataclass(frozen=True, slots=True)
class Province:
    """The boards of a day, read once for the page."""

    day: date
    boards: Mapping[str, Board]
    comparison: Comparison


def province(day: date) -> Province:
    read = brief_boards(BOARD_DUTIES, day)
    return Province(day, read, comparison_of(read, day))


def what_if(user: User, of: Province, unit_ids: Iterable[int], duty_keys: Collection[str]) -> WhatIf:
    """The answer for the first 200 of these units that `user` may see, and these duties."""
    visible, weights = visible_unit_ids(user), weights_on(of.day)
    names = {one.unit_id: one for one in of.comparison.places}
    chosen = tuple(pk for pk in dict.fromkeys(unit_ids) if pk in visible and pk in names)[:MAX_UNITS]
    keys, picked = tuple(key for key in of.boards if key in duty_keys), frozenset(chosen)
    gains = {
        key: {row.unit_id for row in of.boards[key].rows if row.unit_id in picked and not row.proven} for key in keys
    }
    changes = tuple(
        Change(board.duty, board.proven, len(gains.get(key, ())), board.units)
        for key, board in of.boards.items()
        if board.units
    )
    after = [
        replace(
            one,
            states=(states := dict(one.states) | {key: ClaimState.PROVEN for key in keys if one.unit_id in gains[key]}),
            placed=place(states, of.comparison.formula),
        )
        for one in of.comparison.places
    ]
    placed_after = {one.unit_id: one.placed for one in after}
    missing = []
    codes: Counter[str] = Counter()
    for unit_id, obstacles in _obstacles(gains, of.day).items():
        jobs = tuple(in_order(obstacles, weights))
        codes.update({job.reason.code for job in jobs})
        now, then = names[unit_id].placed, placed_after[unit_id]
        bands = [one.band.key if one else "" for one in (now, then)]
        missing.append(Missing(unit_id, names[unit_id].name, jobs, *bands))
    missing.sort(key=lambda one: (one.hours, one.name))
    return WhatIf(
        of.day,
        chosen,
        keys,
        changes,
        of.comparison.blocks,
        blocks_of(after, of.comparison.formula),
        tuple(missing),
        tuple(codes.most_common()),
    )


def _obstacles(gains: Mapping[str, Collection[int]], day: date) -> dict[int, dict[str, tuple[Reason, ...]]]:
    """Unit → duty → everything that stands in the way, for pairs that would be proven."""
    wanted = {key: sorted(unit_ids) for key, unit_ids in gains.items() if unit_ids}
    if not wanted:
        return {}
    found: dict[int, dict[str, tuple[Reason, ...]]] = {}
    for key, assessed in timelines.assessments_of(wanted, moment_of(day)).items():
        for unit_id, assessment in assessed.items():
            found.setdefault(unit_id, {})[key] = assessment.reasons
    return found


def nearest(user: User, of: Province, duty_keys: Collection[str], count: int, kind: str = "") -> list[int]:
    """The units that need the fewest hours to prove these duties, of those that `user` may see and that have not yet."""
    weights, visible = weights_on(of.day), visible_unit_ids(user)
    kinds = {one.unit_id: one.kind for one in of.comparison.places}
    gains = {
        key: {
            row.unit_id
            for row in of.boards[key].rows
            if not row.proven and row.unit_id in visible and kinds.get(row.unit_id) and (not kind or row.kind == kind)
        }
        for key in duty_keys
        if key in of.boards
    }
    hours = {
        unit_id: _hours(in_order(obstacles, weights), weights)
        for unit_id, obstacles in _obstacles(gains, of.day).items()
    }
    return sorted(hours, key=lambda unit_id: (hours[unit_id], unit_id))[: min(count, MAX_UNITS)]


def _hours(jobs: Iterable[Job], weights: Weights) -> float:
    return sum(job.effort.hours + weights.waiting_hours_a_day * job.effort.waiting_days for job in jobs)
