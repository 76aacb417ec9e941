"""States of assignments follow from rows only: whatever happens in whatever order, any past day has the answer of its day.

The reference below is told what happens, keeps the present state in its head and notes it at the end of each day; the
real functions see the rows at the end and are asked about every day.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekhang.apps.cascade import services
from dekhang.apps.cascade.enums import TaskState, Verdict
from dekhang.apps.cascade.models import Assignment
from dekhang.apps.cascade.selectors import rows_of
from dekhang.apps.cascade.states import Contested, Rows, Said, state_of
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.enums import COUNTS_AS_DECLARED, ClaimState, EvidenceKind
from dekhang.apps.duties.states import Observation
from tests.factories.cascade import draft, issued, task_in
from tests.factories.cascade import given as gave
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

START = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
DEEDS = ("report", "withdraw", "accept", "return", "demand", "contest", "answer", "wait")
deeds = st.lists(st.sampled_from(DEEDS), max_size=14)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@dataclass
class Reference:
    """What a person with a pencil would note."""

    reported: bool = False  # a report lies there that nobody returned
    waits: bool = False  # and nobody has judged it
    proven: bool = False
    asked: set = field(default_factory=set)

    def may(self, deed: str) -> bool:
        return {
            "report": not self.waits,
            "withdraw": self.waits,
            "accept": self.waits,
            "return": self.waits or self.proven,
            "demand": "above" not in self.asked,
            "contest": "unit" not in self.asked,
            "answer": bool(self.asked),
            "wait": True,
        }[deed]

    def state(self) -> TaskState:
        if self.asked:
            return TaskState.CONTESTED
        if self.proven:
            return TaskState.PROVEN
        return TaskState.REPORTED if self.reported else TaskState.NOT_REPORTED


@pytest.mark.django_db(transaction=False)
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(wanted=deeds)
def test_services_leave_rows_that_tell_every_day_s_state(wanted, transactional_world):
    coordinator, task = transactional_world
    unit = UnitFactory()
    officer, reference, noted = officer_of(unit), Reference(), []
    with clock.at(START - timedelta(hours=1)):
        assignment = gave(unit, task, accepted_by=officer, by=coordinator)
    reports, contests = [], []
    for number, deed in enumerate(wanted):
        with clock.at(day(number)):
            _do(deed, reference, assignment, officer, coordinator, reports, contests)
        noted.append(reference.state())
    for number, state in enumerate(noted):
        (row,) = rows_of(Assignment.objects.filter(pk=assignment.pk), day(number) + timedelta(hours=1))
        assert row.state == state, f"day {number} of {wanted}"


@pytest.fixture
def transactional_world(db):
    with clock.at(START - timedelta(hours=2)):
        version = draft(by=UserFactory(coordinator=True))
        task = task_in(version)
        issued(version)
    return version.created_by, task


def _do(deed, reference, assignment, officer, coordinator, reports, contests) -> None:
    """The deed, if the reference finds it possible; else the services must refuse it too."""
    may = reference.may(deed)
    try:
        if deed == "report":
            reports.append(services.report(assignment=assignment, text="Xong.", by=officer))
            reference.reported = reference.waits = True
        elif deed in ("withdraw", "accept", "return") and reports:
            last = reports[-1]
            last.refresh_from_db()
            if deed == "withdraw":
                services.withdraw_report(report=last, by=officer)
                reference.reported, reference.waits = _others_stand(reports[:-1]), False
            else:
                verdict = Verdict.ACCEPTED if deed == "accept" else Verdict.RETURNED
                if not may:
                    return  # a judge may correct an older judgement; the reference has no memory for that
                services.judge(report=last, verdict=verdict, note="vì", by=coordinator)
                reference.waits = False
                reference.proven = reference.proven if deed == "accept" and reference.proven else deed == "accept"
                reference.reported = deed == "accept" or _others_stand(reports[:-1])
        elif deed == "demand":
            contests.append(services.demand_explanation(assignment=assignment, text="Vì sao?", by=coordinator))
            reference.asked.add("above")
        elif deed == "contest":
            contests.append(services.contest(assignment=assignment, text="Đã làm.", by=officer))
            reference.asked.add("unit")
        elif deed == "answer" and contests:
            contest = contests.pop()
            by = officer if contest.side == "above" else coordinator
            services.answer_contest(contest=contest, answer="Trả lời.", by=by)
            reference.asked.discard(contest.side)
    except ActionDenied:
        assert not may, deed


def _others_stand(reports) -> bool:
    for report in reports:
        report.refresh_from_db()
    return any(report.withdrawn_at is None and report.verdict != Verdict.RETURNED for report in reports)


moments = st.integers(0, 20)
DUTY_STATES = [None, *ClaimState]


@given(
    reports=st.lists(st.tuples(moments, st.none() | moments, st.lists(st.tuples(moments, st.sampled_from(Verdict)))), max_size=4),
    own=st.lists(st.tuples(moments, st.booleans(), st.none() | moments), max_size=5),
    contests=st.lists(st.tuples(moments, st.none() | moments), max_size=3),
    duty=st.sampled_from(DUTY_STATES),
    wants=st.sampled_from([(True, False), (False, True), (True, True)]),
    asked=moments,
)  # fmt: skip
def test_the_four_states_are_the_four_sentences(reports, own, contests, duty, wants, asked):
    """The meaning again, said the long way round and with numbers instead of moments."""
    rows = Rows(
        *wants,
        reports=[
            Said(day(a), None if b is None else day(b), tuple((day(n), v) for n, v in sorted(judged)))
            for a, b, judged in reports
        ],
        own=[
            Observation(EvidenceKind.PLAN_TASK, "task:1", "ok" if ok else "broken", day(a), None if b is None else day(b))
            for a, ok, b in sorted(own, key=lambda row: row[0])
        ],
        contests=[Contested(day(a), None if b is None else day(b)) for a, b in contests],
        duty=duty,
    )  # fmt: skip
    standing = 0
    for a, b, judged in reports:
        verdicts = [verdict for n, verdict in sorted(judged) if n <= asked]
        taken_back = b is not None and b <= asked
        standing += a <= asked and not taken_back and (not verdicts or verdicts[-1] != Verdict.RETURNED)
    says_duty = wants[0] and duty in {*COUNTS_AS_DECLARED, ClaimState.REFUTED}
    seen = [row for row in sorted(own, key=lambda row: row[0]) if row[0] <= asked]
    own_ok = bool(seen) and seen[-1][1] and (seen[-1][2] is None or asked < seen[-1][2])
    proof = (not wants[0] or duty == ClaimState.PROVEN) and (not wants[1] or own_ok)
    explains = any(a <= asked and (b is None or asked < b) for a, b in contests)
    if explains or (wants[0] and duty == ClaimState.REFUTED):
        expected = TaskState.CONTESTED
    elif proof:
        expected = TaskState.PROVEN
    else:
        expected = TaskState.REPORTED if standing or says_duty else TaskState.NOT_REPORTED
    assert state_of(rows, day(asked)) == expected
