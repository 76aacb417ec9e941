"""Walks a unit's evidence in the order of time, so that "it was proven before" and "since when" have answers."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.states.rows import Assessment, ClaimSpan, Facts, Measure, Observation, Problem, Reason


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

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """How many of the things that the duty counts are done at `at`."""

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        """Moments at which the state may change by itself, besides expiry dates: limits that run out."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` until the next stretch begins the assessment is this one."""

    start: datetime
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class _Step:
    """What is true from `moment` on. `facts` go on changing: use them before the next step."""

    moment: datetime
    state: ClaimState
    since: datetime | None
    problems: list[Problem]
    facts: Facts


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
    rows = [row for row in observations if row.observed_at <= at]
    last = None
    for step in _steps(duty, rows, [claim for claim in claims if claim.declared_at <= at]):
        if step.moment > at:
            break
        last = step
    if last is None:
        facts = Facts()
        last = _Step(at, ClaimState.UNKNOWN, None, duty.problems(facts, at), facts)
    return _assessment(duty, last, at)


def timeline(duty: DutyStates, observations: Iterable[Observation], claims: Sequence[ClaimSpan]) -> list[Stretch]:
    """Every stretch of a unit's claim, the future included as far as it is known (proofs that will expire).

    The last stretch that starts at or before a moment holds what `assess` answers for it; before the first one nothing
    was ever heard of the unit.
    """
    stretches: list[Stretch] = []
    told: tuple[ClaimState, list[Problem], Measure | None] | None = None
    for step in _steps(duty, observations, claims):
        now = (step.state, step.problems, duty.measure(step.facts, step.moment))
        if told != now or step.state == ClaimState.PROVEN:
            assessment = _assessment(duty, step, step.moment)
            if not stretches or stretches[-1].assessment != assessment:
                stretches.append(Stretch(step.moment, assessment))
            told = now
    return stretches


def _steps(duty: DutyStates, observations: Iterable[Observation], claims: Sequence[ClaimSpan]) -> Iterator[_Step]:
    rows = sorted(observations, key=lambda row: row.observed_at)
    withdrawals = {claim.withdrawn_at for claim in claims if claim.withdrawn_at}
    moments = {
        *(row.observed_at for row in rows),
        *(row.valid_until for row in rows if row.valid_until),
        *(claim.declared_at for claim in claims),
        *withdrawals,
        *duty.own_moments(rows, claims),
    }
    facts, position = Facts(), 0
    state, since, was_proven = ClaimState.UNKNOWN, None, False
    for moment in sorted(moments):
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
        yield _Step(moment, state, since, problems, facts)


def _assessment(duty: DutyStates, step: _Step, at: datetime) -> Assessment:
    return Assessment(
        state=step.state,
        reasons=tuple(duty.reason(problem, step.facts, at) for problem in step.problems),
        since=step.since,
        proven_until=duty.proven_until(step.facts, at) if step.state == ClaimState.PROVEN else None,
        measure=duty.measure(step.facts, at),
    )
