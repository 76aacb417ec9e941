"""What could be seen at a unit, from what really arrives, and what one more log would add."""

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.sources import jobs, rulebook, seeing
from dekhang.apps.sources.detectability import BLIND, PARTLY, SEEN, map_of, offers
from dekhang.apps.sources.enums import AuditAction, SourceKind, SourceState
from dekhang.apps.sources.models import Detectability
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory, officer_of
from tests.factories.sources import MORNING, LogSourceFactory, failed_login

pytestmark = pytest.mark.django_db
NOW = clock.now


def delivering(unit, kind=SourceKind.LINUX):
    return LogSourceFactory(unit=unit, kind=kind, state=SourceState.DELIVERING, first_event_at=MORNING)


def state_of(seen, key):
    return next(one for one in seen.techniques if one.key == key)


def test_a_unit_that_sends_nothing_sees_nothing_and_windows_or_linux_would_add_most():
    seen = map_of(rulebook.visibility(), [])
    assert {one.state for one in seen.techniques} == {BLIND} and seen.visible_rules == 0
    assert seen.present == () and {gain.offer for gain in seen.gains[:3]} & {"windows", "linux", "web"}
    assert [len(gain.techniques) for gain in seen.gains] == sorted(
        (len(g.techniques) for g in seen.gains), reverse=True
    )


def test_missing_fields_make_a_technique_partly_seen_and_are_named():
    place = ("linux", "auth", "", "", None)
    full = map_of(
        rulebook.visibility(), [(place, frozenset({"action", "user", "src_ip", "program", "message", "command"}))]
    )
    bare = map_of(rulebook.visibility(), [(place, frozenset({"program"}))])
    assert state_of(full, "T1110").visible > 0
    assert state_of(bare, "T1110").state == PARTLY and "action" in state_of(bare, "T1110").fields
    assert "linux" in full.present and "linux" not in {gain.offer for gain in full.gains}


def test_every_offer_brings_some_kind_of_record_of_its_own_and_fits_a_source_kind():
    sources = rulebook.visibility().ruleset.mapping.sources
    for offer in offers():
        firsts = [s for s in sources if next((one.key for one in offers() if one.brings(s)), None) == offer.key]
        assert firsts, offer.key
        assert offer.kind in SourceKind.values


def test_the_job_maps_what_arrived_and_only_again_when_something_changed(pipeline):
    unit = UnitFactory()
    source = delivering(unit)
    pipeline.receive(source, *[failed_login(user=f"u{n}") for n in range(12)], at=NOW())

    assert jobs.map_detectability() == 1
    assert jobs.map_detectability() == 0
    stored = Detectability.objects.get(pk=unit.pk)
    assert stored.seen + stored.partly > 0 and stored.body["present"] == ["linux"]
    assert stored.body["proofs"]["T1110"]["times"] >= 1  # the attack above was really found

    pipeline.receive(source, "<38>Dec 10 02:00:00 may-chu kernel: audit off", at=NOW())
    assert jobs.map_detectability() in (0, 1)


def test_the_page_speaks_in_words_links_to_rules_and_says_what_to_add(pipeline, client):
    unit = UnitFactory()
    officer = officer_of(unit)
    pipeline.receive(delivering(unit), *[failed_login(user=f"u{n}") for n in range(12)], at=NOW())
    jobs.map_detectability()
    client.force_login(officer)

    assert client.get(reverse("sources:detectability")).url == reverse("sources:detectability_of", args=[unit.pk])
    page = client.get(reverse("sources:detectability_of", args=[unit.pk])).content.decode()
    assert "Lấy mật khẩu" in page and "Dò mật khẩu" in page and "Đã phát hiện thật" in page
    assert reverse("sources:technique", args=[unit.pk, "T1110"]) in page and "Máy Windows" in page
    rules = client.get(reverse("sources:technique", args=[unit.pk, "T1110"])).content.decode()
    assert "Thấy được" in rules and "linux" in rules
    assert client.get(reverse("sources:technique", args=[unit.pk, "T9999"])).status_code == 404


def test_another_units_map_is_not_found_and_the_coordinator_compares_all(pipeline, client):
    units = UnitFactory.create_batch(2)
    for unit in units:
        pipeline.receive(delivering(unit), failed_login(), at=NOW())
    jobs.map_detectability()
    client.force_login(officer_of(units[0]))
    for name in ("detectability_of", "detectability_csv"):
        assert client.get(reverse(f"sources:{name}", args=[units[1].pk])).status_code == 404

    client.force_login(UserFactory(coordinator=True))
    page = client.get(reverse("sources:detectability")).content.decode()
    assert all(reverse("sources:detectability_of", args=[unit.pk]) in page for unit in units)


def test_the_export_is_guarded_and_audited(pipeline, client):
    unit = UnitFactory(version__name="=1+1")
    officer = officer_of(unit)
    pipeline.receive(delivering(unit), failed_login(), at=NOW())
    jobs.map_detectability()
    client.force_login(officer)

    body = client.get(reverse("sources:detectability_csv", args=[unit.pk])).content.decode("utf-8-sig")

    assert "'=1+1" in body and "T1110" in body
    assert AuditEvent.objects.filter(action=AuditAction.MAP_EXPORTED, unit_id=unit.pk).count() == 1


def test_a_unit_without_any_log_is_told_so(client):
    unit = UnitFactory()
    client.force_login(officer_of(unit))
    page = client.get(reverse("sources:detectability_of", args=[unit.pk])).content.decode()
    assert "Chưa có gì để xét" in page
    assert seeing.of_unit(officer_of(unit), unit.pk) is None and SEEN == "seen"
