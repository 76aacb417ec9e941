"""Pages of alerts: isolation, refusals at the buttons, search without accents, hostile evidence, fixed queries."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.alerts import jobs, ruletexts
from dekhang.apps.alerts.enums import AlertLevel, AlertStatus, EscalationStep
from dekhang.apps.alerts.fieldnames import NAMES
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core import clock
from tests.factories.alerts import AlertDetectionFactory, AlertFactory
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db
LIST = "/canh-bao/"


@pytest.fixture
def unit():
    return UnitFactory()


@pytest.fixture
def officer(client, unit):
    person = officer_of(unit)
    client.force_login(person)
    return person


def page_of(client, alert):
    return client.get(reverse("alerts:detail", args=[alert.pk])).content.decode()


@pytest.mark.parametrize(
    ("method", "name"),
    [("get", "detail"), ("post", "acknowledge"), ("post", "close"), ("post", "reopen"), ("get", "raw_events")],
)
@pytest.mark.parametrize("person", [officer_of, head_of])
def test_another_units_people_get_404_on_every_url_of_an_alert(client, data, method, name, person):
    row = AlertDetectionFactory()
    client.force_login(person(UnitFactory()))
    arguments = [row.alert_id, row.pk] if name == "raw_events" else [row.alert_id]

    answer = getattr(client, method)(reverse(f"alerts:{name}", args=arguments), {"note": "x"})

    assert answer.status_code == 404
    row.alert.refresh_from_db()
    assert row.alert.status == AlertStatus.NEW


def test_another_units_alerts_are_neither_listed_nor_found_nor_counted(client, data, officer, unit):
    foreign = AlertFactory(title="Bí mật của đơn vị khác")
    for query in ("", "?q=bi+mat", f"?don-vi={foreign.unit_id}", "?xem=all"):
        page = client.get(LIST + query).content.decode()
        assert "Bí mật" not in page and f"/canh-bao/{foreign.pk}/" not in page
    part = client.get(reverse("alerts:of_unit", args=[foreign.unit_id]), headers={"HX-Request": "true"})
    assert "Bí mật" not in part.content.decode()


def test_a_detection_of_another_alert_is_not_shown_through_ours(client, data, officer, unit):
    mine, foreign = AlertDetectionFactory(alert__unit=unit), AlertDetectionFactory()
    url = reverse("alerts:raw_events", args=[mine.alert_id, foreign.pk])
    assert client.get(url).status_code == 404


def test_double_acknowledge_is_403_with_the_reason(client, data, officer, unit):
    alert = AlertFactory(unit=unit)
    url = reverse("alerts:acknowledge", args=[alert.pk])

    assert client.post(url).url == reverse("alerts:detail", args=[alert.pk])
    again = client.post(url)

    assert again.status_code == 403
    assert "Cảnh báo đã được tiếp nhận rồi" in again.content.decode()


def test_the_refusal_stands_at_the_disabled_button(client, data, unit):
    alert = AlertFactory(unit=unit)
    client.force_login(UserFactory(coordinator=True))
    page = page_of(client, alert)
    assert re.search(r'<button class="btn btn--primary" disabled aria-describedby="vi-sao-tiep-nhan">', page)
    assert "còn trong thời gian của đơn vị" in page


def test_acknowledge_resolve_and_reopen_from_the_pages(client, data, officer, unit):
    alert = AlertFactory(unit=unit)
    client.post(reverse("alerts:acknowledge", args=[alert.pk]))
    close = reverse("alerts:close", args=[alert.pk])

    unsaid = client.post(close, {"ket-qua": "da-xu-ly", "note": ""})
    assert unsaid.status_code == 422 and "Hãy ghi một câu" in unsaid.content.decode()

    client.post(close, {"ket-qua": "da-xu-ly", "note": "Đã chặn <địa chỉ>"})
    page = page_of(client, alert)
    assert "Đã chặn &lt;địa chỉ&gt;" in page and "Mở lại" in page

    client.post(reverse("alerts:reopen", args=[alert.pk]))
    alert.refresh_from_db()
    assert alert.status == AlertStatus.ACKNOWLEDGED

    client.post(close, {"ket-qua": "bao-nham", "note": "Máy quét của đơn vị"})
    alert.refresh_from_db()
    assert alert.status == AlertStatus.FALSE_ALARM


def test_what_needs_action_now_comes_first(client, data, officer, unit):
    late = MORNING + timedelta(hours=1)
    AlertFactory(unit=unit, title="B-nhe-moi", level=AlertLevel.LOW, last_event_at=late)
    AlertFactory(unit=unit, title="C-dang-xu-ly", level=AlertLevel.CRITICAL, acknowledged=True, last_event_at=late)
    AlertFactory(unit=unit, title="A-nang-moi", level=AlertLevel.CRITICAL)
    AlertFactory(unit=unit, title="D-da-dong", resolved=True, level=AlertLevel.CRITICAL)

    rows = re.findall(r"[A-D]-[a-z-]+", client.get(LIST + "?xem=all").content.decode())
    assert rows == ["A-nang-moi", "B-nhe-moi", "C-dang-xu-ly", "D-da-dong"]
    assert "D-da-dong" not in client.get(LIST).content.decode()


@pytest.mark.parametrize("typed", ["do mat khau", "DÒ MẬT KHẨU", "khẩu 192.0.2", "mat may-chu"])
def test_search_ignores_accents_case_and_order(client, data, officer, unit, typed):
    AlertFactory(unit=unit, title="Dò mật khẩu SSH", entity="192.0.2.7")
    AlertFactory(unit=unit, title="Web shell mới", entity="web01", host="web01")
    page = client.get(LIST, {"q": typed}).content.decode()
    assert "Dò mật khẩu SSH" in page and "Web shell mới" not in page


def test_provincial_roles_search_by_the_name_of_the_unit(client, data):
    trang_bang = UnitFactory(version__name="Huyện Trảng Bàng")
    AlertFactory(unit=trang_bang, title="Của Trảng Bàng")
    AlertFactory(title="Của nơi khác")
    client.force_login(UserFactory(coordinator=True))
    page = client.get(LIST, {"q": "trang bang"}).content.decode()
    assert "Của Trảng Bàng" in page and "Của nơi khác" not in page


def test_the_level_filter_means_that_level_and_worse(client, data, officer, unit):
    for level in AlertLevel.values:
        AlertFactory(unit=unit, level=level, title=f"muc-{level}")
    page = client.get(LIST, {"muc": "high"}).content.decode()
    assert {level for level in AlertLevel.values if f"muc-{level}" in page} == {"high", "critical"}


@pytest.mark.parametrize("query", ["?xem=la&muc=la&don-vi=abc&page=-3", "?q=" + "a" * 5000, "?don-vi=" + "9" * 40])
def test_nonsense_in_the_address_is_an_ordinary_page(client, data, officer, query):
    assert client.get(LIST + query).status_code == 200


def test_the_partial_is_part_of_the_page_and_an_unchanged_list_is_not_sent_again(client, data, officer, unit):
    alert = AlertFactory(unit=unit)
    page = client.get(LIST).content.decode()
    part = client.get(LIST, headers={"HX-Request": "true"}).content.decode()
    assert part.strip() in page

    poll = re.search(r'hx-get="([^"]*moc=[^"]*)"', part)[1].replace("&amp;", "&")
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 204
    Alert.objects.filter(pk=alert.pk).update(last_event_at=MORNING + timedelta(seconds=1))
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 200
    AlertFactory(unit=unit)
    assert client.get(poll, headers={"HX-Request": "true"}).status_code == 200


def test_the_list_asks_the_same_number_of_questions_for_one_alert_and_for_fifty(
    client, data, django_assert_num_queries
):
    client.force_login(UserFactory(coordinator=True))
    AlertFactory()
    client.get(LIST)
    with django_assert_num_queries(7):
        client.get(LIST)
    for _ in range(49):
        AlertFactory()
    with django_assert_num_queries(7):
        assert client.get(LIST).content.decode().count('id="canh-bao-') == 50


def test_the_detail_asks_the_same_number_of_questions_for_any_number_of_detections(
    client, data, officer, unit, django_assert_max_num_queries
):
    alert = AlertFactory(unit=unit)
    source = LogSourceFactory(unit=unit)
    for _ in range(60):
        AlertDetectionFactory(alert=alert, source=source)
    page_of(client, alert)
    with django_assert_max_num_queries(30):
        assert page_of(client, alert).count("Xem bản ghi gốc") == 50


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", "\u202egnp.exe\u2066", '" onmouseover="x', "B" * 32_768, ["<b>", {"a": "<i>"}]],
    ids=["script", "rtl", "attribute", "32 KB", "nested"],
)
def test_hostile_evidence_is_shown_harmlessly(client, data, officer, unit, hostile):
    alert = AlertFactory(unit=unit, entity="<script>alert(2)</script>", host="\u202etxt", title="<b>x</b>")
    AlertDetectionFactory(alert=alert, fields={"CommandLine": hostile, "<u>field</u>": 1}, host="<img>")

    page = page_of(client, alert)

    assert "Dòng lệnh" in page
    for raw in ("<script>alert", "<b>", "<i>", "<u>", "<img>", "\u202e", "\u2066", '" onmouseover'):
        assert raw not in page
    if isinstance(hostile, str) and len(hostile) > 1000:
        assert "32.768 ký tự" in page and "<details" in page
    listed = client.get(LIST).content.decode()
    assert "<script>alert" not in listed and "\u202e" not in listed


def test_the_detail_explains_in_vietnamese_with_evidence_history_and_raw_records(client, pipeline, officer, unit):
    source = LogSourceFactory(unit=unit, delivering=True)
    stamps = [MORNING + timedelta(seconds=n) for n in range(60)]
    pipeline.receive(source, *[failed_login(at, user="quantri") for at in stamps])
    with clock.at(MORNING + timedelta(minutes=2)):
        jobs.pull_detections()
    alert = Alert.objects.order_by("-level").first()
    text = ruletexts.text_of(alert.rule_id)

    page = page_of(client, alert)

    assert text.is_ours and text.meaning_vi.split()[0] in page
    for action in text.first_actions_vi:
        assert action.split("“")[0][:30] in page
    assert "Phát cảnh báo" in page and "Địa chỉ nguồn" in page
    assert reverse("incidents:open") + f"?alert={alert.pk}" in page
    detection = alert.detections.first()
    raw = client.get(reverse("alerts:raw_events", args=[alert.pk, detection.pk])).content.decode()
    assert "Failed password for quantri from 192.0.2.7" in raw


def test_who_was_told_is_on_the_page(client, data, unit, settings):
    from dekhang.apps.alerts import messages

    officer = officer_of(unit, email="can-bo@example.gov.vn")
    alert = AlertFactory(unit=unit)
    other = AlertFactory(unit=unit)
    messages.tell_raised(alert)
    client.force_login(officer)
    assert "can-bo@example.gov.vn" in page_of(client, alert) and "Chờ gửi" in page_of(client, alert)
    assert "can-bo@example.gov.vn" not in page_of(client, other)


def test_an_escalated_alert_says_so_in_the_list(client, data, unit):
    AlertFactory(unit=unit, escalation=EscalationStep.HEAD, escalated_at=MORNING)
    client.force_login(head_of(unit))
    assert "Thủ trưởng đơn vị" in client.get(LIST).content.decode()


def test_stray_detections_are_for_coordinator_and_administrator(client, data, officer):
    url = reverse("alerts:strays")
    assert client.get(url).status_code == 403
    client.force_login(UserFactory(administrator=True))
    assert client.get(url).status_code == 200


def test_a_rule_that_is_gone_still_has_an_explanation(client, data, officer, unit):
    alert = AlertFactory(unit=unit, rule_id="da-go-bo", title="Tên cũ")
    page = page_of(client, alert)
    assert "không còn trong bộ luật" in page and "Tên cũ" in page


def test_field_names_are_said_in_vietnamese():
    assert all(str(name) != field for field, name in NAMES.items())


def test_the_escalated_tab_shows_each_reader_what_has_come_up_to_them(client, data, unit):
    AlertFactory(unit=unit, title="toi-thu-truong", escalation=EscalationStep.HEAD, escalated_at=MORNING)
    AlertFactory(unit=unit, title="toi-tinh", escalation=EscalationStep.COORDINATOR, escalated_at=MORNING)
    AlertFactory(unit=unit, title="chua-len")
    shown = {}
    for name, person in (("head", head_of(unit)), ("coordinator", UserFactory(coordinator=True))):
        client.force_login(person)
        shown[name] = set(
            re.findall("toi-thu-truong|toi-tinh|chua-len", client.get(LIST + "?xem=escalated").content.decode())
        )
    assert shown == {"head": {"toi-thu-truong", "toi-tinh"}, "coordinator": {"toi-tinh"}}


def test_who_may_not_open_an_incident_reads_why_at_the_button(client, data, unit):
    client.force_login(UserFactory(coordinator=True))
    alert = AlertFactory(unit_id=unit.pk)
    link = reverse("incidents:open") + f"?alert={alert.pk}"

    page = page_of(client, alert)

    assert link not in page
    assert "Chỉ thủ trưởng hoặc cán bộ chuyên trách" in page
    client.force_login(officer_of(unit))
    assert link in page_of(client, alert)
