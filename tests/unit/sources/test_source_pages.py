"""Pages of sources: isolation, numbers that add up, hostile content, a fixed number of queries."""

import re

import pytest
from django.urls import reverse

from dekhang.apps.sources.enums import CanaryState
from dekhang.apps.sources.hostile import LONGEST, visible
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.stores.reasons import Reason
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, head_of, officer_of
from tests.factories.sources import CanaryFactory, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db

OF_ONE_SOURCE = [
    ("get", "detail", ()),
    ("get", "setup", ()),
    ("get", "configuration", ("rsyslog",)),
    ("get", "live", ()),
    ("get", "change", ()),
    ("post", "change", ()),
    ("get", "renew_token", ()),
    ("post", "renew_token", ()),
    ("post", "retire", ()),
    ("post", "restore", ()),
    ("post", "upload", ()),
    ("get", "uploads", ()),
    ("post", "start_canary", ()),
]


@pytest.mark.parametrize(("method", "name", "more"), OF_ONE_SOURCE)
@pytest.mark.parametrize("person", [officer_of, head_of])
def test_another_units_people_get_404_on_every_url_of_a_source(client, data, method, name, more, person):
    source = LogSourceFactory(delivering=True)
    client.force_login(person(UnitFactory()))

    answer = getattr(client, method)(reverse(f"sources:{name}", args=[source.pk, *more]))

    assert answer.status_code == 404
    source.refresh_from_db()
    assert source.retired_at is None


def test_another_units_canary_is_404_and_its_sources_are_not_listed(client, data):
    canary = CanaryFactory()
    client.force_login(officer_of(UnitFactory()))

    assert client.get(reverse("sources:canary", args=[canary.pk])).status_code == 404
    for url in (reverse("sources:list"), f"{reverse('sources:list')}?don-vi={canary.unit_id}"):
        assert canary.source.name not in client.get(url).content.decode()


@pytest.mark.parametrize("trait", ["leader", "inspector", "administrator", "coordinator"])
def test_provincial_roles_read_a_source_but_may_not_change_it(client, data, trait):
    source = LogSourceFactory(delivering=True)
    client.force_login(UserFactory(**{trait: True}))

    page = client.get(reverse("sources:detail", args=[source.pk]))
    assert page.status_code == 200
    assert "Chỉ thủ trưởng hoặc cán bộ chuyên trách" in page.content.decode()
    refused = client.post(reverse("sources:retire", args=[source.pk]))
    assert refused.status_code == 403
    assert "Chỉ thủ trưởng hoặc cán bộ chuyên trách" in refused.content.decode()


@pytest.mark.parametrize(
    ("trait", "status"), [("coordinator", 200), ("administrator", 200), ("leader", 403), ("inspector", 403)]
)
def test_unknown_senders_are_shown_to_coordinator_and_administrator(client, data, trait, status):
    refusals = Refusals(data)
    refusals.add(0, Reason.WRONG_TOKEN, records=3, peer="203.0.113.9", example=b"<script>alert(1)</script>")
    refusals.close()
    from dekhang.pipeline.stores import database

    database.connect(data).close()
    client.force_login(UserFactory(**{trait: True}))

    answer = client.get(reverse("sources:unknown_senders"))

    assert answer.status_code == status
    if status == 200:
        page = answer.content.decode()
        assert "203.0.113.9" in page and "Mã kết nối sai" in page
        assert "<script>alert" not in page


def test_the_ledger_sentence_adds_up_and_every_part_is_shown(client, pipeline, data):
    unit = UnitFactory()
    source = LogSourceFactory(unit=unit)
    pipeline.receive(source, *[failed_login(user=f"u{n}") for n in range(12)], "\x01\x02 khong phai log linux")
    pipeline.receive(source, failed_login(), failed_login(), work=False)
    refusals = Refusals(data)
    refusals.add(source.pk, Reason.OVERSIZE, records=4, example=b"x" * 50)
    refusals.close()
    client.force_login(officer_of(unit))

    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()

    sentence = re.search(r"Đã nhận <strong>(\d+)</strong>.*?</p>", page, re.S)[0]
    received, stored, duplicate, refused, waiting = (
        int(n) for n in re.findall(r"(\d+)", re.sub(r"<a [^>]*>", "", sentence))
    )
    assert received == stored + duplicate + refused + waiting == 19
    assert (stored, refused, waiting) == (13, 4, 2)
    assert "Quá dài" in page and "Không đọc được theo đúng loại" in page


@pytest.mark.parametrize(
    "hostile",
    ["<script>alert(1)</script>", "\u202egnp.exe\u202c", '"><img src=x onerror=alert(1)>', "A" * 60_000],
    ids=["script", "rtl", "attribute", "long"],
)
def test_hostile_log_content_is_shown_harmlessly(client, pipeline, hostile):
    unit = UnitFactory()
    source = LogSourceFactory(unit=unit)
    pipeline.receive(source, f"<13>Dec 10 02:00:00 may-chu ung-dung: {hostile}")
    client.force_login(officer_of(unit))

    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()

    assert "ung-dung" in page
    assert "<script>alert" not in page and "<img src=x" not in page
    assert "\u202e" not in page and "\u202c" not in page
    assert len(page) < 200_000


def test_invisible_and_reordering_characters_are_written_out_and_length_is_bounded():
    assert visible("a\u202eb\x00c\u200bd\te\n") == "a\\u202eb\\u0000c\\u200bd\te\n"
    assert visible("Thử dấu tiếng Việt ế ộ") == "Thử dấu tiếng Việt ế ộ"
    assert visible("e" + "\u0301" * 50).count("\u0301") == 4  # more would be drawn over the lines above
    assert len(visible("x" * 10 * LONGEST)) < LONGEST + 30


def test_the_list_asks_the_same_number_of_questions_for_one_source_and_for_thirty(
    client, data, django_assert_num_queries
):
    client.force_login(UserFactory(coordinator=True))
    LogSourceFactory(delivering=True)
    url = reverse("sources:list")
    client.get(url)
    with django_assert_num_queries(6):
        client.get(url)
    for _ in range(29):
        LogSourceFactory(delivering=True)
    with django_assert_num_queries(6):
        assert client.get(url).content.decode().count("badge--ok") == 30


def test_an_empty_list_says_what_to_do(client, data):
    client.force_login(officer_of(UnitFactory()))
    page = client.get(reverse("sources:list")).content.decode()
    assert "Kết nối nguồn log" in page and reverse("sources:choose") in page


def _without_csrf(html):
    """The token in a form is masked anew for every answer."""
    return re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"', "", html)


def test_the_canary_page_gives_the_command_with_its_nonce_and_then_the_way_to_the_alert(client, data):
    unit = UnitFactory()
    source = LogSourceFactory(unit=unit, delivering=True)
    client.force_login(officer_of(unit))

    answer = client.post(reverse("sources:start_canary", args=[source.pk]))
    canary = source.canaries.get()
    assert answer.url == reverse("sources:canary", args=[canary.pk])
    page = client.get(answer.url).content.decode()
    assert f"logger -t dekhang {canary.marker}" in page
    part = client.get(answer.url, headers={"HX-Request": "true"}).content.decode()
    assert _without_csrf(part).strip() in _without_csrf(page)  # the partial is part of the page

    canary.state = CanaryState.DETECTED
    canary.detected_at = canary.started_at
    canary.save()
    page = client.get(answer.url).content.decode()
    assert f"xem=canary&amp;q={canary.nonce}" in page


def test_changing_a_source_is_kept_and_listed_in_the_audit(client, data):
    from dekhang.apps.core.models import AuditEvent

    unit = UnitFactory()
    source = LogSourceFactory(unit=unit, name="Cũ")
    client.force_login(officer_of(unit))
    body = {"name": "Mới", "system": "", "addresses": "192.0.2.77", "cadence_seconds": "3600"}

    client.post(reverse("sources:change", args=[source.pk]), body)

    source.refresh_from_db()
    assert (source.name, source.addresses, source.cadence_seconds) == ("Mới", ["192.0.2.77"], 3600)
    assert AuditEvent.objects.get(action="source_changed").detail["before"]["name"] == "Cũ"


def test_reloading_while_waiting_leads_everybody_to_a_page_they_may_see(client, data):
    source = LogSourceFactory()
    live = reverse("sources:live", args=[source.pk])
    for person, page in ((UserFactory(coordinator=True), "detail"), (officer_of(source.unit), "setup")):
        client.force_login(person)
        answer = client.get(live, follow=True)
        assert answer.redirect_chain == [(reverse(f"sources:{page}", args=[source.pk]), 302)]
        assert answer.status_code == 200
