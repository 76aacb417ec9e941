"""States of assignments as a table: what was said and seen on which day, the day asked, the state.

Letters of a row: said d = reported on day d; returned, accepted, withdrawn, explained = that happened; own = evidence of
the task itself (day, ok, valid days); duty = state of the duty that the task names.
"""

from datetime import UTC, date, datetime, timedelta

import pytest

from dekhang.apps.cascade.enums import TaskState, Verdict
from dekhang.apps.cascade.states import Contested, Rows, Said, state_of
from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states import Observation

START = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
N, R, P, C = TaskState.NOT_REPORTED, TaskState.REPORTED, TaskState.PROVEN, TaskState.CONTESTED


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def said(number, *, returned=None, accepted=None, withdrawn=None, due=None):
    judged = [(day(n), v) for n, v in ((accepted, Verdict.ACCEPTED), (returned, Verdict.RETURNED)) if n is not None]
    return Said(
        day(number),
        day(withdrawn) if withdrawn is not None else None,
        tuple(sorted(judged)),
        date(2019, 12, 10) + timedelta(days=due) if due is not None else None,
    )


def own(number, ok=True, valid=None, **payload):
    until = day(number + valid) if valid else None
    return Observation(EvidenceKind.PLAN_TASK, "task:1", "ok" if ok else "broken", day(number), until, "", payload)


def contested(number, answered=None):
    return Contested(day(number), day(answered) if answered is not None else None)


DUTY, OWN, BOTH = (True, False), (False, True), (True, True)
ROWS = [
    # a task that its own evidence proves
    (OWN, {}, 1, N),
    (OWN, {"reports": [said(1)]}, 0, N),  # of what is said later a day knows nothing
    (OWN, {"reports": [said(1)]}, 1, R),
    (OWN, {"reports": [said(1, withdrawn=3)]}, 2, R),
    (OWN, {"reports": [said(1, withdrawn=3)]}, 3, N),
    (OWN, {"reports": [said(1, returned=3)]}, 2, R),
    (OWN, {"reports": [said(1, returned=3)]}, 3, N),
    (OWN, {"reports": [said(1, returned=3), said(4)]}, 5, R),
    (OWN, {"reports": [said(1, accepted=2)], "own": [own(2)]}, 1, R),
    (OWN, {"reports": [said(1, accepted=2)], "own": [own(2)]}, 2, P),
    (OWN, {"reports": [said(1, accepted=2)]}, 3, R),  # accepted, but no evidence: the verdict alone proves nothing
    (OWN, {"reports": [said(1, accepted=2, returned=5)], "own": [own(2), own(5, ok=False)]}, 4, P),
    (OWN, {"reports": [said(1, accepted=2, returned=5)], "own": [own(2), own(5, ok=False)]}, 5, N),
    (OWN, {"reports": [said(1, returned=2, accepted=4)], "own": [own(4)]}, 3, N),  # a hasty return, corrected
    (OWN, {"reports": [said(1, returned=2, accepted=4)], "own": [own(4)]}, 4, P),
    # recurring: evidence ends by itself, and reports of periods that are over say nothing
    (OWN, {"reports": [said(1, due=5)], "own": [own(2, valid=30)]}, 31, P),
    (OWN, {"reports": [said(1, due=5)], "own": [own(2, valid=30)], "last_due": date(2020, 1, 10)}, 33, N),
    (OWN, {"reports": [said(1, due=5), said(30, due=31)], "last_due": date(2020, 1, 10)}, 33, R),
    (OWN, {"own": [own(2, valid=30), own(20, ended=True)]}, 21, N),
    # a task that the state of a duty proves
    (DUTY, {"duty": ClaimState.UNKNOWN}, 1, N),
    (DUTY, {"duty": ClaimState.DECLARED}, 1, R),
    (DUTY, {"duty": ClaimState.EVIDENCED}, 1, R),
    (DUTY, {"duty": ClaimState.DECAYED}, 1, R),
    (DUTY, {"duty": ClaimState.PROVEN}, 1, P),
    (DUTY, {"duty": ClaimState.REFUTED}, 1, C),  # the system saw the contrary of what was declared
    (DUTY, {"duty": ClaimState.UNKNOWN, "reports": [said(1)]}, 1, R),
    (DUTY, {"duty": ClaimState.UNKNOWN, "own": [own(1)]}, 1, N),  # evidence that the task does not ask for
    # both: half of it is not proof
    (BOTH, {"duty": ClaimState.PROVEN}, 1, R),
    (BOTH, {"duty": ClaimState.DECAYED, "own": [own(0)]}, 1, R),
    (BOTH, {"duty": ClaimState.PROVEN, "own": [own(1)]}, 1, P),
    # who must explain is contested until the answer, whatever else is true
    (OWN, {"contests": [contested(1)]}, 1, C),
    (OWN, {"contests": [contested(1, 3)]}, 2, C),
    (OWN, {"contests": [contested(1, 3)]}, 3, N),
    (OWN, {"contests": [contested(3)]}, 2, N),
    (OWN, {"contests": [contested(3)], "own": [own(1)]}, 4, C),
    (DUTY, {"contests": [contested(0, 1)], "duty": ClaimState.PROVEN}, 2, P),
]  # fmt: skip


@pytest.mark.parametrize(("proof", "known", "asked", "state"), ROWS)
def test_state_on_a_day(proof, known, asked, state):
    assert state_of(Rows(*proof, **known), day(asked)) == state
