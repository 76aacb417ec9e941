"""Merging, splitting, renaming, moving, closing: what it makes of the registry, and how it is taken back."""

from datetime import date, timedelta

import pytest

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry import selectors
from dekhang.apps.registry.enums import ContactKind, PostKind, ReorganisationKind, UnitKind
from dekhang.apps.registry.models import Contact, PostHolding, Reorganisation, Succession, System, Unit, UnitVersion
from dekhang.apps.registry.reorganise import Outcome, Plan, come_into_force, faults, preview, schedule, undo
from dekhang.apps.registry.services import load_places, remove_contact, retire_system, vacate_post
from tests.factories.core import UserFactory
from tests.factories.registry import MERGED_ON as DAY
from tests.factories.registry import MERGER_BASIS as BASIS
from tests.factories.registry import SystemFactory, UnitFactory, commune, head_of, merger, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(frozen_now):
    return UserFactory(coordinator=True)


@pytest.fixture
def province():
    return UnitFactory(key="tinh", version__name="Tỉnh Thử", version__kind=UnitKind.PROVINCE)


def names_on(day):
    return {version.name for version in selectors.counted_units(day)}


def everything():
    """The whole registry as plain rows, to see that undoing leaves nothing."""
    return [
        list(model.objects.order_by("pk").values())
        for model in (Unit, UnitVersion, System, Contact, PostHolding, Succession)
    ]


def test_before_the_date_every_question_has_the_old_answer_and_from_it_on_the_new(province, coordinator):
    first, second = commune(province, "Xã Phước Lưu", "25726"), commune(province, "Xã Bình Thạnh", "25729")
    event = schedule(plan=merger(province, first, second), by=coordinator)
    assert names_on(DAY - timedelta(days=1)) == {"Xã Phước Lưu", "Xã Bình Thạnh"}
    assert names_on(DAY) == {"Xã Phước Bình"}
    new = UnitVersion.objects.get(name="Xã Phước Bình")
    assert (new.code, new.valid_from, new.basis, new.parent_id) == ("25729", DAY, BASIS, province.pk)
    assert {row.predecessor_id for row in event.successions.all()} == {first.pk, second.pk}
    assert selectors.heir_on(first.pk, DAY) == new.unit_id
    assert selectors.heir_on(first.pk, DAY - timedelta(days=1)) == first.pk
    assert list(verify_chain()) == []


def test_systems_contacts_and_officers_go_with_their_unit_and_heads_are_named_anew(province, coordinator):
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    officer, head = officer_of(first), head_of(second)
    system = SystemFactory(unit=second, name="Một cửa")
    Contact.objects.create(unit=first, kind=ContactKind.EMAIL, value="x@example.gov.vn", valid_from=date(2019, 1, 1))
    plan = merger(province, first, second)
    seen = preview(plan)
    assert [(move.what, move.from_unit, move.to) for move in seen.systems] == [("Một cửa", "Xã Hai", "Xã Phước Bình")]
    assert seen.heads_wanted == ("Xã Phước Bình",)
    assert {move.to for move in seen.posts} == {"Xã Phước Bình", ""}
    schedule(plan=plan, by=coordinator)
    new = UnitVersion.objects.get(name="Xã Phước Bình").unit_id
    moved = System.objects.get(follows=system)
    assert (moved.unit_id, moved.valid_from, moved.level) == (new, DAY, system.level)
    assert selectors.visible_unit_ids(officer, DAY) == {new, first.pk, second.pk}, "with what they were before"
    assert selectors.visible_unit_ids(officer, DAY - timedelta(days=1)) == {first.pk}
    assert selectors.visible_unit_ids(head, DAY) == frozenset()
    assert [c.unit_id for c in Contact.objects.in_force(DAY)] == [new]


def test_undone_before_its_date_nothing_of_it_remains(province, coordinator):
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    officer_of(first)
    SystemFactory(unit=second)
    before = everything()
    event = schedule(plan=merger(province, first, second), by=coordinator)
    assert everything() != before
    undo(event=event, by=coordinator)
    assert everything() == before
    with pytest.raises(ActionDenied, match="đã được hủy"):
        undo(event=event, by=coordinator)


def test_what_has_come_into_force_cannot_be_undone(province, coordinator, frozen_now):
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    event = schedule(plan=merger(province, first, second), by=coordinator)
    with clock.at(frozen_now + timedelta(days=60)):
        assert (come_into_force(), come_into_force()) == (1, 0)
        event.refresh_from_db()
        with pytest.raises(ActionDenied, match="đã có hiệu lực"):
            undo(event=event, by=coordinator)
    [came] = selectors.came_after(0)
    new = UnitVersion.objects.get(name="Xã Phước Bình").unit_id
    assert (came.turn, came.moved) == (1, {first.pk: new, second.pk: new})
    assert selectors.came_after(1) == []


def test_a_split_gives_systems_away_by_hand_and_the_rest_to_the_main_heir(province, coordinator):
    old = commune(province, "Xã Lớn", "1")
    given, kept = SystemFactory(unit=old, name="Cổng"), SystemFactory(unit=old, name="Mạng nội bộ")
    plan = Plan(
        date=DAY,
        kind=ReorganisationKind.SPLIT,
        basis=BASIS,
        outcomes=(
            Outcome(None, "Xã Lớn A", UnitKind.COMMUNE, "Xã", "1", province.pk, takes=(old.pk,)),
            Outcome(None, "Xã Lớn B", UnitKind.COMMUNE, "Xã", "2", province.pk, takes_part=(old.pk,)),
        ),
        ends=(old.pk,),
        systems_to={given.pk: 1},
    )
    assert faults(plan) == []
    event = schedule(plan=plan, by=coordinator)
    where = {one.name: one.unit.versions.get().name for one in System.objects.in_force(DAY)}
    assert where == {given.name: "Xã Lớn B", kept.name: "Xã Lớn A"}
    assert {(row.extent, row.main) for row in event.successions.all()} == {("part", True), ("part", False)}
    assert selectors.heir_on(old.pk, DAY) == UnitVersion.objects.get(name="Xã Lớn A").unit_id


def test_a_unit_that_goes_on_keeps_its_identity_when_it_takes_another(province, coordinator):
    stays, goes = commune(province, "Xã Ở Lại", "1"), commune(province, "Xã Nhập Vào", "2")
    plan = merger(
        province,
        outcomes=(Outcome(stays.pk, "Phường Ở Lại", UnitKind.COMMUNE, "Phường", "1", province.pk, takes=(goes.pk,)),),
        ends=(goes.pk,),
    )
    assert faults(plan) == []
    schedule(plan=plan, by=coordinator)
    assert names_on(DAY) == {"Phường Ở Lại"}
    assert stays.versions.count() == 2


def test_units_under_one_that_ends_hang_where_the_plan_says(province, coordinator):
    """1 July 2025: districts are no more, communes hang under the province."""
    district = UnitFactory(version__name="Huyện Thử", version__kind=UnitKind.DISTRICT)
    district.versions.update(parent=province)
    first, second = commune(district, "Xã Một"), commune(district, "Xã Hai")
    plan = Plan(date=DAY, kind=ReorganisationKind.ABOLISH, basis=BASIS, ends=(district.pk,))
    assert {(move.what, move.to) for move in preview(plan).children} == {("Xã Một", "Tỉnh Thử"), ("Xã Hai", "Tỉnh Thử")}
    schedule(plan=plan, by=coordinator)
    parents = {v.unit_id: v.parent_id for v in selectors.versions_in_force(DAY)}
    assert parents == {province.pk: None, first.pk: province.pk, second.pk: province.pk}
    assert selectors.heir_on(district.pk, DAY) is None


def test_children_of_a_merged_unit_follow_into_the_new_one(province, coordinator):
    districts = [UnitFactory(version__name=f"Huyện {n}", version__kind=UnitKind.DISTRICT) for n in "AB"]
    UnitVersion.objects.filter(unit__in=districts).update(parent=province)
    child = commune(districts[0], "Xã Con")
    plan = merger(
        province,
        *districts,
        outcomes=(Outcome(None, "Huyện AB", UnitKind.DISTRICT, "Huyện", "7", province.pk, takes=tuple(d.pk for d in districts)),),
    )  # fmt: skip
    schedule(plan=plan, by=coordinator)
    parent = UnitVersion.objects.in_force(DAY).get(unit=child).parent_id
    assert parent == UnitVersion.objects.get(name="Huyện AB").unit_id


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda p, a, b: merger(p, a, b, basis=" "), "Thiếu căn cứ"),
        (lambda p, a, b: merger(p, a, b, day=date(2019, 12, 10)), "đã qua hoặc là hôm nay"),
        (lambda p, a, b: merger(p, a), "ít nhất hai đơn vị"),
        (lambda p, a, b: merger(p, a, b, name=""), "chưa có tên"),
        # somebody under nobody, under what is gone, under itself
        (lambda p, a, b: merger(p, a, b, outcomes=(Outcome(None, "Xã C", UnitKind.COMMUNE, takes=(a.pk, b.pk)),)),
         "chưa có cấp trên"),
        (lambda p, a, b: merger(p, a, b, outcomes=(Outcome(None, "Xã C", UnitKind.COMMUNE, parent_id=a.pk, takes=(a.pk, b.pk)),)),
         "không còn vào ngày đó"),
        (lambda p, a, b: Plan(DAY, ReorganisationKind.MOVE, BASIS, (Outcome(p.pk, "Tỉnh Thử", UnitKind.PROVINCE, parent_id=a.pk),)),
         "nằm dưới chính nó"),
        (lambda p, a, b: Plan(DAY, ReorganisationKind.ABOLISH, BASIS, ends=(p.pk,), children_to={a.pk: p.pk, b.pk: p.pk}),
         "không còn vào ngày đó"),
        # codes and names that are somebody else's on that day
        (lambda p, a, b: Plan(DAY, ReorganisationKind.RENAME, BASIS, (Outcome(a.pk, "Xã Mới", UnitKind.COMMUNE, "Xã", "2", p.pk),)),
         "đang là mã của"),
        (lambda p, a, b: Plan(DAY, ReorganisationKind.RENAME, BASIS, (Outcome(a.pk, "xã  hai", UnitKind.COMMUNE, "Xã", "1", p.pk),)),
         "đã có đơn vị tên"),
        (lambda p, a, b: merger(p, a, b, ends=(a.pk, b.pk, 999_999)), "không có hiệu lực"),
        (lambda p, a, b: Plan(DAY, ReorganisationKind.SPLIT, BASIS, (Outcome(None, "Xã C", UnitKind.COMMUNE, parent_id=p.pk, takes=(a.pk,)),), (a.pk,)),
         "ít nhất hai đơn vị sau khi chia"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_with_the_sentence_that_helps(province, coordinator, change, sentence):
    first, second = commune(province, "Xã Một", "1"), commune(province, "Xã Hai", "2")
    before = everything()
    plan = change(province, first, second)
    assert any(sentence in fault for fault in faults(plan)), faults(plan)
    with pytest.raises(ActionDenied, match=sentence):
        schedule(plan=plan, by=coordinator)
    assert everything() == before


def test_two_plans_for_one_unit_are_refused_and_undone_in_reverse_order(province, coordinator):
    first, second, third = (commune(province, f"Xã {n}", str(n)) for n in (1, 2, 3))
    earlier = schedule(plan=merger(province, first, second), by=coordinator)
    assert any("Hủy lịch đó trước" in fault for fault in faults(merger(province, second, third, name="Xã D")))
    new = UnitVersion.objects.get(name="Xã Phước Bình").unit
    later = schedule(
        plan=merger(
            province,
            third,
            day=DAY + timedelta(days=30),
            outcomes=(
                Outcome(new.pk, "Xã Phước Bình", UnitKind.COMMUNE, "Xã", "25729", province.pk, takes=(third.pk,)),
            ),
        ),
        by=coordinator,
    )
    with pytest.raises(ActionDenied, match="dựa trên lịch này"):
        undo(event=earlier, by=coordinator)
    undo(event=later, by=coordinator)
    undo(event=earlier, by=coordinator)
    assert names_on(DAY) == {"Xã 1", "Xã 2", "Xã 3"}


def test_only_those_who_keep_the_registry_may_plan(province, frozen_now):
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    with pytest.raises(ActionDenied):
        schedule(plan=merger(province, first, second), by=officer_of(first))
    assert not Reorganisation.objects.exists()


def test_the_worked_example_of_2020_planned_by_hand_gives_what_the_record_says(coordinator):
    """Phước Lưu and Bình Thạnh become Phước Bình on 1 February 2020 and reuse the code 25729."""
    load_places()
    recorded = names_on(DAY)
    day = date(2020, 1, 20)  # planned eleven days earlier, beside the record
    old = {v.name: v for v in selectors.counted_units(day) if v.name in ("Xã Phước Lưu", "Xã Bình Thạnh")}
    trang_bang = next(iter(old.values())).parent_id
    touched = {version.unit_id for version in old.values()}
    UnitVersion.objects.filter(unit_id__in=touched).update(valid_to=None)
    UnitVersion.objects.filter(name="Xã Phước Bình", valid_from=DAY).delete()
    plan = Plan(
        date=day,
        kind=ReorganisationKind.MERGE,
        basis=BASIS,
        outcomes=(Outcome(None, "Xã Phước Bình", UnitKind.COMMUNE, "Xã", "25729", trang_bang, takes=tuple(touched)),),
        ends=tuple(touched),
    )
    assert faults(plan) == []
    schedule(plan=plan, by=coordinator)
    assert names_on(DAY) == recorded
    assert PostKind.HEAD not in {h.kind for h in PostHolding.objects.in_force(DAY)}


def test_who_is_dismissed_before_the_date_comes_back_neither_with_the_plan_nor_with_taking_it_back(
    province, coordinator
):
    first, second = commune(province, "Xã Một"), commune(province, "Xã Hai")
    officer = officer_of(first)
    system = SystemFactory(unit=second, name="Một cửa", valid_from=date(2019, 1, 1))
    contact = Contact.objects.create(
        unit=first, kind=ContactKind.EMAIL, value="x@example.gov.vn", valid_from=date(2019, 1, 1)
    )
    event = schedule(plan=merger(province, first, second), by=coordinator)
    vacate_post(holding=PostHolding.objects.get(user=officer, unit=first), by=coordinator)
    contact.refresh_from_db()
    remove_contact(contact=contact, by=officer_of(first))
    system.refresh_from_db()
    retire_system(system=system, by=officer_of(second))
    assert selectors.visible_unit_ids(officer, DAY) == frozenset()
    assert not Contact.objects.in_force(DAY).exists()
    assert not System.objects.in_force(DAY).exists()
    undo(event=event, by=coordinator)
    assert selectors.visible_unit_ids(officer, DAY) == frozenset()
    assert not Contact.objects.in_force(DAY).exists()
    assert not System.objects.in_force(DAY).exists()
