"""The journey of a plan through its pages: drafted, issued, sent down, answered, judged, seen on the board of the plan."""

import csv
import io
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.cascade import services
from dekhang.apps.cascade.enums import DeadlineKind, PlanState
from dekhang.apps.cascade.faults import faults_of
from dekhang.apps.cascade.models import Assignment, PlanVersion, Report
from dekhang.apps.cascade.services.plans import coordinate, lead
from dekhang.apps.cascade.templates_of_plans import template
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.registry.enums import UnitKind
from dekhang.law import load
from tests.factories.cascade import DUE, accepted_report, draft, given, issued, recurring_in, task_in
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, commune, head_of, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(frozen_now, client):
    user = UserFactory(coordinator=True)
    client.force_login(user)
    return user


def page(client, name, *args, **query):
    answer = client.get(reverse(f"cascade:{name}", args=args), query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def press(client, name, *args, **data):
    return client.post(reverse(f"cascade:{name}", args=args), data)


TASK = {
    "title": "Quán triệt chỉ thị",
    "lead_kinds": ["commune"],
    "deadline": "once",
    "due_on": "2019-12-31",
    "own_proof": "on",
    "basis": ["CT14-2019"],
}


def test_the_whole_journey_of_a_plan(coordinator, client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    district = UnitFactory(version__kind=UnitKind.DISTRICT, version__name="Huyện Châu Thành")
    village = commune(district, "Xã Thanh Điền")
    officer, head, low = officer_of(district), head_of(district), officer_of(village)

    # the coordinator drafts a plan, sees what is wrong, corrects and issues it
    press(client, "new_plan", title="Kế hoạch năm", day="2019-12-01", decision="1/QĐ")
    version = PlanVersion.objects.get()
    refused = press(client, "new_task", version.pk, **{**TASK, "due_on": "2019-11-30", "lead_kinds": []})
    said = refused.content.decode()
    assert "sớm hơn ngày của kế hoạch (01/12/2019)" in said
    assert "chủ trì" in said
    assert "Kế hoạch chưa có việc nào" in page(client, "version", version.pk)
    press(client, "new_task", version.pk, **{**TASK, "lead_kinds": ["district"]})
    assert press(client, "issue", version.pk).status_code == 302
    version.refresh_from_db()
    assert version.state == PlanState.ISSUED

    # looks first, then sends
    form = {"tasks": [version.tasks.get().pk], "who": "ke-hoach", "role": "lead"}
    assert "Sẽ giao 1 lượt việc" in press(client, "send", version.pk, **form).content.decode()
    assert not Assignment.objects.exists()
    press(client, "send", version.pk, **form, **{"xac-nhan": "1"})
    top = Assignment.objects.get()

    # the district sees it, accepts it and gives it to its commune with an earlier day
    client.force_login(officer)
    assert "Đọc và tiếp nhận" in page(client, "of_unit", district.pk)
    assert "Tiếp nhận" in page(client, "assignment", top.pk)
    press(client, "accept", top.pk)
    press(client, "set_sub_duty", top.pk, text="Mời họp", person="Chị Hoa", due_on="2019-12-15")
    assert (
        "muộn hơn hạn" in press(client, "send_down", top.pk, units=[village.pk], due_on="2020-02-01").content.decode()
    )
    press(client, "send_down", top.pk, units=[village.pk], due_on="2019-12-20", note="Gửi về huyện")
    child = Assignment.objects.get(parent=top)

    # the commune accepts, asks, reports with a file; the district answers and returns it, then accepts the next
    client.force_login(low)
    press(client, "accept", child.pk)
    press(client, "talk", child.pk, "hoi", text="Họp chung được không?")
    paper = SimpleUploadedFile("bien-ban.pdf", b"%PDF-1.4 bien ban", content_type="application/pdf")
    press(client, "report", child.pk, text="Đã họp.", file=paper)
    report = Report.objects.get()
    file = client.get(reverse("cascade:report_file", args=[report.pk]))
    assert file["Content-Disposition"].startswith("attachment")
    file.close()
    client.force_login(head)
    assert "Họp chung được không?" in page(client, "inbox")
    press(client, "answer_question", child.questions.get().pk, text="Được.")
    press(client, "judge", report.pk, verdict="returned", note="Thiếu chữ ký")
    client.force_login(low)
    assert "Thiếu chữ ký" in page(client, "assignment", child.pk)
    press(client, "report", child.pk, text="Đã bổ sung chữ ký.")
    client.force_login(head)
    press(client, "judge", Report.objects.first().pk, verdict="accepted")
    assert "Đã chứng minh" in page(client, "assignment", child.pk)

    # the coordinator sees both rows, and a day before nothing was there
    client.force_login(coordinator)
    assert "Chưa báo cáo" in page(client, "overview")
    assert "Huyện Châu Thành" in page(client, "rows")
    assert "chưa có kế hoạch nào" in page(client, "overview", ngay="2019-12-09")
    said = client.get(reverse("cascade:export", args=["csv"])).content.decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(said)))
    assert {(row["Đơn vị"], row["Trạng thái"]) for row in rows} == {
        ("Huyện Châu Thành", "Chưa báo cáo"),
        ("Xã Thanh Điền", "Đã chứng minh"),
    }
    assert AuditEvent.objects.filter(action="cascade_exported").exists()


def test_a_file_with_a_mark_of_state_secrets_is_refused_and_nothing_is_kept(coordinator, client):
    version = draft()
    task = task_in(version)
    issued(version)
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, task, accepted_by=officer)
    client.force_login(officer)
    paper = SimpleUploadedFile("bao-cao-TUYET-MAT.pdf", b"%PDF-1.4", content_type="application/pdf")
    assert "TUYỆT MẬT" in press(client, "report", one.pk, text="Xem tệp", file=paper).content.decode()
    assert not Report.objects.exists()
    assert AuditEvent.objects.filter(action="secret_mark_refused").count() == 1


def test_an_issued_plan_is_changed_only_by_a_version_that_says_what_it_changes(coordinator, client):
    version = draft(by=coordinator)
    task = task_in(version)
    issued(version)
    assert press(client, "edit_plan", version.pk, title="Khác").status_code == 403
    assert press(client, "edit_task", task.pk, **TASK).status_code == 403
    unit = UnitFactory()
    one = given(unit, task)
    press(client, "revise", version.pk)
    new = PlanVersion.objects.get(number=2)
    assert "Chưa ghi bản này đổi điều gì" in page(client, "version", new.pk)
    press(client, "edit_plan", new.pk, title=new.title, day="2019-12-10", basis=["CT14-2019"], changes="Lùi hạn.")
    press(client, "edit_task", new.tasks.get().pk, **{**TASK, "due_on": "2020-01-31"})
    press(client, "issue", new.pk)
    version.refresh_from_db()
    assert version.state == PlanState.REPLACED
    assert one.dues.last().day == date(2020, 1, 31)  # open assignments follow
    assert version.tasks.get().due_on == DUE  # and what was issued stays as it was
    assert "Lùi hạn." in page(client, "version", new.pk)


def test_tasks_are_moved_and_deleted_while_it_is_a_draft(coordinator, client):
    version = draft(by=coordinator)
    first, second = task_in(version, "Một"), task_in(version, "Hai")
    press(client, "move_task", second.pk, "len")
    assert [task.title for task in version.tasks.all()] == ["Hai", "Một"]
    press(client, "delete_task", first.pk)
    assert [task.title for task in version.tasks.all()] == ["Hai"]
    press(client, "discard", version.pk)
    assert not PlanVersion.objects.exists()


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"parties": ()}, "chưa có cơ quan chủ trì"),
        ({"due_on": date(2019, 10, 1)}, "sớm hơn ngày của kế hoạch"),
        ({"basis": []}, "chưa có căn cứ"),
        ({"basis": ["L116-2025"]}, "chưa có hoặc hết hiệu lực"),
        ({"basis": ["CT99-2019"]}, "không có trong dữ liệu pháp luật"),
        (
            {"deadline": DeadlineKind.RECURRING, "period": "month", "due_on": None, "starts_on": date(2019, 11, 1), "ends_on": date(2019, 10, 20)},
            "ngày kết thúc đứng trước ngày bắt đầu",
        ),
    ],
)  # fmt: skip
def test_a_draft_says_what_stands_in_the_way_of_issuing_it(coordinator, facts, said):
    version = draft(by=coordinator)
    task_in(version, **facts)
    (fault,) = faults_of(version)
    assert said in fault
    assert "Việc 1" in fault
    with pytest.raises(ActionDenied, match="Chưa ban hành được"):
        issued(version)


def test_a_unit_that_leads_and_takes_part_is_named(coordinator):
    unit = UnitFactory(version__name="Xã Hai Vai")
    version = draft(by=coordinator)
    task_in(version, parties=(lead(unit.pk), coordinate(unit.pk)))
    assert faults_of(version) == ["Việc 1 “Quán triệt chỉ thị”: Xã Hai Vai vừa chủ trì vừa phối hợp. Bỏ một vai."]


def test_the_plan_that_comes_with_us_says_that_it_is_ours_and_may_be_issued_as_it_is(coordinator, client):
    UnitFactory(version__kind=UnitKind.DEPARTMENT).versions.update(is_coordinator=True)
    ours = template()
    assert "do Đề Kháng soạn từ Chỉ thị 14" in ours.note
    law = load()
    for task in ours.tasks:
        assert all(law.citation_fault(key) is None for key in task.basis), task.title
        assert task.duty == "" or law.duty(task.duty)
    press(client, "from_template")
    version = PlanVersion.objects.get()
    assert version.tasks.count() == len(ours.tasks)
    assert faults_of(version) == []
    assert "do Đề Kháng soạn từ Chỉ thị 14" in page(client, "version", version.pk)
    press(client, "issue", version.pk)
    version.refresh_from_db()
    assert version.state == PlanState.ISSUED


@pytest.mark.parametrize("role", ["leader", "inspector", "administrator"])
def test_only_the_coordinator_plans_and_sends(coordinator, client, role):
    version = issued(_with_task(draft(by=coordinator)))
    client.force_login(UserFactory(**{role: True}))
    assert press(client, "from_template").status_code == 403
    assert press(client, "new_plan", title="x").status_code == 403
    assert press(client, "send", version.pk).status_code == 403
    assert press(client, "revise", version.pk).status_code == 403


def _with_task(version):
    task_in(version)
    return version


def test_drafts_are_seen_by_the_coordinator_only(coordinator, client):
    version = draft(by=coordinator)
    client.force_login(officer_of(UnitFactory()))
    assert client.get(reverse("cascade:version", args=[version.pk])).status_code == 404


def test_questions_are_seen_by_the_chain_of_the_asker_only(coordinator, client):
    version = draft(by=coordinator)
    task = task_in(version)
    issued(version)
    asker, sibling = UnitFactory(), UnitFactory()
    officer = officer_of(asker)
    one, other = given(asker, task, accepted_by=officer), given(sibling, task)
    services.ask(assignment=one, text="Câu hỏi riêng", by=officer)
    assert "Câu hỏi riêng" in page(client, "assignment", one.pk)
    client.force_login(officer_of(sibling))
    assert client.get(reverse("cascade:assignment", args=[one.pk])).status_code == 404
    assert "Câu hỏi riêng" not in page(client, "assignment", other.pk)


def test_a_recurring_task_is_reported_by_period(coordinator, client):
    version = draft(by=coordinator)
    task = recurring_in(version)
    issued(version)
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, task, accepted_by=officer)
    client.force_login(officer)
    assert "Tháng 12/2019" in page(client, "assignment", one.pk)
    period = one.occurrences.get()
    press(client, "report", one.pk, text="Đã sao lưu.", occurrence=period.pk)
    assert one.reports.get().occurrence_id == period.pk
    press(client, "ask_extension", one.pk, until="2020-01-20", reason="Máy hỏng", occurrence=period.pk)
    assert one.reports.count() == 1


def test_a_period_whose_reports_were_returned_and_taken_back_can_be_reported_again(coordinator, client):
    version = draft(by=coordinator)
    task = recurring_in(version)
    issued(version)
    unit = UnitFactory()
    officer = officer_of(unit)
    one = given(unit, task, accepted_by=officer)
    period = one.occurrences.get()
    returned = services.report(assignment=one, text="Lần một", by=officer, occurrence=period)
    services.judge(report=returned, verdict="returned", note="Thiếu", by=coordinator)
    taken_back = services.report(assignment=one, text="Lần hai", by=officer, occurrence=period)
    services.withdraw_report(report=taken_back, by=officer)
    client.force_login(officer)
    press(client, "report", one.pk, text="Lần ba", occurrence=period.pk)
    assert one.reports.filter(verdict="", withdrawn_at=None).get().text == "Lần ba"


def test_who_judges_sees_that_another_unit_filed_the_very_same_file(coordinator, client, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    version = issued(_with_task(draft(by=coordinator)))
    reports = []
    for name in ("Xã Chép Một", "Xã Chép Hai"):
        unit = UnitFactory(version__name=name)
        officer = officer_of(unit)
        one = given(unit, version.tasks.get(), accepted_by=officer)
        paper = SimpleUploadedFile("a.pdf", b"%PDF-1.4 chep", content_type="application/pdf")
        reports.append(services.report(assignment=one, text="Xong", file=paper, by=officer))
    assert "Đơn vị khác cũng nộp đúng tệp này: Xã Chép Hai" in page(client, "assignment", reports[0].assignment_id)
    client.force_login(officer)
    assert "Xã Chép Một" not in page(client, "assignment", reports[1].assignment_id)


def test_the_page_of_rows_is_a_part_of_the_whole_page(coordinator, client):
    version = issued(_with_task(draft(by=coordinator)))
    given(UnitFactory(), version.tasks.get())
    part = client.get(reverse("cascade:rows"), headers={"HX-Request": "true"}).content.decode()
    assert part.strip() in page(client, "rows").replace("\r", "")


def test_numbers_of_the_overview_lead_to_as_many_rows(coordinator, client, django_assert_max_num_queries):
    version = issued(_with_task(draft(by=coordinator)))
    task = version.tasks.get()
    for number in range(12):
        unit = UnitFactory()
        officer = officer_of(unit)
        one = given(unit, task, accepted_by=officer)
        if number % 3 == 0:
            accepted_report(one, officer, coordinator)
    with django_assert_max_num_queries(30):
        said = page(client, "overview")
    assert 'title="4 đã chứng minh"' in said
    assert 'title="8 chưa báo cáo"' in said
    assert "4 trong 12 lượt việc" in page(client, "rows", **{"trang-thai": "proven"})
    with clock.at(clock.now() + timedelta(days=60)):
        client.force_login(coordinator)
        assert 'title="8 quá hạn"' in page(client, "overview")
