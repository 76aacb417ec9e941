"""What every call keeps: problems with sentences, cursors, keys of idempotency, versions, bounds."""

import pytest

from dekhang.apps.api.models import IdempotentCall
from dekhang.apps.registry.models import Contact
from tests.factories.api import Caller, token_of
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("frozen_now", "data")]


@pytest.fixture
def unit():
    return UnitFactory()


@pytest.fixture
def call(unit):
    return Caller(token_of(officer_of(unit)))


def test_a_service_s_refusal_is_a_problem_with_the_page_s_sentence(unit):
    answer = Caller(token_of(UserFactory(coordinator=True))).post(f"/units/{unit.pk}/systems", {"name": "Cổng"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert "Chỉ thủ trưởng hoặc cán bộ chuyên trách" in answer.json()["detail"]


def test_what_a_form_refuses_is_told_by_field(call, unit):
    answer = call.post(f"/units/{unit.pk}/contacts", {"kind": "phone", "value": "gọi tôi"})
    assert answer.status_code == 422
    assert "Số điện thoại" in answer.json()["errors"]["value"][0]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff", b'{"kind": {}}', b"null"])
def test_a_body_that_is_no_body_is_refused(call, unit, body):
    answer = call.send("POST", f"/units/{unit.pk}/contacts", body or b" ")
    assert answer.status_code in {400, 422}
    assert answer.json()["detail"]


def test_an_unknown_address_and_an_unknown_unit_are_the_same_problem(call):
    assert call.get("/units/999999").json() == call.get("/khong-co").json()
    assert call.get("/units/999999").status_code == 404


def test_without_a_token_the_answer_says_how_to_send_one(client):
    answer = client.get("/api/v1/units")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "Authorization: Bearer" in answer.json()["detail"]


def test_a_body_beyond_the_bound_is_413_before_anybody_is_known(client):
    answer = client.post("/api/v1/units/1/contacts", b"x" * (1024**2 + 1), content_type="application/json")
    assert answer.status_code == 413


def test_a_cursor_leads_through_all_rows_once():
    for _n in range(7):
        UnitFactory()
    call = Caller(token_of(UserFactory(leader=True)))
    seen, cursor = [], ""
    while True:
        page = call.get("/units", limit=3, cursor=cursor).json()
        seen += [row["id"] for row in page["rows"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) == 7


@pytest.mark.parametrize(
    "query",
    [{"limit": 0}, {"limit": 201}, {"cursor": "*"}, {"cursor": "LTE"}, {"day": "2019-13-01"}, {"day": "2030-01-01"}],
)
def test_what_is_asked_wrongly_is_refused_and_not_guessed(call, query):
    assert call.get("/units", **query).status_code == 422


def test_a_repeated_call_with_a_key_makes_one_thing_and_answers_the_same(call, unit):
    body, key = {"kind": "phone", "value": "0276 000 000"}, {"Idempotency-Key": "lan-1"}
    first, again = (call.post(f"/units/{unit.pk}/contacts", body, key) for _n in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    assert Contact.objects.count() == 1


def test_a_key_used_for_something_else_is_refused(call, unit):
    key = {"Idempotency-Key": "lan-1"}
    call.post(f"/units/{unit.pk}/contacts", {"kind": "phone", "value": "0276 000 000"}, key)
    answer = call.post(f"/units/{unit.pk}/contacts", {"kind": "phone", "value": "0276 111 111"}, key)
    assert (answer.status_code, Contact.objects.count()) == (422, 1)


def test_a_key_of_a_refused_call_may_be_used_again(call, unit):
    key = {"Idempotency-Key": "lan-1"}
    assert call.post(f"/units/{unit.pk}/contacts", {"kind": "phone", "value": "x"}, key).status_code == 422
    assert not IdempotentCall.objects.exists()
    assert call.post(f"/units/{unit.pk}/contacts", {"kind": "phone", "value": "0276 1"}, key).status_code == 201


def test_what_has_not_changed_is_not_sent_again(call):
    first = call.get("/units")
    again = call.get("/units", {"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_times_carry_their_zone(call):
    at = call.get("/board").json()[0]["at"]
    assert at.endswith("Z")
