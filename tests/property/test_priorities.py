"""The order of what a unit does first: it follows points, risk and effort, and nothing else."""

from dataclasses import replace
from datetime import date

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from dekhang.apps.duties.states import Reason
from dekhang.apps.scoreboard.priorities import in_order, weights_on, worth_of

WEIGHTS = weights_on(date(2019, 12, 10))
DUTIES = sorted(WEIGHTS.points)
CODES = sorted(WEIGHTS.efforts)
reasons = st.builds(
    lambda code, n: Reason(code, "vì", f"làm {n}", None, f"s:{n}"), st.sampled_from(CODES), st.integers(0, 4)
)
obstacles = st.dictionaries(st.sampled_from(DUTIES), st.lists(reasons, max_size=5), max_size=8)
efforts = st.builds(
    lambda hours, days: msgspec.structs.replace(WEIGHTS.efforts["silent"], hours=hours, waiting_days=days),
    st.floats(0.05, 100),
    st.integers(0, 200),
)


def acts(jobs):
    return [(job.reason.code, job.reason.subject, job.reason.next_step) for job in jobs]


@given(st.floats(0, 100), st.floats(0, 100), st.floats(0, 50), efforts)
def test_more_points_or_more_risk_is_never_worth_less_and_more_effort_never_worth_more(points, more, risk, effort):
    here = worth_of(points, risk, effort, WEIGHTS)
    assert worth_of(points + more, risk, effort, WEIGHTS) >= here
    assert worth_of(points, risk + more, effort, WEIGHTS) >= here
    longer = msgspec.structs.replace(effort, hours=effort.hours + more, waiting_days=effort.waiting_days + 1)
    assert worth_of(points, risk, longer, WEIGHTS) <= here


@given(obstacles, st.sampled_from(DUTIES), st.floats(1, 50))
def test_a_duty_with_more_points_never_falls_behind_what_does_not_serve_it(some, key, factor):
    heavier = msgspec.structs.replace(WEIGHTS.points[key], points=WEIGHTS.points[key].points * factor)
    before, after = in_order(some, WEIGHTS), in_order(some, replace(WEIGHTS, points={**WEIGHTS.points, key: heavier}))
    others = set(acts(job for job in before if key not in job.duties))
    for mine in acts(job for job in before if key in job.duties):
        ahead_before = set(acts(before)[: acts(before).index(mine)]) & others
        ahead_after = set(acts(after)[: acts(after).index(mine)]) & others
        assert ahead_after <= ahead_before


@given(obstacles)
def test_points_are_divided_and_none_is_lost_or_invented(some):
    jobs = in_order(some, WEIGHTS)
    served = [key for key, found in some.items() if found]
    assert abs(sum(job.points for job in jobs) - sum(WEIGHTS.points[key].points for key in served)) < 1e-6
    assert [job.worth for job in jobs] == sorted((job.worth for job in jobs), reverse=True)


def test_one_act_that_clears_two_duties_is_one_job_with_the_points_of_both():
    answer = Reason("contact_missing", "Chưa ai trả lời.", "Bấm nút.")
    (job,) = in_order(
        {"officer": [answer], "sop": [Reason("contact_missing", "Chưa có đầu mối.", "Bấm nút đi.")]}, WEIGHTS
    )
    assert job.duties == ("officer", "sop")
    assert job.points == WEIGHTS.points["officer"].points + WEIGHTS.points["sop"].points


def test_two_silent_sources_are_two_jobs():
    two = [Reason("silent", "im", "Kiểm tra", None, f"source:{n}") for n in (1, 2)]
    assert len(in_order({"record_attacks": two}, WEIGHTS)) == 2


def test_a_minute_that_finishes_a_duty_comes_before_months_of_waiting():
    jobs = in_order(
        {"budget": [Reason("budget_low", "thấp", "Bổ sung")], "officer": [Reason("contact_missing", "chưa", "Bấm")]},
        WEIGHTS,
    )
    assert [job.reason.code for job in jobs] == ["contact_missing", "budget_low"]
    assert jobs[0].finishes
