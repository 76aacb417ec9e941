"""Units are called as they were called on the day."""

from datetime import date

import pytest

from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.models import UnitVersion
from dekhang.apps.registry.selectors import unit_names
from tests.factories.registry import UnitFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def renamed():
    """A district that becomes a town on 1 February 2020."""
    unit = UnitFactory(version__name="Huyện Thử", version__valid_to=date(2020, 2, 1))
    UnitVersion.objects.create(
        unit=unit, name="Thị xã Thử", kind=UnitKind.DISTRICT, valid_from=date(2020, 2, 1), valid_to=date(2025, 7, 1)
    )
    return unit.pk


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2019, 12, 10), "Huyện Thử"),
        (date(2020, 1, 31), "Huyện Thử"),
        (date(2020, 2, 1), "Thị xã Thử"),
        (date(2026, 1, 1), "Thị xã Thử"),  # ended: its last name
        (date(2018, 1, 1), "Huyện Thử"),  # not yet: its first name
    ],
)
def test_a_renamed_unit_has_the_name_of_the_day(renamed, day, name, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert unit_names({renamed}, day) == {renamed: name}


def test_without_a_day_it_is_the_name_of_today(renamed, frozen_now):
    assert unit_names({renamed}) == {renamed: "Huyện Thử"}
