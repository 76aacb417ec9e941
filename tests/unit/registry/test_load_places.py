from datetime import date

import pytest

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry import selectors
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import Succession, UnitVersion
from dekhang.apps.registry.selectors import COUNTED_KINDS
from dekhang.apps.registry.services import load_places

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("day", "departments", "districts", "communes"),
    [
        (date(2019, 12, 10), 19, 9, 95),  # the day of the conference
        (date(2020, 2, 1), 19, 9, 94),  # NQ 865/NQ-UBTVQH14
        (date(2025, 6, 30), 18, 9, 94),  # Sở TT&TT has gone into Sở KH&CN
        (date(2025, 7, 1), 18, 0, 96),  # NQ 1682/NQ-UBTVQH15: no districts
    ],
)
def test_any_date_can_be_asked(day, departments, districts, communes):
    load_places()
    counted = selectors.counted_units(day)
    assert [counted.filter(kind=kind).count() for kind in COUNTED_KINDS] == [departments, districts, communes]


def test_a_reused_code_leads_to_the_unit_of_that_day():
    load_places()
    names = [
        UnitVersion.objects.in_force(day).get(code="25729").name
        for day in (date(2019, 12, 10), date(2020, 2, 1), date(2025, 7, 1))
    ]
    assert names == ["Xã Bình Thạnh", "Xã Phước Bình", "Xã Phước Chỉ"]
    assert Succession.objects.filter(predecessor__key="xa-binh-thanh-25729").exists()


def test_a_second_load_is_refused():
    load_places()
    with pytest.raises(ActionDenied, match="Danh sách đơn vị đã có"):
        load_places()


def test_the_tree_has_parents_before_children_in_one_query(django_assert_num_queries):
    load_places()
    with django_assert_num_queries(1):
        rows = selectors.tree(date(2019, 12, 10))
    assert len(rows) == 1 + 19 + 9 + 95
    assert rows[0].version.kind == UnitKind.PROVINCE
    assert {row.depth for row in rows if row.version.kind == UnitKind.COMMUNE} == {2}
