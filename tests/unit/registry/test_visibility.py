from datetime import date

import pytest

from dekhang.apps.registry import selectors
from tests.factories.core import UserFactory
from tests.factories.registry import PostHoldingFactory, UnitFactory, head_of, officer_of

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("trait", ["coordinator", "leader", "inspector", "administrator"])
def test_provincial_roles_see_every_unit(trait):
    units = {UnitFactory().pk, UnitFactory(version__valid_to=date(2019, 6, 1)).pk}
    assert selectors.visible_unit_ids(UserFactory(**{trait: True})) == units


def test_an_officer_and_a_head_see_their_own_unit_only():
    mine, _other = UnitFactory(), UnitFactory()
    assert selectors.visible_unit_ids(officer_of(mine)) == {mine.pk}
    assert selectors.visible_unit_ids(head_of(mine)) == {mine.pk}


def test_a_post_that_ended_shows_nothing_any_more(frozen_now):
    holding = PostHoldingFactory(valid_to=date(2019, 12, 10))
    assert selectors.visible_unit_ids(holding.user) == frozenset()


def test_a_closed_account_sees_nothing():
    UnitFactory()
    assert selectors.visible_unit_ids(UserFactory(coordinator=True, is_active=False)) == frozenset()
