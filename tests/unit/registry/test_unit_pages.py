from datetime import date

import pytest
from django.urls import reverse

from dekhang.apps.registry.models import Contact, System, Unit
from dekhang.apps.registry.search import fold, found_in
from dekhang.apps.registry.services import load_places
from tests.factories.core import UserFactory
from tests.factories.registry import SystemFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db
UNITS = "/don-vi/"


@pytest.mark.parametrize(
    ("asked", "name", "found"),
    [
        ("hoa thanh", "Huyện Hòa Thành", True),
        ("hoà thành", "Thị xã Hòa Thành", True),
        ("HÒA", "Hoà Thành", True),
        ("duong minh", "Huyện Dương Minh Châu", True),
        ("", "Bất kỳ", True),
        ("anh", "Huyện Hòa Thành", False),  # words begin so, letters inside do not count
    ],
)
def test_search_ignores_accents_and_the_place_of_the_tone_mark(asked, name, found):
    assert found_in(asked, name) is found


def test_folding_is_the_same_for_composed_and_decomposed_letters():
    assert fold("Bến Củi") == fold("Bê\u0301n Cu\u0309i") == "ben cui"


def test_the_list_of_any_day(client, frozen_now):
    load_places()
    client.force_login(UserFactory(coordinator=True))
    page = client.get(UNITS).content.decode()
    assert "124 trong 124 đơn vị" in page  # 95 communes, 9 districts, 19 bodies and the province
    assert "Huyện Trảng Bàng" in page
    assert [row.version.name for row in client.get(UNITS, {"q": "tan bien"}).context["rows"]] == [
        "Huyện Tân Biên",
        "Thị trấn Tân Biên",
    ]
    assert "chưa tới" in client.get(UNITS, {"ngay": "2025-07-01"}).content.decode()


def test_the_list_costs_the_same_for_many(client, frozen_now, django_assert_num_queries):
    load_places()
    client.force_login(UserFactory(coordinator=True))
    with django_assert_num_queries(5):
        client.get(UNITS)


def test_people_of_a_unit_read_all_names_but_open_only_their_own(client, frozen_now):
    mine, other = UnitFactory(version__name="Xã Mình"), UnitFactory(version__name="Xã Người")
    client.force_login(officer_of(mine))
    page = client.get(UNITS).content.decode()
    assert "Xã Người" in page
    assert reverse("registry:unit", args=[mine.pk]) in page
    assert reverse("registry:unit", args=[other.pk]) not in page
    assert client.get(reverse("registry:unit", args=[other.pk])).status_code == 404


def test_a_unit_shows_what_became_of_it(client):
    load_places()
    client.force_login(UserFactory(coordinator=True))
    unit = Unit.objects.get(key="xa-phuoc-luu-25726")
    page = client.get(reverse("registry:unit", args=[unit.pk])).content.decode()
    assert "Không còn hiệu lực" in page
    assert "Xã Phước Bình" in page


def test_a_contact_is_added_checked_and_removed(client, frozen_now):
    unit = UnitFactory()
    client.force_login(officer_of(unit))
    address = reverse("registry:add_contact", args=[unit.pk])
    wrong = client.post(address, {"kind": "email", "value": "không phải thư"})
    assert 'class="fault"' in wrong.content.decode()
    client.post(address, {"kind": "phone", "value": "0276 000 000", "label": "trực"})
    contact = Contact.objects.get()
    client.post(reverse("registry:remove_contact", args=[contact.pk]))
    assert not Contact.objects.in_force(date(2019, 12, 10)).exists()


def test_a_system_is_registered_and_retired(client, frozen_now):
    unit = UnitFactory()
    client.force_login(head_of(unit))
    client.post(reverse("registry:register_system", args=[unit.pk]), {"name": "Cổng thông tin", "level": "2"})
    system = System.objects.get()
    assert (system.level, system.public_facing) == (2, False)
    client.post(reverse("registry:retire_system", args=[system.pk]))
    assert System.objects.get().valid_to is not None


def test_others_change_nothing_at_a_unit(client, frozen_now):
    unit = UnitFactory()
    system = SystemFactory(unit=unit)
    contact = Contact.objects.create(unit=unit, kind="phone", value="0276", valid_from=date(2019, 1, 1))
    addresses = [
        reverse("registry:add_contact", args=[unit.pk]),
        reverse("registry:remove_contact", args=[contact.pk]),
        reverse("registry:register_system", args=[unit.pk]),
        reverse("registry:retire_system", args=[system.pk]),
    ]
    client.force_login(officer_of(UnitFactory()))
    assert [client.post(address, {}).status_code for address in addresses] == [404] * 4
    client.force_login(UserFactory(coordinator=True))
    assert [client.post(address, {}).status_code for address in addresses] == [403] * 4
