import pytest
from django.urls import reverse

from dekhang.apps.registry.enums import ImportState
from dekhang.apps.registry.models import Employment, Person, RosterImport
from dekhang.apps.registry.people import jobs
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.unit.registry.test_roster import A, B, book

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    UnitFactory(version__name="Sở Tư pháp")
    return UnitFactory(version__name="Sở Y tế")


def test_from_the_file_to_the_list_and_back(client, unit):
    client.force_login(UserFactory(coordinator=True))
    sent = client.post(reverse("registry:bring_roster"), {"file": book(A, B), "day": "2019-12-10"})
    one = RosterImport.objects.get()
    assert "Chờ đọc" in client.get(sent.url).content.decode()
    jobs.work_off()
    shown = client.get(sent.url).content.decode()
    assert "Người mới: <strong>2</strong>" in shown and "Xác nhận, nạp tất cả" in shown
    client.post(reverse("registry:confirm_roster", args=[one.pk]))
    jobs.work_off()
    listed = client.get(reverse("registry:roster"), {"q": "nguyen"}).content.decode()
    assert "Nguyễn Văn A" in listed and "Trần Thị B" not in listed
    client.post(reverse("registry:undo_roster", args=[one.pk]))
    assert not Employment.objects.exists()


def test_faults_are_listed_with_their_places(client, unit):
    client.force_login(UserFactory(coordinator=True))
    sent = client.post(reverse("registry:bring_roster"), {"file": book(("", "X", "Sở Y tế")), "day": "2019-12-10"})
    jobs.work_off()
    shown = client.get(sent.url).content.decode()
    assert "dòng 2, cột A (Mã cán bộ)" in shown and "Nạp lại tệp đã sửa" in shown
    assert RosterImport.objects.get().state == ImportState.FAULTY


def test_an_officer_brings_the_own_units_list_only(client, unit):
    client.force_login(officer_of(unit))
    client.post(reverse("registry:bring_roster"), {"file": book(A), "day": "2019-12-10"})
    assert RosterImport.objects.get().unit_id == unit.pk


def test_the_list_needs_the_same_queries_for_any_number_of_people(client, unit, django_assert_num_queries):
    client.force_login(UserFactory(coordinator=True))
    client.post(
        reverse("registry:bring_roster"),
        {"file": book(*[(f"CB{n}", f"Người {n}", "Sở Y tế") for n in range(60)]), "day": "2019-12-10"},
    )
    one = RosterImport.objects.get()
    jobs.work_off()
    client.post(reverse("registry:confirm_roster", args=[one.pk]))
    jobs.work_off()
    client.get(reverse("registry:roster"))
    with django_assert_num_queries(7):
        assert client.get(reverse("registry:roster")).context["page"].paginator.count == 60


@pytest.mark.parametrize("unit_asked", ["9" * 5_000, "99999999999999999999"])
def test_a_unit_number_that_no_unit_can_have_shows_an_empty_list(client, unit, unit_asked):
    client.force_login(UserFactory(coordinator=True))
    assert client.get(reverse("registry:roster"), {"don-vi": unit_asked}).status_code == 200


def test_a_holder_who_moved_by_the_roster_is_pointed_out_on_the_page_of_the_old_unit(client, unit):
    officer, other = officer_of(unit), UnitFactory(version__name="Sở Nội vụ")
    person = Person.objects.create(code="CB9", name="Người Chuyển", user=officer)
    first = Employment.objects.create(person=person, unit=unit, valid_from="2019-01-01")
    client.force_login(UserFactory(coordinator=True))
    page = reverse("registry:unit", args=[unit.pk])
    assert "đã chuyển đơn vị" not in client.get(page).content.decode()
    Employment.objects.filter(pk=first.pk).update(valid_to="2019-12-01")
    Employment.objects.create(person=person, unit=other, valid_from="2019-12-01")
    assert "đã chuyển đơn vị" in client.get(page).content.decode()
