"""The contribution map: evidence per indicator, what is private stays so, and no number of points for a province."""

import re
from datetime import date, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.filing.services import accept, submit
from dekhang.apps.scoreboard.gci.selectors import contribution_map, key_of, public_rows
from dekhang.apps.scoreboard.gci.services import clear, withdraw
from dekhang.apps.scoreboard.models import PublicItem
from dekhang.law import load
from tests.factories.core import UserFactory
from tests.factories.duties import proves_procedure, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def coordinator(frozen_now, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    return UserFactory(coordinator=True)


def regulation(unit, coordinator, title="Quy chế số 01"):
    revision = submit(
        unit_id=unit.pk,
        kind="regulation",
        title=title,
        issue_number="01/QĐ",
        issued_on=date(2019, 11, 1),
        facts={},
        file=SimpleUploadedFile("quy-che.pdf", b"%PDF-1.7 " + title.encode()),
        by=officer_of(unit),
    )
    return accept(revision=revision, by=coordinator)


def item(user, day, indicator, key):
    rows = {row.indicator.key: row for _pillar, rows in contribution_map(user, day).rows for row in rows}
    return next(one for one in rows[indicator].items if one.key == key)


def test_twenty_indicators_each_with_evidence_or_a_word_why_not(coordinator, frozen_now):
    found = contribution_map(coordinator, frozen_now.date())
    rows = [row for _pillar, rows in found.rows for row in rows]
    assert len(rows) == 20
    assert all(bool(row.items) != bool(row.indicator.why_none) for row in rows)


def test_a_count_is_the_board_s_and_grows_with_evidence(coordinator, frozen_now):
    unit, _other = UnitFactory(), UnitFactory()
    proves_recording(unit)
    proves_procedure(unit)
    day = frozen_now.date()
    recording = item(coordinator, day, "metrics", "duty:record_attacks")
    assert (recording.count, recording.whole, recording.change) == (1, 2, 1)
    assert item(coordinator, day, "national_cirt", "evidence:sop_exercised").count == 1
    assert item(coordinator, day, "metrics", "evidence:canary").count == 1


def test_before_the_first_edition_the_next_list_is_shown_and_said_so(coordinator, frozen_now):
    found = contribution_map(coordinator, frozen_now.date())
    assert (found.edition.key, found.listed.key) == ("v3", "v4")
    assert contribution_map(coordinator, date(2019, 1, 1)).edition is None


def test_everything_is_private_until_somebody_clears_it(coordinator, frozen_now):
    unit = UnitFactory()
    proves_recording(unit)
    regulation(unit, coordinator)
    rows = public_rows(coordinator, frozen_now.date())
    plan = load().instrument("QD2273-2019")
    assert {row.what for row in rows} == {f"{plan.name}: {plan.title}"}


def test_a_cleared_item_is_in_the_public_export_and_a_withdrawn_one_is_not(client, coordinator, frozen_now):
    unit = UnitFactory(version__name="Xã Một")
    paper, hidden = regulation(unit, coordinator), regulation(UnitFactory(), coordinator, "Quy chế kín đáo")
    clear(key=f"paper:{paper.document_id}", link="https://example.gov.vn/qc", by=coordinator)
    client.force_login(coordinator)
    page = reverse("scoreboard:gci_export", args=["csv"])
    said = client.get(page).content.decode()
    assert "Quy chế số 01" in said and "https://example.gov.vn/qc" in said
    assert "kín đáo" not in said and hidden.document.title not in said
    withdraw(key=f"paper:{paper.document_id}", by=coordinator)
    assert "Quy chế số 01" not in client.get(page).content.decode()
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {
        "gci_item_cleared",
        "gci_item_withdrawn",
        "board_exported",
    }


def test_a_document_that_stopped_counting_leaves_the_public_export_by_itself(coordinator, frozen_now):
    paper = regulation(UnitFactory(), coordinator)
    clear(key=f"paper:{paper.document_id}", by=coordinator)
    assert any("Quy chế số 01" in row.what for row in public_rows(coordinator, frozen_now.date()))
    assert not any("Quy chế" in row.what for row in public_rows(coordinator, frozen_now.date() - timedelta(days=1)))


@pytest.mark.parametrize(
    ("key", "link", "sentence"),
    [
        ("duty:khong_co", "", "không có trong bản đồ"),
        ("instrument:QD2273-2019", "", "không có trong bản đồ"),
        ("paper:999999", "", "không có trong bản đồ"),
        ("paper:" + "9" * 70, "", "không có trong bản đồ"),
        ("duty:sop", "javascript:alert(1)", "https://"),
        ("duty:sop", "http://example.gov.vn", "https://"),
    ],
)
def test_what_cannot_be_cleared_is_refused_with_the_reason(coordinator, key, link, sentence):
    with pytest.raises(ActionDenied, match=sentence):
        clear(key=key, link=link, by=coordinator)
    assert not PublicItem.objects.exists()


def test_only_the_coordinator_clears_and_nobody_twice(coordinator):
    for role in ("leader", "inspector", "administrator"):
        with pytest.raises(ActionDenied):
            clear(key="duty:sop", by=UserFactory(**{role: True}))
    clear(key="duty:sop", by=coordinator)
    with pytest.raises(ActionDenied, match="được công bố rồi"):
        clear(key="duty:sop", by=coordinator)
    withdraw(key="duty:sop", by=coordinator)
    clear(key="duty:sop", by=coordinator)


def test_the_page_clears_and_takes_back(client, coordinator):
    client.force_login(coordinator)
    place = reverse("scoreboard:gci_indicator", args=["metrics"])
    sent = {"muc": "evidence:canary", "chi-tieu": "metrics"}
    assert client.post(reverse("scoreboard:gci_clear"), sent).url == place
    assert "Rút về nội bộ" in client.get(place).content.decode()
    client.post(reverse("scoreboard:gci_withdraw"), sent)
    assert "Rút về nội bộ" not in client.get(place).content.decode()


def test_no_score_is_shown_or_exported_anywhere(client, coordinator):
    """GCI is scored for countries: a province has counts of units and documents, never points, percentages or a rank."""
    unit = UnitFactory()
    proves_recording(unit)
    regulation(unit, coordinator)
    clear(key="duty:record_attacks", by=coordinator)
    client.force_login(coordinator)
    pages = [reverse("scoreboard:gci"), reverse("scoreboard:gci_export", args=["csv"])]
    pages += [reverse("scoreboard:gci_indicator", args=[one.key]) for one in load().gci_indicators]
    for page in pages:
        said = client.get(page).content.decode()
        body = re.sub(r"<[^>]+>", " ", said.split("<main", 1)[-1].split("</main>", 1)[0])
        published = [edition.result for edition in load().gci_editions]
        for result in published:  # what the ITU published of the country, in its own words
            body = body.replace(result, "")
        assert not re.search(r"\d\s*(%|điểm)|điểm\s*:?\s*\d|\d+\s*/\s*(20|100)\b|[Hh]ạng\s*\d|[Nn]hóm\s*\d", body), page


def test_a_unit_sees_its_own_documents_only_and_no_export(client, coordinator):
    mine, other = UnitFactory(), UnitFactory(version__name="Xã Người Khác")
    regulation(mine, coordinator, "Quy chế của tôi")
    regulation(other, coordinator, "Quy chế của người khác")
    client.force_login(officer_of(mine))
    said = client.get(reverse("scoreboard:gci_indicator", args=["cybersecurity_regulation"])).content.decode()
    assert "Quy chế của tôi" in said and "người khác" not in said and "Đánh dấu công khai" not in said
    assert client.get(reverse("scoreboard:gci_export", args=["csv"])).status_code == 403
    assert client.post(reverse("scoreboard:gci_clear"), {"muc": "duty:sop"}).status_code == 403


def test_every_contribution_has_a_key_of_its_own_within_its_indicator():
    for indicator in load().gci_indicators:
        keys = [key_of(one) for one in indicator.contributions]
        assert len(keys) == len(set(keys))


@pytest.mark.parametrize("units", [1, 8])
def test_the_map_asks_a_fixed_number_of_questions(client, coordinator, units, django_assert_num_queries):
    for number in range(units):
        regulation(UnitFactory(), coordinator, f"Quy chế {number}")
    client.force_login(coordinator)
    client.get(reverse("scoreboard:gci"))
    with django_assert_num_queries(31):
        client.get(reverse("scoreboard:gci"))


@pytest.mark.parametrize("spelling", ["paper:0{}", "paper:+{}", "paper: {}"])
def test_a_document_is_cleared_under_its_own_key_only_so_that_the_export_finds_it(coordinator, frozen_now, spelling):
    unit = UnitFactory()
    paper = regulation(unit, coordinator)
    with pytest.raises(ActionDenied):
        clear(key=spelling.format(paper.document_id), by=coordinator)
    assert public_rows(coordinator, frozen_now.date())
