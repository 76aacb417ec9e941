"""Detections become few alerts, each detection exactly once."""

from datetime import timedelta

import pytest
from django.db import transaction

from dekhang.apps.alerts import jobs, services
from dekhang.apps.alerts.enums import AlertLevel, AlertStatus, AuditAction
from dekhang.apps.alerts.messages import MESSAGES_AN_HOUR
from dekhang.apps.alerts.models import Alert, AlertDetection, StrayDetection
from dekhang.apps.alerts.services import grouping
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, JobCursor, OutboundMessage
from dekhang.pipeline.stores import detections
from tests.factories.alerts import detection
from tests.factories.registry import head_of, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def morning():
    with clock.at(MORNING):
        yield


@pytest.fixture
def source():
    return LogSourceFactory(delivering=True)


def of(source, **changes):
    return detection(unit_id=source.unit_id, source_id=source.pk, **changes)


def test_one_brute_force_run_through_the_real_pipeline_is_one_alert(pipeline, source):
    run = [failed_login(MORNING + timedelta(seconds=n), user=f"u{n}") for n in range(120)]
    pipeline.receive(source, *run)
    found = detections.after(pipeline.data, 0)
    assert found, "no rule of ours detected 120 failed logins in two minutes"

    jobs.pull_detections()

    alerts = Alert.objects.filter(family=found[0].family)
    assert alerts.count() == 1
    alert = alerts.get()
    assert alert.entity == "192.0.2.7" and alert.unit_id == source.unit_id
    assert alert.event_count > 5
    assert alert.detections.count() == len([one for one in found if one.family == alert.family])


def test_a_hundred_detections_of_one_attacker_are_one_alert_with_all_of_them(data, source):
    services.take_detections([of(source, count=12, at=MORNING + timedelta(minutes=n)) for n in range(100)])

    alert = Alert.objects.get()
    assert (alert.detection_count, alert.event_count, alert.detections.count()) == (100, 1200, 100)
    assert alert.last_event_at - alert.first_event_at == timedelta(minutes=99)


def test_another_unit_entity_or_family_is_another_alert(data, source):
    other = LogSourceFactory()
    services.take_detections(
        [of(source), of(source, entity="192.0.2.8"), of(source, family="web_shell"), of(other), of(source)]
    )

    assert sorted(Alert.objects.values_list("unit_id", "family", "entity", "detection_count")) == sorted(
        [
            (source.unit_id, "brute_force", "192.0.2.7", 2),
            (source.unit_id, "brute_force", "192.0.2.8", 1),
            (source.unit_id, "web_shell", "192.0.2.7", 1),
            (other.unit_id, "brute_force", "192.0.2.7", 1),
        ]
    )


def test_a_record_that_names_no_machine_is_about_its_source(data, source):
    other = LogSourceFactory(unit=source.unit, name="Máy chủ thứ hai", delivering=True)
    services.take_detections([of(source, id=1, entity=""), of(other, id=2, entity="")])
    assert set(Alert.objects.values_list("entity", flat=True)) == {source.name, "Máy chủ thứ hai"}


def test_what_happens_after_a_closed_alert_is_a_new_alert(data, source):
    officer = officer_of(source.unit)
    services.take_detections([of(source)])
    first = services.acknowledge(alert=Alert.objects.get(), by=officer)
    services.resolve(alert=first, note="Đã chặn.", by=officer)

    services.take_detections([of(source)])

    assert Alert.objects.count() == 2
    assert Alert.objects.get(status=AlertStatus.NEW).detection_count == 1


def test_detections_join_an_acknowledged_alert_that_is_still_open(data, source):
    officer = officer_of(source.unit)
    services.take_detections([of(source)])
    services.acknowledge(alert=Alert.objects.get(), by=officer)

    services.take_detections([of(source), of(source)])

    alert = Alert.objects.get()
    assert (alert.status, alert.detection_count) == (AlertStatus.ACKNOWLEDGED, 3)


def test_the_level_rises_with_a_worse_rule_and_never_falls(data, source):
    officer_of(source.unit, email="can-bo@example.gov.vn")
    services.take_detections([of(source, rule_level="low", title="Nhẹ")])
    services.take_detections([of(source, rule_level="critical", rule_id="luat-nang", title="Nặng")])
    services.take_detections([of(source, rule_level="medium", title="Vừa")])

    alert = Alert.objects.get()
    assert (alert.level, alert.rule_id, alert.title) == (AlertLevel.CRITICAL, "luat-nang", "Nặng")
    subjects = OutboundMessage.objects.order_by("pk").values_list("subject", flat=True)
    assert [subject.split(" [")[0] for subject in subjects] == ["Cảnh báo", "Cảnh báo tăng mức"]


def test_a_level_that_we_do_not_know_is_read_as_medium(data, source):
    services.take_detections([of(source, rule_level="catastrophic")])
    assert Alert.objects.get().level == AlertLevel.MEDIUM


def test_the_same_detections_twice_change_nothing(data, source):
    batch = [of(source), of(source)]
    services.take_detections(batch)
    services.take_detections(batch)

    assert Alert.objects.get().detection_count == AlertDetection.objects.count() == 2
    assert AuditEvent.objects.filter(action=AuditAction.ALERT_RAISED).count() == 1


def test_a_pull_that_dies_before_its_commit_is_repeated_exactly_once(pipeline, source):
    pipeline.receive(source, *[failed_login(MORNING + timedelta(seconds=n)) for n in range(60)])
    found = detections.after(pipeline.data, 0)

    class PowerCut(BaseException):
        pass

    with pytest.raises(PowerCut), transaction.atomic():
        assert jobs.pull_detections() == len(found)
        raise PowerCut
    assert not Alert.objects.exists() and not JobCursor.objects.exists()

    assert jobs.pull_detections() == len(found)
    assert jobs.pull_detections() == 0
    assert sum(Alert.objects.values_list("detection_count", flat=True)) == len(found)
    assert set(AlertDetection.objects.values_list("detection_id", flat=True)) == {one.id for one in found}


def test_a_lost_position_does_not_double_what_is_known(pipeline, source):
    pipeline.receive(source, *[failed_login(MORNING + timedelta(seconds=n)) for n in range(60)])
    jobs.pull_detections()
    before = list(Alert.objects.order_by("pk").values_list("pk", "detection_count", "event_count"))
    JobCursor.objects.update(position=0)

    jobs.pull_detections()

    assert list(Alert.objects.order_by("pk").values_list("pk", "detection_count", "event_count")) == before


def test_pulling_goes_on_where_it_stopped_in_small_bites(pipeline, source):
    for n in range(7):
        run = [failed_login(MORNING + timedelta(seconds=k), address=f"192.0.2.{n + 10}") for k in range(60)]
        pipeline.receive(source, *run)
    total = len(detections.after(pipeline.data, 0))
    assert total >= 7

    pulled = 0
    while step := jobs.pull_detections(limit=3):
        assert step <= 3
        pulled += step

    assert pulled == total == sum(Alert.objects.values_list("detection_count", flat=True))


def test_a_detection_of_a_vanished_unit_is_kept_as_a_stray_and_the_rest_goes_on(data, source):
    lost = detection(unit_id=999_999, source_id=888_888)
    services.take_detections([lost, of(source)])
    services.take_detections([lost])

    stray = StrayDetection.objects.get()
    assert (stray.detection_id, stray.unit_id) == (lost.id, 999_999)
    assert Alert.objects.count() == 1


def test_a_detection_of_a_vanished_source_is_still_its_units_alert(data, source):
    services.take_detections([detection(unit_id=source.unit_id, source_id=888_888)])
    alert = Alert.objects.get()
    assert alert.source is None and alert.detections.get().source is None


def test_a_flood_of_one_rule_is_counted_but_not_all_kept(data, source, monkeypatch):
    monkeypatch.setattr(grouping, "DETECTIONS_KEPT", 20)
    services.take_detections([of(source) for _ in range(30)])
    services.take_detections([of(source) for _ in range(30)])

    alert = Alert.objects.get()
    assert (alert.detection_count, alert.detections.count()) == (60, 20)


def test_officers_are_told_once_with_meaning_first_actions_and_link(data, source, settings):
    settings.BASE_URL = "https://dekhang.example.gov.vn"
    settings.APPRISE_URLS = ["json://127.0.0.1/thu"]
    officer_of(source.unit, email="can-bo@example.gov.vn")
    head_of(source.unit, email="thu-truong@example.gov.vn")
    services.take_detections([of(source), of(source)])
    services.take_detections([of(source)])

    told = OutboundMessage.objects.order_by("pk")
    assert [message.recipient for message in told] == ["can-bo@example.gov.vn", "json://127.0.0.1/thu"]
    body = told[0].body
    alert = Alert.objects.get()
    assert f"https://dekhang.example.gov.vn/canh-bao/{alert.pk}/" in body
    assert "Làm gì trước\n1. " in body and "192.0.2.7" in body
    assert "09:00 10/12/2019" in body  # local time
    assert "&" not in body  # plain text is not HTML


def test_without_an_officer_the_head_is_told(data, source):
    head_of(source.unit, email="thu-truong@example.gov.vn")
    services.take_detections([of(source)])
    assert OutboundMessage.objects.get().recipient == "thu-truong@example.gov.vn"


def test_an_informational_alert_sends_no_mail_until_it_becomes_worse(data, source):
    officer_of(source.unit, email="can-bo@example.gov.vn")
    services.take_detections([of(source, rule_level="informational")])
    assert not OutboundMessage.objects.exists()

    later = MORNING + timedelta(hours=5)
    with clock.at(later):
        services.take_detections([of(source, rule_level="high", at=later)])
        assert jobs.escalate() == 0  # the officer's time begins now, not five hours ago
    assert OutboundMessage.objects.get().subject.startswith("Cảnh báo [Cao]")
    assert Alert.objects.get().waiting_since == later


def test_an_answered_alert_that_goes_on_after_a_pause_is_told_again_once_a_day(data, source):
    officer = officer_of(source.unit, email="can-bo@example.gov.vn")
    services.take_detections([of(source)])
    services.acknowledge(alert=Alert.objects.get(), by=officer)
    for minutes in (5, 10, 180, 300, 420):
        services.take_detections([of(source, at=MORNING + timedelta(minutes=minutes))])

    subjects = list(OutboundMessage.objects.order_by("pk").values_list("subject", flat=True))
    assert [subject.split(" [")[0] for subject in subjects] == ["Cảnh báo", "Cảnh báo tái diễn"]


def test_a_storm_of_alerts_does_not_drown_the_mailbox(data, source):
    officer_of(source.unit, email="can-bo@example.gov.vn")
    services.take_detections([of(source, entity=f"198.51.100.{n}") for n in range(MESSAGES_AN_HOUR + 30)])

    assert Alert.objects.count() == MESSAGES_AN_HOUR + 30
    assert OutboundMessage.objects.count() == MESSAGES_AN_HOUR + 1
    assert OutboundMessage.objects.last().subject.startswith("Nhiều cảnh báo cùng lúc")


def test_a_flood_of_entities_ends_in_one_alert_about_the_rest(data, source, monkeypatch):
    monkeypatch.setattr(grouping, "ALERTS_OF_A_FAMILY", 20)
    officer, other = officer_of(source.unit), LogSourceFactory()
    services.take_detections([of(source, entity=f"198.51.100.{n}") for n in range(50)])
    services.take_detections([of(source, entity=f"203.0.113.{n}", rule_level="critical") for n in range(50)])
    services.take_detections([of(source, entity="198.51.100.7"), of(other, entity="192.0.2.1")])

    rest = Alert.objects.get(entity=grouping.THE_REST)
    assert (rest.unit, rest.detection_count, rest.detections.count()) == (source.unit, 80, 80)
    assert rest.level == "critical", "what is worst in it decides"
    assert Alert.objects.filter(unit=source.unit).count() == 21
    assert Alert.objects.get(entity="198.51.100.7").detection_count == 2, "a known one goes on by itself"
    assert Alert.objects.get(unit=other.unit).entity == "192.0.2.1", "a flood at one unit is its own"

    for alert in Alert.objects.filter(unit=source.unit):
        services.acknowledge(alert=alert, by=officer)
        services.resolve(alert=alert, note="Đã chặn.", by=officer)
    services.take_detections([of(source, entity="203.0.113.200")])
    assert Alert.objects.filter(entity="203.0.113.200").exists(), "once the flood is answered, each is its own again"


def test_a_batch_costs_few_questions_however_many_alerts_it_joins(data, source, django_assert_max_num_queries):
    services.take_detections([of(source, entity=f"198.51.100.{n}") for n in range(50)])
    with django_assert_max_num_queries(50 + 15):  # one update each, and what all share
        services.take_detections([of(source, entity=f"198.51.100.{n}") for n in range(50)])
