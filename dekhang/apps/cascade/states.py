"""The state of an assignment at a moment, from its rows only. No database, no clock.

What counts: a report that stands, the unit's standing declaration and the state of the duty that the task names, the
assignment's own evidence, and requests for an explanation that nobody answered yet.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from dekhang.apps.cascade.enums import TaskState, Verdict
from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState
from dekhang.apps.duties.states import Observation


@dataclass(frozen=True, slots=True)
class Said:
    """A report. `judged`: (moment, verdict), oldest first. `due_on`: of the period that it is about, or None."""

    reported_at: datetime
    withdrawn_at: datetime | None = None
    judged: tuple[tuple[datetime, str], ...] = ()
    due_on: date | None = None

    def verdict(self, at: datetime) -> str:
        """What had been made of it by then: "" while it waits."""
        return next((verdict for moment, verdict in reversed(self.judged) if moment <= at), "")

    def stands(self, at: datetime) -> bool:
        """It was there, not taken back, and nobody had returned it."""
        if not self.reported_at <= at or (self.withdrawn_at is not None and self.withdrawn_at <= at):
            return False
        return self.verdict(at) != Verdict.RETURNED


@dataclass(frozen=True, slots=True)
class Contested:
    """A request for an explanation; open until it is answered."""

    opened_at: datetime
    answered_at: datetime | None = None

    def open(self, at: datetime) -> bool:
        return self.opened_at <= at and (self.answered_at is None or at < self.answered_at)


@dataclass(frozen=True, slots=True)
class Rows:
    """What is known of an assignment.

    Args:
        wants_duty, wants_own: what proves the task; at least one.
        own: evidence of this task at this unit, in the order in which it was observed.
        contests: on the assignment, and on the unit's duty.
        last_due: of a recurring task, the deadline that passed last by the moment asked; reports of earlier periods
            say nothing about the present.
    """

    wants_duty: bool
    wants_own: bool
    reports: Sequence[Said] = ()
    own: Sequence[Observation] = ()
    contests: Sequence[Contested] = ()
    duty: ClaimState | None = None
    last_due: date | None = None


def state_of(rows: Rows, at: datetime) -> TaskState:
    """One of four. Who must explain is contested, whatever else is true; proof needs everything that the task names."""
    reported = is_reported(rows, at)
    refuted = rows.wants_duty and rows.duty == ClaimState.REFUTED and reported
    if refuted or any(contest.open(at) for contest in rows.contests):
        return TaskState.CONTESTED
    if is_proven(rows, at):
        return TaskState.PROVEN
    return TaskState.REPORTED if reported else TaskState.NOT_REPORTED


def is_reported(rows: Rows, at: datetime) -> bool:
    if rows.wants_duty and rows.duty in COUNTS_AS_DECLARED | {ClaimState.REFUTED}:
        return True  # declaring the duty says it; a refuted state means that a declaration stands
    return any(
        said.stands(at) and (rows.last_due is None or said.due_on is None or said.due_on >= rows.last_due)
        for said in rows.reports
    )


def is_proven(rows: Rows, at: datetime) -> bool:
    if rows.wants_duty and rows.duty != ClaimState.PROVEN:
        return False
    return not rows.wants_own or own_holds(rows.own, at)


def own_holds(own: Sequence[Observation], at: datetime) -> bool:
    """Whether the newest of the task's own evidence speaks for the unit."""
    newest = next((row for row in reversed(own) if row.observed_at <= at), None)
    return newest is not None and newest.holds(at) and not newest.payload.get("ended")
