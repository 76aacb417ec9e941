"""The worked example: Tây Ninh's changes of 2020 and 2025, planned in the app day by day, end where the record ends."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.registry.data import load_places as read_places
from dekhang.apps.registry.models import Employment, Person, PostHolding, System, Unit, UnitVersion
from dekhang.apps.registry.reorganise import come_into_force, faults, record, schedule, undo
from dekhang.apps.registry.selectors import heir_on, with_predecessors
from dekhang.apps.registry.services import load_places
from tests.factories.core import UserFactory
from tests.factories.registry import SystemFactory, officer_of

pytestmark = pytest.mark.django_db
MORNING = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
D2020, D2025 = date(2020, 2, 1), date(2025, 7, 1)


@pytest.fixture
def coordinator(frozen_now):
    load_places(until=frozen_now.date())
    return UserFactory(coordinator=True)


def unit(key):
    return Unit.objects.get(key=key)


def as_recorded(day):
    return {
        (v.unit_key, v.kind, v.code, v.name, v.subtype, v.parent_key, v.is_coordinator)
        for v in read_places().in_force(day)
    }


def as_here(day):
    rows = UnitVersion.objects.in_force(day).select_related("unit", "parent")
    return {
        (v.unit.key, v.kind, v.code, v.name, v.subtype, v.parent.key if v.parent else None, v.is_coordinator)
        for v in rows
    }


def by_kind(day):
    return Counter(UnitVersion.objects.in_force(day).values_list("kind", flat=True))


def at_noon(day):
    return datetime(day.year, day.month, day.day, 5, tzinfo=UTC)


def planned(coordinator, day, **choices):
    plan = record.plan_of(day, **choices)
    assert faults(plan) == []
    return schedule(plan=plan, by=coordinator)


def test_the_record_s_days_are_planned_one_after_the_other_and_end_as_it_ends(coordinator):
    assert record.days_to_come() == [D2020, date(2023, 12, 25), date(2025, 3, 1), D2025]
    before = as_here(MORNING.date())
    for day in record.days_to_come():
        with clock.at(at_noon(day - timedelta(days=20))):
            planned(coordinator, day)
        with clock.at(at_noon(day)):
            assert come_into_force() == 1
        assert as_here(day) == as_recorded(day), day
        assert as_here(day - timedelta(days=1)) == as_recorded(day - timedelta(days=1)), day
    # every question about an old day has the old answer
    assert as_here(MORNING.date()) == before == as_recorded(MORNING.date())
    counts = {day: by_kind(day) for day in (MORNING.date(), D2020, D2025)}
    assert (counts[MORNING.date()]["commune"], counts[MORNING.date()]["district"]) == (95, 9)
    assert (counts[D2020]["commune"], counts[D2020]["district"]) == (94, 9)
    assert (counts[D2025]["commune"], counts[D2025]["district"]) == (96, 0)  # districts are no more
    province = UnitVersion.objects.filter(kind="province").order_by("valid_from")
    assert list(province.values_list("code", flat=True)) == ["72", "80"]  # the code that was Long An's
    reused = UnitVersion.objects.filter(code="25729").order_by("valid_from").values_list("name", flat=True)
    assert list(reused) == ["Xã Bình Thạnh", "Xã Phước Bình", "Xã Phước Chỉ"]  # one code, three units
    assert list(verify_chain()) == []


def test_what_belongs_to_a_unit_goes_along_and_what_was_divided_is_given_by_hand(coordinator):
    for day in record.days_to_come()[:3]:
        with clock.at(at_noon(day - timedelta(days=1))):
            planned(coordinator, day)
    divided = unit("xa-thai-binh-25597")  # to Châu Thành mainly, a part to Tân Ninh
    officer = officer_of(divided)
    kept, given = SystemFactory(unit=divided, name="Một cửa"), SystemFactory(unit=divided, name="Trang tin")
    person = Person.objects.create(code="CB1", name="Nguyễn Văn A")
    Employment.objects.create(person=person, unit=divided, valid_from=date(2019, 1, 1))
    with clock.at(at_noon(date(2025, 6, 1))):
        plain = record.plan_of(D2025)
        place = next(n for n, one in enumerate(plain.outcomes) if one.name == "Phường Tân Ninh")
        assert divided.pk in record.divided(plain)
        planned(coordinator, D2025, systems_to={given.pk: place})
    owners = {s.name: s.unit.key for s in System.objects.in_force(D2025).select_related("unit")}
    assert owners == {"Một cửa": "xa-chau-thanh-25585-2025", "Trang tin": "phuong-tan-ninh-25459-2025"}
    assert PostHolding.objects.in_force(D2025).get(user=officer).unit.key == "xa-chau-thanh-25585-2025"
    assert Employment.objects.in_force(D2025).get(person=person).unit.key == "xa-chau-thanh-25585-2025"
    assert Employment.objects.in_force(D2025 - timedelta(days=1)).get(person=person).unit == divided
    assert heir_on(divided.pk, D2025) == unit("xa-chau-thanh-25585-2025").pk
    # a part of its history is not everybody's who took a part
    assert divided.pk not in with_predecessors([unit("phuong-tan-ninh-25459-2025").pk], D2025)
    assert System.objects.get(pk=kept.pk).valid_to == D2025


def test_a_whole_day_is_taken_back_before_it_comes(coordinator):
    with clock.at(at_noon(date(2020, 1, 10))):
        before = list(UnitVersion.objects.order_by("pk").values())
        event = planned(coordinator, D2020)
        assert record.days_to_come()[0] != D2020
        undo(event=event, by=coordinator)
        assert list(UnitVersion.objects.order_by("pk").values()) == before
        assert record.days_to_come()[0] == D2020


def test_the_page_previews_the_day_and_plans_it(coordinator, client):
    SystemFactory(unit=unit("xa-phuoc-luu-25726"), name="Cổng Phước Lưu")
    client.force_login(coordinator)
    overview = client.get(reverse("registry:reorganisations")).content.decode()
    address = reverse("registry:plan_of_record", args=["2020-02-01"])
    assert address in overview
    page = client.get(address).content.decode()
    for words in ("Xã Phước Bình", "25729", "Xã Phước Lưu", "Cổng Phước Lưu", "NQ 865/NQ-UBTVQH14"):
        assert words in page
    assert client.post(address, {"xac-nhan": ""}).status_code == 302
    assert "đơn vị có hiệu lực ngày 10/12/2019" in client.get(reverse("registry:units")).content.decode()
    assert UnitVersion.objects.filter(name="Xã Phước Bình", valid_from=D2020).exists()
    assert client.get(address).status_code == 404  # it is planned


def test_a_day_out_of_order_is_refused_with_the_reason(coordinator):
    """2025 before 2020: what it names is not there yet."""
    wrong = faults(record.plan_of(D2025))
    assert wrong, "the communes of 2020 are missing"
    assert any(
        "đang là mã của" in sentence or "không có hiệu lực" in sentence or "tên" in sentence for sentence in wrong
    )


def test_an_installation_loaded_with_the_whole_record_has_nothing_left_to_plan(frozen_now):
    load_places()
    assert record.days_to_come() == []
