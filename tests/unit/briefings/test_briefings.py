"""Briefings: planning, inviting, the code of the room, the list, reading, questions, evidence, mails, heirs."""

import io
from datetime import timedelta

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.briefings import codes, jobs, moving, selectors, services, sheets
from dekhang.apps.briefings.models import Attendance, Invitation, Material
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome
from dekhang.apps.duties.filing.services import SecretMark
from dekhang.apps.duties.models import Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.states import PROVABLE, duties_of
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import Employment, Person, PostHolding
from dekhang.apps.registry.reorganise import come_into_force, schedule
from dekhang.apps.registry.services import add_contact
from tests.factories.briefings import briefing_of, material_of
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, commune, head_of, merger, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(data, frozen_now):
    return UserFactory(coordinator=True)


@pytest.fixture
def unit(coordinator):
    return UnitFactory(version__name="Xã Tân Bình")


def informed(unit, what):
    """Outcomes of the evidence that the unit was informed, oldest first."""
    rows = Evidence.objects.filter(unit=unit, kind=EvidenceKind.INFORMED, subject__endswith=what).order_by("pk")
    return list(rows.values_list("outcome", flat=True))


def invitation_of(briefing, unit):
    return Invitation.objects.select_related("briefing").get(briefing=briefing, unit=unit)


def scan(client, briefing, at=None):
    return client.get(reverse("briefings:scan", args=[codes.code_at(briefing.pk, at or clock.now())]))


# planning and inviting


def test_a_unit_invites_itself_and_those_below_it_only(coordinator):
    province = UnitFactory(version__name="Tỉnh", version__kind=UnitKind.PROVINCE)
    district = commune(province, "Huyện Một")
    below, beside = commune(district, "Xã Một"), commune(province, "Xã Hai")
    officer = officer_of(district)
    assert briefing_of(officer, district, below, host=district).invitations.count() == 2
    with pytest.raises(ActionDenied, match="phạm vi mời"):
        briefing_of(officer, beside, host=district)
    with pytest.raises(ActionDenied, match="cơ quan điều phối"):
        briefing_of(officer, below)


def test_people_picked_by_name_bring_their_unit_and_get_the_mail(coordinator, unit):
    person = Person.objects.create(code="CB1", name="Trần Thị Hòa", email="hoa@example.gov.vn")
    Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01")
    briefing = briefing_of(coordinator)
    services.invite(briefing=briefing, unit_ids=[], posts=[], person_ids=[person.pk], by=coordinator)
    services.move(briefing=briefing, to="announced", by=coordinator)
    [line] = selectors.lines_of(briefing)
    assert line.awaited == [("Trần Thị Hòa", "")]
    [mail] = OutboundMessage.objects.all()
    assert (mail.recipient, mail.unit_id) == ("hoa@example.gov.vn", unit.pk)
    assert "Hội trường UBND tỉnh" in mail.body
    assert "&" not in mail.subject


def test_a_draft_is_seen_by_its_organisers_only_and_others_see_it_when_invited(coordinator, unit):
    officer, stranger = officer_of(unit), officer_of(UnitFactory())
    briefing = briefing_of(coordinator, unit, announced=False)
    assert not selectors.briefings_of(officer).exists()
    services.move(briefing=briefing, to="announced", by=coordinator)
    assert selectors.briefings_of(officer).get() == briefing
    assert not selectors.briefings_of(stranger).exists()


def test_nobody_is_invited_so_nothing_is_announced(coordinator):
    with pytest.raises(ActionDenied, match="Chưa mời đơn vị nào"):
        services.move(briefing=briefing_of(coordinator), to="announced", by=coordinator)


def test_a_new_place_is_told_once_and_the_day_is_reminded_again(coordinator, unit):
    officer_of(unit)
    briefing = briefing_of(coordinator, unit, starts_in=timedelta(hours=20))
    jobs.tick()
    facts = {
        "title": briefing.title,
        "starts_at": briefing.starts_at,
        "ends_at": briefing.ends_at,
        "place": "Nhà văn hóa",
    }
    for _twice in range(2):
        services.change(briefing=briefing, **facts, by=coordinator)
    jobs.tick()
    subjects = list(OutboundMessage.objects.order_by("pk").values_list("subject", flat=True))
    assert [subject.split(":")[0] for subject in subjects] == ["Giấy mời", "Nhắc dự", "Đổi lịch"]


def test_a_person_who_is_named_after_the_unit_was_invited_gets_the_mail_and_nobody_gets_it_twice(coordinator, unit):
    officer_of(unit)
    person = Person.objects.create(code="CB1", name="Trần Thị Hòa", email="hoa@example.gov.vn")
    Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01")
    briefing = briefing_of(coordinator, unit, starts_in=timedelta(days=3))
    assert OutboundMessage.objects.count() == 1
    assert services.invite(briefing=briefing, unit_ids=[], person_ids=[person.pk], by=coordinator) == 0
    assert OutboundMessage.objects.order_by("pk").last().recipient == "hoa@example.gov.vn"
    services.invite(briefing=briefing, unit_ids=[unit.pk], by=coordinator)
    assert OutboundMessage.objects.count() == 2


def test_a_place_that_changes_back_and_forth_is_told_each_time(coordinator, unit):
    officer_of(unit)
    briefing = briefing_of(coordinator, unit, starts_in=timedelta(days=3))
    facts = {"title": briefing.title, "starts_at": briefing.starts_at, "ends_at": briefing.ends_at}
    for minutes, place in enumerate(("Nhà B", "Nhà A", "Nhà B"), start=1):
        with clock.at(briefing.created_at + timedelta(minutes=minutes)):
            services.change(briefing=briefing, **facts, place=place, by=coordinator)
    told = OutboundMessage.objects.filter(subject__startswith="Đổi lịch").order_by("pk")
    assert ["Nhà B" in mail.body for mail in told] == [True, False, True], "the last mail says where it is"


def test_who_misses_a_briefing_that_was_put_off_after_its_day_is_told_again(coordinator, unit):
    officer_of(unit)
    briefing = briefing_of(coordinator, unit)
    with clock.at(briefing.ends_at + jobs.AFTER):
        assert jobs.tick() == 1
        later = clock.now() + timedelta(days=7)
        facts = {"title": briefing.title, "starts_at": later, "ends_at": later + timedelta(hours=2), "place": "Nhà A"}
        briefing = services.change(briefing=briefing, **facts, by=coordinator)
    with clock.at(briefing.ends_at + jobs.AFTER):
        jobs.tick()
    assert OutboundMessage.objects.filter(subject__startswith="Vắng mặt").count() == 2


def test_what_was_called_off_and_is_announced_again_is_told_again(coordinator, unit):
    officer_of(unit)
    briefing = briefing_of(coordinator, unit, starts_in=timedelta(days=3))
    for minutes, to in enumerate(("cancelled", "draft", "announced"), start=1):
        with clock.at(briefing.created_at + timedelta(minutes=minutes)):
            services.move(briefing=briefing, to=to, by=coordinator)
    subjects = OutboundMessage.objects.order_by("pk").values_list("subject", flat=True)
    assert [subject.split(":")[0] for subject in subjects] == ["Giấy mời", "Hủy", "Giấy mời"]


def test_a_unit_that_has_come_is_not_uninvited(coordinator, unit):
    briefing = briefing_of(coordinator, unit)
    services.write_down(invitation=invitation_of(briefing, unit), name="Lê Văn An", by=coordinator)
    with pytest.raises(ActionDenied, match="giấy mời được giữ lại"):
        services.uninvite(invitation=invitation_of(briefing, unit), by=coordinator)


# the code of the room


def test_the_code_lives_for_a_minute_at_most_and_belongs_to_one_briefing(frozen_now):
    code = codes.code_at(7, frozen_now)
    assert codes.briefing_of(code, frozen_now + timedelta(seconds=30)) == 7
    assert codes.briefing_of(code, frozen_now + timedelta(seconds=61)) is None
    assert codes.briefing_of(code, frozen_now - timedelta(seconds=31)) is None, "not before it is shown"
    assert codes.briefing_of(code.replace("7-", "8-", 1), frozen_now) is None
    for forged in ("", "7", "7-", "x-y", "٣-abc", "9" * 40 + "-" + "0" * 24):
        assert codes.briefing_of(forged, frozen_now) is None


def test_an_account_confirms_with_one_tap_and_only_once(coordinator, unit, client):
    officer = officer_of(unit, full_name="Cán bộ Tân Bình")
    briefing = briefing_of(coordinator, unit)
    client.force_login(officer)
    assert scan(client, briefing).url == reverse("briefings:here")
    assert "Tôi có mặt" in client.get(reverse("briefings:here")).content.decode()
    client.post(reverse("briefings:here"), follow=True)
    row = Attendance.objects.get()
    assert (row.name, row.user, row.way, row.recorded_by) == ("Cán bộ Tân Bình", officer, "code_account", None)
    assert client.post(reverse("briefings:here")).status_code == 403, "the ticket was for one confirmation"
    scan(client, briefing)
    again = client.post(reverse("briefings:here"))
    assert "đã có trong danh sách có mặt" in again.content.decode()
    assert Attendance.objects.count() == 1


def test_without_an_account_one_phone_writes_one_name_of_an_invited_unit(coordinator, unit, client):
    other = UnitFactory()
    briefing = briefing_of(coordinator, unit)
    invitation = invitation_of(briefing, unit)
    foreign = invitation_of(briefing_of(coordinator, other), other)
    scan(client, briefing)
    wrong = client.post(reverse("briefings:here"), {"invitation": foreign.pk, "name": "Kẻ lạ"})
    assert wrong.status_code == 422
    done = client.post(
        reverse("briefings:here"),
        {"invitation": invitation.pk, "name": "  Phạm   Văn Bình ", "title": "Văn thư"},
        follow=True,
    )
    assert "Đã xác nhận có mặt" in done.content.decode()
    scan(client, briefing)
    second = client.post(reverse("briefings:here"), {"invitation": invitation.pk, "name": "Người Vắng Mặt"})
    assert "Máy này đã xác nhận cho Phạm Văn Bình" in second.content.decode()
    assert [(row.name, row.way) for row in Attendance.objects.all()] == [("Phạm Văn Bình", "code_name")]


def test_signing_in_after_the_scan_keeps_the_ticket(coordinator, unit, client):
    officer = officer_of(unit)
    briefing = briefing_of(coordinator, unit)
    scan(client, briefing)
    login = reverse("portal:login") + "?next=" + reverse("briefings:here")
    answer = client.post(login, {"username": officer.username, "password": "mot-mat-khau-de-thu"})
    assert answer.url == reverse("briefings:here")
    client.post(reverse("briefings:here"))
    assert Attendance.objects.get().user == officer


def test_a_photo_of_the_code_sent_to_the_absent_is_worth_nothing_a_minute_later(coordinator, unit, client):
    briefing = briefing_of(coordinator, unit)
    sent = clock.now()
    with clock.at(sent + timedelta(seconds=61)):
        answer = scan(client, briefing, at=sent)
        assert (answer.status_code, "quét lại mã" in answer.content.decode()) == (403, True)
        assert client.post(reverse("briefings:here"), {"name": "Người Vắng"}).status_code == 403
    scan(client, briefing)
    with clock.at(sent + codes.TICKET + timedelta(seconds=1)):
        assert client.get(reverse("briefings:here")).status_code == 403, "a ticket does not wait for long"
    assert not Attendance.objects.exists()


def test_the_code_counts_only_around_the_meeting(coordinator, unit, client):
    briefing = briefing_of(coordinator, unit, starts_in=timedelta(hours=3))
    client.force_login(coordinator)
    screen = client.get(reverse("briefings:screen", args=[briefing.pk])).content.decode()
    assert "một giờ trước khi bắt đầu" in screen
    assert '<svg class="qr"' not in screen
    with clock.at(briefing.starts_at):
        screen = client.get(reverse("briefings:screen", args=[briefing.pk])).content.decode()
        assert "<svg" in screen and 'class="qr"' in screen
        part = client.get(reverse("briefings:screen", args=[briefing.pk]), headers={"HX-Request": "true"})
        assert part.content.decode().strip() in screen


# the organiser's list


def test_a_struck_name_stays_with_its_reason_and_the_unit_counts_as_absent(coordinator, unit):
    briefing = briefing_of(coordinator, unit)
    row = services.write_down(invitation=invitation_of(briefing, unit), name="Lê Văn An", by=coordinator)
    assert informed(unit, "attended") == [Outcome.OK]
    with pytest.raises(ActionDenied, match="vì sao gạch"):
        services.strike(attendance=row, reason=" ", by=coordinator)
    services.strike(attendance=row, reason="quét hộ", by=coordinator)
    summary = selectors.summary_of(selectors.lines_of(briefing))
    assert (summary.came, summary.invited, summary.people) == (0, 1, 0)
    assert informed(unit, "attended") == [Outcome.OK, Outcome.BROKEN]
    services.restore(attendance=row, by=coordinator)
    assert informed(unit, "attended")[-1] == Outcome.OK


def test_a_closed_list_is_corrected_only_after_opening_it_again(coordinator, unit):
    briefing = services.move(briefing=briefing_of(coordinator, unit), to="closed", by=coordinator)
    invitation = invitation_of(briefing, unit)
    with pytest.raises(ActionDenied, match="đã chốt"):
        services.write_down(invitation=invitation, name="Lê Văn An", by=coordinator)
    services.move(briefing=briefing, to="announced", by=coordinator)
    services.write_down(invitation=invitation_of(briefing, unit), name="Lê Văn An", by=coordinator)
    assert OutboundMessage.objects.filter(subject__startswith="Giấy mời").count() == 0, "nobody is invited twice"


def filled(briefing, *rows):
    """The downloaded sheet with `rows` (unit, name, came) in place of its own."""
    book = openpyxl.load_workbook(io.BytesIO(sheets.blank(briefing)))
    sheet = book.active
    sheet.delete_rows(3, sheet.max_row)
    for number, (unit, name, came) in enumerate(rows, start=1):
        sheet.append([number, unit, name, "Chuyên viên", came, ""])
    target = io.BytesIO()
    book.save(target)
    return SimpleUploadedFile("ky-ten.xlsx", target.getvalue())


def test_a_filled_sheet_is_shown_applied_whole_and_taken_back(coordinator, unit):
    briefing = briefing_of(coordinator, unit)
    services.write_down(invitation=invitation_of(briefing, unit), name="Đã Ghi Rồi", by=coordinator)
    file = filled(
        briefing, ("xã tân bình", "Lê Văn An", "x"), ("Xã Tân Bình", "Vắng Mặt", ""), ("Xã Tân Bình", "Đã ghi rồi", "x")
    )
    sheet = services.read_sheet(briefing=briefing, file=file, by=coordinator)
    assert [row[1] for row in sheet.rows] == ["Lê Văn An"]
    assert Attendance.objects.count() == 1, "nothing counts before it is confirmed"
    services.apply_sheet(sheet=sheet, by=coordinator)
    assert Attendance.objects.filter(way="sheet", struck_at=None).count() == 1
    services.undo_sheet(sheet=sheet, by=coordinator)
    assert [row.name for row in Attendance.objects.filter(struck_at=None)] == ["Đã Ghi Rồi"]
    with pytest.raises(ActionDenied):
        services.apply_sheet(sheet=sheet, by=coordinator)


def test_two_invited_units_of_one_name_are_told_apart_and_a_sheet_signs_for_neither_by_chance(coordinator, client):
    province = UnitFactory(version__name="Tỉnh", version__kind=UnitKind.PROVINCE)
    here, there = (
        commune(commune(province, above), "Xã Tân Bình") for above in ("Huyện Tân Biên", "Thị xã Trảng Bàng")
    )
    briefing = briefing_of(coordinator, here, there)
    assert [line.unit for line in selectors.lines_of(briefing)] == [
        "Xã Tân Bình (Huyện Tân Biên)",
        "Xã Tân Bình (Thị xã Trảng Bàng)",
    ]
    with pytest.raises(sheets.SheetFaults, match="ghi đúng tên đơn vị như trong tệp tải về"):
        services.read_sheet(briefing=briefing, file=filled(briefing, ("Xã Tân Bình", "An", "x")), by=coordinator)
    file = filled(briefing, ("xã tân bình (huyện tân biên)", "An", "x"))
    services.apply_sheet(sheet=services.read_sheet(briefing=briefing, file=file, by=coordinator), by=coordinator)
    assert Attendance.objects.get().invitation.unit_id == here.pk
    scan(client, briefing)
    assert "Xã Tân Bình (Thị xã Trảng Bàng)" in client.get(reverse("briefings:here")).content.decode()


def test_a_sheet_costs_by_units_and_not_by_names(coordinator, unit, django_assert_max_num_queries):
    briefing = briefing_of(coordinator, unit)
    letters = "abcdefghijklmnop"
    names = [f"Nguyễn {first}{second}" for first in letters for second in letters]
    file = filled(briefing, *(("Xã Tân Bình", name, "x") for name in names))
    sheet = services.read_sheet(briefing=briefing, file=file, by=coordinator)
    with django_assert_max_num_queries(30):
        services.apply_sheet(sheet=sheet, by=coordinator)
    assert (briefing.attendances.filter(struck_at=None).count(), informed(unit, "attended")) == (256, [Outcome.OK])
    with django_assert_max_num_queries(30):
        services.undo_sheet(sheet=sheet, by=coordinator)
    assert informed(unit, "attended") == [Outcome.OK, Outcome.BROKEN]
    assert AuditEvent.objects.get(action="sheet_undone").detail == {"rows": 256}


def test_a_name_that_came_in_meanwhile_stops_the_whole_sheet(coordinator, unit):
    briefing = briefing_of(coordinator, unit)
    file = filled(briefing, ("Xã Tân Bình", "Lê Văn An", "x"), ("Xã Tân Bình", "Trần Bình", "x"))
    sheet = services.read_sheet(briefing=briefing, file=file, by=coordinator)
    services.write_down(invitation=invitation_of(briefing, unit), name="lê văn an", by=coordinator)
    with pytest.raises(ActionDenied, match="vừa được ghi có mặt"):
        services.apply_sheet(sheet=sheet, by=coordinator)
    assert Attendance.objects.count() == 1


def test_marks_of_secrecy_in_a_reason_or_the_name_of_a_sheet_are_refused(coordinator, unit):
    briefing = briefing_of(coordinator, unit)
    row = services.write_down(invitation=invitation_of(briefing, unit), name="Lê Văn An", by=coordinator)
    with pytest.raises(SecretMark):
        services.strike(attendance=row, reason="TỐI MẬT", by=coordinator)
    file = filled(briefing, ("Xã Tân Bình", "Trần Bình", "x"))
    file.name = "ds TUYỆT MẬT.xlsx"
    with pytest.raises(SecretMark):
        services.read_sheet(briefing=briefing, file=file, by=coordinator)
    assert not briefing.sheets.exists()
    assert AuditEvent.objects.filter(action="secret_mark_refused").count() == 2


def test_a_faulty_sheet_names_row_and_what_to_write_and_keeps_nothing(coordinator, unit, client):
    briefing = briefing_of(coordinator, unit)
    file = filled(
        briefing, ("Xã Không Mời", "Lê Văn An", "x"), ("Xã Tân Bình", "", "x"), ("Xã Tân Bình", "Bình", "có lẽ")
    )
    client.force_login(coordinator)
    page = client.post(reverse("briefings:bring_sheet", args=[briefing.pk]), {"file": file}).content.decode()
    for expected in (
        "dòng 3",
        "không có trong danh sách mời",
        "dòng 4",
        "cần ghi họ tên",
        "dòng 5",
        "ghi x nếu có mặt",
    ):
        assert expected in page
    assert not briefing.sheets.exists()


def test_the_export_has_a_row_for_every_unit_and_no_cell_becomes_a_formula(coordinator, unit, client):
    absent = UnitFactory(version__name="Xã Vắng")
    briefing = briefing_of(coordinator, unit, absent)
    services.write_down(invitation=invitation_of(briefing, unit), name="=HYPERLINK(1)a", by=coordinator)
    client.force_login(coordinator)
    content = client.get(reverse("briefings:export", args=[briefing.pk, "xlsx"])).content
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert [cell.value for cell in book["Định nghĩa"][3]][1].startswith("Có mặt 1/2 đơn vị")
    assert [row[:3] for row in cells[1:]] == [["Xã Tân Bình", "có", "'=HYPERLINK(1)a"], ["Xã Vắng", "vắng", ""]]
    assert "Xã Vắng,vắng" in client.get(reverse("briefings:export", args=[briefing.pk, "csv"])).content.decode()


def test_the_list_costs_the_same_whatever_the_number_of_units(coordinator, django_assert_max_num_queries, client):
    units = [UnitFactory() for _number in range(12)]
    for one in units:
        officer_of(one)
    briefing = briefing_of(coordinator, *units)
    for one in units[:6]:
        services.write_down(invitation=invitation_of(briefing, one), name="Người Dự", by=coordinator)
    client.force_login(coordinator)
    with django_assert_max_num_queries(22):
        client.get(reverse("briefings:attendance", args=[briefing.pk]))


# materials, reading, questions


def test_reading_counts_after_the_file_was_opened_and_only_when_all_is_read(coordinator, unit, client):
    officer = officer_of(unit)
    briefing = briefing_of(coordinator, unit)
    first = material_of(briefing, coordinator)
    second = material_of(briefing, coordinator, name="ke-hoach.pdf", content=b"%PDF-1.4 khac")
    assert first.sha256 != second.sha256
    client.force_login(officer)
    refused = client.post(reverse("briefings:read", args=[first.pk]))
    assert (refused.status_code, "Hãy mở tài liệu trước" in refused.content.decode()) == (403, True)
    for one in (first, second):
        assert informed(unit, "read") == []
        answer = client.get(reverse("briefings:material", args=[one.pk]))
        assert b"".join(answer.streaming_content).startswith(b"%PDF")
        client.post(reverse("briefings:read", args=[one.pk]))
    assert informed(unit, "read") == [Outcome.OK]
    material_of(briefing, coordinator, name="them.pdf", content=b"%PDF-1.4 them")
    assert informed(unit, "read") == [Outcome.OK, Outcome.BROKEN], "what came later is not read yet"


def test_who_opened_a_file_at_one_unit_and_works_at_another_now_reads_it_for_that_one(coordinator, unit):
    other = UnitFactory()
    officer = officer_of(unit)
    briefing = briefing_of(coordinator, unit, other)
    one = material_of(briefing, coordinator)
    services.note_opened(material=one, invitation=invitation_of(briefing, unit), by=officer)
    PostHolding.objects.filter(user=officer).update(unit=other)
    services.confirm_read(material=one, invitation=invitation_of(briefing, other), by=officer)
    assert (informed(unit, "read"), informed(other, "read")) == ([], [Outcome.OK])


def test_a_marked_file_is_refused_and_nothing_of_it_is_kept(coordinator, unit, data):
    briefing = briefing_of(coordinator, unit)
    with pytest.raises(SecretMark, match="không bao giờ nhận bí mật nhà nước"):
        material_of(briefing, coordinator, name="bao-cao-TỐI MẬT.pdf")
    assert not Material.objects.exists()
    assert not list((data / "media").rglob("*.pdf"))
    event = AuditEvent.objects.get(action="secret_mark_refused")
    assert event.detail == {"mark": "TỐI MẬT"}


def test_a_question_is_read_by_others_only_when_its_answer_is_shared_and_without_who_asked(coordinator, unit, client):
    other = UnitFactory(version__name="Xã Khác")
    briefing = briefing_of(coordinator, unit, other)
    question = services.ask(invitation=invitation_of(briefing, unit), text="Hạn nộp là khi nào?", by=officer_of(unit))
    neighbour = officer_of(other)
    client.force_login(neighbour)
    page = reverse("briefings:detail", args=[briefing.pk])
    assert "Hạn nộp" not in client.get(page).content.decode()
    services.answer(question=question, text="Trước ngày 30/11.", shared=True, by=coordinator)
    shown = client.get(page).content.decode()
    assert "Hạn nộp" in shown and "Trước ngày 30/11." in shown
    assert "Xã Tân Bình" not in shown
    assert OutboundMessage.objects.filter(subject="Câu hỏi của bạn đã được trả lời").count() == 1


# what it proves, and what not


def test_being_informed_moves_no_duty(coordinator, unit, client):
    """Attendance and reading are evidence that a unit knows, never that it acted."""
    before = {key: assess(key, [unit.pk], clock.now())[unit.pk] for key in PROVABLE}
    officer = officer_of(unit)
    briefing = briefing_of(coordinator, unit)
    one = material_of(briefing, coordinator)
    invitation = invitation_of(briefing, unit)
    services.confirm(invitation=invitation, user=officer)
    services.note_opened(material=one, invitation=invitation, by=officer)
    services.confirm_read(material=one, invitation=invitation, by=officer)
    rows = Evidence.objects.filter(unit=unit, kind=EvidenceKind.INFORMED, outcome=Outcome.OK)
    assert rows.count() == 2
    assert duties_of(EvidenceKind.INFORMED) == []
    after = {key: assess(key, [unit.pk], clock.now())[unit.pk] for key in PROVABLE}
    assert after == before
    assert {one.state for one in after.values()} == {ClaimState.UNKNOWN}


# mails and reorganisations


def test_units_that_did_not_come_are_told_where_to_read_and_those_that_came_are_not(coordinator, unit):
    absent = UnitFactory(version__name="Xã Vắng")
    head_of(absent, email="thu-truong.vang@example.gov.vn")
    add_contact(unit_id=unit.pk, kind="email", value="vt@example.gov.vn", by=head_of(unit))
    briefing = briefing_of(coordinator, unit, absent)
    services.write_down(invitation=invitation_of(briefing, unit), name="Lê Văn An", by=coordinator)
    with clock.at(briefing.ends_at + timedelta(hours=1)):
        assert jobs.tick() == 0, "the organiser still writes down who signed on paper"
    with clock.at(briefing.ends_at + jobs.AFTER):
        assert (jobs.tick(), jobs.tick()) == (1, 0)
    told = OutboundMessage.objects.filter(subject__startswith="Vắng mặt")
    assert [mail.recipient for mail in told] == ["thu-truong.vang@example.gov.vn"]


def test_invitations_follow_the_heir_and_two_of_one_heir_become_one(coordinator, frozen_now):
    province = UnitFactory(version__name="Tỉnh Thử", version__kind=UnitKind.PROVINCE)
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    open_one = briefing_of(coordinator, first, second)
    for place in (first, second):
        services.write_down(invitation=invitation_of(open_one, place), name="Nguyễn Văn A", by=coordinator)
    closed = services.move(briefing=briefing_of(coordinator, first), to="closed", by=coordinator)
    schedule(plan=merger(province, first, second), by=coordinator)
    with clock.at(frozen_now + timedelta(days=60)):
        come_into_force()
        assert moving.follow_reorganisations() == 2
    [heir] = open_one.invitations.all()
    assert heir.unit_id not in (first.pk, second.pk)
    assert heir.attendances.filter(struck_at=None).count() == 2, "two people of one name are two people"
    assert closed.invitations.get().unit_id == first.pk, "what is over stays as it was"
