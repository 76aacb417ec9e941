import pytest
from django.urls import reverse

from dekhang.apps.core.enums import Role
from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.duties.models import Evidence
from dekhang.apps.registry.selectors import officers
from tests.factories.core import PASSWORD, UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
ACCOUNTS = "/tai-khoan/"
NEW = {
    "full_name": "Cán bộ CNTT Xã Tân Hà",
    "username": "can-bo.xa-tan-ha",
    "role": Role.OFFICER,
    "email": "",
    "password": "mot-mat-khau-dai-12",
}


@pytest.fixture
def administrator(client, frozen_now):
    user = UserFactory(administrator=True)
    client.force_login(user)
    return user


def test_the_administrator_creates_an_account_gives_it_a_post_and_takes_it_back(client, administrator):
    unit = UnitFactory(version__name="Xã Tân Hà")
    client.post(reverse("portal:new_account"), NEW)
    account = User.objects.get(username="can-bo.xa-tan-ha")
    assert account.check_password("mot-mat-khau-dai-12")
    address = reverse("portal:account", args=[account.pk])
    page = client.post(address + "vi-tri/", {"unit": unit.pk, "kind": "officer", "decision": "12/QĐ"}, follow=True)
    assert "Đã giao vị trí" in page.content.decode()
    assert list(officers(unit.pk)) == [account]
    assert Evidence.objects.get().payload == {"user_ids": [account.pk]}  # at once, not by the clock
    client.post(reverse("portal:vacate_post", args=[account.holdings.get().pk]))
    assert not officers(unit.pk).exists()
    assert Evidence.objects.latest("pk").outcome == "broken"


def test_a_taken_name_and_a_weak_password_are_refused_with_a_sentence(client, administrator):
    UserFactory(username=NEW["username"])
    page = client.post(reverse("portal:new_account"), NEW | {"password": "ngan"}).content.decode()
    assert "Tên đăng nhập này đã có." in page
    assert User.objects.filter(username=NEW["username"]).count() == 1
    assert 'class="fault"' in page


def test_a_closed_account_is_out_at_once_and_comes_back(client, administrator):
    officer = officer_of(UnitFactory())
    other = client.__class__()
    other.force_login(officer)
    client.post(reverse("portal:close_account", args=[officer.pk]))
    assert other.get("/").status_code == 302
    client.post(reverse("portal:reopen_account", args=[officer.pk]))
    other.force_login(User.objects.get(pk=officer.pk))
    assert other.get("/").status_code == 200
    assert [e.detail for e in AuditEvent.objects.filter(action="account_changed")] == [
        {"is_active": False},
        {"is_active": True},
    ]


def test_nobody_locks_themselves_out(client, administrator):
    response = client.post(reverse("portal:close_account", args=[administrator.pk]))
    assert response.status_code == 403
    page = client.get(reverse("portal:account", args=[administrator.pk])).content.decode()
    assert "Bạn không tự khóa tài khoản của mình được." in page
    administrator.refresh_from_db()
    assert administrator.is_active


def test_a_new_password_set_by_the_administrator_works(client, administrator):
    officer = officer_of(UnitFactory())
    client.post(reverse("portal:set_password", args=[officer.pk]), {"new": "mat-khau-moi-rat-dai"})
    officer.refresh_from_db()
    assert officer.check_password("mat-khau-moi-rat-dai")
    assert not officer.check_password(PASSWORD)


def test_accounts_are_found_by_unit_without_accents(client, administrator):
    officer_of(UnitFactory(version__name="Xã Bến Củi"), username="nguoi-ben-cui")
    officer_of(UnitFactory(version__name="Xã Phan"), username="nguoi-phan")
    page = client.get(ACCOUNTS, {"q": "ben cui"}).content.decode()
    assert "nguoi-ben-cui" in page
    assert "nguoi-phan" not in page


def test_the_list_of_accounts_costs_the_same_for_many(client, administrator, django_assert_num_queries):
    for _ in range(20):
        officer_of(UnitFactory())
    with django_assert_num_queries(5):
        client.get(ACCOUNTS)


@pytest.mark.parametrize(
    ("role", "sees"),
    [
        (Role.COORDINATOR, 200),
        (Role.PROVINCE_LEADER, 403),
        (Role.INSPECTOR, 403),
        (Role.HEAD, 403),
        (Role.OFFICER, 403),
    ],
)
def test_who_sees_the_accounts(client, frozen_now, role, sees):
    client.force_login(UserFactory(role=role))
    assert client.get(ACCOUNTS).status_code == sees


def test_others_than_the_administrator_change_no_account(client, frozen_now):
    account = UserFactory()
    client.force_login(UserFactory(coordinator=True))
    addresses = [
        reverse(f"portal:{name}", args=[account.pk]) for name in ("close_account", "reopen_account", "set_password")
    ]
    assert [client.post(address, {"new": "x"}).status_code for address in addresses] == [403] * 3
    assert client.post(reverse("portal:new_account"), NEW).status_code == 403
