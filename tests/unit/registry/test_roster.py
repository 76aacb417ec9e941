"""The roster: brought in by workbooks with a preview, as a whole or not at all, and taken back as a whole."""

import io
from datetime import date, timedelta

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.enums import ChangeKind, ImportState
from dekhang.apps.registry.models import Employment, Person, RosterImport
from dekhang.apps.registry.people import exports, jobs, reading, selectors, services
from dekhang.apps.registry.people.columns import COLUMNS
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
DAY = date(2019, 12, 10)
HEADINGS = [column.names[0] for column in COLUMNS]


@pytest.fixture
def coordinator(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UserFactory(coordinator=True)


@pytest.fixture
def units(db):
    return [UnitFactory(version__name=name) for name in ("Sở Y tế", "Sở Tư pháp")]


def book(*rows):
    """A workbook; each row: code, name, unit and then title, email, phone, from."""
    target = io.BytesIO()
    workbook = xlsxwriter.Workbook(target, {"in_memory": True})
    sheet = workbook.add_worksheet("DS")
    for y, row in enumerate([HEADINGS, *rows]):
        for x, cell in enumerate(row):
            sheet.write_string(y, x, str(cell))
    workbook.close()
    return SimpleUploadedFile("danh-sach.xlsx", target.getvalue())


def bring(by, *rows, unit_id=None, complete=False, day=DAY, file=None):
    one = services.begin_import(unit_id=unit_id, file=file or book(*rows), is_complete=complete, day=day, by=by)
    assert jobs.work_off() == 1
    one.refresh_from_db()
    return one


def applied(by, *rows, **options):
    one = bring(by, *rows, **options)
    assert one.state == ImportState.READY, (one.problem, one.faults)
    services.confirm(one=one, by=by)
    assert jobs.work_off() == 1
    one.refresh_from_db()
    assert one.state == ImportState.APPLIED, one.problem
    return one


def roster(day=DAY):
    rows = Employment.objects.in_force(day).select_related("person")
    return {(row.person.code, row.unit.versions.get().name): row.title for row in rows}


def everything():
    return [list(model.objects.order_by("pk").values()) for model in (Person, Employment)]


A = ("CB1", "Nguyễn Văn A", "Sở Y tế", "Chuyên viên", "a@example.gov.vn")
B = ("CB2", "Trần Thị B", "so tu phap", "Chánh văn phòng")


def test_nothing_is_written_before_it_is_confirmed_and_then_everything(coordinator, units):
    one = bring(coordinator, A, B)
    assert (one.state, one.joins, one.rows) == (ImportState.READY, 2, 2)
    assert not Person.objects.exists()
    services.confirm(one=one, by=coordinator)
    jobs.work_off()
    assert roster() == {("CB1", "Sở Y tế"): "Chuyên viên", ("CB2", "Sở Tư pháp"): "Chánh văn phòng"}
    assert selectors.headcounts([u.pk for u in units], DAY) == {units[0].pk: 1, units[1].pk: 1}


def test_joiners_movers_corrections_and_leavers_are_told_apart(coordinator, units):
    applied(coordinator, A, B, ("CB3", "Lê C", "Sở Y tế"), day=DAY - timedelta(days=30))
    one = applied(
        coordinator,
        ("CB1", "Nguyễn Văn A", "Sở Tư pháp", "Phó phòng"),
        ("CB2", "Trần Thị Bé", "Sở Tư pháp", ""),
        ("CB4", "Phạm D", "Sở Y tế"),
        complete=True,
    )
    assert (one.joins, one.moves, one.corrections, one.leaves) == (1, 1, 1, 1)
    assert roster() == {
        ("CB1", "Sở Tư pháp"): "Phó phòng",
        ("CB2", "Sở Tư pháp"): "Chánh văn phòng",
        ("CB4", "Sở Y tế"): "",
    }
    assert roster(DAY - timedelta(days=1)).keys() == {("CB1", "Sở Y tế"), ("CB2", "Sở Tư pháp"), ("CB3", "Sở Y tế")}
    ids = [unit.pk for unit in units]
    seen = selectors.movements(ids, DAY, DAY + timedelta(days=1))
    assert (seen.joined, seen.left, seen.moved) == (1, 1, 1)
    assert Person.objects.get(code="CB1").email == "a@example.gov.vn", "an empty cell wipes nothing"


def test_an_import_is_undone_as_a_whole(coordinator, units):
    applied(coordinator, A, B, day=DAY - timedelta(days=30))
    before = everything()
    one = applied(
        coordinator,
        ("CB1", "Nguyễn Văn A Mới", "Sở Tư pháp", "Phó phòng"),
        ("CB9", "Người Mới", "Sở Y tế"),
        complete=True,
    )
    assert everything() != before
    services.undo(one=one, by=coordinator)
    assert everything() == before
    with pytest.raises(ActionDenied):
        services.undo(one=one, by=coordinator)


def test_only_the_newest_import_can_be_undone(coordinator, units, frozen_now):
    first = applied(coordinator, A)
    with clock.at(frozen_now + timedelta(hours=1)):
        applied(coordinator, B)
    with pytest.raises(ActionDenied, match="Hoàn tác tệp nạp sau trước"):
        services.undo(one=first, by=coordinator)


def test_a_faulty_workbook_changes_nothing_and_names_every_place(coordinator, units):
    one = bring(
        coordinator,
        A,
        ("CB2", "Trần B", "Sở Không Có"),
        ("079123456789", "Lê C", "Sở Y tế"),
        ("CB1", "Trùng Mã", "Sở Y tế"),
        ("CB5", "Đỗ E", "Sở Y tế", "", "khong-phai-thu", "điện thoại", "32/13/2019"),
    )
    assert one.state == ImportState.FAULTY
    text = "\n".join(one.faults)
    for sentence in (
        "dòng 3",
        "không có đơn vị “Sở Không Có”",
        "số căn cước",
        "đã có ở dòng 2",
        "không phải địa chỉ thư",
        "không phải số điện thoại",
        "không phải ngày",
    ):
        assert sentence in text, text
    assert not Person.objects.exists()
    with pytest.raises(ActionDenied):
        services.confirm(one=one, by=coordinator)


def test_names_that_several_units_have_ask_for_the_code(coordinator, units):
    UnitFactory(version__name="Sở Y tế")
    one = bring(coordinator, A)
    assert "ghi mã đơn vị thay cho tên" in one.faults[0]


def test_a_unit_fills_its_own_list_and_no_other(coordinator, units):
    officer = officer_of(units[0])
    applied(officer, A, unit_id=units[0].pk)
    assert "chỉ nạp được người của đơn vị ấy" in bring(officer, B, unit_id=units[0].pk).faults[0]
    for unit_id in (None, units[1].pk):
        with pytest.raises(ActionDenied):
            services.begin_import(unit_id=unit_id, file=book(A), is_complete=False, day=DAY, by=officer)


def test_the_roster_that_changed_since_the_preview_is_not_overwritten(coordinator, units):
    applied(coordinator, A, day=DAY - timedelta(days=30))
    one = bring(coordinator, ("CB1", "Nguyễn Văn A", "Sở Tư pháp"))
    services.confirm(one=one, by=coordinator)
    Employment.objects.update(valid_to=DAY - timedelta(days=1))
    jobs.work_off()
    one.refresh_from_db()
    assert (one.state, "đã thay đổi từ lúc xem trước" in one.problem) == (ImportState.FAULTY, True)
    assert roster() == {}


def test_what_goes_out_comes_in_again_unchanged(coordinator, units):
    applied(coordinator, A, B, ("CB3", "=HYPERLINK(1)x", "Sở Y tế"))
    content = exports.xlsx(selectors.employments_of(coordinator))
    one = bring(coordinator, file=SimpleUploadedFile("lai.xlsx", content))
    assert (one.unchanged, one.joins, one.moves, one.leaves) == (2, 0, 0, 0)
    [change] = one.changes.all()
    assert (change.kind, change.name) == (ChangeKind.CORRECT, "'=HYPERLINK(1)x"), "a guarded formula stays guarded"


def test_the_workbook_itself_is_not_kept(coordinator, units, tmp_path):
    bring(coordinator, A)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_an_interrupted_reading_is_taken_up_again(coordinator, units):
    one = services.begin_import(unit_id=None, file=book(A), is_complete=False, day=DAY, by=coordinator)
    RosterImport.objects.filter(pk=one.pk).update(state=ImportState.READING)
    assert (jobs.work_off(), jobs.take_up(), jobs.work_off()) == (0, 1, 1)


def test_people_are_found_without_accents_within_ones_units(coordinator, units):
    applied(coordinator, A, B)
    officer = officer_of(units[0])
    assert [row.person.code for row in selectors.found(selectors.employments_of(officer), "nguyen a")] == ["CB1"]
    assert not selectors.found(selectors.employments_of(officer), "tran").exists()


def test_several_imports_are_undone_back_to_the_empty_list(coordinator, units, frozen_now):
    first = applied(coordinator, A, B)
    with clock.at(frozen_now + timedelta(hours=1)):
        second = applied(coordinator, ("CB1", "Nguyễn Văn A", "Sở Tư pháp"), day=DAY + timedelta(days=1))
    services.undo(one=second, by=coordinator)
    services.undo(one=first, by=coordinator)
    assert not Person.objects.exists()
    assert not Employment.objects.exists()


def test_a_unit_cannot_pull_another_unit_s_people_over_by_their_code(coordinator, units):
    applied(coordinator, B)
    before = everything()
    one = bring(officer_of(units[0]), ("CB2", "Tên Khác", "Sở Y tế"), unit_id=units[0].pk)
    assert one.state == ImportState.FAULTY
    assert "đang là của một người ở đơn vị khác" in one.faults[0]
    assert "Trần Thị B" not in str(one.faults)
    assert not one.changes.exists()
    assert everything() == before


def test_somebody_with_the_same_code_who_joined_meanwhile_stops_the_whole(coordinator, units):
    one = bring(coordinator, A, B)
    Person.objects.create(code="CB2", name="Người khác")
    services.confirm(one=one, by=coordinator)
    jobs.work_off()
    one.refresh_from_db()
    assert (one.state, "CB2" in one.problem) == (ImportState.FAULTY, True)
    assert not Employment.objects.exists()


def test_a_person_in_two_units_of_the_list_is_made_once_and_employed_twice(coordinator, units):
    applied(coordinator, A, ("CB1", "Nguyễn Văn A", "Sở Tư pháp", "Biệt phái"))
    assert Person.objects.count() == 1
    assert roster() == {("CB1", "Sở Y tế"): "Chuyên viên", ("CB1", "Sở Tư pháp"): "Biệt phái"}


def test_applying_costs_the_same_statements_for_few_and_many(coordinator, units, django_assert_num_queries):
    rows = [(f"X{n}", "Lê Văn Số", "Sở Y tế") for n in range(3000)]
    one = bring(coordinator, *rows)
    services.confirm(one=one, by=coordinator)
    one.refresh_from_db()
    with django_assert_num_queries(22):
        services.apply(one=one)
    assert Employment.objects.count() == 3000


def test_a_reading_killed_half_way_begins_again_and_keeps_nothing_twice(coordinator, units, monkeypatch):
    """The process dies after the first part of the changes is on disk."""
    monkeypatch.setattr("dekhang.apps.registry.people.reading.AT_ONCE", 2)
    one = services.begin_import(
        unit_id=None,
        file=book(*[(f"X{n}", "Lê Văn Số", "Sở Y tế") for n in range(5)]),
        is_complete=False,
        day=DAY,
        by=coordinator,
    )
    parts = reading.Comparing.parts

    def killed(self):
        yield next(parts(self))
        raise KeyboardInterrupt  # nothing of ours catches it, as nothing catches SIGKILL

    with monkeypatch.context() as patch:
        patch.setattr(reading.Comparing, "parts", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.work_off()
    assert one.changes.count() == 2
    assert jobs.take_up() == 1
    jobs.work_off()
    one.refresh_from_db()
    assert (one.state, one.joins, one.changes.count()) == (ImportState.READY, 5, 5)
