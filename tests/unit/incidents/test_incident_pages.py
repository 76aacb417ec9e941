"""Pages of incidents and procedures: who sees what, what a click does, how many queries a list costs."""

import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.incidents import services
from dekhang.apps.incidents.enums import IncidentStatus
from dekhang.apps.incidents.models import Incident
from dekhang.apps.incidents.urls import urlpatterns
from tests.factories.core import UserFactory
from tests.factories.incidents import alert_of, current, do_current, incident_of, sop_of, walk_to
from tests.factories.registry import SystemFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
TRAITS = ["coordinator", "leader", "inspector", "administrator"]


@pytest.fixture
def unit(data, frozen_now):
    return UnitFactory(version__name="Xã Tân Bình")


@pytest.fixture
def officer(unit):
    return officer_of(unit)


@pytest.fixture
def as_officer(client, officer):
    client.force_login(officer)
    return client


def full_case(unit, officer):
    """An incident with a file and a paper, and an adopted procedure with a text: something behind every address."""
    incident = incident_of(unit, by=officer)
    kept = services.attach(incident=incident, file=SimpleUploadedFile("anh.png", b"png"), by=officer)
    report = services.make_report(incident=incident, kind="notice", by=officer)
    sop = sop_of(unit)
    services.put_document(sop=sop, file=SimpleUploadedFile("qd.pdf", b"%PDF-1.4"), by=sop.adopted_by)
    return incident, kept, report, sop


def addresses(incident, kept, report, sop) -> dict[str, str]:
    """Name → address of every URL of the app."""
    args = {
        "list": [],
        "open": [],
        "sops": [],
        "of_alert": [alert_of(incident.unit).pk],
        "sop": ["intrusion"],
        "sop_adopt": ["intrusion"],
        "sop_approve": [sop.pk],
        "sop_read": [sop.pk],
        "sop_document": [sop.pk],
        "finish": [incident.pk, current(incident).pk],
        "skip": [incident.pk, current(incident).pk],
        "attachment": [incident.pk, kept.pk],
        "event": [incident.pk, "secret_leak_suspected"],
        "withdraw_event": [incident.pk, "secret_leak_suspected"],
        "report": [incident.pk, "notice"],
        "report_file": [incident.pk, report.pk],
        "report_sent": [incident.pk, report.pk],
    }
    names = [pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)]
    return {name: reverse(f"incidents:{name}", args=args.get(name, [incident.pk])) for name in names}


def test_another_units_officer_gets_404_on_every_address_of_an_incident(unit, officer, client):
    case = full_case(unit, officer)
    stranger = officer_of(UnitFactory())
    client.force_login(stranger)
    before = Incident.objects.values().get()
    for name, address in addresses(*case).items():
        if name in ("list", "open", "sops", "sop", "sop_adopt"):
            query = f"{address}?don-vi={unit.pk}&alert={alert_of(unit).pk}"
            answers = [client.get(query)] if name != "sop_adopt" else [client.post(query)]
            assert answers[0].status_code in (200, 404)
            assert case[0].title not in answers[0].content.decode()
        else:
            assert client.post(address).status_code in (404, 405), name
            assert client.get(address).status_code in (404, 405), name
    assert Incident.objects.values().get() == before


def test_without_an_account_every_address_leads_to_the_login(unit, officer, client):
    for name, address in addresses(*full_case(unit, officer)).items():
        answer = client.get(address)
        assert (answer.status_code, reverse("portal:login") in answer.headers.get("Location", "")) == (302, True), name


@pytest.mark.parametrize("trait", TRAITS)
def test_provincial_roles_read_everything_and_change_nothing(unit, officer, client, trait):
    case = full_case(unit, officer)
    client.force_login(UserFactory(**{trait: True}))
    found = addresses(*case)
    for name in ("list", "sops", "sop", "detail", "report", "report_file", "attachment", "sop_document"):
        answer = client.get(found[name])
        assert answer.status_code == 200, name
        answer.close()
    assert client.get(f"{found['sops']}?don-vi={unit.pk}").status_code == 200
    for name in ("finish", "skip", "undo", "attach", "capacity", "handled", "cancel", "sop_approve", "sop_read"):
        assert client.post(found[name]).status_code == 403, name
    assert client.get(found["open"]).status_code == 403
    assert case[0].steps.count() == 1


def test_the_refusal_on_the_page_is_the_refusal_of_the_act(unit, officer, client):
    incident = incident_of(unit, by=officer)
    client.force_login(UserFactory(leader=True))
    sentence = "Chỉ thủ trưởng hoặc cán bộ chuyên trách của Xã Tân Bình làm được việc này."
    page = client.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    act = client.post(reverse("incidents:finish", args=[incident.pk, current(incident).pk]))
    assert sentence in page
    assert (act.status_code, sentence in act.content.decode()) == (403, True)


def test_an_incident_is_opened_from_an_alert_with_everything_filled_in(unit, as_officer):
    system = SystemFactory(unit=unit)
    alert = alert_of(unit, entity="192.0.2.7", event_count=12)
    address = f"{reverse('incidents:open')}?alert={alert.pk}"
    page = as_officer.get(address).content.decode()
    assert "Dò mật khẩu SSH (192.0.2.7)" in page
    assert 'value="2019-12-10T09:00"' in page
    form = {"unit": unit.pk, "kind": "intrusion", "title": "Dò mật khẩu", "detected_at": "2019-12-10T08:30"}
    answer = as_officer.post(address, form | {"system": system.pk})
    incident = Incident.objects.get()
    assert answer.headers["Location"] == reverse("incidents:detail", args=[incident.pk])
    assert list(incident.alerts.all()) == [alert]
    assert (incident.system, clock.now() - incident.detected_at) == (system, timedelta(minutes=30))


def test_an_incident_is_opened_by_hand_with_kind_title_and_time_alone(unit, as_officer):
    form = {"unit": unit.pk, "kind": "malware", "title": "Máy kế toán đòi tiền", "detected_at": "2019-12-10T08:30"}
    assert as_officer.post(reverse("incidents:open"), form).status_code == 302
    assert Incident.objects.get().is_exercise is False


def test_an_exercise_is_opened_by_its_address(unit, as_officer):
    address = f"{reverse('incidents:open')}?dien-tap=1&loai=phishing"
    assert "Diễn tập: lừa đảo" in as_officer.get(address).content.decode()
    form = {"unit": unit.pk, "kind": "phishing", "title": "Diễn tập", "detected_at": "2019-12-10T09:00"}
    as_officer.post(address, form)
    assert Incident.objects.get().is_exercise is True


def test_what_was_typed_stays_when_the_time_is_wrong(unit, as_officer):
    form = {"unit": unit.pk, "kind": "malware", "title": "Máy kế toán", "detected_at": "2019-12-11T08:30"}
    answer = as_officer.post(reverse("incidents:open"), form)
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "tương lai" in page
    assert 'value="Máy kế toán"' in page


def test_a_unit_of_others_in_the_form_is_refused(unit, as_officer):
    form = {"unit": UnitFactory().pk, "kind": "malware", "title": "x", "detected_at": "2019-12-10T08:30"}
    assert as_officer.post(reverse("incidents:open"), form).status_code == 422
    assert Incident.objects.count() == 0


def test_done_with_a_file_moves_to_the_next_step_and_keeps_both(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    step = current(incident)
    form = {"buoc-note": "Đã chụp.", "buoc-file": SimpleUploadedFile("anh.png", b"png")}
    answer = as_officer.post(reverse("incidents:finish", args=[incident.pk, step.pk]), form)
    assert answer.headers["Location"].endswith(f"/{incident.pk}/#buoc")
    kept = incident.attachments.get()
    assert (kept.step, current(incident).number) == (step, 2)
    download = as_officer.get(reverse("incidents:attachment", args=[incident.pk, kept.pk]))
    assert b"".join(download.streaming_content) == b"png"
    assert download.headers["Content-Disposition"].startswith("attachment")
    assert download.headers["Content-Type"] == "application/octet-stream"
    download.close()


def test_a_second_click_by_the_same_person_is_no_fault_and_is_recorded_once(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    address = reverse("incidents:finish", args=[incident.pk, current(incident).pk])
    answers = [as_officer.post(address, {"buoc-note": "Đã chụp."}) for _click in range(2)]
    assert [answer.status_code for answer in answers] == [302, 302]
    assert incident.steps.count() == 2


def test_a_second_done_by_somebody_else_is_403_with_the_reason(unit, officer, client):
    incident = incident_of(unit, by=officer)
    step = current(incident)
    do_current(incident, officer)
    client.force_login(head_of(unit))
    answer = client.post(reverse("incidents:finish", args=[incident.pk, step.pk]), {"buoc-note": "Đã chụp."})
    assert answer.status_code == 403
    assert "người khác ghi nhận" in answer.content.decode()


def test_a_step_without_its_proof_comes_back_with_the_sentence_and_a_typed_reason_stays(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    answer = as_officer.post(reverse("incidents:finish", args=[incident.pk, current(incident).pk]), {})
    assert (answer.status_code, "tệp đính kèm, hoặc ghi chú" in answer.content.decode()) == (422, True)


def test_an_answer_at_a_question_is_chosen_and_going_back_offers_it_again(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    for _step in range(3):
        do_current(incident, officer)
    question = reverse("incidents:finish", args=[incident.pk, current(incident).pk])
    assert as_officer.post(question, {"buoc-note": "x"}).status_code == 422
    as_officer.post(question, {"buoc-note": "Thủ trưởng quyết 9:20.", "buoc-choice": "Vượt khả năng"})
    incident.refresh_from_db()
    assert incident.beyond_capacity is True
    as_officer.post(reverse("incidents:undo", args=[incident.pk]))
    page = as_officer.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    assert 'value="Vượt khả năng"' in page
    assert "Thủ trưởng quyết 9:20." in page


def test_hostile_texts_are_shown_as_texts(unit, officer, as_officer):
    incident = incident_of(unit, by=officer, title="<script>alert(1)</script>", description="<img src=x onerror=y>")
    services.add_note(incident=incident, text="<b>đậm</b>", by=officer)
    page = as_officer.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "&lt;b&gt;đậm" in page


def test_a_leak_shows_the_banner_and_no_place_for_files(unit, officer, as_officer):
    incident = incident_of(unit, by=officer, kind="data_leak")
    page = as_officer.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    assert "Không nhập nội dung bí mật" in page
    assert 'type="file"' not in page


def test_the_paper_is_filled_made_downloaded_and_sent_from_the_pages(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    address = reverse("incidents:report", args=[incident.pk, "notice"])
    page = as_officer.get(address).content.decode()
    assert "Còn thiếu 2 mục" in page
    form = {"f_notifier_address": "Số 1, xã Tân Bình", "f_system_name": "Cổng xã", "f_detected_at": "2019-12-10T09:00"}
    as_officer.post(address, form | {"number": "12/TB-UBND"})
    assert "Đủ các mục bắt buộc" not in page
    assert incident.reports.count() == 0
    as_officer.post(address, form | {"lap": "1"})
    report = incident.reports.get()
    download = as_officer.get(reverse("incidents:report_file", args=[incident.pk, report.pk]))
    assert b"".join(download.streaming_content).startswith(b"PK")
    download.close()
    as_officer.post(
        reverse("incidents:report_sent", args=[incident.pk, report.pk]), {"gui-to": "VNCERT/CC, fax", "gui-at": ""}
    )
    report.refresh_from_db()
    assert report.sent_to == "VNCERT/CC, fax"
    assert incident.clocks.get(clock_key="notice").met_at is not None


def test_the_coordinator_sees_why_closing_waits_and_then_closes(unit, officer, client):
    incident = incident_of(unit, by=officer)
    walk_to(incident, officer, event="response_ended")
    services.mark_handled(incident=incident, by=officer)
    client.force_login(UserFactory(coordinator=True))
    detail = reverse("incidents:detail", args=[incident.pk])
    assert "Chưa ghi nhận đã gửi báo cáo kết thúc" in client.get(detail).content.decode()
    do_current(incident, officer)
    client.post(reverse("incidents:close", args=[incident.pk]))
    incident.refresh_from_db()
    assert incident.status == IncidentStatus.CLOSED
    assert client.get(detail).status_code == 200


def test_a_sign_is_reported_and_withdrawn_by_buttons_but_no_other_event_is(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    address = reverse("incidents:event", args=[incident.pk, "possibly_serious"])
    as_officer.post(address)
    assert "Đề nghị nâng nhóm" in as_officer.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    as_officer.post(reverse("incidents:withdraw_event", args=[incident.pk, "possibly_serious"]))
    assert incident.clocks.get(clock_key="upgrade").cancelled_at is not None
    for forbidden in ("response_ended", "end_report_sent", "detected", "khong-co"):
        address = reverse("incidents:event", args=[incident.pk, forbidden])
        assert as_officer.post(address, {"gui-to": "x"}).status_code == 404


def test_a_report_that_the_regime_does_not_know_is_404(unit, as_officer, officer):
    with clock.at(clock.now().replace(year=2026, month=11)):
        incident = incident_of(unit, by=officer)
        as_officer.force_login(officer)
        assert as_officer.get(reverse("incidents:report", args=[incident.pk, "initial"])).status_code == 404


def test_the_list_finds_without_accents_and_filters(unit, officer, as_officer):
    incident_of(unit, by=officer, title="Cổng dịch vụ công bị nghẽn", kind="denial_of_service")
    incident_of(unit, by=officer, title="Máy kế toán bị mã hóa", kind="malware")
    listed = reverse("incidents:list")
    found = as_officer.get(listed, {"q": "dich vu nghen"}).content.decode()
    assert ("nghẽn" in found, "kế toán" in found) == (True, False)
    found = as_officer.get(listed, {"loai": "malware"}).content.decode()
    assert ("nghẽn" in found, "kế toán" in found) == (False, True)
    assert "Không có sự cố nào khớp" in as_officer.get(listed, {"q": "xyz"}).content.decode()


@pytest.mark.parametrize(
    ("view", "words"),
    [("open", "Xem cảnh báo"), ("exercise", "Chọn quy trình để diễn tập"), ("closed", "Chưa có sự cố nào")],
)
def test_an_empty_list_says_what_to_do(unit, as_officer, view, words):
    assert words in as_officer.get(reverse("incidents:list"), {"xem": view}).content.decode()


def test_the_list_costs_the_same_number_of_queries_for_one_and_for_twenty(
    unit, officer, client, django_assert_num_queries
):
    client.force_login(UserFactory(coordinator=True))
    listed = reverse("incidents:list")
    incident_of(unit, by=officer)
    client.get(listed)  # the procedure's kept text is read once per process
    with django_assert_num_queries(9):
        client.get(listed)
    for _n in range(19):
        other = UnitFactory()
        incident_of(other, by=officer_of(other))
    with django_assert_num_queries(9):
        assert client.get(listed).content.decode().count("Trang chủ bị thay đổi") == 20


def test_the_units_procedures_cost_the_same_number_of_queries_for_one_and_for_twenty(
    unit, client, django_assert_num_queries
):
    client.force_login(UserFactory(coordinator=True))
    for many in (1, 20):
        for _n in range(many):
            sop_of(UnitFactory(), approved=True)
        with django_assert_num_queries(6):
            client.get(reverse("incidents:sops"))


@pytest.mark.parametrize(
    ("name", "query", "partial"), [("list", {"xem": "all"}, "_rows"), ("sops", {"q": ""}, "_unit_sops")]
)
def test_the_partial_is_part_of_the_page(unit, officer, client, name, query, partial):
    incident_of(unit, by=officer)
    client.force_login(UserFactory(coordinator=True))
    address = reverse(f"incidents:{name}")
    page = client.get(address, query)
    part = client.get(address, query, headers={"HX-Request": "true"})
    assert f"incidents/{partial}.html" in [template.name for template in page.templates]
    assert "<html" not in part.content.decode()
    squeeze = re.compile(r"\s+")
    assert squeeze.sub(" ", part.content.decode()).strip() in squeeze.sub(" ", page.content.decode())


def test_the_nearest_deadline_refreshes_by_itself(unit, officer, as_officer):
    incident = incident_of(unit, by=officer)
    address = reverse("incidents:clocks", args=[incident.pk])
    part = as_officer.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "Thông báo sự cố" in part
    assert part.strip() in as_officer.get(reverse("incidents:detail", args=[incident.pk])).content.decode()
    assert as_officer.get(address).headers["Location"] == reverse("incidents:detail", args=[incident.pk])


def test_a_procedure_is_adopted_approved_and_read_from_the_pages(unit, officer, client):
    head = head_of(unit)
    client.force_login(officer)
    assert "Áp dụng quy trình này" in client.get(reverse("incidents:sop", args=["malware"])).content.decode()
    client.post(reverse("incidents:sop_adopt", args=["malware"]))
    sop = unit.sops.get()
    client.force_login(head)
    client.post(reverse("incidents:sop_approve", args=[sop.pk]))
    client.post(reverse("incidents:sop_read", args=[sop.pk]))
    sop.refresh_from_db()
    assert (sop.approved_by, sop.readings.get().user) == (head, head)
    page = client.get(reverse("incidents:sops")).content.decode()
    assert "Đã phê duyệt" in page


def test_the_standard_procedure_is_readable_in_full_by_those_without_a_unit(data, frozen_now, client):
    client.force_login(UserFactory(inspector=True))
    page = client.get(reverse("incidents:sop", args=["malware"])).content.decode()
    assert page.count('<li class="step">') == 25
    assert client.get(reverse("incidents:sop", args=["khong-co"])).status_code == 404


def test_a_person_without_a_post_is_told_what_to_do(data, frozen_now, client):
    client.force_login(UserFactory())
    assert "chưa giữ vị trí" in client.get(reverse("incidents:sops")).content.decode()
    assert client.get(reverse("incidents:open")).status_code == 403


def test_an_alert_that_an_incident_answers_leads_to_it_and_opens_no_second_one(unit, officer, as_officer):
    alert = alert_of(unit)
    incident = incident_of(unit, by=officer, alerts=[alert])
    detail = reverse("incidents:detail", args=[incident.pk])
    address = f"{reverse('incidents:open')}?alert={alert.pk}"
    form = {"unit": unit.pk, "kind": "malware", "title": "Lần nữa", "detected_at": "2019-12-10T08:30"}

    assert as_officer.get(address).headers["Location"] == detail
    assert as_officer.post(address, form).headers["Location"] == detail
    with pytest.raises(ActionDenied, match="SC-2019-"):
        services.open_incident(
            unit_id=unit.pk, kind="malware", title="x", alerts=[alert], by=officer, detected_at=clock.now()
        )
    assert Incident.objects.count() == 1
    assert as_officer.get(f"{address}&dien-tap=1").status_code == 200, "a drill may still use the alert"


def test_a_second_click_on_open_leads_to_the_incident_that_the_first_one_opened(unit, as_officer):
    form = {"unit": unit.pk, "kind": "malware", "title": "Máy bị mã hóa", "detected_at": "2019-12-10T08:30"}
    first, second = (as_officer.post(reverse("incidents:open"), form) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    as_officer.post(reverse("incidents:open"), form | {"title": "Máy khác bị mã hóa"})
    assert Incident.objects.count() == 2


def test_the_page_of_an_alert_asks_for_the_incidents_that_answer_it(unit, officer, as_officer):
    alert, other = alert_of(unit), alert_of(unit)
    incident = incident_of(unit, by=officer, alerts=[alert])
    part = reverse("incidents:of_alert", args=[alert.pk])
    assert f'hx-get="{part}"' in as_officer.get(reverse("alerts:detail", args=[alert.pk])).content.decode()

    shown = as_officer.get(part, headers={"HX-Request": "true"}).content.decode()

    assert reverse("incidents:detail", args=[incident.pk]) in shown
    assert as_officer.get(part).headers["Location"] == reverse("incidents:detail", args=[incident.pk])
    nothing = as_officer.get(reverse("incidents:of_alert", args=[other.pk]), headers={"HX-Request": "true"})
    assert "<a" not in nothing.content.decode()
