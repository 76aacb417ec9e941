"""Walks a unit's evidence in the order of time, so that "it was proven before" and "since when" have answers."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.states.rows import Assessment, ClaimSpan, Facts, Observation, Problem, Reason


class DutyStates(Protocol):
    """What one duty knows about its proof. Pure: facts and a moment in, answers out."""

    def problems(self, facts: Facts, at: datetime) -> list[Problem]:
        """Everything missing at `at`, most urgent first; empty means proven."""

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        """The state of a unit that is not proven. `decayed`: it was proven before, and the claim was not withdrawn."""

    def reason(self, problem: Problem, facts: Facts, at: datetime) -> Reason: ...

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None: ...

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        """Moments at which the state may change by itself, besides expiry dates: limits that run out."""


def assess(
    duty: DutyStates, observations: Iterable[Observation], claims: Sequence[ClaimSpan], at: datetime
) -> Assessment:
    """The state of one unit's claim at `at`.

    Args:
        observations: the unit's evidence of the duty's kinds in recorded order; rows observed after `at` are not looked
            at, so what becomes known later never changes what was true before.
        claims: the unit's declarations of this duty, standing or withdrawn.

    A proof that ended leaves the state *decayed*; withdrawing the declaration wipes that memory.
    """
    rows = sorted((row for row in observations if row.observed_at <= at), key=lambda row: row.observed_at)
    claims = [claim for claim in claims if claim.declared_at <= at]
    withdrawals = {claim.withdrawn_at for claim in claims if claim.withdrawn_at}
    moments = sorted(
        moment
        for moment in {
            *(row.observed_at for row in rows),
            *(row.valid_until for row in rows if row.valid_until),
            *(claim.declared_at for claim in claims),
            *withdrawals,
            *duty.own_moments(rows, claims),
        }
        if moment <= at
    )
    facts, position = Facts(), 0
    state, since, was_proven = ClaimState.UNKNOWN, None, False
    problems: list[Problem] = duty.problems(facts, at)
    for moment in moments:
        while position < len(rows) and rows[position].observed_at <= moment:
            facts.add(rows[position])
            position += 1
        if moment in withdrawals:
            was_proven = False
        problems = duty.problems(facts, moment)
        if not problems:
            new, was_proven = ClaimState.PROVEN, True
        else:
            declared_since = max((c.declared_at for c in claims if c.stands(moment)), default=None)
            new = duty.unproven_state(facts, problems, declared_since=declared_since, decayed=was_proven, at=moment)
        if new != state:
            state, since = new, moment
    return Assessment(
        state=state,
        reasons=tuple(duty.reason(problem, facts, at) for problem in problems),
        since=since,
        proven_until=duty.proven_until(facts, at) if state == ClaimState.PROVEN else None,
    )
