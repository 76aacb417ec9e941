"""Inspection visits: the sample, who may appraise, the checklist, findings to their end, evidence, minutes, heirs."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from docx import Document

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied, refusal
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome
from dekhang.apps.duties.filing import services as filing
from dekhang.apps.duties.filing.services import SecretMark
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.states import duties_of
from dekhang.apps.inspections import jobs, moving, policies, selectors, services
from dekhang.apps.inspections.enums import FindingStatus
from dekhang.apps.inspections.models import FollowUp, Sample
from dekhang.apps.inspections.services.drawing import redraw
from dekhang.apps.registry.enums import PostKind, UnitKind
from dekhang.apps.registry.reorganise import come_into_force, schedule
from dekhang.apps.sources.enums import AuditAction as SourceAction
from tests.factories.core import UserFactory
from tests.factories.duties import claim, evidence
from tests.factories.inspections import concluded, finding_of, visit_of
from tests.factories.registry import PostHoldingFactory, UnitFactory, commune, head_of, merger, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def inspector(data, frozen_now):
    return UserFactory(inspector=True, full_name="Thanh tra viên A")


@pytest.fixture
def unit(inspector):
    return UnitFactory(version__name="Xã Tân Bình")


# the sample


def test_a_drawn_sample_can_be_drawn_again_and_what_was_edited_shows(inspector, client):
    units = [UnitFactory() for _number in range(8)]
    claim(units[3], "level")
    evidence(units[3], EvidenceKind.OUTSIDE_REGISTER, "host:1", ok=False)
    sample = services.draw_sample(title="Quý I", quotas={"commune": (1, 3)}, by=inspector)
    drawn = list(sample.drawn.all())
    assert [row.way for row in drawn] == ["risk", "random", "random", "random"]
    assert (drawn[0].unit_id, drawn[0].risk) == (units[3].pk, 4)
    assert "bị bác bỏ (+4)" in drawn[0].reasons[0]
    assert redraw(sample)
    client.force_login(inspector)
    page = reverse("inspections:sample", args=[sample.pk])
    assert "Rút lại cho đúng kết quả này" in client.get(page).content.decode()
    Sample.objects.filter(pk=sample.pk).update(seed="1" * 64)
    assert "Rút lại không khớp" in client.get(page).content.decode()


def test_a_sample_is_nothing_for_units_or_leaders(inspector, unit):
    services.draw_sample(title="Quý I", quotas={"commune": (0, 1)}, by=inspector)
    assert selectors.samples_of(inspector).count() == 1
    for other in (officer_of(unit), UserFactory(leader=True), UserFactory(administrator=True)):
        assert not selectors.samples_of(other).exists()
        with pytest.raises(ActionDenied):
            services.draw_sample(title="x", quotas={"commune": (0, 1)}, by=other)


def test_a_visit_says_that_it_comes_from_a_sample_only_for_a_unit_that_was_drawn(inspector, unit, client):
    sample = services.draw_sample(title="Quý I", quotas={"commune": (0, 1)}, by=inspector)
    assert visit_of(unit, inspector, begun=False, sample=sample).sample == sample
    with pytest.raises(ActionDenied, match="không có trong mẫu “Quý I”"):
        visit_of(UnitFactory(), inspector, begun=False, sample=sample)
    client.force_login(inspector)
    assert client.get(reverse("inspections:plan"), {"mau": "9" * 5000}).status_code == 200


# who operates or reviews may not appraise


def test_who_reviewed_a_text_of_the_unit_may_not_appraise_it_and_hears_which(unit):
    coordinator = UserFactory(coordinator=True)
    revision = filing.submit(
        unit_id=unit.pk,
        kind="regulation",
        title="Quy chế ATTT xã",
        issued_on=clock.today(),
        facts={},
        file=SimpleUploadedFile("qc.pdf", b"%PDF-1.4 x"),
        by=officer_of(unit),
    )
    assert refusal(policies.check_can_appraise, coordinator, unit.pk) is None
    filing.accept(revision=revision, by=coordinator)
    reason = refusal(policies.check_can_appraise, coordinator, unit.pk)
    assert reason is not None and "đã duyệt văn bản “Quy chế ATTT xã” của Xã Tân Bình" in reason
    with clock.at(clock.now() + timedelta(days=731)):
        assert refusal(policies.check_can_appraise, coordinator, unit.pk) is None


def test_who_worked_on_the_unit_s_sources_or_held_a_post_there_may_not_appraise_it(inspector, unit):
    other = UserFactory(inspector=True)
    record_event(action=SourceAction.SOURCE_CHANGED, by=other, unit_id=unit.pk)
    reason = refusal(policies.check_can_appraise, other, unit.pk)
    assert reason is not None and "sửa nguồn log, ngày 10/12/2019" in reason
    former = PostHoldingFactory(
        unit=unit, kind=PostKind.OFFICER, user=UserFactory(inspector=True), valid_to=clock.today() - timedelta(days=90)
    ).user
    reason = refusal(policies.check_can_appraise, former, unit.pk)
    assert reason is not None and "vừa thôi giữ vị trí “Cán bộ chuyên trách CNTT” ở Xã Tân Bình" in reason
    for person in (other, former):
        with pytest.raises(ActionDenied, match="người khác phải kiểm tra"):
            visit_of(unit, inspector, members=[person])
    assert refusal(policies.check_can_appraise, inspector, unit.pk) is None


def test_a_follow_up_is_not_verified_by_who_began_to_operate_meanwhile(inspector, unit):
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector)
    concluded(visit, inspector)
    services.file_follow_up(finding=finding, text="Đã phân công người trực.", by=officer_of(unit))
    record_event(action=SourceAction.SOURCE_CREATED, by=inspector, unit_id=unit.pk)
    finding.refresh_from_db()
    with pytest.raises(ActionDenied, match="thêm nguồn log"):
        services.judge(finding=finding, verified=True, by=inspector)


# the visit


def test_the_checklist_is_the_one_of_the_day_with_the_texts_in_force(inspector, unit):
    visit = visit_of(unit, inspector, checklist_key="overall", begun=False)
    assert visit.items.count() == 15
    basis = " ".join(visit.items.get(key="register").basis)
    assert "85/2016" in basis and "331/2026" not in basis
    with clock.at(clock.now() + timedelta(days=2500)):  # October 2026: the other regime
        later = visit_of(UnitFactory(), inspector, checklist_key="overall", begun=False)
        basis = " ".join(later.items.get(key="register").basis)
        assert "331/2026" in basis and "85/2016" not in basis


def test_a_visit_is_concluded_when_every_item_has_a_result_and_a_failed_one_says_why(inspector, unit):
    visit = visit_of(unit, inspector)
    item = visit.items.select_related("visit").first()
    with pytest.raises(ActionDenied, match="cần ghi chú"):
        services.answer_item(item=item, result="not_met", by=inspector)
    services.answer_item(item=item, result="not_met", note="Có hai máy ngoài danh sách.", by=inspector)
    with pytest.raises(ActionDenied, match="Còn 6 mục"):
        services.move(visit=visit, to="concluded", note="x", by=inspector)
    with pytest.raises(ActionDenied, match="không bao giờ nhận bí mật"):
        services.answer_item(item=item, result="met", note="TUYỆT MẬT", by=inspector)
    visit = concluded(visit, inspector)
    with pytest.raises(ActionDenied, match="chỉ ghi được khi đang kiểm tra"):
        services.answer_item(item=visit.items.select_related("visit").first(), result="met", by=inspector)


def test_the_unit_prepares_before_and_reads_results_after_the_conclusion(inspector, unit, client):
    officer = officer_of(unit)
    hidden = visit_of(unit, inspector, announced=False, begun=False)
    assert not selectors.visits_of(officer).exists()
    visit = services.move(visit=hidden, to="under_way", by=inspector)
    item = visit.items.select_related("visit").first()
    services.answer_item(item=item, result="not_met", note="Có hai máy ngoài danh sách.", by=inspector)
    finding = finding_of(visit, inspector)
    client.force_login(officer)
    page = reverse("inspections:visit", args=[visit.pk])
    before = client.get(page).content.decode()
    assert item.look in before
    assert "hai máy ngoài danh sách" not in before and finding.text not in before
    assert client.get(reverse("inspections:finding", args=[finding.pk])).status_code == 404
    concluded(visit, inspector)
    after = client.get(page).content.decode()
    assert "hai máy ngoài danh sách" in after and finding.text in after
    client.force_login(officer_of(UnitFactory()))
    assert client.get(page).status_code == 404


def test_a_visit_is_not_called_off_while_a_finding_of_it_still_stands_as_evidence(inspector, unit):
    claim(unit, "level")
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector, item_key="register", contradicts=True)
    with pytest.raises(ActionDenied, match="Còn 1 phát hiện đang mở"):
        services.move(visit=visit, to="cancelled", note="Nhầm đơn vị.", by=inspector)
    services.withdraw_finding(finding=finding, reason="Nhầm đơn vị.", by=inspector)
    services.move(visit=visit, to="cancelled", note="Nhầm đơn vị.", by=inspector)
    assert assess("level", [unit.pk], clock.now())[unit.pk].state == ClaimState.DECLARED


def test_a_visit_that_was_called_off_and_is_planned_again_is_told_again(inspector, unit):
    head_of(unit, email="thu-truong@example.gov.vn")
    visit = visit_of(unit, inspector, day=clock.today() + timedelta(days=9), begun=False)
    for minutes, to in enumerate(("cancelled", "planned", "cancelled"), start=1):
        with clock.at(visit.planned_at + timedelta(minutes=minutes)):
            services.move(visit=visit, to=to, note="Đổi lịch." if to == "cancelled" else "", by=inspector)
    subjects = OutboundMessage.objects.order_by("pk").values_list("subject", flat=True)
    assert [subject.split(" ")[0] for subject in subjects] == ["Lịch", "Hủy", "Lịch", "Hủy"]


def test_marks_of_secrecy_are_refused_in_every_text_of_a_visit_and_counted(inspector, unit):
    with pytest.raises(SecretMark):
        visit_of(unit, inspector, purpose="TỐI MẬT")
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector)
    with pytest.raises(SecretMark):
        services.withdraw_finding(finding=finding, reason="TUYỆT MẬT", by=inspector)
    for item in visit.items.select_related("visit"):
        services.answer_item(item=item, result="met", by=inspector)
    with pytest.raises(SecretMark):
        services.move(visit=visit, to="concluded", note="Kết luận\nMẬT\n…", by=inspector)
    services.move(visit=visit, to="concluded", note="Đạt.", by=inspector)
    finding.refresh_from_db()
    services.file_follow_up(finding=finding, text="Đã làm.", by=officer_of(unit))
    with pytest.raises(SecretMark):
        services.judge(finding=finding, verified=True, note="MẬT", by=inspector)
    finding.refresh_from_db()
    assert (finding.status, finding.follow_ups.get().verified) == (FindingStatus.FILED, None)
    assert AuditEvent.objects.filter(action="secret_mark_refused").count() == 4


def test_what_is_too_long_is_refused_and_does_not_wipe_what_was_said_before(inspector, unit, client):
    head = head_of(unit)
    visit = concluded(visit_of(unit, inspector), inspector)
    services.comment(visit=visit, text="Đơn vị tiếp thu.", by=head)
    client.force_login(head)
    answer = client.post(reverse("inspections:comment", args=[visit.pk]), {"note": "a" * 4001})
    visit.refresh_from_db()
    assert (answer.status_code, visit.unit_view) == (403, "Đơn vị tiếp thu.")


def test_what_is_written_while_the_lead_concludes_is_refused(inspector, unit):
    visit = visit_of(unit, inspector)
    item = visit.items.select_related("visit").first()
    concluded(visit_seen := type(visit).objects.get(pk=visit.pk), inspector)
    assert visit.status != visit_seen.status
    with pytest.raises(ActionDenied, match="vừa được người khác thay đổi"):
        services.answer_item(item=item, result="not_met", note="Muộn.", by=inspector)
    with pytest.raises(ActionDenied, match="vừa được người khác thay đổi"):
        finding_of(visit, inspector)
    item.refresh_from_db()
    assert (item.result, visit.findings.count()) == ("met", 0)


# findings to their end


def test_a_finding_goes_back_and_forth_until_it_is_verified_and_then_the_visit_closes(inspector, unit):
    officer = officer_of(unit)
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector)
    with pytest.raises(ActionDenied, match="chưa kết luận"):
        services.file_follow_up(finding=finding, text="Đã làm.", by=officer)
    visit = concluded(visit, inspector)
    with pytest.raises(ActionDenied, match="Còn 1 phát hiện"):
        services.move(visit=visit, to="closed", by=inspector)
    finding.refresh_from_db()
    services.file_follow_up(finding=finding, text="Đã làm.", by=officer)
    with pytest.raises(ActionDenied, match="đang chờ kiểm tra lại"):
        services.file_follow_up(finding=finding, text="Lần nữa.", by=officer)
    with pytest.raises(ActionDenied, match="còn thiếu gì"):
        services.judge(finding=finding, verified=False, by=inspector)
    with pytest.raises(ActionDenied, match="dài quá 1000 ký tự"):
        services.judge(finding=finding, verified=False, note="a" * 1001, by=inspector)
    services.judge(finding=finding, verified=False, note="Chưa thấy lịch trực.", by=inspector)
    pdf = SimpleUploadedFile("lich.pdf", b"%PDF-1.4 lich")
    services.file_follow_up(finding=finding, text="Kèm lịch trực.", file=pdf, by=officer)
    services.judge(finding=finding, verified=True, by=inspector)
    assert finding.status == FindingStatus.CLOSED
    assert [(one.verified, bool(one.sha256)) for one in finding.follow_ups.all()] == [(True, True), (False, False)]
    assert services.move(visit=visit, to="closed", by=inspector).closed_at is not None


def test_a_marked_follow_up_is_refused_and_nothing_is_kept(inspector, unit):
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector)
    concluded(visit, inspector)
    finding.refresh_from_db()
    with pytest.raises(SecretMark):
        services.file_follow_up(
            finding=finding, text="Kèm tệp.", file=SimpleUploadedFile("MẬT.pdf", b"%PDF-1.4"), by=officer_of(unit)
        )
    assert not FollowUp.objects.exists()


def test_a_deadline_is_reminded_and_told_when_it_passed_each_once(inspector, unit):
    head_of(unit, email="thu-truong@example.gov.vn")
    visit = visit_of(unit, inspector, announced=False)
    finding = finding_of(visit, inspector, days=20)
    concluded(visit, inspector)
    told = OutboundMessage.objects.exclude(subject__startswith="Kết luận")
    assert jobs.tick() == 0
    with clock.at(clock.now() + timedelta(days=14)):
        assert (jobs.tick(), jobs.tick()) == (1, 0)
    with clock.at(clock.now() + timedelta(days=21)):
        assert (jobs.tick(), jobs.tick()) == (2, 0), "the head, and who led the visit"
        assert list(selectors.overdue(selectors.findings_of(inspector))) == [finding]
    assert set(told.values_list("recipient", flat=True)) == {"thu-truong@example.gov.vn", inspector.email}


# what a finding proves


def test_a_finding_outside_the_register_refutes_until_it_is_put_right(inspector, unit):
    claim(unit, "level")
    visit = visit_of(unit, inspector)
    finding = finding_of(visit, inspector, item_key="register", contradicts=True, text="Máy chủ lạ ở phòng họp.")

    def state():
        return assess("level", [unit.pk], clock.now())[unit.pk]

    assert state().state == ClaimState.REFUTED
    row = Evidence.objects.get(kind=EvidenceKind.OUTSIDE_REGISTER)
    assert (row.source, row.subject, "Máy chủ lạ" in row.reason) == ("person", f"finding:{finding.pk}", True)
    concluded(visit, inspector)
    finding.refresh_from_db()
    services.file_follow_up(finding=finding, text="Đã đăng ký máy.", by=officer_of(unit))
    services.judge(finding=finding, verified=True, by=inspector)
    assert state().state == ClaimState.DECLARED


def test_any_other_contradiction_is_evidence_of_a_kind_that_no_state_reads(inspector, unit):
    visit = visit_of(unit, inspector)
    finding_of(visit, inspector, contradicts=False)
    assert not Evidence.objects.filter(kind=EvidenceKind.INSPECTION_FINDING).exists()
    finding = finding_of(visit, inspector, contradicts=True)
    services.withdraw_finding(finding=finding, reason="Ghi nhầm đơn vị.", by=inspector)
    rows = Evidence.objects.filter(kind=EvidenceKind.INSPECTION_FINDING, subject=f"finding:{finding.pk}")
    assert list(rows.order_by("pk").values_list("outcome", flat=True)) == [Outcome.BROKEN, Outcome.OK]
    assert duties_of(EvidenceKind.INSPECTION_FINDING) == []


# minutes, reorganisations


def test_the_minutes_have_both_sides_every_item_and_every_finding(inspector, unit, client):
    UnitFactory(version__name="UBND tỉnh Tây Ninh", version__kind="province")
    head = head_of(unit, full_name="Chủ tịch xã Tân Bình")
    visit = visit_of(unit, inspector)
    finding_of(visit, inspector)
    withdrawn = finding_of(visit, inspector, text="Ghi nhầm.")
    services.withdraw_finding(finding=withdrawn, reason="nhầm", by=inspector)
    visit = concluded(visit, inspector)
    services.comment(visit=visit, text="Đơn vị tiếp thu.", by=head)
    visit.refresh_from_db()
    made = services.make_minutes(visit=visit, by=inspector)
    client.force_login(head)
    answer = client.get(reverse("inspections:minutes", args=[made.pk]))
    document = Document(BytesIO(b"".join(answer.streaming_content)))
    text = "\n".join(
        [paragraph.text for paragraph in document.paragraphs]
        + [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    )
    for expected in (
        *("CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "BIÊN BẢN KIỂM TRA", "Xã Tân Bình", "Căn cứ Điều 5 Thông tư 31/2017"),
        *(
            "Phép thử do máy tự trả lời.",
            "Người trực tiếp nhận từng phép thử.",
            "Đơn vị cơ bản đạt.",
            "Đơn vị tiếp thu.",
        ),
        *("TRƯỞNG ĐOÀN KIỂM TRA", "Thanh tra viên A", "ĐẠI DIỆN ĐƠN VỊ", "Chủ tịch xã Tân Bình"),
    ):
        assert expected in text, expected
    assert "Ghi nhầm." not in text
    assert all(item.text in text for item in visit.items.all())


def test_visits_to_come_and_open_findings_follow_the_heir_and_concluded_ones_stay(inspector, frozen_now):
    province = UnitFactory(version__name="Tỉnh Thử", version__kind=UnitKind.PROVINCE)
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    coming = visit_of(first, inspector, day=clock.today() + timedelta(days=90), begun=False)
    visit = visit_of(second, inspector)
    open_one = finding_of(visit, inspector, days=200)
    gone = finding_of(visit, inspector)
    services.withdraw_finding(finding=gone, reason="nhầm", by=inspector)
    concluded(visit, inspector)
    schedule(plan=merger(province, first, second), by=UserFactory(coordinator=True))
    with clock.at(frozen_now + timedelta(days=60)):
        come_into_force()
        assert moving.follow_reorganisations() == 2
        for one in (coming, visit, open_one, gone):
            one.refresh_from_db()
        heir = coming.unit_id
        assert heir not in (first.pk, second.pk)
        assert (open_one.unit_id, gone.unit_id, visit.unit_id) == (heir, second.pk, second.pk)
        head = PostHoldingFactory(unit_id=heir, unit=None, kind=PostKind.HEAD, valid_from=clock.today()).user
        services.file_follow_up(finding=open_one, text="Xã mới đã làm.", by=head)
