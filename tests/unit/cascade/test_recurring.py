"""Recurring tasks: periods, evidence that the duty `regulation` reads, and periods that nobody reported."""

from datetime import date, timedelta

import pytest

from dekhang.apps.cascade import jobs, services
from dekhang.apps.cascade.enums import Period, TaskState, Verdict
from dekhang.apps.cascade.models import Assignment, Occurrence
from dekhang.apps.cascade.periods import end_of, span_of
from dekhang.apps.cascade.selectors import rows_of
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.law import load
from tests.factories.cascade import accepted_report, draft, given, issued, recurring_in, task_in
from tests.factories.duties import evidence
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("period", "day", "span"),
    [
        (Period.MONTH, date(2020, 2, 29), (date(2020, 2, 1), date(2020, 2, 29), "Tháng 2/2020")),
        (Period.QUARTER, date(2019, 12, 10), (date(2019, 10, 1), date(2019, 12, 31), "Quý 4/2019")),
        (Period.HALF, date(2020, 3, 1), (date(2020, 1, 1), date(2020, 6, 30), "Sáu tháng đầu năm 2020")),
        (Period.YEAR, date(2019, 12, 31), (date(2019, 1, 1), date(2019, 12, 31), "Năm 2019")),
    ],
)
def test_periods_are_those_of_the_calendar(period, day, span):
    found = span_of(period, day, -10)
    assert (found.starts_on, found.ends_on, found.words) == span
    assert found.due_on == found.ends_on - timedelta(days=10)


@pytest.fixture
def monthly(frozen_now):
    """A monthly task that a unit accepted on 10 December 2019; December is due on 5 January 2020."""
    version = draft()
    task = recurring_in(version)
    issued(version)
    unit = UnitFactory()
    officer = officer_of(unit)
    return given(unit, task, accepted_by=officer), officer, version.created_by


def rows(assignment):
    return Evidence.objects.filter(unit=assignment.unit, kind=EvidenceKind.RECURRING_TASK).order_by("pk")


def regulation(assignment, at):
    return assess("regulation", [assignment.unit_id], at)[assignment.unit_id]


def on(day):
    return clock.at(end_of(day) - timedelta(hours=12))


def test_a_checked_report_speaks_until_the_next_period_is_due_and_its_sender_has_looked(monthly):
    assignment, officer, judge = monthly
    december = assignment.occurrences.get()
    with pytest.raises(ActionDenied, match="chọn kỳ"):
        services.report(assignment=assignment, text="Đã sao lưu.", by=officer)
    accepted_report(assignment, officer, judge, occurrence=december)
    row = rows(assignment).get()
    assert (row.outcome, row.subject) == (Outcome.OK, f"task:{assignment.task_id}")
    assert row.payload["title"] == "Sao lưu"
    review = timedelta(days=load().proof("task_review_days").whole)
    assert row.valid_until == end_of(date(2020, 2, 5)) + review
    with pytest.raises(ActionDenied, match="đã được chấp nhận"):
        services.report(assignment=assignment, text="Nữa.", by=officer, occurrence=december)


def test_the_duty_regulation_is_proven_by_the_paper_and_the_task_together(monthly, frozen_now):
    assignment, officer, judge = monthly
    evidence(assignment.unit, EvidenceKind.DOCUMENT_CHECKED, "regulation", days=1095)
    assert regulation(assignment, frozen_now).reasons[0].code == "no_task_done"
    accepted_report(assignment, officer, judge, occurrence=assignment.occurrences.get())
    assert regulation(assignment, frozen_now).state == ClaimState.PROVEN


def test_a_missed_period_counts_against_from_the_end_of_its_last_day_whenever_the_job_runs(monthly):
    assignment, officer, judge = monthly
    evidence(assignment.unit, EvidenceKind.DOCUMENT_CHECKED, "regulation", days=1095)
    with on(date(2020, 1, 5)):
        jobs.tick()
        assert not rows(assignment).exists()  # its last day is not over
    with on(date(2020, 1, 9)):  # the jobs were down for some days
        jobs.tick()
        jobs.tick()
        row = rows(assignment).get()
        assert (row.outcome, row.observed_at) == (Outcome.BROKEN, end_of(date(2020, 1, 5)))
        assert "Tháng 12/2019" in row.reason
        found = regulation(assignment, clock.now())
        assert found.reasons[0].code == "task_missed"
        assert "Sao lưu" in found.reasons[0].text
    with on(date(2020, 1, 10)):  # late is late: the days between stay missed, from now on it is done
        accepted_report(assignment, officer, judge, occurrence=Occurrence.objects.get(starts_on=date(2019, 12, 1)))
        assert regulation(assignment, clock.now()).state == ClaimState.PROVEN
        assert regulation(assignment, end_of(date(2020, 1, 6))).state != ClaimState.PROVEN


def test_a_report_in_time_is_not_missed_because_nobody_checked_it(monthly):
    assignment, officer, judge = monthly
    december = assignment.occurrences.get()
    with on(date(2020, 1, 4)):
        report = services.report(assignment=assignment, text="Đã sao lưu.", by=officer, occurrence=december)
    with on(date(2020, 1, 20)):
        jobs.tick()
        assert not rows(assignment).exists()
        services.judge(report=report, verdict=Verdict.RETURNED, note="Không phải tháng này", by=judge)
        jobs.tick()
        assert rows(assignment).get().observed_at == clock.now()  # it spoke for the unit until it was returned


def test_each_period_is_opened_once_and_in_its_time(monthly):
    assignment, _officer, _judge = monthly
    with on(date(2020, 3, 15)):
        jobs.open_periods()
        jobs.open_periods()
        starts = list(assignment.occurrences.values_list("starts_on", flat=True))
    assert starts == [date(2019, 12, 1), date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)]


def test_an_old_period_that_is_done_late_does_not_hide_a_newer_one_that_is_missing(monthly):
    assignment, officer, judge = monthly
    with on(date(2020, 2, 10)):
        jobs.tick()  # December and January are both missed
        accepted_report(assignment, officer, judge, occurrence=assignment.occurrences.get(starts_on=date(2019, 12, 1)))
        (row,) = rows_of(Assignment.objects.filter(pk=assignment.pk), clock.now())
        assert (row.state, row.overdue) == (TaskState.NOT_REPORTED, True)
        assert row.period.starts_on == date(2020, 1, 1)


def test_a_period_whose_extension_waits_is_not_missed_and_gets_the_day_that_is_granted(monthly):
    assignment, officer, judge = monthly
    december = assignment.occurrences.get()
    with on(date(2020, 1, 3)):
        asked = services.ask_extension(
            assignment=assignment, occurrence=december, until=date(2020, 1, 20), reason="Máy hỏng", by=officer
        )
    with on(date(2020, 1, 8)):
        jobs.tick()
        assert not rows(assignment).exists()
        services.decide_extension(extension=asked, granted=True, note="", by=judge)
    with on(date(2020, 1, 15)):
        jobs.tick()
        assert not rows(assignment).exists()
    with on(date(2020, 1, 21)):
        jobs.tick()
        assert rows(assignment).get().observed_at == end_of(date(2020, 1, 20))


def test_a_period_whose_extension_was_refused_late_is_missed_from_the_refusal_on(monthly):
    assignment, officer, judge = monthly
    december = assignment.occurrences.get()
    with on(date(2020, 1, 3)):
        asked = services.ask_extension(
            assignment=assignment, occurrence=december, until=date(2020, 1, 20), reason="Máy hỏng", by=officer
        )
    with on(date(2020, 1, 9)):
        jobs.tick()
        services.decide_extension(extension=asked, granted=False, note="Máy đã sửa", by=judge)
        jobs.tick()
        assert rows(assignment).get().observed_at == clock.now()  # what was answered of the days before stays so


def test_periods_that_wait_for_their_sender_keep_no_other_from_being_missed(monthly, monkeypatch):
    monkeypatch.setattr(jobs, "AT_ONCE", 1)
    assignment, officer, _judge = monthly
    task = assignment.task.versions.get()
    other = UnitFactory()
    late = given(other, task, accepted_by=officer_of(other))
    with on(date(2020, 1, 4)):
        services.report(assignment=assignment, text="Xong.", by=officer, occurrence=assignment.occurrences.get())
    with on(date(2020, 1, 6)):
        jobs.miss_periods()
    assert late.occurrences.get().missed_at is not None
    assert assignment.occurrences.get().missed_at is None


@pytest.mark.parametrize(
    ("minutes", "missed"),
    [(-1, False), (0, True)],  # 23:59 of the last day here, and the midnight after it; 16:59 and 17:00 in UTC
)
def test_the_last_day_of_a_period_ends_at_midnight_here(monthly, minutes, missed):
    assignment, officer, _judge = monthly
    december = assignment.occurrences.get()
    with clock.at(end_of(december.due_on) + timedelta(minutes=minutes)):
        services.report(assignment=assignment, text="Xong.", by=officer, occurrence=december)
    with clock.at(end_of(december.due_on) + timedelta(minutes=1)):
        assert jobs.miss_periods() == missed


def test_a_task_that_a_new_version_drops_is_neither_proof_nor_fault_any_more(monthly, frozen_now):
    assignment, officer, judge = monthly
    evidence(assignment.unit, EvidenceKind.DOCUMENT_CHECKED, "regulation", days=1095)
    accepted_report(assignment, officer, judge, occurrence=assignment.occurrences.get())
    old = assignment.task.versions.get().version
    with on(date(2019, 12, 20)):
        new = services.revise(version=old, by=judge)
        services.delete_task(task=new.tasks.get(), by=judge)
        services.change_plan(version=new, changes="Bỏ việc sao lưu.", by=judge)
        task_in(new, "Việc khác", by=judge, due_on=date(2020, 2, 1))
        services.issue(version=new, by=judge)
        assignment.refresh_from_db()
        assert assignment.end_cause == "dropped"
        assert regulation(assignment, clock.now()).reasons[0].code == "no_task_done"
        assert regulation(assignment, frozen_now).state == ClaimState.PROVEN
