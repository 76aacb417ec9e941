"""Duty `isp` end to end: a provider is called, asked, answers in time, and who was helped says whether it helped."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import OutboundMessage
from dekhang.apps.duties import jobs
from dekhang.apps.duties.enums import ClaimState, ReasonCode
from dekhang.apps.duties.models import Evidence, SupportRequest
from dekhang.apps.duties.selectors import assess
from dekhang.apps.duties.services import declare
from dekhang.apps.duties.supporting import services
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Provider
from dekhang.apps.registry.services import register_provider
from dekhang.apps.scoreboard import selectors as scoreboard
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE
from tests.factories.registry import PostHoldingFactory, UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(frozen_now):
    return UserFactory(coordinator=True)


@pytest.fixture
def provider(coordinator):
    return register_provider(name="VNPT Tây Ninh", duty_email="truc@example.com", by=coordinator)


@pytest.fixture
def unit(frozen_now):
    return UnitFactory(version__name="Xã Tân Hà")


def asked(provider, unit, coordinator):
    return services.ask(
        provider_id=provider.unit_id, unit_id=unit and unit.pk, text="Chặn địa chỉ 192.0.2.7", is_exercise=True, by=coordinator
    )  # fmt: skip


def state_of(provider):
    return assess("isp", [provider.unit_id], clock.now())[provider.unit_id]


def test_a_provider_is_proven_by_a_live_contact_an_answer_in_time_and_a_verified_result(provider, unit, coordinator):
    Provider.objects.filter(pk=provider.pk).update(last_answered_at=CONFERENCE - timedelta(hours=1))
    assert jobs.observe_providers() == 1
    assert jobs.observe_providers() == 0
    one = asked(provider, unit, coordinator)
    assert OutboundMessage.objects.get().recipient == "truc@example.com"
    with clock.at(CONFERENCE + timedelta(hours=3)):
        one = services.record_answer(request=one, answer="Đã chặn", answered_at=clock.now(), by=coordinator)
        assert state_of(provider).reasons[0].code == "not_verified"
        services.verify(request=one, works=True, note="", by=officer_of(unit))
        found = state_of(provider)
        assert (found.state, found.measure.done, found.measure.whole) == (ClaimState.PROVEN, 1, 1)
        assert scoreboard.figures()["isp"].proven == 1
    assert Evidence.objects.get(kind="support_verified").payload["recorded_by"]


def test_an_answer_that_does_not_come_is_late_by_the_clock_and_stays_late(provider, unit, coordinator):
    one = asked(provider, unit, coordinator)
    assert services.observe_late() == 0
    with clock.at(CONFERENCE + timedelta(days=2)):
        jobs.tick()
        assert services.observe_late() == 0
        one.refresh_from_db()
        late = Evidence.objects.get(kind="support_answered")
        assert (late.outcome, late.observed_at, late.source) == ("broken", one.due_at, "system")
        services.record_answer(request=one, answer="Xin lỗi", answered_at=clock.now(), by=coordinator)
        assert Evidence.objects.filter(kind="support_answered").count() == 1
        assert "request_late" in {reason.code for reason in state_of(provider).reasons}


def test_an_answer_recorded_late_but_given_late_too_is_late(provider, unit, coordinator):
    one = asked(provider, unit, coordinator)
    with clock.at(CONFERENCE + timedelta(days=1, hours=1)):
        services.record_answer(request=one, answer="Đã chặn", answered_at=clock.now(), by=coordinator)
    assert Evidence.objects.get(kind="support_answered").outcome == "broken"


@pytest.mark.parametrize("hours", [-1, 30])
def test_an_answer_lies_between_the_request_and_now(provider, unit, coordinator, hours):
    one = asked(provider, unit, coordinator)
    with pytest.raises(ActionDenied, match="nằm giữa"):
        services.record_answer(request=one, answer="x", answered_at=CONFERENCE + timedelta(hours=hours), by=coordinator)


def test_who_was_helped_verifies_and_for_the_province_another_coordinator(provider, unit, coordinator):
    for_unit, for_province = asked(provider, unit, coordinator), asked(provider, None, coordinator)
    with pytest.raises(ActionDenied, match="chưa trả lời"):
        services.verify(request=for_unit, works=True, note="", by=officer_of(unit))
    for_unit, for_province = (
        services.record_answer(request=one, answer="Xong", answered_at=CONFERENCE, by=coordinator)
        for one in (for_unit, for_province)
    )
    with pytest.raises(ActionDenied, match="Chỉ thủ trưởng hoặc cán bộ"):
        services.verify(request=for_unit, works=True, note="", by=coordinator)
    with pytest.raises(ActionDenied, match="một điều phối viên khác"):
        services.verify(request=for_province, works=True, note="", by=coordinator)
    services.verify(request=for_province, works=True, note="", by=UserFactory(coordinator=True))
    with pytest.raises(ActionDenied, match="vì sao"):
        services.verify(request=for_unit, works=False, note=" ", by=officer_of(unit))


def test_who_asked_never_verifies_also_when_they_hold_a_post_at_the_unit_that_was_helped(provider, unit, coordinator):
    PostHoldingFactory(unit=unit, kind=PostKind.OFFICER, user=coordinator)
    one = services.record_answer(
        request=asked(provider, unit, coordinator), answer="Xong", answered_at=CONFERENCE, by=coordinator
    )
    with pytest.raises(ActionDenied, match="người khác của đơn vị được giúp"):
        services.verify(request=one, works=True, note="", by=coordinator)


def test_a_verdict_that_is_too_long_says_so_and_is_not_cut_away(client, provider, unit, coordinator):
    one = services.record_answer(
        request=asked(provider, unit, coordinator), answer="Xong", answered_at=CONFERENCE, by=coordinator
    )
    client.force_login(officer_of(unit))
    page = client.post(reverse("duties:verify_support", args=[one.pk]), {"note": "x" * 1001, "works": "1"})
    assert "1000" in page.content.decode()
    one.refresh_from_db()
    assert one.verified_at is None


def test_only_the_coordinator_asks_and_declares_for_a_provider(provider, unit, coordinator):
    with pytest.raises(ActionDenied, match="Chỉ cơ quan điều phối"):
        asked(provider, unit, officer_of(unit))
    with pytest.raises(ActionDenied):
        declare(unit_id=unit.pk, duty_key="sop", statement="Có", by=coordinator)
    declare(unit_id=provider.unit_id, duty_key="isp", statement="Bộ phận an toàn thông tin 5 người", by=coordinator)
    assert state_of(provider).state == ClaimState.DECLARED


def test_the_page_asks_and_shows_each_what_is_theirs(client, provider, unit, coordinator):
    client.force_login(coordinator)
    sent = {"provider": provider.unit_id, "for_unit": unit.pk, "text": "Chặn địa chỉ"}
    answer = client.post(reverse("duties:providers"), sent)
    one = SupportRequest.objects.get()
    assert answer.url == reverse("duties:support", args=[one.pk])
    client.post(
        reverse("duties:answer_support", args=[one.pk]), {"answer": "Đã chặn", "answered_at": "2019-12-10T09:00"}
    )
    assert "VNPT Tây Ninh" in client.get(reverse("duties:providers")).content.decode()
    assert client.get(reverse("duties:providers"), {"ngay": "2019-12-01"}).context["lines"] == []
    client.force_login(officer_of(unit))
    assert "Chặn địa chỉ" in client.get(reverse("duties:providers")).content.decode()
    client.post(reverse("duties:verify_support", args=[one.pk]), {"works": "1"})
    one.refresh_from_db()
    assert one.works is True
    client.force_login(officer_of(UnitFactory()))
    assert "Chặn địa chỉ" not in client.get(reverse("duties:providers")).content.decode()
    assert client.get(reverse("duties:support", args=[one.pk])).status_code == 404


def test_every_reason_of_a_provider_has_words():
    codes = {"provider_unknown", "provider_silent", "no_request", "request_late", "not_verified", "result_refused"}
    assert codes <= set(ReasonCode.values)
