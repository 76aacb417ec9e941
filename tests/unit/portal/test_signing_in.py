from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.portal.models import SignInFailure
from dekhang.apps.portal.signing_in import MAX_FAILURES
from tests.factories.core import PASSWORD, UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
LOGIN = "/dang-nhap/"


@pytest.fixture
def person(frozen_now):
    return UserFactory(username="can-bo.xa", coordinator=True)


def sign_in(client, password=PASSWORD, username="can-bo.xa", address="192.0.2.7", **more):
    return client.post(LOGIN, {"username": username, "password": password, **more}, REMOTE_ADDR=address)


def test_the_right_password_opens_the_first_screen_and_is_audited(client, person):
    assert sign_in(client)["Location"] == "/"
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.detail) == ("signed_in", person, {"address": "192.0.2.7"})


def test_a_wrong_password_says_the_same_for_a_known_and_an_unknown_name(client, person):
    known, unknown = sign_in(client, "sai"), sign_in(client, "sai", username="khong-co")
    sentence = "Tên đăng nhập hoặc mật khẩu chưa đúng."
    assert sentence in known.content.decode()
    assert sentence in unknown.content.decode()
    assert AuditEvent.objects.filter(action="sign_in_failed").count() == 2


def test_a_closed_account_does_not_open(client, person):
    person.is_active = False
    person.save()
    assert sign_in(client).status_code == 200
    assert "_auth_user_id" not in client.session


def test_eight_wrong_passwords_make_one_wait_even_with_the_right_one(client, person):
    for _ in range(MAX_FAILURES):
        sign_in(client, "sai")
    refused = sign_in(client)
    assert refused.status_code == 429
    assert "đã nhập sai 8 lần" in refused.content.decode()
    assert "khoảng 10 phút" in refused.content.decode()
    assert AuditEvent.objects.filter(action="sign_in_failed").count() == MAX_FAILURES  # waiting is not counted again


def test_the_wait_is_of_this_account_from_this_address_and_ends(client, person, frozen_now):
    UserFactory(username="khac", coordinator=True)
    for _ in range(MAX_FAILURES):
        sign_in(client, "sai")
    assert sign_in(client, username="khac").status_code == 302
    client.logout()
    assert sign_in(client, address="192.0.2.8").status_code == 302
    client.logout()
    for _ in range(MAX_FAILURES):
        sign_in(client, "sai", address="192.0.2.9")
    with clock.at(frozen_now + timedelta(minutes=10, seconds=1)):
        assert sign_in(client, address="192.0.2.9").status_code == 302


def test_a_success_forgets_the_failures_before_it(client, person):
    for _ in range(MAX_FAILURES - 1):
        sign_in(client, "sai")
    sign_in(client)
    assert not SignInFailure.objects.exists()


def test_failures_are_kept_for_a_day_only(client, person, frozen_now):
    sign_in(client, "sai")
    with clock.at(frozen_now + timedelta(days=2)):
        sign_in(client, "sai", username="khac")
    assert [failure.username for failure in SignInFailure.objects.all()] == ["khac"]


def test_hostile_names_are_bounded_and_escaped(client, person):
    page = sign_in(client, "x", username="<script>" * 1000).content.decode()
    assert "<script>&" not in page
    assert "<script><script>" not in page
    assert len(SignInFailure.objects.get().username) == 100


@pytest.mark.parametrize(
    ("wanted", "goes_to"),
    [
        ("/bang-diem/", "/bang-diem/"),
        ("https://example.com/", "/"),
        ("//example.com", "/"),
        ("javascript:alert(1)", "/"),
    ],
)
def test_after_signing_in_one_stays_on_this_site(client, person, wanted, goes_to):
    assert sign_in(client, next=wanted)["Location"] == goes_to


def test_signing_out_ends_the_session_by_post_only(client, person):
    client.force_login(person)
    assert client.get(reverse("portal:logout")).status_code == 405
    assert client.post(reverse("portal:logout"))["Location"] == LOGIN
    assert client.get("/")["Location"].startswith(LOGIN)
    assert AuditEvent.objects.get().action == "signed_out"


def test_no_account_is_shown_outside_the_demo(client, person, settings):
    settings.DEMO = False
    assert "can-bo.xa" not in client.get(LOGIN, {"tai-khoan": "can-bo.xa"}).content.decode()


def test_the_demo_fills_in_a_picked_account_without_javascript(client, person, settings):
    settings.DEMO = True
    page = client.get(LOGIN, {"tai-khoan": "can-bo.xa"}).content.decode()
    assert 'value="can-bo.xa"' in page
    assert 'value="de-khang-2019"' in page
    assert 'value="de-khang-2019"' not in client.get(LOGIN, {"tai-khoan": "quan-tri"}).content.decode()


def test_a_person_changes_their_own_password_and_stays_signed_in(client, frozen_now):
    user = officer_of(UnitFactory())
    client.force_login(user)
    address = reverse("portal:password")
    wrong = client.post(address, {"old": "sai", "new": "mot-mat-khau-moi-99", "again": "mot-mat-khau-moi-99"})
    assert "Mật khẩu đang dùng chưa đúng." in wrong.content.decode()
    short = client.post(address, {"old": PASSWORD, "new": "ngan", "again": "ngan"})
    assert short.status_code == 200
    client.post(address, {"old": PASSWORD, "new": "mot-mat-khau-moi-99", "again": "mot-mat-khau-moi-99"})
    user.refresh_from_db()
    assert user.check_password("mot-mat-khau-moi-99")
    assert client.get("/").status_code == 200
