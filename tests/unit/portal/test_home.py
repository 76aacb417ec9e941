import json
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from dekhang.apps.alerts.enums import EscalationStep
from dekhang.apps.cascade.services import report
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import OutboundMessage
from dekhang.apps.duties.contesting.services import contest
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.models import Evidence
from dekhang.apps.incidents.services import adopt_sop, approve_sop, confirm_read
from dekhang.apps.portal import work
from dekhang.apps.registry.enums import ContactKind
from dekhang.apps.registry.models import Contact
from dekhang.apps.sources.enums import SourceState
from dekhang.pipeline.stores import heartbeat
from tests.factories.alerts import AlertFactory
from tests.factories.cascade import draft, given, issued, task_in
from tests.factories.core import UserFactory
from tests.factories.duties import proves_recording
from tests.factories.incidents import incident_of
from tests.factories.registry import PostHoldingFactory, UnitFactory, head_of, officer_of
from tests.factories.sources import LogSourceFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _place(data, frozen_now):
    """Pages read the heartbeat of the data folder."""


def page(client, user):
    client.force_login(user)
    response = client.get("/")
    assert response.status_code == 200
    return response.content.decode()


def contact_of(unit, **fields):
    return Contact.objects.create(
        unit=unit, kind=ContactKind.EMAIL, value="truc@example.gov.vn", valid_from=date(2019, 1, 1), **fields
    )


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_a_first_screen_in_an_empty_system(client, role):
    assert "<h1>" in page(client, UserFactory(role=role))


@pytest.mark.parametrize("role", list(Role))
def test_every_role_has_a_first_screen_with_data(client, role):
    unit = UnitFactory()
    proves_recording(unit)
    AlertFactory(unit=unit)
    LogSourceFactory(unit=unit)
    user = {Role.OFFICER: officer_of, Role.HEAD: head_of}.get(role, lambda _unit: UserFactory(role=role))(unit)
    assert "<h1>" in page(client, user)


def test_an_officer_sees_what_waits_for_them_and_nothing_of_others(client):
    mine, other = UnitFactory(), UnitFactory()
    AlertFactory(unit=mine, title="Dò mật khẩu máy chủ")
    AlertFactory(unit=other, title="Việc của xã khác")
    LogSourceFactory(unit=mine, name="Cổng thông tin", state=SourceState.SILENT, state_reason="Im lặng 20 phút.")
    shown = page(client, officer_of(mine))
    for word in ("Dò mật khẩu máy chủ", "Cổng thông tin", "Im lặng 20 phút.", "Chưa có quy trình ứng cứu sự cố nào."):
        assert word in shown
    assert "Việc của xã khác" not in shown


def test_a_running_incident_stands_with_its_nearest_deadline_and_a_missed_one_is_called_so(client, frozen_now):
    unit = UnitFactory()
    officer = officer_of(unit)
    incident = incident_of(unit, by=officer, title="Trang chủ bị thay đổi")
    shown = page(client, officer)
    assert "Trang chủ bị thay đổi" in shown
    assert reverse("incidents:detail", args=[incident.pk]) in shown
    assert "Quá hạn" not in shown
    with clock.at(frozen_now + timedelta(days=30)):
        assert "Quá hạn" in page(client, officer)


def test_the_head_approves_a_procedure_then_those_who_act_read_it(client):
    unit = UnitFactory()
    officer, head = officer_of(unit), head_of(unit)
    sop = adopt_sop(unit_id=unit.pk, kind="intrusion", by=officer)
    assert "Phê duyệt quy trình" in page(client, head)
    assert "Phê duyệt quy trình" not in page(client, officer)
    approve_sop(sop=sop, by=head)
    assert "Đọc quy trình" in page(client, officer)
    confirm_read(sop=sop, by=officer)
    assert "Đọc quy trình" not in page(client, officer)


def test_nothing_to_do_is_said(client):
    unit = UnitFactory()
    LogSourceFactory(unit=unit, state=SourceState.DELIVERING)
    contact_of(unit)
    assert "Không có việc gì chờ bạn" in page(client, officer_of(unit))


def test_a_person_without_a_post_is_told_whom_to_ask(client):
    assert "Tài khoản chưa gắn với đơn vị nào" in page(client, UserFactory(role=Role.OFFICER))


def test_on_duty_is_evidence_for_ninety_days(client, frozen_now):
    unit = UnitFactory()
    contact = contact_of(unit)
    client.force_login(officer_of(unit))
    assert "chưa trả lời lần nào" in client.get("/").content.decode()
    answered = client.post(reverse("portal:on_duty", args=[contact.pk]), follow=True).content.decode()
    assert "đang tính là có người trực" in answered
    row = Evidence.objects.get(kind=EvidenceKind.CONTACT_ALIVE)
    assert (row.observed_at, row.valid_until) == (frozen_now, frozen_now + timedelta(days=90))


def test_one_answers_only_for_one_s_own_unit(client):
    contact = contact_of(UnitFactory())
    address = reverse("portal:on_duty", args=[contact.pk])
    client.force_login(officer_of(UnitFactory()))
    assert client.post(address).status_code == 404
    client.force_login(UserFactory(coordinator=True))
    assert client.post(address).status_code == 403
    assert not Evidence.objects.exists()


def test_the_coordinator_sees_what_came_up_what_is_silent_and_why_units_do_not_count(client):
    unit = UnitFactory(version__name="Xã Tân Hà")
    AlertFactory(unit=unit, title="Mã độc tống tiền", escalation=EscalationStep.COORDINATOR)
    AlertFactory(unit=unit, title="Chưa chuyển lên")
    LogSourceFactory(unit=unit, name="Máy chủ tệp", state=SourceState.SILENT)
    contest(unit_id=unit.pk, duty_key="sop", text="x", by=officer_of(unit))
    shown = page(client, UserFactory(coordinator=True))
    for word in ("Mã độc tống tiền", "Xã Tân Hà", "Máy chủ tệp", "Chưa kết nối nguồn log", "Giải trình chờ trả lời: 1"):
        assert word in shown
    assert "Chưa chuyển lên" not in shown


def test_health_tells_living_parts_from_dead_ones_and_mails_that_wait(client, data, settings, frozen_now):
    settings.EMAIL_HOST = ""
    heartbeat.beat(data, "worker", ready=True)
    OutboundMessage.objects.create(
        recipient="truc@example.gov.vn",
        subject="x",
        body="x",
        dedupe_key="1",
        created_at=frozen_now,
        not_before=frozen_now,
    )
    shown = page(client, UserFactory(administrator=True))
    assert shown.count("đang chạy") == 1
    assert shown.count("chưa chạy lần nào") == 3
    assert "1 thư chờ" in shown
    assert "DK_SMTP_HOST" in shown


def test_processes_of_one_kind_are_one_line(client, data):
    for part in ("worker", "worker-2", "worker-3"):
        heartbeat.beat(data, part, ready=True)
    administrator = UserFactory(administrator=True)
    assert "3 tiến trình đang chạy" in page(client, administrator)
    path = data / "run" / "worker-2.json"
    facts = json.loads(path.read_text())
    path.write_text(json.dumps({**facts, "at_ms": facts["at_ms"] - 60_000}))
    assert "1 trong 3 tiến trình ngừng, từ" in page(client, administrator)


def test_the_leader_reads_the_province_in_one_sentence(client):
    unit, _other = UnitFactory(), UnitFactory()
    proves_recording(unit)
    shown = page(client, UserFactory(leader=True))
    assert "Tỉnh đang tiến lên: 1 trên 20 nghĩa vụ của 2 đơn vị đã được chứng minh (5,0\u00a0%)" in shown
    assert "3 việc cần quyết định" in shown and "Yêu cầu 1 đơn vị báo cáo lần đầu" in shown


@pytest.mark.parametrize("many", [1, 12])
def test_the_officer_s_screen_costs_a_bounded_number_of_queries(client, many, django_assert_max_num_queries):
    unit = UnitFactory()
    for number in range(many):
        AlertFactory(unit=unit)
        LogSourceFactory(unit=unit, name=f"Máy {number}", state=SourceState.SILENT)
    client.force_login(officer_of(unit))
    with django_assert_max_num_queries(45):
        client.get("/")


# --- "Việc phải làm bây giờ" ---


def test_the_page_says_what_why_how_long_what_for_and_leads_to_the_very_place(client):
    unit = UnitFactory()
    contact_of(unit)
    shown = page(client, officer_of(unit))
    assert "Việc phải làm bây giờ" in shown
    assert "Nộp quyết định về lực lượng tại chỗ (lớp 1)" in shown  # what
    assert "Chưa có quyết định về lực lượng tại chỗ (lớp 1) được kiểm tra." in shown  # why
    assert "Khoảng 2 giờ nếu đã có văn bản" in shown  # how long
    assert "điểm, giảm" in shown  # what it brings
    assert reverse("duties:new_document", args=[unit.pk, "own_force"]) in shown  # the very place


def test_what_leads_to_the_same_page_stands_once_with_what_it_brings(client):
    unit = UnitFactory()
    contact_of(unit)
    shown = page(client, officer_of(unit))
    assert shown.count(f'href="{reverse("sources:choose")}"') == 1
    assert "Kết nối nguồn log đầu tiên" in shown


def test_what_the_plan_gave_the_unit_waits_with_its_deadline_until_it_is_reported(client):
    unit = UnitFactory()
    officer = officer_of(unit)
    version = draft()
    task = task_in(version, "Quán triệt chỉ thị tới mọi cán bộ", due_on=date(2019, 12, 31))
    issued(version)
    assignment = given(unit, task, accepted_by=officer)
    place = reverse("cascade:assignment", args=[assignment.pk])
    shown = page(client, officer)
    assert "Quán triệt chỉ thị tới mọi cán bộ" in shown and place in shown and "Quá hạn" not in shown
    with clock.at(datetime(2020, 1, 5, 2, 0, tzinfo=UTC)):
        assert "Quá hạn" in page(client, officer)
    report(assignment=assignment, text="Đã quán triệt.", by=officer)
    assert place not in page(client, officer)


def test_somebody_with_two_units_chooses_and_every_page_follows(client):
    first, second = UnitFactory(version__name="Xã Thứ Nhất"), UnitFactory(version__name="Xã Thứ Hai")
    user = officer_of(first)
    PostHoldingFactory(unit=second, user=user)
    AlertFactory(unit=second, title="Chuyện ở xã thứ hai")
    shown = page(client, user)
    assert "Xã Thứ Nhất" in shown and "Xã Thứ Hai" in shown and "1 cảnh báo mới" in shown
    assert "Chuyện ở xã thứ hai" not in shown
    client.post(reverse("portal:choose_unit"), {"don-vi": second.pk})
    assert "Chuyện ở xã thứ hai" in client.get("/").content.decode()
    assert client.get(reverse("duties:mine")).url == reverse("duties:of_unit", args=[second.pk])


def test_a_unit_that_one_does_not_hold_cannot_be_chosen(client):
    mine, other = UnitFactory(), UnitFactory()
    user = officer_of(mine)
    client.force_login(user)
    assert client.post(reverse("portal:choose_unit"), {"don-vi": other.pk}).status_code == 404
    assert client.post(reverse("portal:choose_unit"), {"don-vi": "²"}).status_code == 404


def test_a_chosen_unit_is_forgotten_when_the_post_ends(client, frozen_now):
    first, second = UnitFactory(), UnitFactory(version__name="Xã Đã Thôi")
    user = officer_of(first)
    held = PostHoldingFactory(unit=second, user=user)
    client.force_login(user)
    client.post(reverse("portal:choose_unit"), {"don-vi": second.pk})
    held.valid_to = frozen_now.date()
    held.save()
    assert "Xã Đã Thôi" not in client.get("/").content.decode()


def test_the_province_looks_at_a_unit_s_work_without_its_buttons(client):
    unit = UnitFactory(version__name="Xã Được Xem")
    contact_of(unit)
    client.force_login(UserFactory(coordinator=True))
    shown = client.get(reverse("portal:work_of", args=[unit.pk])).content.decode()
    assert "Xã Được Xem" in shown and "Tôi đang trực ở" not in shown
    client.force_login(officer_of(UnitFactory()))
    assert client.get(reverse("portal:work_of", args=[unit.pk])).status_code == 404


def test_a_deadline_is_told_on_its_own_day_and_not_at_midnight_of_the_next():
    told = timezone.localtime(work.last_moment(date(2019, 12, 21)))
    assert f"{told:%H:%M %d/%m/%Y}" == "23:59 21/12/2019"
