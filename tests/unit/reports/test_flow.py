"""From the clock to the archive of the coordinator: made, confirmed, sent, received or returned, followed."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.reports import jobs, selectors, services
from dekhang.apps.reports.enums import ReportState
from dekhang.apps.reports.gathering import Asked, Letter
from dekhang.apps.reports.models import NotMade, Report
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.scoreboard.services import freeze_day
from dekhang.cli import doctor
from dekhang.law import load
from tests.factories.core import UserFactory
from tests.factories.registry import head_of, officer_of
from tests.factories.reports import LATER, asked, frozen_province, made, province

pytestmark = pytest.mark.django_db


@pytest.fixture
def units(data, frozen_now):
    return frozen_province()


@pytest.fixture
def later(units):
    with clock.at(LATER):
        yield LATER


def test_a_head_confirms_the_unit_sends_the_coordinator_receives_each_with_name_and_hour(units, later):
    head, officer, coordinator = head_of(units[0]), officer_of(units[0]), UserFactory(coordinator=True)
    report = made("year", units[0], by=officer)
    with pytest.raises(ActionDenied, match="Chỉ thủ trưởng"):
        services.confirm(report=report, by=officer)
    with pytest.raises(ActionDenied, match="xác nhận trước"):
        services.submit(report=report, by=officer)
    services.confirm(report=report, by=head)
    services.submit(report=report, by=officer)
    services.receive(report=report, by=coordinator)
    report.refresh_from_db()
    assert (report.state, report.confirmed_by, report.submitted_by, report.decided_by) == (
        ReportState.RECEIVED,
        head,
        officer,
        coordinator,
    )
    actions = list(AuditEvent.objects.filter(target_type="reports.report").values_list("action", flat=True))
    assert actions == ["report_archived", "report_confirmed", "report_submitted", "report_received"]


def test_a_returned_report_carries_its_reason_and_opens_the_way_to_another(units, later, client):
    head, coordinator = head_of(units[0]), UserFactory(coordinator=True)
    report = made("year", units[0], by=head, day=date(2019, 11, 30))
    services.confirm(report=report, by=head)
    services.submit(report=report, by=head)
    with pytest.raises(ActionDenied, match="vì sao"):
        services.return_it(report=report, reason=" ", by=coordinator)
    client.force_login(coordinator)
    assert client.post(reverse("reports:return", args=[report.pk]), {"reason": ""}).status_code == 422
    client.post(reverse("reports:return", args=[report.pk]), {"reason": "Thiếu phần khó khăn."})
    assert "Thiếu phần khó khăn." in OutboundMessage.objects.get(recipient=head.email).body
    client.force_login(head)
    assert "Thiếu phần khó khăn." in client.get(reverse("reports:detail", args=[report.pk])).content.decode()
    assert made("year", units[0], by=head, day=date(2019, 11, 30)).state == ReportState.MADE


def test_who_works_for_the_unit_does_not_receive_its_report(units, later):
    head = head_of(units[0])
    report = made("year", units[0], by=head)
    services.confirm(report=report, by=head)
    services.submit(report=report, by=head)
    insider = UserFactory(coordinator=True)
    units[0].holdings.create(kind="officer", user=insider, valid_from=date(2019, 1, 1))
    with pytest.raises(ActionDenied, match="người khác phải tiếp nhận"):
        services.receive(report=report, by=insider)


def test_a_report_of_a_day_that_is_not_over_cannot_be_confirmed(units, later):
    head = head_of(units[0])
    report = made("year", units[0], by=head, day=LATER.date())
    with pytest.raises(ActionDenied, match="bản tạm tính"):
        services.confirm(report=report, by=head)


def test_a_draft_of_the_last_day_of_a_period_does_not_keep_the_clock_from_the_report_itself(units):
    with clock.at(datetime(2019, 11, 30, 3, 0, tzinfo=UTC)):
        Snapshot.objects.filter(date=date(2019, 11, 30)).delete()
        draft = services.make(
            asked=asked("year", units[0], day=date(2019, 11, 30), start=date(2018, 12, 1)), by=officer_of(units[0])
        )
    assert (draft.provisional, draft.calendar_key) == (True, "")
    freeze_day(date(2019, 11, 30))
    assert ("year", units[0].pk) in [(wanted.kind, wanted.unit_id) for wanted, _key in jobs.waiting()]


def test_the_clock_does_not_replace_what_a_person_has_made_meanwhile(units, later):
    wanted, key = next(jobs.waiting())
    mine = services.make(asked=replace(wanted, texts=(("done", "Lời của tôi"),)), by=UserFactory(coordinator=True))
    assert services.make(asked=wanted, by=None, schedule_key=key) is None
    mine.refresh_from_db()
    assert mine.state == ReportState.MADE


def test_two_heads_confirm_once(units, later):
    one, other = head_of(units[0]), head_of(units[0])
    report = made("year", units[0], by=one)
    same = Report.objects.get(pk=report.pk)
    services.confirm(report=report, by=one)
    with pytest.raises(ActionDenied, match="Người khác vừa xử lý"):
        services.confirm(report=same, by=other)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2019, 12, 11), "chưa tới"),
        # over, but the clock has not frozen it yet
        (date(2019, 12, 9), "chưa được chốt"),
    ],
)
def test_days_without_figures_are_refused_with_the_reason(data, frozen_now, day, why):
    unit, *_others = province()
    with pytest.raises(ActionDenied, match=why):
        made("year", unit, day=day)


@pytest.mark.parametrize(
    "days",
    [
        {"start": "2019-12-01", "day": "9999-12-31"},
        {"start": "0001-01-01", "day": "2019-12-09"},
        {"start": "0001-01-01", "day": "0001-01-01"},
        {"start": "2019-01-01", "day": "2019-02-01"},  # nothing was known then
    ],
)
@pytest.mark.parametrize("button", ["xem", "lap"])
def test_days_out_of_reach_are_refused_with_a_sentence_and_freeze_nothing(units, later, client, days, button):
    client.force_login(UserFactory(coordinator=True))
    frozen = Snapshot.objects.count()
    answer = client.post(reverse("reports:make", args=["to_ubnd"]), {**days, button: "1"})
    assert answer.status_code == 422
    assert "Chọn" in answer.content.decode()
    assert (Snapshot.objects.count(), Report.objects.count()) == (frozen, 0)


def test_a_gap_is_frozen_when_it_is_reported_so_that_the_board_goes_on_saying_the_same(units, later):
    assert not Snapshot.objects.filter(date=date(2019, 12, 5)).exists()
    made("to_ubnd", day=date(2019, 12, 5))
    assert Snapshot.objects.filter(date=date(2019, 12, 5)).exists()


# the clock


def made_by_clock():
    return list(Report.objects.filter(made_by=None).values_list("calendar_key", "unit_id"))


def test_the_clock_makes_each_report_of_an_ended_period_once(units, later):
    total = 0
    while number := jobs.tick(limit=3):
        assert number <= 3
        total += number
    made_now = made_by_clock()
    assert len(made_now) == len(set(made_now)) == total
    assert {unit for key, unit in made_now if key == "unit_year"} == {unit.pk for unit in units}
    assert ("bulletin", None) in made_now
    assert jobs.tick() == 0


def test_a_crash_between_two_reports_makes_none_twice(units, later):
    wanted, key = next(jobs.waiting())
    assert services.make(asked=wanted, by=None, schedule_key=key) is not None
    assert services.make(asked=wanted, by=None, schedule_key=key) is None  # another process, or again after a crash
    assert Report.objects.filter(schedule_key=key).count() == 1


def test_one_report_that_breaks_does_not_stop_the_others_and_shows_as_missing(units, later, monkeypatch, caplog):
    real = jobs.make

    def breaks_once(*, asked, **more):
        if asked.unit_id == units[0].pk:
            raise RuntimeError("hỏng")
        return real(asked=asked, **more)

    monkeypatch.setattr(jobs, "make", breaks_once)
    jobs.tick(limit=100)
    missing = {row.period.entry.key: row.missing for row in jobs.progress()}
    assert missing["unit_year"] == 1
    assert missing["bulletin"] == 0
    assert "is not made" in caplog.text


def test_what_cannot_be_made_is_tried_later_and_later_and_the_page_and_the_doctor_say_why(
    units, later, monkeypatch, client
):
    tried = []

    def refuses(*, asked, **more):
        tried.append(asked.unit_id)
        raise ActionDenied("Không có gì để báo cáo.")

    with monkeypatch.context() as patched:
        patched.setattr(jobs, "make", refuses)
        waiting = len(list(jobs.waiting()))
        for _round in range(waiting):
            jobs.tick(limit=2)
        assert len(tried) == waiting  # each once: those that rest give way to the others
        for minutes, times in ((2, 2), (4, 2), (7, 3), (24 * 60, 4)):
            with clock.at(LATER + timedelta(minutes=minutes)):
                jobs.tick(limit=100)
            assert len(tried) == waiting * times
    client.force_login(UserFactory(coordinator=True))
    page = client.get(reverse("reports:follow")).content.decode()
    assert "4 bản." in page
    assert "Không có gì để báo cáo." in page
    assert "Không có gì để báo cáo." in " ".join(sentence for ok, sentence in doctor.reports(None) if not ok)
    with clock.at(LATER + timedelta(days=3)):
        jobs.tick(limit=100)
    assert not NotMade.objects.exists()


def test_without_frozen_figures_nothing_is_made_and_the_page_says_why(data, frozen_now, client):
    province()
    client.force_login(UserFactory(coordinator=True))
    assert jobs.tick() == 0
    page = client.get(reverse("reports:follow")).content.decode()
    assert "chưa có số liệu chốt của ngày cuối kỳ" in page
    assert "không ai bị tính trễ" in page
    assert "5 ngày" not in page


def test_the_coordinator_sees_who_is_late_by_how_many_days_and_whose_deadline_it_is(units, later, client):
    head = head_of(units[0])
    report = made("year", units[0], by=head, day=date(2019, 11, 30), start=date(2018, 12, 1))
    services.confirm(report=report, by=head)
    services.submit(report=report, by=head)
    period = next(p for p in selectors.periods_followed() if p.entry.key == "unit_year")
    assert period.due == date(2019, 12, 5)
    late = {row.unit.unit_id: row.overdue_days for row in selectors.follow(period)}
    assert late == {units[0].pk: 0, **{unit.pk: 5 for unit in units[1:]}}
    client.force_login(UserFactory(coordinator=True))
    page = client.get(reverse("reports:follow"), {"ky": "unit_year"}).content.decode()
    assert "Hạn này do tỉnh chọn, chưa có văn bản nêu" in page
    assert page.count("5 ngày") >= 3
    client.force_login(head)
    assert client.get(reverse("reports:follow")).status_code == 403


def test_heads_are_reminded_once_in_the_morning_and_only_of_what_is_not_sent(units):
    sends, waits = head_of(units[0]), head_of(units[1])
    with clock.at(datetime(2019, 12, 3, 3, 0, tzinfo=UTC)):  # 10:00, two days before the 5th
        for kind in ("year", "thematic"):
            report = made_for_year(kind, units[0], sends)
            services.submit(report=services.confirm(report=report, by=sends), by=sends)
        assert jobs.remind() == 2  # the year's report and the thematic one
        assert jobs.remind() == 0
    assert set(OutboundMessage.objects.values_list("recipient", flat=True)) == {waits.email}
    with clock.at(datetime(2019, 12, 3, 18, 0, tzinfo=UTC)):  # one in the morning
        OutboundMessage.objects.all().delete()
        assert jobs.remind() == 0


def made_for_year(kind, unit, by):
    return services.make(asked=asked(kind, unit, day=date(2019, 11, 30), start=date(2018, 12, 1)), by=by)


# the certificate


def test_a_certificate_is_checked_by_anybody_and_says_when_it_holds_no_more(units, later, client):
    report = made("certificate", units[0])
    address = reverse("reports:check", args=[report.code])
    page = client.get(address).content.decode()
    assert "Đúng do hệ thống này cấp" in page
    assert "Hôm nay vẫn đúng" in page
    assert "Xã Phước Đông" in page
    with clock.at(LATER + timedelta(days=120)):  # the canary's proof ran out after 90 days
        page = client.get(address).content.decode()
    assert "Có mục không còn đúng" in page
    assert client.get(reverse("reports:ask_code"), {"ma": report.code.lower()}).url == address


def test_a_code_is_found_however_it_was_typed_and_nothing_typed_breaks_the_page(units, later, client):
    report = made("certificate", units[0])
    address = reverse("reports:check", args=[report.code])
    for typed in (report.code.replace("-", " "), report.code.replace("-", "").lower(), report.code.replace("-", "/")):
        assert client.get(reverse("reports:ask_code"), {"ma": typed}).url == address
    for typed in ("a/b", "/", "..", "ă", "%2F", "?"):
        answer = client.get(reverse("reports:ask_code"), {"ma": typed}, follow=True)
        assert "Không có giấy nào mang mã này" in answer.content.decode()


def test_a_unit_does_not_word_the_number_or_signature_of_a_paper_that_the_coordinator_issues(units, later, client):
    head = head_of(units[0])
    client.force_login(head)
    page = client.get(reverse("reports:make", args=["certificate"])).content.decode()
    assert "signer_name" not in page
    client.post(
        reverse("reports:make", args=["certificate"]),
        {"day": "2019-12-09", "signer_name": "Giám đốc tự xưng", "number": "99/GXN", "lap": "1"},
    )
    letter = Report.objects.get().inputs["letter"]
    assert (letter["signer_name"], letter["number"]) == ("", "")
    with pytest.raises(ActionDenied, match="chỉ cơ quan đó ghi số"):
        made("certificate", units[0], by=head, letter=Letter(signer_name="Giám đốc tự xưng"))
    assert made("certificate", units[0], letter=Letter(signer_name="Giám đốc")).inputs["letter"]["signer_name"]


def test_a_code_that_was_never_issued_is_said_so(data, frozen_now, client):
    answer = client.get(reverse("reports:check", args=["2222-2222-2222"]))
    assert answer.status_code == 404
    assert "Không có giấy nào mang mã này" in answer.content.decode()


def test_only_certificates_are_open_to_their_code(units, later, client):
    report = made("year", units[0])
    assert client.get(reverse("reports:check", args=[report.code])).status_code == 404


def test_a_certificate_whose_data_were_changed_is_not_confirmed(units, later, client):
    report = made("certificate", units[0])
    report.inputs["unit"]["name"] = "Xã Khác"
    Report.objects.filter(pk=report.pk).update(inputs=report.inputs)
    page = client.get(reverse("reports:check", args=[report.code])).content.decode()
    assert "Dữ liệu đã bị sửa" in page
    assert "Xã Khác" not in page
    Report.objects.filter(pk=report.pk).update(inputs={})
    assert "Dữ liệu đã bị sửa" in client.get(reverse("reports:check", args=[report.code])).content.decode()


def test_a_unit_that_proves_nothing_gets_no_certificate(units, later):
    with pytest.raises(ActionDenied, match="chưa chứng minh được nghĩa vụ nào"):
        made("certificate", units[2])


# pages


def test_a_preview_shows_the_paper_and_keeps_nothing(units, later, client):
    client.force_login(head_of(units[0]))
    answer = client.post(
        reverse("reports:make", args=["year"]),
        {"start": "2019-12-01", "day": "2019-12-09", "text_done": "Đã <b>tập huấn</b>", "xem": "1"},
    )
    page = answer.content.decode()
    assert "Đã &lt;b&gt;tập huấn&lt;/b&gt;" in page
    assert "BÁO CÁO" in page
    assert not Report.objects.exists()
    part = client.post(
        reverse("reports:make", args=["year"]),
        {"start": "2019-12-01", "day": "2019-12-09", "xem": "1"},
        headers={"HX-Request": "true"},
    ).content.decode()
    assert "<html" not in part
    refused = client.post(
        reverse("reports:make", args=["year"]),
        {"start": "2019-12-09", "day": "2019-12-01", "xem": "1"},
        headers={"HX-Request": "true"},
    )
    assert refused.status_code == 200  # htmx shows no other answer
    assert "phải bắt đầu trước khi kết thúc" in refused.content.decode()


def test_making_by_the_page_archives_three_forms_to_fetch(units, later, client):
    client.force_login(head_of(units[0]))
    answer = client.post(reverse("reports:make", args=["sign_off"]), {"day": "2019-12-09", "lap": "1"})
    report = Report.objects.get()
    assert answer.url == reverse("reports:detail", args=[report.pk])
    for form, start in (("docx", b"PK"), ("pdf", b"%PDF"), ("xlsx", b"PK")):
        body = client.get(reverse("reports:file", args=[report.pk, form]))
        assert body.content.startswith(start)
    assert AuditEvent.objects.filter(action="report_fetched").count() == 3


def test_the_list_costs_the_same_number_of_queries_whatever_its_length(units, later, client, django_assert_num_queries):
    client.force_login(UserFactory(coordinator=True))
    report = made("bulletin")
    client.get(reverse("reports:list"))
    with django_assert_num_queries(4) as first:
        client.get(reverse("reports:list"))
    for number in range(30):
        report.pk, report.code = None, f"X{number}"
        report.save(force_insert=True)
    with django_assert_num_queries(len(first)):
        client.get(reverse("reports:list"))


def test_half_a_year_of_the_2026_regime_names_cybersecurity(data, frozen_now):
    unit, *_others = province()
    day = date(2026, 11, 30)
    with clock.at(datetime(2026, 12, 2, tzinfo=UTC)):
        freeze_day(day)
        wanted = Asked("year", unit.pk, date(2025, 12, 1), day, load().report_date("unit_year_2026"))
        report = services.make(asked=wanted, by=UserFactory(coordinator=True))
    assert report.calendar_key == "unit_year_2026"
    assert report.inputs["regime"] == "R2026"
