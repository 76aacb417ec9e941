"""Connecting a source: who may, what is kept, what the receivers hear, and what the shipper is told."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.sources import addresses, jobs, services, shippers
from dekhang.apps.sources.enums import AuditAction, SourceKind, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores import intake
from tests.factories.registry import SystemFactory, UnitFactory, officer_of
from tests.factories.sources import MORNING, LogSourceFactory

pytestmark = pytest.mark.django_db


def create(unit, by, **fields):
    return services.create_source(unit_id=unit.pk, name="Máy chủ web", kind=SourceKind.WEB, by=by, **fields)


def test_a_new_source_is_expected_and_only_a_hash_of_its_token_is_kept(data):
    unit = UnitFactory()
    source, token = create(unit, officer_of(unit))

    assert services.is_token_of(source, token)
    assert token not in str(LogSource.objects.values().get())
    row = Evidence.objects.get(kind=EvidenceKind.SOURCE_EXPECTED)
    assert (row.subject, row.outcome) == (f"source:{source.pk}", Outcome.OK)
    assert row.payload == {"kind": "web", "name": "Máy chủ web"}
    event = AuditEvent.objects.get(action=AuditAction.SOURCE_CREATED)
    assert token not in str(event.detail)


def test_only_people_of_the_unit_connect_its_sources(data):
    unit, stranger = UnitFactory(), officer_of(UnitFactory())

    with pytest.raises(ActionDenied):
        create(unit, stranger)

    assert not LogSource.objects.exists()


def test_receivers_know_the_source_after_the_commit_and_forget_an_old_token(data, django_capture_on_commit_callbacks):
    unit = UnitFactory()
    officer = officer_of(unit)
    with django_capture_on_commit_callbacks(execute=True):
        source, first = create(unit, officer, addresses=["192.0.2.15"])
    entry = intake.IntakeMap(data).by_token(first)
    assert (entry.source_id, entry.unit_id, entry.kind, entry.retired) == (source.pk, unit.pk, "web", False)
    assert intake.IntakeMap(data).by_address("192.0.2.15").source_id == source.pk

    with django_capture_on_commit_callbacks(execute=True):
        second = services.renew_token(source=source, by=officer)

    assert intake.IntakeMap(data).by_token(first) is None
    assert intake.IntakeMap(data).by_token(second).source_id == source.pk


def test_an_old_token_is_accepted_for_as_long_as_was_chosen_and_then_ended_by_the_clock(
    data, django_capture_on_commit_callbacks
):
    unit = UnitFactory()
    officer = officer_of(unit)
    with clock.at(MORNING), django_capture_on_commit_callbacks(execute=True):
        source, first = create(unit, officer)
        second = services.renew_token(source=source, by=officer, keep_former=timedelta(hours=24))
    for token in (first, second):
        assert intake.IntakeMap(data).by_token(token).source_id == source.pk
    assert AuditEvent.objects.get(action=AuditAction.SOURCE_TOKEN_RENEWED).detail == {"former_kept_hours": 24.0}

    with clock.at(MORNING + timedelta(hours=23, minutes=59)), django_capture_on_commit_callbacks(execute=True):
        jobs.tick()
    assert intake.IntakeMap(data).by_token(first) is not None
    with clock.at(MORNING + timedelta(hours=24, seconds=1)), django_capture_on_commit_callbacks(execute=True):
        jobs.tick()
    assert intake.IntakeMap(data).by_token(first) is None
    assert intake.IntakeMap(data).by_token(second).source_id == source.pk


def test_an_old_token_is_ended_by_hand_and_a_second_renewal_forgets_the_one_before(
    data, django_capture_on_commit_callbacks
):
    unit = UnitFactory()
    officer = officer_of(unit)
    with django_capture_on_commit_callbacks(execute=True):
        source, first = create(unit, officer)
        second = services.renew_token(source=source, by=officer, keep_former=timedelta(days=7))
        third = services.renew_token(source=source, by=officer, keep_former=timedelta(days=7))
    known = intake.IntakeMap(data)
    assert [known.by_token(token) is not None for token in (first, second, third)] == [False, True, True]

    with django_capture_on_commit_callbacks(execute=True):
        services.end_former_token(source=source, by=officer)
    assert intake.IntakeMap(data).by_token(second) is None
    with pytest.raises(ActionDenied, match="nhiều nhất 7 ngày"):
        services.renew_token(source=source, by=officer, keep_former=timedelta(days=8))


def test_a_retired_source_is_published_as_retired_and_can_be_taken_back(data, django_capture_on_commit_callbacks):
    unit = UnitFactory()
    officer = officer_of(unit)
    source, token = create(unit, officer)

    with django_capture_on_commit_callbacks(execute=True):
        services.retire(source=source, by=officer)
    assert intake.IntakeMap(data).by_token(token).retired
    assert Evidence.objects.filter(kind=EvidenceKind.SOURCE_EXPECTED).last().outcome == Outcome.BROKEN

    with django_capture_on_commit_callbacks(execute=True):
        services.restore(source=source, by=officer)
    assert not intake.IntakeMap(data).by_token(token).retired
    assert (source.state, source.retired_at) == (SourceState.WAITING, None)
    assert Evidence.objects.filter(kind=EvidenceKind.SOURCE_EXPECTED).last().outcome == Outcome.OK


def test_retiring_twice_is_refused_with_the_reason(data):
    unit = UnitFactory()
    officer = officer_of(unit)
    source, _token = create(unit, officer)
    services.retire(source=source, by=officer)

    with pytest.raises(ActionDenied, match="đã ngừng"):
        services.retire(source=source, by=officer)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        ("192.0.2.15", ["192.0.2.15"]),
        (" 192.0.2.15,\n198.51.100.0/24 ; 192.0.2.15", ["192.0.2.15", "198.51.100.0/24"]),
        ("198.51.100.77/24", ["198.51.100.0/24"]),  # a machine's address with its mask means its network
        ("2001:db8::5", ["2001:db8::5"]),
    ],
)
def test_addresses_are_read_in_one_spelling(typed, read):
    assert addresses.read(typed) == read


@pytest.mark.parametrize(
    "typed", ["may-chu", "192.0.2.300", "0.0.0.0/0", "10.0.0.0/8", "::/0", " ".join(f"192.0.2.{n}" for n in range(60))]
)
def test_bad_or_boundless_addresses_are_refused_with_a_sentence(typed):
    with pytest.raises(addresses.AddressFault):
        addresses.read(typed)


def test_a_unit_cannot_claim_an_address_that_another_unit_uses(data):
    LogSourceFactory(addresses=["198.51.100.0/24"])
    unit = UnitFactory()

    with pytest.raises(ActionDenied, match=r"198\.51\.100\.9"):
        create(unit, officer_of(unit), addresses=["198.51.100.9"])


# pages


def new_source(client, officer, **fields):
    client.force_login(officer)
    body = {"name": "Máy chủ <b>web</b>", "system": "", "addresses": "", **fields}
    return client.post(reverse("sources:connect", args=["web"]), body)


def test_the_wizard_shows_the_token_to_the_browser_that_made_it_and_to_no_other(client, data):
    unit = UnitFactory()
    officer = officer_of(unit)
    system = SystemFactory(unit=unit)
    answer = new_source(client, officer, system=system.pk)
    source = LogSource.objects.get()
    setup = reverse("sources:setup", args=[source.pk])
    assert answer.url == setup and source.system == system

    cookie = answer.cookies[f"dk_token_{source.pk}"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == (setup, True, "Strict")
    page = client.get(setup).content.decode()
    token = next(word for word in cookie.value.split(":") if services.is_token_of(source, word))
    assert page.count(token) == 1 + len(shippers.SHIPPERS[SourceKind.WEB]) and "Đang chờ sự kiện đầu tiên" in page
    assert "Máy chủ &lt;b&gt;web&lt;/b&gt;" in page

    file = client.get(reverse("sources:configuration", args=[source.pk, "filebeat-web"]))
    assert token in file.content.decode()
    assert file.headers["Content-Disposition"] == 'attachment; filename="filebeat.yml"'

    client.cookies.pop(f"dk_token_{source.pk}")
    page = client.get(setup).content.decode()
    assert token not in page and shippers.PLACEHOLDER in page


def test_a_renewed_token_is_asked_about_first_and_then_shown(client, data):
    unit = UnitFactory()
    officer = officer_of(unit)
    source = LogSourceFactory(unit=unit)
    client.force_login(officer)
    url = reverse("sources:renew_token", args=[source.pk])
    before = source.token_sha256

    assert "còn dùng được 24 giờ" in client.get(url).content.decode()
    assert client.post(url, {}).status_code == 422
    source.refresh_from_db()
    assert source.token_sha256 == before

    client.post(url, {"keep_hours": "24"})
    source.refresh_from_db()
    assert source.token_sha256 != before
    assert source.token_hint in client.get(reverse("sources:setup", args=[source.pk])).content.decode()
    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    assert "Mã trước đó còn được nhận tới" in page and "ngừng nhận mã cũ" in page

    client.post(reverse("sources:end_former_token", args=[source.pk]))
    assert "Mã trước đó" not in client.get(reverse("sources:detail", args=[source.pk])).content.decode()


def test_the_live_block_tells_of_the_first_event_before_any_job_has_looked(client, pipeline):
    unit = UnitFactory()
    source = LogSourceFactory(unit=unit)
    client.force_login(officer_of(unit))
    url = reverse("sources:live", args=[source.pk])
    assert "Đang chờ" in client.get(url, headers={"HX-Request": "true"}).content.decode()

    pipeline.receive(source, "<13>Dec 10 02:00:00 may-chu ung-dung: xin chao", work=False)

    part = client.get(url, headers={"HX-Request": "true"}).content.decode()
    assert "Đã nhận sự kiện đầu tiên" in part and "hx-trigger" not in part
    assert client.get(url).url == reverse("sources:setup", args=[source.pk])  # without JavaScript


def test_a_faulty_form_comes_back_with_the_sentence(client, data):
    unit = UnitFactory()
    answer = new_source(client, officer_of(unit), addresses="khong-phai-ip")
    assert answer.status_code == 422
    assert "không phải địa chỉ IP" in answer.content.decode()
    assert not LogSource.objects.exists()


def test_a_provincial_role_is_told_why_it_cannot_connect(client, data):
    from tests.factories.core import UserFactory

    client.force_login(UserFactory(coordinator=True))
    assert client.get(reverse("sources:choose")).status_code == 403
    assert client.get(reverse("sources:list")).status_code == 200
