"""Certificates, machine names and quotas of a source: read in one spelling, nobody else's, told to the receivers."""

import pytest
from django.urls import reverse

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.sources import bindings, services
from dekhang.apps.sources.enums import AuditAction
from dekhang.pipeline.stores import intake
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import LogSourceFactory

pytestmark = pytest.mark.django_db
DIGEST = "ab" * 32
PASTED = "SHA256 Fingerprint=" + ":".join(["AB"] * 32)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("", []),
        (PASTED, [DIGEST]),  # as openssl prints it
        (f"{DIGEST}\n\n{DIGEST.upper()}", [DIGEST]),
        (f"sha256:{DIGEST}", [DIGEST]),
    ],
)
def test_fingerprints_are_read_in_one_spelling(typed, read):
    assert bindings.read_certificates(typed) == read


@pytest.mark.parametrize("typed", ["ab:cd", "g" * 64, "ab" * 31, "\n".join(f"{n:064x}" for n in range(51))])
def test_what_is_no_fingerprint_is_refused_with_a_sentence(typed):
    with pytest.raises(bindings.BindingFault):
        bindings.read_certificates(typed)


def test_host_names_are_lower_case_each_once():
    assert bindings.read_hosts("DC01, dc01\npc-mot-cua.xa.local;máy-01") == ["dc01", "pc-mot-cua.xa.local", "máy-01"]


@pytest.mark.parametrize("typed", ["localhost", "a/b", "<script>", "x" * 256, " ".join(f"m{n}" for n in range(51))])
def test_a_name_that_any_machine_may_have_or_that_is_none_is_refused(typed):
    with pytest.raises(bindings.BindingFault):
        bindings.read_hosts(typed)


def change(client, source, **fields):
    body = {"name": source.name, "system": "", "addresses": "", "cadence_seconds": source.cadence_seconds, **fields}
    return client.post(reverse("sources:change", args=[source.pk]), body)


def test_receivers_are_told_certificates_and_hosts(client, data, django_capture_on_commit_callbacks):
    source = LogSourceFactory()
    client.force_login(officer_of(source.unit))
    with django_capture_on_commit_callbacks(execute=True):
        assert change(client, source, certificates=PASTED, hosts="DC01").status_code == 302

    entry = intake.IntakeMap(data).by_certificate(DIGEST)
    assert (entry.source_id, entry.hosts) == (source.pk, ("dc01",))
    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    assert DIGEST[:16] in page and "dc01" in page


def test_a_certificate_speaks_for_one_source_and_a_name_for_one_unit(client, data):
    unit = UnitFactory()
    LogSourceFactory(unit=unit, certificates=[DIGEST], hosts=["dc01"])
    sibling, stranger = LogSourceFactory(unit=unit), LogSourceFactory()

    client.force_login(officer_of(unit))
    assert "khai cho một nguồn khác" in change(client, sibling, certificates=DIGEST).content.decode()
    assert change(client, sibling, hosts="dc01").status_code == 302  # one machine may send in several ways
    client.force_login(officer_of(stranger.unit))
    assert "đơn vị khác khai" in change(client, stranger, hosts="DC01").content.decode()

    with pytest.raises(ActionDenied, match="nguồn khác"):
        services.change(
            source=stranger, name="x", system=None, addresses=[], cadence_seconds=900, certificates=[DIGEST], by=None
        )


def test_a_retired_source_gives_its_certificate_free_and_cannot_take_it_back_from_another(client, data):
    old = LogSourceFactory(certificates=[DIGEST], retired=True)
    other = LogSourceFactory(unit=old.unit)
    client.force_login(officer_of(old.unit))
    assert change(client, other, certificates=DIGEST).status_code == 302
    with pytest.raises(ActionDenied, match="nguồn khác"):
        services.restore(source=old, by=None)


def test_the_coordinator_sets_a_quota_the_unit_sees_it_and_receivers_hear_it(
    client, data, django_capture_on_commit_callbacks
):
    source = LogSourceFactory()
    url = reverse("sources:quota", args=[source.pk])
    client.force_login(officer_of(source.unit))
    assert client.get(url).status_code == 403
    assert client.post(url, {"quota_eps": "50"}).status_code == 403
    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    assert "1.000 bản ghi mỗi giây" in page and "Đặt hạn mức" not in page

    client.force_login(UserFactory(coordinator=True))
    assert client.post(url, {"quota_eps": "-1"}).status_code == 422
    with django_capture_on_commit_callbacks(execute=True):
        assert client.post(url, {"quota_eps": "50"}).status_code == 302
    assert intake.IntakeMap(data).by_id(source.pk).quota_eps == 50
    assert AuditEvent.objects.get(action=AuditAction.SOURCE_QUOTA_SET).detail == {"before": 0, "after": 50}
    page = client.get(reverse("sources:detail", args=[source.pk])).content.decode()
    assert "50 bản ghi mỗi giây" in page and "Đặt hạn mức" in page
