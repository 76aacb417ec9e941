"""The ledger's word becomes a source's state and evidence, through the real worker."""

from datetime import timedelta

import pytest

from dekhang.apps.alerts import jobs as alert_jobs
from dekhang.apps.alerts import services as alert_services
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.sources import jobs, services
from dekhang.apps.sources.enums import AuditAction, SourceKind, SourceState
from dekhang.pipeline.stores import heartbeat, intake
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login, trace

pytestmark = pytest.mark.django_db


def newest(source, kind=EvidenceKind.SOURCE_DELIVERING):
    return Evidence.objects.filter(kind=kind, subject=f"source:{source.pk}").order_by("-pk").first()


def tick_at(moment):
    with clock.at(moment):
        return jobs.tick()


def test_the_first_event_makes_a_waiting_source_deliver_with_evidence_and_audit(pipeline):
    source = LogSourceFactory()
    tick_at(MORNING)
    source.refresh_from_db()
    assert source.state == SourceState.WAITING

    pipeline.receive(source, failed_login())
    tick_at(MORNING + timedelta(seconds=2))

    source.refresh_from_db()
    assert (source.state, source.first_event_at) == (SourceState.DELIVERING, MORNING)
    assert newest(source).outcome == Outcome.OK
    assert AuditEvent.objects.filter(action=AuditAction.SOURCE_FIRST_EVENT, target_id=str(source.pk)).count() == 1


def test_what_still_waits_in_the_spool_counts_as_delivered(pipeline):
    source = LogSourceFactory()
    pipeline.receive(source, failed_login(), work=False)

    tick_at(MORNING + timedelta(seconds=2))

    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING


def test_silence_longer_than_the_cadence_breaks_the_evidence_with_a_reason(pipeline):
    source = LogSourceFactory(cadence_seconds=300)
    pipeline.receive(source, failed_login())
    tick_at(MORNING)

    tick_at(MORNING + timedelta(seconds=300))
    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING  # exactly the cadence is still normal

    tick_at(MORNING + timedelta(seconds=301))
    source.refresh_from_db()
    assert source.state == SourceState.SILENT
    assert "09:00 10/12/2019" in source.state_reason
    assert (newest(source).outcome, newest(source).reason) == (Outcome.BROKEN, source.state_reason)


def test_a_tick_without_news_writes_no_evidence(pipeline):
    source = LogSourceFactory()
    pipeline.receive(source, failed_login())
    tick_at(MORNING)
    before = Evidence.objects.count()

    for seconds in (2, 4, 6):
        assert tick_at(MORNING + timedelta(seconds=seconds)) == 0

    assert Evidence.objects.count() == before


def test_our_own_downtime_is_not_the_units_silence(pipeline, data):
    source = LogSourceFactory(cadence_seconds=300)
    heartbeat.beat(data, "http", ready=True)
    pipeline.receive(source, failed_login())
    tick_at(MORNING)

    tick_at(MORNING + timedelta(hours=10))  # nothing ticked meanwhile: we were switched off
    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING

    for seconds in range(0, 310, 10):  # we listen again, and the source still says nothing
        tick_at(MORNING + timedelta(hours=10, seconds=seconds + 1))
    source.refresh_from_db()
    assert source.state == SourceState.SILENT


def test_while_a_receiver_is_down_nobody_is_called_silent(pipeline, data):
    source = LogSourceFactory(cadence_seconds=300)
    pipeline.receive(source, failed_login())
    tick_at(MORNING)
    heartbeat.beat(data, "jobs", ready=True)

    tick_at(MORNING + timedelta(hours=1))

    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING


def pass_a_canary(pipeline, source, officer, at):
    with clock.at(at):
        canary = services.start_canary(source=source, by=officer)
        pipeline.receive(source, trace(canary.nonce, at), at=at)
        alert_jobs.pull_detections()
        alert = Alert.objects.get(is_canary=True, entity=canary.marker)
        alert_services.acknowledge(alert=alert, by=officer)
    canary.refresh_from_db()
    return canary


def state_of(unit, at):
    return assess("record_attacks", [unit.pk], at)[unit.pk].state


def test_a_source_that_fell_silent_proves_nothing_until_the_next_canary(pipeline):
    unit = UnitFactory()
    officer = officer_of(unit)
    with clock.at(MORNING):
        source, _token = services.create_source(unit_id=unit.pk, name="may-chu", kind=SourceKind.LINUX, by=officer)
    pipeline.receive(source, failed_login())
    tick_at(MORNING + timedelta(seconds=2))
    source.refresh_from_db()

    pass_a_canary(pipeline, source, officer, MORNING + timedelta(minutes=1))
    assert state_of(unit, MORNING + timedelta(minutes=2)) == ClaimState.PROVEN

    tick_at(MORNING + timedelta(hours=2))
    assert state_of(unit, MORNING + timedelta(hours=2, seconds=1)) == ClaimState.DECAYED

    back = MORNING + timedelta(hours=3)
    pipeline.receive(source, failed_login(back), at=back)
    tick_at(back + timedelta(seconds=1))
    source.refresh_from_db()
    assert source.state == SourceState.DELIVERING
    assert state_of(unit, back + timedelta(seconds=2)) != ClaimState.PROVEN

    pass_a_canary(pipeline, source, officer, back + timedelta(minutes=1))
    assert state_of(unit, back + timedelta(minutes=2)) == ClaimState.PROVEN


def test_too_many_refused_records_break_the_loss_evidence_and_few_do_not(pipeline, data):
    from dekhang.pipeline.receive.refusals import Refusals
    from dekhang.pipeline.stores.reasons import Reason

    source = LogSourceFactory()
    now = clock.now()
    pipeline.receive(source, *[failed_login(user=f"u{n}") for n in range(200)], at=now)
    refusals = Refusals(data)
    try:
        refusals.add(source.pk, Reason.OVERSIZE, records=1)
        refusals.flush()
        jobs.tick()
        assert newest(source, EvidenceKind.SOURCE_LOSS) is None

        refusals.add(source.pk, Reason.OVERSIZE, records=20)
        refusals.flush()
        jobs.tick()
        jobs.tick()
    finally:
        refusals.close()

    rows = Evidence.objects.filter(kind=EvidenceKind.SOURCE_LOSS, subject=f"source:{source.pk}")
    assert [row.outcome for row in rows] == [Outcome.BROKEN]
    assert "21 trên 221" in rows[0].reason


def test_files_uploaded_by_mistake_are_no_loss_of_the_source(pipeline, data):
    from dekhang.pipeline.receive.refusals import Refusals
    from dekhang.pipeline.stores.reasons import Reason

    source = LogSourceFactory()
    pipeline.receive(source, *[failed_login(user=f"u{n}") for n in range(200)], at=clock.now())
    refusals = Refusals(data)
    try:
        refusals.add(source.pk, Reason.UNREADABLE_FILE, records=20)
        refusals.flush()
    finally:
        refusals.close()

    jobs.tick()

    assert newest(source, EvidenceKind.SOURCE_LOSS) is None


def test_a_lost_intake_map_is_written_again(data, django_capture_on_commit_callbacks):
    source = LogSourceFactory(token_sha256=intake.hash_token("mot-ma"))

    with django_capture_on_commit_callbacks(execute=True):
        jobs.tick()

    assert intake.IntakeMap(data).by_token("mot-ma").source_id == source.pk
    with django_capture_on_commit_callbacks() as nothing_to_write:
        jobs.tick()
    assert nothing_to_write == []
