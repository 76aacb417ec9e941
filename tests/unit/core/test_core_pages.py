from datetime import UTC, datetime

import pytest
from django.conf import settings as real_settings
from django.test import Client

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction
from tests.factories.core import PASSWORD, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(client):
    user = UserFactory(coordinator=True)
    client.force_login(user)
    return user


@pytest.mark.parametrize("path", ["/dang-nhap/", "/nhat-ky/", "/khong-co-trang-nay/", "/healthz"])
def test_every_answer_keeps_the_page_to_itself(client, coordinator, path):
    headers = client.get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]


def test_pages_of_a_signed_in_person_are_not_kept_by_caches(client, coordinator):
    assert client.get("/nhat-ky/").headers["Cache-Control"] == "private, no-store"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_of_other_sites(client):
    user = UserFactory()
    client.post("/dang-nhap/", {"username": user.username, "password": PASSWORD})
    cookie = client.cookies["sessionid"]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie["max-age"] == 12 * 3600
    assert not cookie["secure"], "plain http on this machine; over https see the next test"


def test_over_https_the_cookies_are_for_https_only():
    import subprocess
    import sys

    from tests.conftest import PROJECT, clean_environment

    code = "from dekhang.config import settings as s; print(s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE)"
    environment = clean_environment(DK_DATA=str(real_settings.DATA), DK_BASE_URL="https://dekhang.example.gov.vn")
    said = subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True)
    assert said == "True True\n"


def test_a_form_without_its_token_is_refused_with_a_sentence_that_says_what_to_do(coordinator):
    strict = Client(enforce_csrf_checks=True)
    answer = strict.post("/dang-nhap/", {"username": "ai-do", "password": "gi-do"})
    assert answer.status_code == 403
    assert "Tải lại trang rồi làm lại." in answer.content.decode()


def test_a_foreign_host_name_is_refused_with_a_sentence(client):
    answer = client.get("/dang-nhap/", headers={"host": "ke-khac.example.com"})
    assert answer.status_code == 400
    assert "DK_HOSTS" in answer.content.decode()


def test_an_unknown_address_says_where_to_go_on(client, coordinator):
    answer = client.get("/khong-co-trang-nay/")
    assert answer.status_code == 404
    assert "Về việc hôm nay" in answer.content.decode()


def test_a_fault_of_ours_is_said_calmly_and_names_no_cause(client, coordinator, monkeypatch):
    client.raise_request_exception = False
    monkeypatch.setattr("dekhang.apps.core.selectors.audit_events", lambda **_: 1 / 0)
    answer = client.get("/nhat-ky/")
    assert answer.status_code == 500
    assert "Dữ liệu đã lưu trước đó vẫn còn" in answer.content.decode()
    assert "ZeroDivisionError" not in answer.content.decode()


@pytest.mark.parametrize(
    ("role", "status"),
    [("coordinator", 200), ("inspector", 200), ("administrator", 200), ("leader", 403), ("", 403)],
)
def test_the_audit_log_is_for_those_who_look_after_the_whole(client, role, status):
    client.force_login(UserFactory(**({role: True} if role else {})))
    answer = client.get("/nhat-ky/")
    assert answer.status_code == status
    if status == 403:
        assert "Chỉ cơ quan điều phối, thanh tra và quản trị hệ thống" in answer.content.decode()


def test_the_audit_log_is_found_by_the_words_that_it_shows(client, coordinator):
    record_event(action=AuditAction.SIGN_IN_FAILED, by=None, actor_label="người lạ")
    record_event(action=AuditAction.ACCOUNT_CREATED, by=coordinator, target=coordinator)
    page = client.get("/nhat-ky/", {"q": "không thành công"}).content.decode()
    assert "người lạ" in page
    assert "Tạo tài khoản" not in page


def test_the_audit_log_costs_the_same_few_queries_however_long_it_is(client, coordinator, django_assert_num_queries):
    for _ in range(60):
        record_event(action=AuditAction.SIGNED_IN, by=coordinator)
    with django_assert_num_queries(4):  # session, person, count, one page of events
        client.get("/nhat-ky/")


def test_an_event_about_a_unit_leads_to_it_and_is_exact_to_the_second(client, coordinator):
    with clock.at(datetime(2019, 12, 10, 2, 3, 4, tzinfo=UTC)):
        record_event(action=AuditAction.ACCOUNT_CHANGED, by=coordinator, unit_id=7)
    page = client.get("/nhat-ky/").content.decode()
    assert "09:03:04 10/12/2019" in page
    assert 'href="/don-vi/7/"' in page


def test_hostile_text_in_the_audit_log_is_shown_as_text(client, coordinator):
    record_event(action=AuditAction.SIGN_IN_FAILED, by=None, actor_label="<script>alert(1)</script>")
    assert "<script>alert" not in client.get("/nhat-ky/", {"q": "<script>alert(1)</script>"}).content.decode()


def test_health_needs_no_account_and_says_ok(client):
    assert client.get("/healthz").json() == {"ok": True}


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/nguon-log/6/thu/", "/nguon-log/6/"),
        ("/su-co/1/buoc/2/xong/", "/su-co/1/"),
        ("/nghia-vu/don-vi/20/sop/khai-bao/", "/nghia-vu/don-vi/20/sop/"),
        ("/dang-xuat/", "/"),
    ],
)
def test_who_comes_by_address_to_what_a_button_does_is_shown_the_way_back(client, coordinator, path, page):
    answer = client.get(path)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "POST"
    text = answer.content.decode()
    assert "Việc này chưa được làm" in text and f'href="{page}"' in text
