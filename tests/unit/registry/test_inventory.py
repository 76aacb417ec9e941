"""Networks, providers, names of systems: dated, asked as of any day, moved along when units are reorganised."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.registry.enums import NameKind, PostKind
from dekhang.apps.registry.inventory import services
from dekhang.apps.registry.inventory.addresses import AddressFault, owners, read_range
from dekhang.apps.registry.models import Network, Provider, SystemName, UnitVersion
from dekhang.apps.registry.reorganise import come_into_force, preview, schedule, undo
from dekhang.apps.registry.services import fill_post, retire_system, vacate_post
from tests.factories.core import UserFactory
from tests.factories.registry import MERGED_ON, SystemFactory, UnitFactory, commune, merger, officer_of

pytestmark = pytest.mark.django_db
MORNING = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


@pytest.fixture
def unit(frozen_now):
    return UnitFactory()


@pytest.mark.parametrize(
    ("typed", "kept"), [("192.0.2.7/24", "192.0.2.0/24"), (" 192.0.2.9 ", "192.0.2.9/32"), ("2001:DB8::/48", "2001:db8::/48")]
)  # fmt: skip
def test_a_range_is_kept_in_one_spelling(typed, kept):
    assert read_range(typed) == kept


@pytest.mark.parametrize(
    ("typed", "why"), [("0.0.0.0/0", "quá rộng"), ("10.0.0.0/8", "quá rộng"), ("mạng", "không phải"), ("::/0", "quá rộng")]
)  # fmt: skip
def test_a_range_that_is_none_is_refused_with_the_reason(typed, why):
    with pytest.raises(AddressFault, match=why):
        read_range(typed)


def test_two_units_cannot_have_one_public_range_but_the_same_private_one(unit):
    other = UnitFactory()
    mine, theirs = officer_of(unit), officer_of(other)
    for cidr in ("8.8.8.0/24", "192.168.1.0/24"):
        services.add_network(unit_id=unit.pk, cidr=cidr, by=mine)
    services.add_network(unit_id=other.pk, cidr="192.168.1.0/24", by=theirs)
    with pytest.raises(ActionDenied, match="trùng với dải của đơn vị khác"):
        services.add_network(unit_id=other.pk, cidr="8.8.8.128/25", by=theirs)
    with pytest.raises(ActionDenied, match="ghi dải"):
        services.add_network(unit_id=unit.pk, cidr="8.8.8.0/24", by=mine)


def test_an_address_belongs_to_the_narrowest_range_and_to_nobody_when_two_units_have_it(unit):
    other = UnitFactory()
    for owner, cidr in (
        (unit, "10.16.0.0/16"),
        (other, "10.16.5.0/24"),
        (unit, "192.168.0.0/24"),
        (other, "192.168.0.0/24"),
    ):
        Network.objects.create(unit=owner, cidr=cidr, valid_from=date(2019, 1, 1))
    assert owners(["10.16.1.1", "10.16.5.9", "192.168.0.3", "172.16.0.1", "không phải"]) == {
        "10.16.1.1": unit.pk,
        "10.16.5.9": other.pk,
    }


def test_lists_of_a_past_day_give_the_old_answer(unit, client):
    officer, coordinator = officer_of(unit), UserFactory(coordinator=True)
    holder = UserFactory(full_name="Người giữ cũ")
    fill_post(unit_id=unit.pk, kind=PostKind.HEAD, user=holder, by=coordinator)
    system = SystemFactory(unit=unit, name="Cổng thông tin cũ", valid_from=date(2019, 12, 1))
    services.add_network(unit_id=unit.pk, cidr="203.0.113.0/24", by=officer)
    with clock.at(MORNING + timedelta(days=30)):
        retire_system(system=system, by=officer)
        services.remove_network(network=Network.objects.get(), by=officer)
        vacate_post(holding=holder.holdings.get(), by=coordinator)
        client.force_login(coordinator)
        for name, was in (("systems", "Cổng thông tin cũ"), ("networks", "203.0.113.0/24"), ("posts", "Người giữ cũ")):
            address = reverse(f"registry:{name}")
            assert was not in client.get(address).content.decode()
            assert was in client.get(address, {"ngay": "2019-12-20"}).content.decode()
            assert was not in client.get(address, {"ngay": "2019-11-01"}).content.decode()
        page = client.get(reverse("registry:unit", args=[unit.pk]), {"ngay": "2019-12-20"}).content.decode()
        for was in ("Cổng thông tin cũ", "203.0.113.0/24", "Người giữ cũ", "như ngày 20/12/2019"):
            assert was in page
        assert "Thêm đầu mối</button>" not in page  # the past is for reading


def test_a_list_asks_few_queries_and_finds_units_without_accents(unit, client, django_assert_max_num_queries):
    for number in range(30):
        SystemFactory(unit=UnitFactory(version__name=f"Xã Bến Củi {number}"))
    client.force_login(UserFactory(coordinator=True))
    with django_assert_max_num_queries(9):
        page = client.get(reverse("registry:systems"), {"q": "ben cui"}).content.decode()
    assert "30 mục" in page


def test_systems_take_their_names_along_and_units_their_networks_until_it_is_undone(frozen_now):
    province = UnitFactory(version__name="Tỉnh", version__kind="province")
    one, two = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    officer, coordinator = officer_of(one), UserFactory(coordinator=True)
    system = SystemFactory(unit=one, name="Cổng")
    services.add_name(system=system, kind=NameKind.HOST, name="MAY-1.", by=officer)
    services.add_network(unit_id=one.pk, cidr="203.0.113.0/24", by=officer)
    plan = merger(province, one, two)
    assert [move.what for move in preview(plan).networks] == ["203.0.113.0/24"]
    event = schedule(plan=plan, by=coordinator)
    new = UnitVersion.objects.get(name="Xã Phước Bình").unit
    assert Network.objects.in_force(MERGED_ON).get().unit == new
    assert SystemName.objects.in_force(MERGED_ON).get().system.unit == new
    assert Network.objects.in_force(MERGED_ON - timedelta(days=1)).get().unit == one
    undo(event=event, by=coordinator)
    assert Network.objects.get().valid_to is None
    assert SystemName.objects.get().system == system
    assert come_into_force() == 0


def test_a_domain_has_one_owner_and_a_machine_name_many(unit):
    other = UnitFactory()
    mine, theirs = SystemFactory(unit=unit), SystemFactory(unit=other)
    services.add_name(system=mine, kind=NameKind.DOMAIN, name="cong.example.gov.vn", by=officer_of(unit))
    services.add_name(system=mine, kind=NameKind.HOST, name="may-1", by=officer_of(unit))
    services.add_name(system=theirs, kind=NameKind.HOST, name="may-1", by=officer_of(other))
    with pytest.raises(ActionDenied, match="đã được đơn vị khác đăng ký"):
        services.add_name(system=theirs, kind=NameKind.DOMAIN, name="Cong.example.gov.vn.", by=officer_of(other))


def test_a_provider_with_its_units_and_a_new_desk_that_has_not_answered_yet(unit, client):
    coordinator = UserFactory(coordinator=True)
    client.force_login(coordinator)
    facts = {"name": "Nhà mạng A", "duty_email": "noc@example.net", "duty_phone": ""}
    client.post(reverse("registry:new_provider"), facts)
    provider = Provider.objects.get()
    services.add_network(unit_id=unit.pk, cidr="203.0.113.0/24", provider=provider, by=coordinator)
    Provider.objects.update(last_answered_at=MORNING)
    assert "Phục vụ 1 đơn vị" in client.get(reverse("registry:providers")).content.decode()
    assert client.post(reverse("registry:end_provider", args=[provider.pk])).status_code == 403  # somebody uses it
    client.post(reverse("registry:provider", args=[provider.pk]), {**facts, "duty_email": "moi@example.net"})
    provider.refresh_from_db()
    assert (provider.duty_email, provider.last_answered_at) == ("moi@example.net", None)
    change = AuditEvent.objects.get(action="provider_changed")
    assert change.detail == {"before": {"duty_email": "noc@example.net"}}


def test_only_who_keeps_the_registry_changes_providers(unit, client):
    client.force_login(officer_of(unit))
    assert client.get(reverse("registry:new_provider")).status_code == 403
    assert client.get(reverse("registry:providers")).status_code == 200
