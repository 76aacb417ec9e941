"""The budget page: sums and not means, the law's share of the day, the documents behind."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.filing.services import accept, send_back, submit
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.scoreboard.spending.selectors import spending
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, evidence
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


def budget(unit, year, it, security, *, at=CONFERENCE, days=300, ok=True):
    facts = {"year": str(year), "it_spending": it, "security_spending": security}
    return evidence(unit, EvidenceKind.DOCUMENT_CHECKED, "budget", at=at, days=days, ok=ok, facts=facts)


@pytest.fixture
def leader(frozen_now):
    return UserFactory(leader=True)


def test_a_block_s_share_is_of_sums_and_not_a_mean_of_shares(leader):
    big, small = UnitFactory(), UnitFactory()
    budget(big, 2019, 1000, 50)
    budget(small, 2019, 10, 10)
    found = spending(leader, date(2019, 12, 10))
    assert found.whole.share == pytest.approx(60 / 1010)
    assert (found.whole.papers, found.whole.units, found.whole.reached) == (2, 2, 1)
    assert [row.state for row in found.rows] == ["thieu", "du"]


def test_the_law_s_share_follows_the_day_asked(leader):
    unit = UnitFactory()
    moment = datetime(2026, 8, 1, tzinfo=UTC)
    with clock.at(moment):
        budget(unit, 2026, 100, 12, at=moment - timedelta(days=60))
        before, after = (spending(leader, day) for day in (date(2026, 6, 30), date(2026, 7, 1)))
    assert (before.minimum, before.rows[0].state) == (0.1, "du")
    assert (after.minimum, after.rows[0].state) == (0.15, "thieu")
    assert after.years[-1].minimum == 0.15


def test_years_stand_beside_each_other_and_a_document_found_wrong_takes_only_its_own_year(leader):
    unit = UnitFactory()
    budget(unit, 2018, 100, 5, at=CONFERENCE - timedelta(days=400))
    budget(unit, 2019, 100, 12)
    told = [(y.year, y.sum.share) for y in spending(leader, date(2019, 12, 10)).years]
    budget(unit, 2019, 100, 12, ok=False)
    assert told == [(2018, 0.05), (2019, 0.12)]
    assert [year.year for year in spending(leader, date(2019, 12, 10)).years] == [2018]


def test_blocks_are_kept_apart_and_units_without_a_document_are_counted_beside(leader):
    budget(UnitFactory(version__kind=UnitKind.DEPARTMENT), 2019, 100, 20)
    UnitFactory()
    found = spending(leader, date(2019, 12, 10))
    assert [(block.papers, block.units, block.share) for block in found.blocks] == [(1, 1, 0.2), (0, 1, None)]


def test_a_unit_sees_its_own_money_only(client, frozen_now):
    mine, other = UnitFactory(version__name="Xã Của Tôi"), UnitFactory(version__name="Xã Người Khác")
    budget(mine, 2019, 100, 20)
    budget(other, 2019, 77777, 11111)
    client.force_login(officer_of(mine))
    for page in (reverse("scoreboard:spending"), reverse("scoreboard:spending_export", args=["csv"])):
        said = client.get(page).content.decode()
        assert "Xã Của Tôi" in said and "Xã Người Khác" not in said
        assert "77.777" not in said and "77777" not in said


def test_an_empty_province_says_where_numbers_come_from(client, leader):
    client.force_login(leader)
    assert "Chưa có số liệu năm nào" in client.get(reverse("scoreboard:spending")).content.decode()


@pytest.mark.parametrize("units", [1, 12])
def test_the_page_asks_a_fixed_number_of_questions(client, leader, units, django_assert_num_queries):
    for _n in range(units):
        budget(UnitFactory(), 2019, 100, 12)
    client.force_login(leader)
    client.get(reverse("scoreboard:spending"))
    with django_assert_num_queries(6):
        client.get(reverse("scoreboard:spending"))


def test_a_unit_without_a_document_is_a_dash_on_the_page(client, leader):
    UnitFactory(version__name="Xã Chưa Nộp")
    client.force_login(leader)
    shown = client.get(reverse("scoreboard:spending")).content.decode()
    assert "Xã Chưa Nộp" in shown and "Chưa có văn bản" in shown


def test_a_text_found_wrong_does_not_take_the_later_text_of_its_year_with_it(leader, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    unit, coordinator = UnitFactory(), UserFactory(coordinator=True)
    accepted = []
    for number, security in enumerate((3, 12), start=1):
        filed = submit(
            unit_id=unit.pk,
            kind="budget",
            title="Quyết định giao kinh phí",
            issue_number=f"{number}/QĐ",
            issued_on=date(2019, 11, number),
            facts={"year": "2019", "it_spending": 100, "security_spending": security},
            file=SimpleUploadedFile("kinh-phi.pdf", b"%PDF-1.7 " + str(number).encode()),
            by=officer_of(unit),
        )
        accepted.append(accept(revision=filed, by=coordinator))
    send_back(revision=accepted[0], by=coordinator, note="Bản đầu ghi nhầm số.")
    assert spending(leader, date(2019, 12, 10)).rows[0].paper.security == 12
