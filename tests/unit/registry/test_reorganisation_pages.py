import pytest
from django.urls import reverse

from dekhang.apps.registry.models import Reorganisation, System, UnitVersion
from tests.factories.core import UserFactory
from tests.factories.registry import MERGED_ON, SystemFactory, UnitFactory, commune, officer_of

pytestmark = pytest.mark.django_db
LIST = "/don-vi/sap-xep/"


@pytest.fixture
def province():
    return UnitFactory(version__name="Tỉnh Thử", version__kind="province")


@pytest.fixture
def coordinator(client, frozen_now):
    user = UserFactory(coordinator=True)
    client.force_login(user)
    return user


def merge_of(*units, **changes):
    facts = {"date": "2020-02-01", "basis": "NQ 865", "note": "", "units": [u.pk for u in units], "stays": "",
             "name": "Xã Phước Bình", "subtype": "Xã", "code": "25729"}  # fmt: skip
    return {**facts, **changes}


def test_a_merger_is_seen_before_it_is_confirmed_and_taken_back_after(client, coordinator, province):
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    SystemFactory(unit=first, name="Một cửa điện tử")
    page = reverse("registry:plan", args=["merge"])
    shown = client.post(page, merge_of(first, second, xem="")).content.decode()
    assert "Một cửa điện tử (Xã Một) → <strong>Xã Phước Bình</strong>" in shown
    assert not Reorganisation.objects.exists(), "looking changes nothing"
    assert client.post(page, merge_of(first, second, **{"xac-nhan": ""})).url == LIST
    listed = client.get(LIST).content.decode()
    assert "Xã Một, Xã Hai → Xã Phước Bình" in listed
    event = Reorganisation.objects.get()
    client.post(reverse("registry:take_back", args=[event.pk]))
    assert "đã hủy" in client.get(LIST).content.decode()
    assert not UnitVersion.objects.filter(name="Xã Phước Bình").exists()


def test_what_is_wrong_is_said_beside_what_was_typed(client, coordinator, province):
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    shown = client.post(
        reverse("registry:plan", args=["merge"]), merge_of(first, second, date="2019-12-01", xem="")
    ).content.decode()
    assert "số liệu của ngày đã qua không được sửa" in shown
    assert 'value="Xã Phước Bình"' in shown
    assert "xac-nhan" not in shown


def test_systems_of_a_divided_unit_are_given_away_by_hand(client, coordinator, province):
    old = commune(province, "Xã Lớn", "1")
    portal, network = SystemFactory(unit=old, name="Cổng"), SystemFactory(unit=old, name="Mạng")
    page = reverse("registry:plan", args=["split"])
    facts = {
        "date": "2020-02-01",
        "basis": "NQ",
        "unit": old.pk,
        "name_1": "Xã A",
        "code_1": "1",
        "name_2": "Xã B",
        "code_2": "2",
    }
    shown = client.post(page, {**facts, "xem": ""}).content.decode()
    assert f'name="system_{portal.pk}"' in shown
    client.post(page, {**facts, f"system_{portal.pk}": "1", f"system_{network.pk}": "0", "xac-nhan": ""})
    where = {s.name: s.unit.versions.get().name for s in System.objects.in_force(MERGED_ON)}
    assert where == {"Cổng": "Xã B", "Mạng": "Xã A"}


@pytest.mark.parametrize("kind", ["merge", "split", "rename", "move", "abolish", "create"])
def test_every_kind_has_its_form(client, coordinator, province, kind):
    assert client.get(reverse("registry:plan", args=[kind])).status_code == 200
    assert client.post(reverse("registry:plan", args=[kind]), {"xem": ""}).status_code == 200


def test_an_officer_reads_what_is_planned_and_plans_nothing(client, province, frozen_now):
    unit = commune(province, "Xã Một", "1")
    client.force_login(officer_of(unit))
    assert "Lập lịch mới" not in client.get(LIST).content.decode()
    assert client.get(reverse("registry:plan", args=["merge"])).status_code == 403
    assert client.get(reverse("registry:plan", args=["khong-co"])).status_code == 403
