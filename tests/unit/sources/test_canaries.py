"""A canary passes only when its own trace arrives from its own source, is detected and acknowledged in time."""

from datetime import timedelta

import pytest

from dekhang.apps.alerts import jobs as alert_jobs
from dekhang.apps.alerts import services as alert_services
from dekhang.apps.alerts.enums import AlertStatus
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.sources import jobs, services
from dekhang.apps.sources.enums import CanaryState, SourceKind
from dekhang.apps.sources.limits import acknowledge_within, arrive_within
from dekhang.apps.sources.models import Canary
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import MORNING, CanaryFactory, LogSourceFactory, trace

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit():
    return UnitFactory()


@pytest.fixture
def officer(unit):
    return officer_of(unit)


@pytest.fixture
def source(unit):
    return LogSourceFactory(unit=unit, delivering=True)


def start(source, officer, at=MORNING):
    with clock.at(at):
        return services.start_canary(source=source, by=officer)


def verdicts():
    return list(Evidence.objects.filter(kind=EvidenceKind.CANARY).order_by("pk").values_list("outcome", flat=True))


def test_the_full_path_gives_evidence_that_lasts_ninety_days(pipeline, source, officer):
    canary = start(source, officer)
    pipeline.receive(source, trace(canary.nonce), at=MORNING + timedelta(seconds=20))
    with clock.at(MORNING + timedelta(seconds=21)):
        alert_jobs.pull_detections()
    canary.refresh_from_db()
    assert (canary.state, canary.detected_at) == (CanaryState.DETECTED, MORNING + timedelta(seconds=21))

    answered = MORNING + timedelta(minutes=3)
    with clock.at(answered):
        alert = alert_services.acknowledge(alert=Alert.objects.get(), by=officer)

    canary.refresh_from_db()
    assert canary.state == CanaryState.PASSED
    assert (alert.status, alert.is_canary) == (AlertStatus.RESOLVED, True)
    row = Evidence.objects.get(kind=EvidenceKind.CANARY)
    assert (row.subject, row.outcome, row.observed_at) == ("kind:linux", Outcome.OK, answered)
    assert row.valid_until == answered + timedelta(days=90)
    assert row.payload == {
        "source_id": source.pk,
        "canary_id": canary.pk,
        "detect_seconds": 21.0,
        "ack_seconds": 159.0,
    }


def test_a_canary_that_never_arrives_fails_with_broken_evidence(pipeline, source, officer):
    canary = start(source, officer)

    with clock.at(MORNING + arrive_within()):
        jobs.tick()
    canary.refresh_from_db()
    assert canary.state == CanaryState.STARTED  # the last second still counts

    with clock.at(MORNING + arrive_within() + timedelta(seconds=1)):
        jobs.tick()
    canary.refresh_from_db()
    assert canary.state == CanaryState.FAILED
    assert "không tới" in canary.failure
    assert verdicts() == [Outcome.BROKEN]


def test_a_detected_canary_that_nobody_acknowledges_in_time_fails(pipeline, source, officer):
    canary = start(source, officer)
    pipeline.receive(source, trace(canary.nonce))
    with clock.at(MORNING + timedelta(seconds=5)):
        alert_jobs.pull_detections()
    late = MORNING + acknowledge_within() + timedelta(seconds=6)

    with clock.at(late):
        alert_services.acknowledge(alert=Alert.objects.get(), by=officer)  # too late, before the job looked
        jobs.tick()

    canary.refresh_from_db()
    assert canary.state == CanaryState.FAILED
    assert "không ai tiếp nhận" in canary.failure
    assert verdicts() == [Outcome.BROKEN]


def test_a_trace_through_another_source_of_the_unit_does_not_pass_and_says_where_it_came(pipeline, source, officer):
    other = LogSourceFactory(unit=source.unit, delivering=True, name="Máy khác")
    canary = start(source, officer)

    pipeline.receive(other, trace(canary.nonce))
    with clock.at(MORNING + timedelta(seconds=5)):
        alert_jobs.pull_detections()

    canary.refresh_from_db()
    assert canary.state == CanaryState.STARTED
    assert "Máy khác" in canary.failure


def test_another_units_trace_with_our_nonce_does_not_pass_our_canary(pipeline, source, officer):
    stranger = LogSourceFactory(delivering=True)
    canary = start(source, officer)

    pipeline.receive(stranger, trace(canary.nonce))
    with clock.at(MORNING + timedelta(seconds=5)):
        alert_jobs.pull_detections()

    canary.refresh_from_db()
    assert canary.state == CanaryState.STARTED
    assert Alert.objects.get().unit_id == stranger.unit_id


def test_a_trace_that_is_stored_but_not_yet_detected_shows_as_arrived(pipeline, source, officer):
    canary = start(source, officer)
    pipeline.receive(source, f"<13>Dec 10 02:00:05 may-chu ung-dung: ma {canary.marker[8:]}/{canary.marker[:8]}")
    with clock.at(MORNING + timedelta(seconds=10)):
        jobs.tick()
    canary.refresh_from_db()
    assert canary.state == CanaryState.STARTED  # other words are not the trace

    pipeline.receive(source, trace(canary.nonce))  # and nobody has pulled its detection
    with clock.at(MORNING + timedelta(seconds=12)):
        jobs.tick()

    canary.refresh_from_db()
    assert canary.state == CanaryState.ARRIVED


def test_a_second_canary_while_one_runs_is_refused_with_the_reason(source, officer):
    start(source, officer)

    with pytest.raises(ActionDenied, match="chưa xong"):
        start(source, officer)


@pytest.mark.parametrize(
    ("kind", "state", "sentence"),
    [
        (SourceKind.SURICATA, "delivering", "máy Windows"),
        (SourceKind.SYSLOG, "delivering", "máy Windows"),
        (SourceKind.LINUX, "waiting", "chưa gửi sự kiện nào"),
    ],
)
def test_a_source_that_cannot_be_tested_says_why(officer, unit, kind, state, sentence):
    source = LogSourceFactory(unit=unit, kind=kind, **({"delivering": True} if state == "delivering" else {}))

    with pytest.raises(ActionDenied, match=sentence):
        start(source, officer)


def test_two_canaries_of_one_machine_are_two_alerts(pipeline, source, officer):
    first = start(source, officer)
    pipeline.receive(source, trace(first.nonce))
    with clock.at(MORNING + timedelta(seconds=5)):
        alert_jobs.pull_detections()
        alert_services.acknowledge(alert=Alert.objects.get(), by=officer)
    second = start(source, officer, at=MORNING + timedelta(minutes=1))
    pipeline.receive(source, trace(second.nonce, MORNING + timedelta(minutes=1)))
    with clock.at(MORNING + timedelta(minutes=1, seconds=5)):
        alert_jobs.pull_detections()

    assert set(Alert.objects.values_list("entity", flat=True)) == {first.marker, second.marker}
    second.refresh_from_db()
    assert second.state == CanaryState.DETECTED


def test_an_unknown_nonce_is_an_alert_but_no_canary(pipeline, source):
    pipeline.receive(source, trace("0123456789abcdef"))

    alert_jobs.pull_detections()

    assert Alert.objects.get().is_canary
    assert not Canary.objects.exists() and verdicts() == []


def test_acknowledging_by_canary_id_passes_it_too(source, officer):
    canary = CanaryFactory(source=source, detected=True)

    passed = services.canary_acknowledged(
        canary_ids=[canary.pk], unit_id=source.unit_id, by=officer, at=MORNING + timedelta(minutes=1)
    )

    assert passed == [canary]


def test_a_start_by_mistake_can_be_undone_for_two_minutes_and_leaves_no_evidence(source, officer):
    canary = start(source, officer)
    with clock.at(MORNING + timedelta(minutes=2)):
        services.cancel_canary(canary=canary, by=officer)
    assert canary.state == CanaryState.CANCELLED and verdicts() == []

    again = start(source, officer, at=MORNING + timedelta(minutes=3))  # and nothing blocks the next one
    with clock.at(MORNING + timedelta(minutes=5, seconds=1)), pytest.raises(ActionDenied, match="2 phút đầu"):
        services.cancel_canary(canary=again, by=officer)
