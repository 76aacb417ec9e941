"""Tokens: made on a page, shown once, kept as a digest, within their account's rights, dead with it."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.api import services
from dekhang.apps.api.models import AccessToken
from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent, User
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_now")]


@pytest.fixture
def officer():
    return officer_of(UnitFactory())


def make(user, *scopes, days=30, **fields):
    return services.make_token(
        name="kho dữ liệu", scopes=scopes, expires_at=clock.now() + timedelta(days=days), by=user, **fields
    )


def test_a_token_is_shown_once_and_kept_only_as_its_digest(client, officer):
    client.force_login(officer)
    body = {"name": "Kho dữ liệu sở", "scopes": ["board:read"], "until": "2020-03-01", "addresses": "203.0.113.7"}
    page = client.post(reverse("api:new_token"), body)
    secret = next(
        word
        for word in page.content.decode().replace("<", " ").replace(">", " ").split()
        if word.startswith("dkapi_") and "…" not in word
    )
    token = AccessToken.objects.get()
    assert secret not in str(AccessToken.objects.values())
    assert token.digest == services.digest_of(secret)
    assert token.addresses == ["203.0.113.7/32"]
    assert secret not in client.get(reverse("api:tokens")).content.decode()
    assert AuditEvent.objects.get(action="token_made").detail["scopes"] == ["board:read"]


@pytest.mark.parametrize(
    ("scope", "trait"),
    [
        ("accounts:write", "coordinator"),
        ("accounts:read", "inspector"),
        ("audit:read", "leader"),
        ("xyz:read", "administrator"),
    ],
)
def test_no_token_has_a_scope_that_its_account_has_not(scope, trait):
    with pytest.raises(ActionDenied, match=scope):
        make(UserFactory(**{trait: True}), scope)


def test_a_token_lives_at_most_a_year(officer):
    with pytest.raises(ActionDenied, match="một năm"):
        make(officer, "board:read", days=400)


def test_an_account_has_a_bounded_number_of_tokens(officer):
    for _n in range(services.TOKENS_OF_AN_ACCOUNT):
        make(officer, "board:read")
    with pytest.raises(ActionDenied, match="Thu hồi"):
        make(officer, "board:read")


def test_a_revoked_an_expired_and_a_closed_account_s_token_open_nothing(officer):
    answers = []
    token, secret = make(officer, "board:read")
    answers.append(Caller(secret).get("/board").status_code)
    services.revoke_token(token=token, by=officer)
    answers.append(Caller(secret).get("/board").status_code)
    expired = token_of(officer, expires_at=clock.now())
    answers.append(Caller(expired).get("/board").status_code)
    good = token_of(officer)
    User.objects.filter(pk=officer.pk).update(is_active=False)
    answers.append(Caller(good).get("/board").status_code)
    assert answers == [200, 401, 401, 401]


def test_somebody_else_s_token_cannot_be_revoked_but_by_the_administrator(client, officer):
    token, _secret = make(officer, "board:read")
    client.force_login(UserFactory(coordinator=True))
    assert client.post(reverse("api:revoke_token", args=[token.pk])).status_code == 404
    client.force_login(UserFactory(administrator=True))
    assert client.post(reverse("api:revoke_token", args=[token.pk])).status_code == 302
    token.refresh_from_db()
    assert token.revoked_at == clock.now()


def test_a_session_is_no_token_and_a_token_no_session(client, officer):
    client.force_login(officer)
    assert client.get("/api/v1/board").status_code == 401
    caller = Caller(token_of(officer))
    assert caller.client.get("/bang-diem/", headers=caller.headers).status_code == 302


def test_a_missing_scope_is_403_and_names_it_and_writing_includes_reading(officer):
    answer = Caller(token_of(officer, "board:read")).get("/units")
    assert (answer.status_code, "registry:read" in answer.json()["detail"]) == (403, True)
    assert Caller(token_of(officer, "registry:write")).get("/units").status_code == 200


def test_a_token_bound_to_addresses_is_refused_from_elsewhere(officer):
    assert Caller(token_of(officer, addresses=["127.0.0.0/8"])).get("/units").status_code == 200
    answer = Caller(token_of(officer, addresses=["203.0.113.7/32"])).get("/units")
    assert (answer.status_code, "127.0.0.1" in answer.json()["detail"]) == (403, True)


def test_too_many_calls_are_429_with_the_seconds_to_wait(officer, settings):
    settings.API_CALLS_PER_MINUTE = 3
    caller, other = Caller(token_of(officer)), Caller(token_of(officer))
    answers = [caller.get("/units") for _n in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 61
    assert other.get("/units").status_code == 200


def test_the_last_use_is_remembered_with_its_address(officer):
    Caller(token_of(officer)).get("/units")
    token = AccessToken.objects.get()
    assert (token.last_used_at, token.last_used_from) == (clock.now(), "127.0.0.1")


def test_a_page_says_who_may_what(client, officer):
    make(officer, "board:read")
    client.force_login(officer)
    page = client.get(reverse("api:tokens")).content.decode()
    assert "board:read" in page and "Dùng được" in page
    client.force_login(UserFactory(leader=True))
    assert "kho dữ liệu" not in client.get(reverse("api:tokens")).content.decode()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"until": "2019-12-09"}, "đã qua"),
        ({"until": "2021-12-09"}, "nhiều nhất một năm"),
        ({"addresses": "mạng-nhà"}, "không phải địa chỉ IP"),
        ({"scopes": []}, "bắt buộc"),
        ({"scopes": ["accounts:write"]}, "accounts:write"),
    ],
)
def test_a_form_that_cannot_be_says_why(client, officer, fields, sentence):
    client.force_login(officer)
    body = {"name": "x", "scopes": ["board:read"], "until": "2020-03-01", "addresses": "", **fields}
    assert sentence in client.post(reverse("api:new_token"), body).content.decode()
    assert not AccessToken.objects.exists()
