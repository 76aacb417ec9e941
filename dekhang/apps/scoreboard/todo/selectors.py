"""The work list of one unit. Isolation: a unit that the reader may not see has no list."""

from dataclasses import dataclass

from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import ClaimState, RevisionState
from dekhang.apps.duties.filing.selectors import revisions_of
from dekhang.apps.duties.models import Revision
from dekhang.apps.duties.selectors import duties_for
from dekhang.apps.duties.states import Assessment
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.apps.scoreboard.bands import Placed, formula_on, place
from dekhang.apps.scoreboard.priorities import Job, in_order, weights_on
from dekhang.apps.scoreboard.todo.places import document_of, place_of
from dekhang.law import load
from dekhang.law.shapes import Duty


@dataclass(frozen=True, slots=True)
class Todo:
    """One obstacle with its place. `waits`: a text of the unit that clears it lies with the reviewer: nothing to do but wait."""

    job: Job
    duties: tuple[Duty, ...]
    url: str
    action: str
    waits: Revision | None = None


@dataclass(frozen=True, slots=True)
class WorkList:
    """`todos`: what the unit itself can do, first things first; `waiting`: what lies with others; `states` of every duty."""

    todos: tuple[Todo, ...]
    waiting: tuple[Todo, ...]
    states: tuple[tuple[Duty, Assessment], ...]
    placed: Placed | None

    @property
    def proven(self) -> int:
        return sum(assessment.state == ClaimState.PROVEN for _duty, assessment in self.states)


def work_list(user: User, version: UnitVersion) -> WorkList:
    """Everything between this unit and proven in every duty that falls on it, now. A fixed number of queries."""
    now, unit_id = clock.now(), version.unit_id
    if unit_id not in visible_unit_ids(user):
        return WorkList((), (), (), None)
    day = timezone.localtime(now).date()
    falls = duties_for(version.kind, now)
    assessed = timelines.assessments_of({duty.key: [unit_id] for duty in falls}, now)
    states = tuple((duty, assessed[duty.key][unit_id]) for duty in falls)
    lying = _lying(user, unit_id)
    todos = [
        _todo(unit_id, job, lying)
        for job in in_order({duty.key: assessment.reasons for duty, assessment in states}, weights_on(day))
    ]
    return WorkList(
        tuple(todo for todo in todos if todo.waits is None),
        tuple(todo for todo in todos if todo.waits is not None),
        states,
        place({duty.key: assessment.state for duty, assessment in states}, formula_on(day)),
    )


def _lying(user: User, unit_id: int) -> dict[tuple[str, str], Revision]:
    """Texts of the unit that wait for a review, by kind and subject."""
    rows = revisions_of(user).filter(document__unit_id=unit_id, state=RevisionState.SUBMITTED)
    return {(row.document.kind, row.document.subject): row for row in rows}


def _todo(unit_id: int, job: Job, lying: dict[tuple[str, str], Revision]) -> Todo:
    url, action = place_of(unit_id, job.duties[0], job.reason)
    kind, waits = document_of(job.reason), None
    if kind is not None:
        subject = job.reason.subject or {"same_firm": "layer:3", "budget_low": "budget"}.get(
            job.reason.code, "certificate"
        )
        waits = lying.get((kind.value, subject))
    return Todo(job, tuple(load().duty(key) for key in job.duties), url, action, waits)
