"""Comparing by block: equals with equals, rows behind, one date; and what would change if some units had proven."""

from datetime import date

import pytest
from django.urls import reverse

from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.blocks.selectors import compare, pick
from dekhang.apps.scoreboard.selectors import board
from dekhang.apps.scoreboard.whatif import selectors as whatif
from tests.factories.core import UserFactory
from tests.factories.duties import claim, evidence, proves_procedure, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
DAY = date(2019, 12, 10)


@pytest.fixture
def leader(frozen_now):
    return UserFactory(leader=True)


def test_blocks_never_mix_kinds_and_their_counts_add_up(leader):
    for kind in (UnitKind.DEPARTMENT, UnitKind.COMMUNE, UnitKind.COMMUNE):
        UnitFactory(version__kind=kind)
    found = compare(DAY)
    assert [(block.kind, block.units) for block in found.blocks] == [("department", 1), ("commune", 2)]
    assert all(sum(count for _band, count in block.bands) == block.units for block in found.blocks)


def test_a_block_s_shares_are_the_board_s(leader):
    unit, _other = UnitFactory(), UnitFactory(version__kind=UnitKind.DEPARTMENT)
    proves_recording(unit)
    shares = {block.kind: block.shares["record_attacks"] for block in compare(DAY).blocks}
    whole = board("record_attacks", DAY)
    assert shares == {"department": (0, 1), "commune": (1, 1)}
    assert (sum(s[0] for s in shares.values()), sum(s[1] for s in shares.values())) == (whole.proven, whole.units)


def test_within_a_band_the_order_is_by_name(leader):
    for name in ("Xã Bình", "Xã An", "Xã Cầu"):
        UnitFactory(version__name=name)
    assert [one.name for one in pick(compare(DAY).places, band="E")] == ["Xã An", "Xã Bình", "Xã Cầu"]


def test_nobody_has_heard_of_a_silent_unit_and_the_page_says_so(client, leader):
    claim(UnitFactory())
    UnitFactory()
    client.force_login(leader)
    assert "1 trong 2 đơn vị đã có khai báo hoặc bằng chứng" in client.get(reverse("scoreboard:bands")).content.decode()


def test_a_refuted_declaration_is_said_beside_the_band(client, leader):
    unit = UnitFactory(version__name="Xã Nói Quá")
    claim(unit)
    proves_recording(unit)
    evidence(unit, "canary", "kind:windows", ok=False, reason="Không thấy.")
    (place,) = compare(DAY).places
    assert place.states["record_attacks"] == ClaimState.REFUTED
    assert place.placed.band.key == "E"


def test_a_day_before_the_directive_has_no_bands_and_no_fault(client, leader):
    UnitFactory()
    client.force_login(leader)
    shown = client.get(reverse("scoreboard:bands"), {"ngay": "2019-02-01"}).content.decode()
    assert "chưa có bậc" in shown
    assert client.get(reverse("scoreboard:formula"), {"ngay": "2019-02-01"}).status_code == 200


def test_a_unit_sees_counts_of_all_and_rows_of_its_own(client, frozen_now):
    mine, _other = UnitFactory(version__name="Xã Của Tôi"), UnitFactory(version__name="Xã Người Khác")
    client.force_login(officer_of(mine))
    for page in ("scoreboard:bands", "scoreboard:what_if"):
        shown = client.get(reverse(page)).content.decode()
        assert "Xã Của Tôi" in shown and "Xã Người Khác" not in shown
    said = client.get(reverse("scoreboard:bands_export", args=["csv"])).content.decode()
    assert "Xã Của Tôi" in said and "Xã Người Khác" not in said


def test_the_published_formula_names_every_number(client, leader):
    client.force_login(leader)
    shown = client.get(reverse("scoreboard:formula")).content.decode()
    for words in ("không quá bậc C", "2 × rủi ro", "0,25 × ngày chờ", "Ghi nhận tấn công", "Chưa kết nối nguồn log"):
        assert words in shown


# --- what if ---


def test_chosen_units_move_the_share_the_bands_and_name_what_is_missing(leader):
    done, near, far = (UnitFactory(version__name=name) for name in ("Xã Xong", "Xã Gần", "Xã Xa"))
    proves_recording(done)
    found = whatif.what_if(leader, whatif.province(DAY), [done.pk, near.pk], ["record_attacks"])
    (change,) = [c for c in found.changes if c.gained]
    assert (change.duty.key, change.before, change.after, change.units) == ("record_attacks", 1, 2, 3)
    assert [(one.name, [job.reason.code for job in one.jobs]) for one in found.missing] == [("Xã Gần", ["no_source"])]
    assert found.missing[0].band_before == "E" and found.missing[0].band_after == "D"
    assert found.reasons == (("no_source", 1),)
    assert far.pk not in found.units


def test_a_chosen_unit_that_has_proven_already_changes_nothing(leader):
    unit = UnitFactory()
    proves_recording(unit)
    found = whatif.what_if(leader, whatif.province(DAY), [unit.pk], ["record_attacks"])
    assert (found.gained, found.missing, found.before) == (0, (), found.after)


def test_the_nearest_units_need_the_fewest_hours(leader):
    far, near = UnitFactory(), UnitFactory()
    proves_procedure(near)
    evidence(near, "sop_exercised", "sop:malware", ok=False)
    assert whatif.nearest(leader, whatif.province(DAY), ["sop"], 1) == [near.pk]
    assert set(whatif.nearest(leader, whatif.province(DAY), ["sop"], 9)) == {near.pk, far.pk}


def test_the_nearest_twelve_become_an_address_that_can_be_sent(client, leader):
    units = [UnitFactory() for _n in range(3)]
    client.force_login(leader)
    answer = client.get(reverse("scoreboard:what_if"), {"gan-nhat": "2", "nghia-vu": "sop"})
    assert answer.status_code == 302
    assert answer.url.endswith(f"?don-vi={units[0].pk},{units[1].pk}&nghia-vu=sop&ngay=2019-12-10")
    shown = client.get(answer.url).content.decode()
    assert "2 đơn vị này" in shown and "66,7 %" in shown


def test_nothing_is_stored_by_asking(client, leader, django_assert_num_queries):
    unit = UnitFactory()
    client.force_login(leader)
    page = f"{reverse('scoreboard:what_if')}?don-vi={unit.pk}&nghia-vu=sop"
    client.get(page)
    with django_assert_num_queries(10) as asked:
        client.get(page)
    assert not [q for q in asked.captured_queries if q["sql"].split()[0] in {"INSERT", "UPDATE", "DELETE"}]


@pytest.mark.parametrize("typed", ["1,2,x,,-5", "9" * 500, ",".join(["7"] * 5000), "²", "٣"])
def test_hostile_choices_are_bounded_and_break_nothing(client, leader, typed):
    UnitFactory()
    client.force_login(leader)
    assert client.get(reverse("scoreboard:what_if"), {"don-vi": typed, "nghia-vu": "khong-co"}).status_code == 200


def test_a_unit_cannot_choose_others(client, frozen_now):
    mine, other = UnitFactory(), UnitFactory(version__name="Xã Người Khác")
    found = whatif.what_if(officer_of(mine), whatif.province(DAY), [mine.pk, other.pk], ["sop"])
    assert found.units == (mine.pk,)
    assert [one.unit_id for one in found.missing] == [mine.pk]


@pytest.mark.parametrize("units", [1, 9])
def test_the_comparison_asks_a_fixed_number_of_questions(client, leader, units, django_assert_num_queries):
    for _n in range(units):
        UnitFactory()
    client.force_login(leader)
    client.get(reverse("scoreboard:bands"))
    with django_assert_num_queries(7):
        client.get(reverse("scoreboard:bands"))
