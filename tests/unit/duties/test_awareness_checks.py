"""Awareness checks of real people become counts over the roster in force; a broken workbook changes nothing."""

from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.duties.checks import services
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.models import AwarenessCheck, Evidence
from dekhang.apps.duties.selectors import assess
from dekhang.apps.registry.models import Employment, Person
from dekhang.apps.scoreboard import selectors as scoreboard
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
HEAD = "Mã cán bộ,Ngày kiểm tra,Kết quả,Điểm,Nơi tổ chức\n"


@pytest.fixture
def coordinator(frozen_now):
    return UserFactory(coordinator=True)


@pytest.fixture
def unit(frozen_now):
    """Three people on the roster, and one who left last month."""
    unit = UnitFactory(version__name="Xã Tân Hà")
    for code, until in (("A1", None), ("A2", None), ("A3", None), ("A4", date(2019, 11, 1))):
        person = Person.objects.create(code=code, name=f"Người {code}")
        Employment.objects.create(person=person, unit=unit, valid_from=date(2019, 1, 1), valid_to=until)
    return unit


def workbook(*rows, name="ket-qua.csv"):
    return SimpleUploadedFile(name, (HEAD + "\n".join(rows)).encode())


def newest(unit):
    return Evidence.objects.filter(unit=unit, kind="awareness").latest("pk")


def counts(unit):
    return tuple(newest(unit).payload[name] for name in ("roster", "passed", "never"))


def test_results_become_counts_over_the_roster_in_force_and_never_names(unit, coordinator):
    services.bring_checks(
        file=workbook("A1,2019-11-20,đạt,85,Sở TT&TT", "A2,20/11/2019,không đạt,40,Sở TT&TT", "A4,2019-11-20,đạt,,Sở TT&TT"),
        by=coordinator,
    )  # fmt: skip
    assert counts(unit) == (3, 1, 1)
    assert newest(unit).source == "import" and "Người" not in str(newest(unit).payload)
    figure = scoreboard.figures()["awareness"]
    assert (figure.measure.done, figure.measure.whole, figure.measure.never, figure.proven) == (1, 3, 1, 0)


def test_everybody_passed_is_proven_until_a_check_runs_out(unit, coordinator):
    rows = [f"A{n},2019-0{n}-20,đạt,,Sở TT&TT" for n in (1, 2, 3)]
    services.bring_checks(file=workbook(*rows), by=coordinator)
    assert assess("awareness", [unit.pk], clock.now())[unit.pk].state == ClaimState.PROVEN
    assert services.observe_awareness() == 0  # nothing new: nothing written
    with clock.at(CONFERENCE + timedelta(days=50)):  # A1's check is older than a year
        assert services.observe_awareness() == 1
        assert counts(unit) == (3, 2, 0)
        assert assess("awareness", [unit.pk], clock.now())[unit.pk].state == ClaimState.DECAYED


def test_who_joins_the_roster_counts_at_once(unit, coordinator):
    services.bring_checks(file=workbook("A1,2019-11-20,đạt,,Sở TT&TT"), by=coordinator)
    Employment.objects.create(
        person=Person.objects.create(code="A5", name="Người mới"), unit=unit, valid_from=date(2019, 12, 1)
    )
    services.observe_awareness()
    assert counts(unit) == (4, 1, 3)


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        ("B9,2019-11-20,đạt,,Sở", "không có cán bộ mã “B9”"),
        ("A1,2019-12-11,đạt,,Sở", "chưa tới"),
        ("A1,2009-12-11,đạt,,Sở", "quá cũ"),
        ("A1,2019-11-20,chắc đạt,,Sở", "ghi “đạt” hoặc “không đạt”"),
        ("A1,2019-11-20,đạt,850,Sở", "số từ 0 đến 100"),
        ("A2,2019-11-20,đạt,,Sở", "đã có kết quả cùng ngày ở dòng 2"),
    ],
)
def test_a_fault_names_row_column_and_what_to_write_and_nothing_is_kept(unit, coordinator, row, sentence):
    with pytest.raises(services.ChecksRefused) as refused:
        services.bring_checks(file=workbook("A2,2019-11-20,đạt,,Sở", row), by=coordinator)
    (told,) = refused.value.sentences
    assert sentence in told and "3" in told
    assert not AwarenessCheck.objects.exists() and not Evidence.objects.exists()


def test_a_workbook_is_undone_and_can_then_be_brought_again(unit, coordinator):
    brought = services.bring_checks(file=workbook("A1,2019-11-20,đạt,,Sở"), by=coordinator)
    with pytest.raises(ActionDenied, match="đã được nạp"):
        services.bring_checks(file=workbook("A1,2019-11-20,đạt,,Sở"), by=coordinator)
    services.undo_checks(brought=brought, by=coordinator)
    assert counts(unit) == (3, 0, 3)
    with pytest.raises(ActionDenied, match="đã được hoàn tác"):
        services.undo_checks(brought=brought, by=coordinator)
    services.bring_checks(file=workbook("A1,2019-11-20,đạt,,Sở"), by=coordinator)
    assert counts(unit) == (3, 1, 2)


def test_a_unit_does_not_mark_its_own_papers(unit):
    with pytest.raises(ActionDenied, match="không tự chấm"):
        services.bring_checks(file=workbook("A1,2019-11-20,đạt,,Sở"), by=officer_of(unit))


def test_the_page_brings_names_faults_and_undoes(client, unit, coordinator):
    client.force_login(coordinator)
    address = reverse("duties:checks")
    assert (
        "không có cán bộ mã “B9”" in client.post(address, {"file": workbook("B9,2019-11-20,đạt,,Sở")}).content.decode()
    )
    assert "Không thấy dòng tiêu đề" in client.post(address, {"file": SimpleUploadedFile("a.csv", b"x,y\n1,2\n")}).content.decode()  # fmt: skip
    sample = client.get(reverse("duties:checks_sample")).content
    assert "không có cán bộ mã “CB001”" in client.post(address, {"file": SimpleUploadedFile("m.xlsx", sample)}).content.decode()  # fmt: skip
    assert client.post(address, {"file": workbook("A1,2019-11-20,đạt,,Sở")}).status_code == 302
    brought = AwarenessCheck.objects.get().brought
    client.post(reverse("duties:undo_checks", args=[brought.pk]))
    assert counts(unit) == (3, 0, 3)
    client.force_login(officer_of(unit))
    assert client.get(address).status_code == 403
