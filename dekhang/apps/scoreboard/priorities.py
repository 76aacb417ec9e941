"""What a unit does first: obstacles put in order by points gained and risk cut per effort. Pure; `docs/reference/bands.md`.

worth = (points + risk weight × risk) ÷ (hours of own work + hours a day × days of waiting)

Points and risk of a duty are divided among the obstacles that stand before it: clearing one of five brings a fifth of the way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date

from dekhang.apps.duties.states import Reason
from dekhang.law import load
from dekhang.law.shapes import Effort, Points


@dataclass(frozen=True, slots=True)
class Weights:
    """The formula's numbers of a day."""

    points: Mapping[str, Points]
    efforts: Mapping[str, Effort]
    risk_weight: float
    waiting_hours_a_day: float


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to do. `duties`: which it serves; `points`, `risk`: its part of theirs. `left`: obstacles of the nearest duty."""

    reason: Reason
    duties: tuple[str, ...]
    points: float
    risk: float
    effort: Effort
    worth: float
    left: int

    @property
    def finishes(self) -> bool:
        """Nothing else stands before one of its duties."""
        return self.left == 1


def weights_on(day: date) -> Weights:
    book = load()
    return Weights(book.points(day), book.efforts(day), book.risk_weight, book.waiting_hours_a_day)


def worth_of(points: float, risk: float, effort: Effort, weights: Weights) -> float:
    """What an hour brings. Grows with points and risk, falls with hours and waiting."""
    return (points + weights.risk_weight * risk) / (effort.hours + weights.waiting_hours_a_day * effort.waiting_days)


def in_order(obstacles: Mapping[str, Iterable[Reason]], weights: Weights) -> list[Job]:
    """Jobs out of what stands before each duty, the most worth an hour first.

    Args:
        obstacles: duty key → its reasons; duties without points and reasons without an effort are left out.
    Returns:
        one job for each reason; an act that clears the same reason of several duties at once is one job with all their points.
        Equals keep the order: more points, then the duty's and the reason's own order.
    """
    jobs: dict[tuple[str, ...], Job] = {}
    for key, reasons in obstacles.items():
        known = [reason for reason in reasons if reason.code in weights.efforts]
        if key not in weights.points or not known:
            continue
        points, risk = (value / len(known) for value in (weights.points[key].points, weights.points[key].risk))
        for reason in known:
            effort = weights.efforts[reason.code]
            act = (reason.code,) if effort.once else (reason.code, reason.subject, reason.next_step)
            job = jobs.get(act) or Job(reason, (), 0.0, 0.0, effort, 0.0, len(known))
            duties = job.duties if key in job.duties else (*job.duties, key)
            job = replace(
                job, duties=duties, points=job.points + points, risk=job.risk + risk, left=min(job.left, len(known))
            )
            jobs[act] = replace(job, worth=worth_of(job.points, job.risk, effort, weights))
    return sorted(jobs.values(), key=lambda job: (-job.worth, -job.points))
