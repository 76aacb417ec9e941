"""Canaries are asked for when they are due, in working hours, spread over units; traces of machines count by themselves."""

import subprocess
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse

from dekhang.apps.alerts import jobs as alert_jobs
from dekhang.apps.alerts import services as alert_services
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.models import Evidence
from dekhang.apps.sources import jobs, services
from dekhang.apps.sources.enums import AuditAction, CanaryState, SourceKind, SourceState
from dekhang.apps.sources.models import Canary, CanaryCall
from dekhang.apps.sources.schedule import Plan, automatic_nonce, into_hours, next_ask
from dekhang.apps.sources.shippers.canarycommands import CRON_LINE
from dekhang.pipeline.stores.intake import hash_token
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, trace

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
PLAN = Plan(60, 8, 16)
DAY = timedelta(days=1)
FRIDAY = datetime(2019, 12, 13, 17, 0, tzinfo=ZONE)


def asked(plan=PLAN, *, unit_id=1, passed=None, failed=None, first=FRIDAY):
    return next_ask(
        plan,
        unit_id=unit_id,
        kind="linux",
        first_event_at=first,
        last_passed_at=passed,
        last_failed_at=failed,
        zone=ZONE,
    )


@pytest.mark.parametrize("unit_id", range(30))
def test_people_are_asked_on_working_days_in_their_hours_only(unit_id):
    at = into_hours(PLAN, FRIDAY, unit_id=unit_id, kind="linux", zone=ZONE)
    assert at >= FRIDAY and at.weekday() < 5 and 8 <= at.hour < 16


def test_a_province_is_spread_over_two_weeks_and_over_the_hours():
    moments = [asked(unit_id=unit) for unit in range(200)]
    assert len({at.date() for at in moments}) >= 8 and len({at.hour for at in moments}) == 8
    assert max(moments) - FRIDAY < 20 * DAY


@pytest.mark.parametrize(
    ("passed", "failed", "paused", "days"),
    [
        (FRIDAY, None, None, 60),
        (FRIDAY, FRIDAY - DAY, None, 60),
        (FRIDAY - 10 * DAY, FRIDAY, None, 3),
        (None, FRIDAY, None, 3),
        (FRIDAY, None, FRIDAY + 80 * DAY, 80),
    ],
)
def test_the_next_one_comes_a_period_after_the_last_that_passed_and_soon_after_a_failure(passed, failed, paused, days):
    at = asked(Plan(60, 8, 16, paused), passed=passed, failed=failed)
    assert FRIDAY + days * DAY <= at <= FRIDAY + (days + 4) * DAY


def test_a_plan_without_hours_is_no_plan():
    with pytest.raises(ValueError, match="hours"):
        Plan(60, 16, 8)


def test_the_line_for_cron_emits_what_the_system_expects_of_that_day():
    """Run by a real shell, with the logger replaced by echo."""
    command = CRON_LINE.split(" root ", 1)[1].split("&& ", 1)[1].replace("\\%", "%").replace("MÃ", "ma-bi-mat")
    out = subprocess.run(
        ["sh", "-c", command.replace("logger -t dekhang", "echo")], capture_output=True, text=True, check=True
    ).stdout.strip()
    today = subprocess.run(["date", "-u", "+%F"], capture_output=True, text=True, check=True).stdout.strip()
    assert out == f"dekhang-canary-{automatic_nonce(hash_token('ma-bi-mat'), today)}"


db = pytest.mark.django_db


@pytest.fixture
def delivering():
    unit = UnitFactory()
    officer, head = officer_of(unit), head_of(unit)
    source = LogSourceFactory(unit=unit, state=SourceState.DELIVERING, first_event_at=MORNING - 40 * DAY)
    return source, officer, head


def run_at(at):
    with clock.at(at):
        return jobs.schedule_canaries()


WORKING = MORNING.replace(hour=8)  # 15:00 here, a Tuesday


@db
def test_a_unit_that_was_never_tried_is_asked_with_the_one_command_and_once(delivering):
    source, officer, _head = delivering
    assert run_at(MORNING.replace(hour=15)) == 0  # 22:00 here
    assert run_at(WORKING) == 1
    assert run_at(WORKING + timedelta(minutes=1)) == 0

    call = CanaryCall.objects.get(source=source)
    letter = OutboundMessage.objects.get(recipient=officer.email)
    assert f"logger -t dekhang {call.marker}" in letter.body


@db
def test_the_command_of_the_letter_alone_becomes_a_canary_that_passes_when_acknowledged(delivering, pipeline):
    source, officer, _head = delivering
    run_at(WORKING)
    call = CanaryCall.objects.get(source=source)
    at = WORKING + timedelta(hours=1)
    with clock.at(at):
        pipeline.receive(source, trace(call.nonce, at), at=at)
        alert_jobs.pull_detections()
        alert_services.acknowledge(alert=Alert.objects.get(is_canary=True), by=officer)

    canary = Canary.objects.get(source=source)
    call.refresh_from_db()
    assert (canary.state, call.canary) == (CanaryState.PASSED, canary)
    assert Evidence.objects.filter(unit=source.unit, kind=EvidenceKind.CANARY).count() == 1
    assert run_at(WORKING + 30 * DAY) == 0  # not before its period


@db
def test_a_machine_that_knows_its_token_may_emit_the_days_trace_and_another_units_may_not(delivering, pipeline):
    source, _officer, _head = delivering
    other = LogSourceFactory(state=SourceState.DELIVERING)
    nonce = automatic_nonce(source.token_sha256, f"{MORNING:%Y-%m-%d}")
    old = automatic_nonce(source.token_sha256, "2019-11-01")
    with clock.at(MORNING):
        pipeline.receive(other, trace(nonce), at=MORNING)
        pipeline.receive(source, trace(old), at=MORNING)
        alert_jobs.pull_detections()
    assert not Canary.objects.exists()

    with clock.at(MORNING + timedelta(minutes=1)):
        pipeline.receive(source, trace(nonce), at=MORNING + timedelta(minutes=1))
        alert_jobs.pull_detections()
    assert Canary.objects.get().source == source

    colleague = LogSourceFactory(unit=source.unit, state=SourceState.DELIVERING)  # emits on the same morning
    own = automatic_nonce(colleague.token_sha256, f"{MORNING:%Y-%m-%d}")
    with clock.at(MORNING + timedelta(minutes=2)):
        pipeline.receive(colleague, trace(own), at=MORNING + timedelta(minutes=2))
        alert_jobs.pull_detections()
    assert Canary.objects.count() == 1


@db
def test_a_call_that_nobody_answers_is_told_to_the_head_and_asked_again_later(delivering):
    source, _officer, head = delivering
    run_at(WORKING)
    run_at(WORKING + 8 * DAY)

    call = CanaryCall.objects.get(source=source)
    assert call.missed_at is not None
    assert OutboundMessage.objects.filter(recipient=head.email).count() == 1
    assert AuditEvent.objects.filter(action=AuditAction.CANARY_MISSED).count() == 1
    assert not Evidence.objects.filter(unit=source.unit).exists()  # the last proof runs out by itself
    assert run_at(WORKING + 14 * DAY) == 1


@db
def test_a_retired_source_is_asked_for_nothing_and_nobody_hears_of_its_call(delivering):
    source, officer, head = delivering
    run_at(WORKING)
    with clock.at(WORKING + timedelta(hours=1)):
        services.retire(source=source, by=officer)
    assert run_at(WORKING + 9 * DAY) == 0
    assert not OutboundMessage.objects.filter(recipient=head.email).exists()


@db
def test_a_unit_sets_its_own_times_within_limits_and_only_its_people_do(delivering, client):
    source, officer, _head = delivering
    more = {"unit_id": source.unit_id, "kind": SourceKind.LINUX, "by": officer}
    with clock.at(MORNING):
        services.change_plan(every_days=30, from_hour=13, to_hour=14, pause_days=10, **more)
    assert run_at(WORKING) == 0
    with pytest.raises(ActionDenied):
        services.change_plan(every_days=91, from_hour=8, to_hour=16, pause_days=0, **more)
    with pytest.raises(ActionDenied):
        services.change_plan(every_days=30, from_hour=8, to_hour=16, pause_days=90, **more)
    with pytest.raises(ActionDenied):
        services.change_plan(
            every_days=30, from_hour=8, to_hour=16, pause_days=0, **{**more, "by": officer_of(UnitFactory())}
        )

    client.force_login(officer)
    url = reverse("sources:canary_plan", args=["linux"])
    assert client.post(url, {"every_days": 30, "from_hour": 9, "to_hour": 8, "pause_days": 0}).status_code == 422
    assert client.post(url, {"every_days": 45, "from_hour": 9, "to_hour": 12, "pause_days": 0}).status_code == 302
    assert services.plan_of(source.unit_id, "linux") == Plan(45, 9, 12)


@db
def test_the_history_shows_the_stage_that_failed_and_the_open_call_with_its_command(delivering, client):
    source, officer, _head = delivering
    run_at(WORKING)
    with clock.at(WORKING):
        canary = services.start_canary(source=source, by=officer)
    with clock.at(WORKING + timedelta(minutes=16)):
        jobs.tick()
        client.force_login(officer)
        page = client.get(reverse("sources:canaries")).content.decode()
    canary.refresh_from_db()
    assert canary.state == CanaryState.FAILED and canary.failure in page
    assert CanaryCall.objects.get(source=source).marker in page and "Lịch của đơn vị" in page
    client.force_login(officer_of(UnitFactory()))
    assert source.name not in client.get(reverse("sources:canaries")).content.decode()


@db
def test_a_canary_of_another_machine_of_the_kind_answers_the_call(delivering, pipeline):
    """Else the head is told that nobody tried, and the unit is asked again within the week."""
    source, officer, head = delivering
    run_at(WORKING)
    colleague = LogSourceFactory(unit=source.unit, state=SourceState.DELIVERING, first_event_at=MORNING - 9 * DAY)
    at = WORKING + timedelta(hours=1)
    with clock.at(at):
        canary = services.start_canary(source=colleague, by=officer)
        pipeline.receive(colleague, trace(canary.nonce, at), at=at)
        alert_jobs.pull_detections()
        alert_services.acknowledge(alert=Alert.objects.get(is_canary=True), by=officer)

    assert CanaryCall.objects.get().canary == canary
    assert run_at(WORKING + 20 * DAY) == 0
    assert not OutboundMessage.objects.filter(recipient=head.email).exists()


@db
def test_a_second_machine_of_the_kind_is_not_asked_while_a_call_is_open(delivering):
    source, _officer, _head = delivering
    run_at(WORKING)
    LogSourceFactory(unit=source.unit, state=SourceState.DELIVERING, first_event_at=MORNING - 39 * DAY)
    source.state = SourceState.SILENT
    source.save(update_fields=["state"])
    assert run_at(WORKING + timedelta(minutes=1)) == 0


@db
def test_changing_the_hours_keeps_a_pause_and_a_pause_that_is_over_is_not_shown(delivering, client):
    source, officer, _head = delivering
    client.force_login(officer)
    with clock.at(MORNING):
        services.change_plan(
            unit_id=source.unit_id, kind="linux", every_days=30, from_hour=8, to_hour=16, pause_days=10, by=officer
        )
    with clock.at(MORNING + 4 * DAY):
        form = client.get(reverse("sources:canary_plan", args=["linux"])).context["form"]
        assert form.initial["pause_days"] == 6
        assert "đang hoãn" in client.get(reverse("sources:canaries")).content.decode()
    with clock.at(MORNING + 11 * DAY):
        assert "đang hoãn" not in client.get(reverse("sources:canaries")).content.decode()
