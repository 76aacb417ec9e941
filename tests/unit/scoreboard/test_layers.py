"""The four-layer pages: who stands at each layer, and that a check by the firm that watches is none."""

from datetime import timedelta

import pytest
from django.urls import reverse

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.scoreboard.layers.selectors import of_units, pick, same
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, evidence
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def unit(frozen_now):
    return UnitFactory(version__name="Xã Bốn Lớp")


def layer(unit, number, *, at=CONFERENCE, days=365, ok=True, **facts):
    return evidence(
        unit,
        EvidenceKind.DOCUMENT_CHECKED,
        f"layer:{number}",
        at=at,
        days=days,
        ok=ok,
        facts=facts,
        title=f"Lớp số {number}",
    )


def row_of(user, day):
    (row,) = of_units(user, day)
    return row


def test_each_layer_has_its_own_word(unit, frozen_now):
    layer(unit, 1)
    layer(unit, 2, firm="Công ty Canh Gác", at=CONFERENCE - timedelta(days=400))
    layer(unit, 3, firm="Công ty Kiểm Tra")
    layer(unit, 3, ok=False)
    row = row_of(UserFactory(leader=True), frozen_now.date())
    assert [one.state for one in row.layers] == ["holds", "ended", "broken", "missing"]
    assert row.standing == 1


def test_one_firm_in_layers_two_and_three_does_not_count_whatever_its_spelling(unit, frozen_now):
    layer(unit, 2, firm="Công ty Canh Gác")
    layer(unit, 3, firm=" công TY canh gác ")
    row = row_of(UserFactory(leader=True), frozen_now.date())
    assert row.same_firm and row.standing == 1
    assert pick([row], state="trung-ben") == [row]
    assert not same("", " ")


def test_a_past_day_keeps_its_answer(unit, frozen_now):
    layer(unit, 1, at=CONFERENCE - timedelta(days=30))
    leader = UserFactory(leader=True)
    assert row_of(leader, frozen_now.date()).standing == 1
    assert row_of(leader, frozen_now.date() - timedelta(days=40)).standing == 0


def test_the_page_of_a_unit_names_the_firm_and_leads_to_filing(client, unit):
    layer(unit, 2, firm="Công ty <b>Canh</b> Gác")
    client.force_login(officer_of(unit))
    shown = client.get(reverse("scoreboard:layers_of", args=[unit.pk])).content.decode()
    assert "Công ty &lt;b&gt;Canh&lt;/b&gt; Gác" in shown
    assert reverse("duties:new_document", args=[unit.pk, "independent_check"]) in shown
    assert "chưa có nguồn log nào để giám sát" in shown


def test_a_unit_sees_its_own_layers_only(client, unit):
    other = UnitFactory(version__name="Xã Khác")
    layer(other, 2, firm="Công ty Của Xã Khác")
    client.force_login(officer_of(unit))
    assert client.get(reverse("scoreboard:layers_of", args=[other.pk])).status_code == 404
    for page in (reverse("scoreboard:layers"), reverse("scoreboard:layers_export", args=["csv"])):
        said = client.get(page).content.decode()
        assert "Xã Bốn Lớp" in said and "Xã Khác" not in said and "Công ty Của" not in said


@pytest.mark.parametrize("units", [1, 12])
def test_the_list_asks_a_fixed_number_of_questions(client, frozen_now, units, django_assert_num_queries):
    for _n in range(units):
        layer(UnitFactory(), 1)
    client.force_login(UserFactory(coordinator=True))
    client.get(reverse("scoreboard:layers"))
    with django_assert_num_queries(6):
        client.get(reverse("scoreboard:layers"))
