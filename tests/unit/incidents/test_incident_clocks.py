"""Clocks of the law: which run, until when, what stops them, who is told when they near or pass."""

from datetime import timedelta

import pytest

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import OutboundMessage
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.incidents import jobs, selectors, services
from tests.factories.core import UserFactory
from tests.factories.duties import claim
from tests.factories.incidents import at, do_current, incident_of, walk_to
from tests.factories.registry import UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
NOON_2019, NOON_2026 = at(2019, 12, 10, 12), at(2026, 11, 23, 12)


def running(incident):
    return {row.clock_key: row for row in incident.clocks.filter(met_at=None, cancelled_at=None)}


@pytest.mark.parametrize(
    ("opened", "regime", "due"),
    [
        # R2016: QD05-2017/11: notice within 5 days of detection
        (NOON_2019, "R2016", {"notice": timedelta(days=5)}),
        # the last minute of the old regime, the first of the new one (local days)
        (at(2026, 6, 30, 23), "R2016", {"notice": timedelta(days=5)}),
        # R2026: L116-2025/41: first notice 24 h, cause and scope 72 h
        (at(2026, 7, 1, 0), "R2026", {"notice": timedelta(hours=24), "cause_report": timedelta(hours=72)}),
        (NOON_2026, "R2026", {"notice": timedelta(hours=24), "cause_report": timedelta(hours=72)}),
    ],
)
def test_an_incident_starts_the_clocks_of_the_regime_it_was_detected_under(data, opened, regime, due):
    with clock.at(opened):
        incident = incident_of(detected_at=opened)
    assert incident.regime == regime
    assert {key: row.due_at - opened for key, row in running(incident).items()} == due


def test_an_incident_detected_before_the_change_and_opened_after_keeps_the_old_regime(data):
    detected = at(2026, 6, 28)
    with clock.at(at(2026, 7, 2)):
        incident = incident_of(detected_at=detected)
    assert incident.regime == "R2016"
    assert running(incident)["notice"].due_at == detected + timedelta(days=5)


@pytest.mark.parametrize(
    ("opened", "judgements", "expected"),
    [
        # R2016: the initial report takes the notice's place, and back again
        (NOON_2019, [True], {"initial_report"}),
        (NOON_2019, [True, False], {"notice"}),
        (NOON_2019, [False, True], {"initial_report"}),
        (NOON_2019, [True, False, True], {"initial_report"}),
        # R2026: help is asked for beside the notices
        (NOON_2026, [True], {"notice", "cause_report", "initial_report"}),
        (NOON_2026, [True, False], {"notice", "cause_report"}),
    ],
)
def test_judging_the_capacity_starts_and_cancels_clocks(data, opened, judgements, expected):
    unit = UnitFactory()
    officer = officer_of(unit)
    with clock.at(opened):
        incident = incident_of(unit, by=officer)
        for beyond in judgements:
            services.judge_capacity(incident=incident, beyond=beyond, by=officer)
    assert set(running(incident)) == expected


def test_the_same_judgement_twice_is_refused(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    services.judge_capacity(incident=incident, beyond=True, by=officer)
    with pytest.raises(ActionDenied, match="đã được ghi nhận"):
        services.judge_capacity(incident=incident, beyond=True, by=officer)


def test_a_sign_starts_its_clock_telling_stops_it_and_withdrawing_cancels_it(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer, kind="data_leak")
    services.record_event_of_law(incident=incident, event_key="secret_leak_suspected", by=officer)
    assert running(incident)["secret_leak"].due_at == frozen_now
    services.record_event_of_law(incident=incident, event_key="secret_leak_reported", by=officer, note="Gọi trực ban.")
    assert incident.clocks.get(clock_key="secret_leak").met_at == frozen_now
    services.withdraw_event_of_law(incident=incident, event_key="secret_leak_suspected", by=officer)
    assert incident.clocks.get(clock_key="secret_leak").cancelled_at is not None


@pytest.mark.parametrize(
    ("sent_after", "outcome"),
    [(timedelta(days=4), Outcome.OK), (timedelta(days=5), Outcome.OK), (timedelta(days=5, minutes=1), Outcome.BROKEN)],
)
def test_a_report_sent_stops_its_clock_and_is_evidence_kept_or_missed(data, frozen_now, sent_after, outcome):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    with clock.at(frozen_now + sent_after):
        report = services.make_report(incident=incident, kind="notice", by=officer)
        services.mark_report_sent(report=report, to="VNCERT/CC, fax", by=officer)
    assert incident.clocks.get(clock_key="notice").met_at == frozen_now + sent_after
    evidence = Evidence.objects.get(kind=EvidenceKind.CLOCK)
    assert (evidence.subject, evidence.outcome) == (f"clock:{incident.pk}:notice", outcome)
    assert bool(evidence.reason) is (outcome == Outcome.BROKEN)


@pytest.mark.parametrize(
    ("shift", "word"), [(timedelta(hours=1), "tương lai"), (timedelta(hours=-1), "trước lúc phát hiện")]
)
def test_a_time_of_sending_that_cannot_be_is_refused(data, frozen_now, shift, word):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    report = services.make_report(incident=incident, kind="notice", by=officer)
    with pytest.raises(ActionDenied, match=word):
        services.mark_report_sent(report=report, to="VNCERT/CC", at=frozen_now + shift, by=officer)


def test_the_end_report_has_five_days_from_the_end_of_the_response(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    with clock.at(frozen_now + timedelta(days=2)):
        walk_to(incident, officer, event="response_ended")
        services.mark_handled(incident=incident, by=officer)
    assert running(incident)["end_report"].due_at == frozen_now + timedelta(days=7)


def test_a_clock_without_a_number_is_shown_but_never_late(data):
    unit = UnitFactory()
    officer = officer_of(unit)
    with clock.at(NOON_2026):
        incident = incident_of(unit, by=officer)
        walk_to(incident, officer, event="response_ended")
        services.mark_handled(incident=incident, by=officer)
    with clock.at(NOON_2026 + timedelta(days=400)):
        states = {line.row.clock_key: line.state for line in selectors.clock_lines(incident)}
        jobs.tick()
    assert states["end_report"] == "open"
    assert not OutboundMessage.objects.filter(subject__contains="Báo cáo kết thúc").exists()


def told(subject: str) -> list[str]:
    messages = OutboundMessage.objects.filter(subject__contains=subject).order_by("pk")
    return list(messages.values_list("recipient", flat=True))


def test_deadlines_are_told_to_officer_then_head_then_coordinator_each_once(data, frozen_now):
    unit = UnitFactory()
    officer, head, coordinator = officer_of(unit), head_of(unit), UserFactory(coordinator=True)
    head_of(UnitFactory())  # another unit's head hears nothing
    incident = incident_of(unit, by=officer)
    due = frozen_now + timedelta(days=5)
    ladder = [
        (due - timedelta(hours=25), [], []),
        (due - timedelta(hours=24), [officer.email], []),
        (due - timedelta(hours=1), [officer.email], []),
        (due, [officer.email], [head.email]),
        (due + timedelta(hours=23), [officer.email], [head.email]),
        (due + timedelta(hours=24), [officer.email], [head.email, coordinator.email]),
        (due + timedelta(days=9), [officer.email], [head.email, coordinator.email]),
    ]
    for moment, near, late in ladder:
        with clock.at(moment):
            jobs.tick()
            jobs.tick()
        assert (told("Sắp đến hạn"), told("Quá hạn")) == (near, late), moment
    missed = Evidence.objects.get(kind=EvidenceKind.CLOCK, subject=f"clock:{incident.pk}:notice")
    assert (missed.outcome, missed.observed_at) == (Outcome.BROKEN, due)


def test_jobs_that_were_away_tell_everybody_at_once_but_each_once(data, frozen_now):
    unit = UnitFactory()
    officer, head, coordinator = officer_of(unit), head_of(unit), UserFactory(coordinator=True)
    incident_of(unit, by=officer)
    with clock.at(frozen_now + timedelta(days=30)):
        assert jobs.tick() == 3
        assert jobs.tick() == 0
    assert told("Quá hạn") == [officer.email, head.email, coordinator.email]


def test_an_initial_report_is_asked_for_at_once_and_the_coordinator_hears_of_the_call_for_help(data, frozen_now):
    unit = UnitFactory()
    officer, coordinator = officer_of(unit), UserFactory(coordinator=True)
    incident = incident_of(unit, by=officer)
    services.judge_capacity(incident=incident, beyond=True, by=officer, note="Lan sang ba máy chủ.")
    jobs.tick()
    assert told("Cần hỗ trợ") == [coordinator.email]
    assert told("Cần gửi ngay") == [officer.email]


def test_an_exercise_calls_nobody_outside_the_unit(data, frozen_now):
    unit = UnitFactory()
    officer, head, coordinator = officer_of(unit), head_of(unit), UserFactory(coordinator=True)
    incident = incident_of(unit, by=officer, is_exercise=True)
    services.judge_capacity(incident=incident, beyond=True, by=officer)
    with clock.at(frozen_now + timedelta(days=60)):
        jobs.tick()
    recipients = set(OutboundMessage.objects.values_list("recipient", flat=True))
    assert recipients == {officer.email, head.email}
    assert coordinator.email not in recipients
    assert all(message.subject.startswith("[DIỄN TẬP]") for message in OutboundMessage.objects.all())


def test_a_report_that_was_sent_is_not_reminded_of(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="response_ended")
    assert incident.clocks.get(clock_key="notice").met_at is not None
    with clock.at(frozen_now + timedelta(days=30)):
        assert jobs.tick() == 0


def test_a_report_sent_in_time_stays_kept_when_the_step_that_sent_it_is_undone(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="notice_sent")
    do_current(incident, officer)
    services.undo_step(incident=incident, by=officer)
    assert incident.clocks.get(clock_key="notice").met_at is not None


def test_a_leak_of_state_secrets_is_evidence_that_refutes_until_it_is_withdrawn(data, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    claim(unit, "secrets")
    incident, exercise = incident_of(unit, by=officer), incident_of(unit, by=officer, is_exercise=True)
    for one in (exercise, incident):
        services.record_event_of_law(incident=one, event_key="secret_leak_suspected", by=officer)
    services.add_note(incident=incident, text="ghi", by=officer)
    [row] = Evidence.objects.filter(unit=unit, kind=EvidenceKind.SECRET_INCIDENT)
    assert (row.subject, row.outcome, row.payload) == (
        f"incident:{incident.pk}",
        Outcome.BROKEN,
        {"incident_id": incident.pk},
    )
    assert assess("secrets", [unit.pk], frozen_now)[unit.pk].state == ClaimState.REFUTED
    services.withdraw_event_of_law(incident=incident, event_key="secret_leak_suspected", by=officer)
    assert assess("secrets", [unit.pk], frozen_now)[unit.pk].state == ClaimState.DECLARED
    services.record_event_of_law(incident=incident, event_key="secret_leak_suspected", by=officer)
    assert assess("secrets", [unit.pk], frozen_now)[unit.pk].state == ClaimState.REFUTED
    services.cancel(incident=incident, reason="mở nhầm", by=officer)
    assert assess("secrets", [unit.pk], frozen_now)[unit.pk].state == ClaimState.DECLARED
