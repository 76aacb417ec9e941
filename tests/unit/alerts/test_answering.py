"""Acknowledging, closing, reopening, and what happens when nobody does: on an injected clock."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from dekhang.apps.alerts import jobs, services
from dekhang.apps.alerts.enums import AlertLevel, AlertStatus, AuditAction, EscalationStep
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from tests.factories.alerts import AlertFactory
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.sources import MORNING

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit():
    return UnitFactory()


@pytest.fixture
def officer(unit):
    return officer_of(unit, email="can-bo@example.gov.vn")


def escalate_at(**after):
    with clock.at(MORNING + timedelta(**after)):
        return jobs.escalate()


def test_acknowledging_says_who_and_when_and_leaves_one_audit_event(data, unit, officer):
    alert = AlertFactory(unit=unit)
    with clock.at(MORNING + timedelta(minutes=7)):
        services.acknowledge(alert=alert, by=officer)

    assert (alert.status, alert.acknowledged_by) == (AlertStatus.ACKNOWLEDGED, officer)
    assert alert.acknowledged_at == MORNING + timedelta(minutes=7)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.unit_id) == (AuditAction.ALERT_ACKNOWLEDGED, officer, unit.pk)


def test_of_two_officers_with_the_same_page_only_the_first_acknowledges(data, unit, officer):
    colleague = officer_of(unit)
    alert = AlertFactory(unit=unit)
    same_alert_elsewhere = Alert.objects.get(pk=alert.pk)
    services.acknowledge(alert=alert, by=officer)

    with pytest.raises(ActionDenied, match="vừa được người khác xử lý"):
        services.acknowledge(alert=same_alert_elsewhere, by=colleague)

    alert.refresh_from_db()
    assert alert.acknowledged_by == officer


@pytest.mark.parametrize("trait", ["leader", "inspector", "administrator"])
def test_provincial_readers_do_not_answer_alerts(data, unit, trait):
    with pytest.raises(ActionDenied, match="Chỉ cán bộ chuyên trách hoặc thủ trưởng"):
        services.acknowledge(alert=AlertFactory(unit=unit), by=UserFactory(**{trait: True}))


def test_the_coordinator_answers_only_what_has_come_up(data, unit):
    coordinator = UserFactory(coordinator=True)
    alert = AlertFactory(unit=unit)
    with pytest.raises(ActionDenied, match="còn trong thời gian của đơn vị"):
        services.acknowledge(alert=alert, by=coordinator)

    Alert.objects.filter(pk=alert.pk).update(escalation=EscalationStep.COORDINATOR)
    alert.refresh_from_db()
    assert services.acknowledge(alert=alert, by=coordinator).acknowledged_by == coordinator


def test_closing_needs_an_acknowledgement_and_a_note(data, unit, officer):
    alert = AlertFactory(unit=unit)
    with pytest.raises(ActionDenied, match="tiếp nhận cảnh báo trước"):
        services.resolve(alert=alert, note="xong", by=officer)
    services.acknowledge(alert=alert, by=officer)
    with pytest.raises(ActionDenied, match="ghi một câu"):
        services.mark_false_alarm(alert=alert, note="   ", by=officer)

    services.mark_false_alarm(alert=alert, note="Máy quét của đơn vị.", by=officer)

    assert (alert.status, alert.closing_note) == (AlertStatus.FALSE_ALARM, "Máy quét của đơn vị.")


def test_reopening_undoes_a_closing_and_keeps_the_note_in_the_audit(data, unit, officer):
    alert = AlertFactory(unit=unit, resolved=True)

    services.reopen(alert=alert, by=officer)

    assert (alert.status, alert.closed_at, alert.closed_by) == (AlertStatus.ACKNOWLEDGED, None, None)
    assert alert.acknowledged_by is not None
    event = AuditEvent.objects.get(action=AuditAction.ALERT_REOPENED)
    assert event.detail == {"closing_note": "Đã chặn địa chỉ."}
    assert list(verify_chain()) == []


def test_reopening_beside_a_newer_open_alert_is_refused_with_the_way_out(data, unit, officer):
    closed = AlertFactory(unit=unit, resolved=True, entity="192.0.2.7")
    AlertFactory(unit=unit, entity="192.0.2.7")

    with pytest.raises(ActionDenied, match="Đã có cảnh báo mới hơn"):
        services.reopen(alert=closed, by=officer)

    closed.refresh_from_db()
    assert closed.status == AlertStatus.RESOLVED


def test_the_database_itself_holds_one_open_alert_of_a_kind(data, unit):
    AlertFactory(unit=unit, entity="192.0.2.7")
    with pytest.raises(IntegrityError), transaction.atomic():
        AlertFactory(unit=unit, entity="192.0.2.7")
    AlertFactory(unit=unit, entity="192.0.2.7", resolved=True)


# escalation


def test_an_unanswered_alert_goes_to_the_head_and_then_to_the_coordinator(data, unit, officer, settings):
    settings.OFFICER_MINUTES, settings.HEAD_MINUTES = 30, 60
    head_of(unit, email="thu-truong@example.gov.vn")
    UserFactory(coordinator=True, email="dieu-phoi@example.gov.vn")
    alert = AlertFactory(unit=unit)

    assert escalate_at(minutes=29, seconds=59) == 0
    assert escalate_at(minutes=30) == 1
    alert.refresh_from_db()
    assert (alert.escalation, alert.escalated_at) == (EscalationStep.HEAD, MORNING + timedelta(minutes=30))
    assert OutboundMessage.objects.get().recipient == "thu-truong@example.gov.vn"

    assert escalate_at(minutes=89) == 0
    assert escalate_at(minutes=90) == 1
    alert.refresh_from_db()
    assert alert.escalation == EscalationStep.COORDINATOR
    newest = OutboundMessage.objects.last()
    assert newest.recipient == "dieu-phoi@example.gov.vn"
    assert newest.subject.startswith("Xã Thử")

    assert escalate_at(days=2) == 0
    assert OutboundMessage.objects.count() == 2
    assert AuditEvent.objects.filter(action=AuditAction.ALERT_ESCALATED).count() == 2


def test_an_acknowledgement_stops_the_ladder(data, unit, officer, settings):
    head_of(unit, email="thu-truong@example.gov.vn")
    alert = AlertFactory(unit=unit)
    with clock.at(MORNING + timedelta(minutes=settings.OFFICER_MINUTES - 1)):
        services.acknowledge(alert=alert, by=officer)

    assert escalate_at(days=1) == 0
    assert not OutboundMessage.objects.exists()


def test_a_unit_without_a_head_does_not_wait_for_one(data, unit, officer, settings):
    UserFactory(coordinator=True, email="dieu-phoi@example.gov.vn")
    alert = AlertFactory(unit=unit)

    assert escalate_at(minutes=settings.OFFICER_MINUTES) == 1

    alert.refresh_from_db()
    assert alert.escalation == EscalationStep.COORDINATOR
    assert OutboundMessage.objects.get().recipient == "dieu-phoi@example.gov.vn"


@pytest.mark.parametrize(
    "fields",
    [{"level": AlertLevel.INFORMATIONAL}, {"is_canary": True}, {"acknowledged": True}, {"resolved": True}],
    ids=["informational", "canary", "acknowledged", "resolved"],
)
def test_what_never_escalates(data, unit, fields):
    head_of(unit, email="thu-truong@example.gov.vn")
    AlertFactory(unit=unit, **fields)
    assert escalate_at(days=30) == 0


def test_after_our_own_outage_the_head_still_gets_the_heads_time(data, unit, officer, settings):
    head_of(unit, email="thu-truong@example.gov.vn")
    AlertFactory(unit=unit)

    assert escalate_at(days=1) == 1
    assert escalate_at(days=1, seconds=10) == 0
    assert Alert.objects.get().escalation == EscalationStep.HEAD
