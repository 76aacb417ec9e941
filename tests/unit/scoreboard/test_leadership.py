"""The leadership page: one sentence, what changed, and decisions that name the units they are about."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.duties import timelines
from dekhang.apps.scoreboard.deadlines import deadlines_at
from dekhang.apps.scoreboard.leadership.decisions import AT_MOST, NAMED
from dekhang.apps.scoreboard.leadership.selectors import summary
from dekhang.apps.scoreboard.selectors import BOARD_DUTIES, boards, brief_boards
from dekhang.apps.scoreboard.services import freeze_day
from tests.factories.cascade import draft, issued, task_in
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, claim, evidence, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
DAY = date(2019, 12, 10)


@pytest.fixture(autouse=True)
def _place(data, frozen_now):
    """The page reads alerts and the clock."""


def line_of(found, key):
    return next(line for line in found.lines if line.board.duty.key == key)


def test_the_lines_are_the_board_s_figures(client):
    for _n in range(3):
        proves_recording(UnitFactory())
    UnitFactory()
    found, boards_ = summary(DAY), boards(["record_attacks", "sop"], DAY)
    for key, board in boards_.items():
        line = line_of(found, key)
        assert (line.board.proven, line.board.declared, line.board.units) == (board.proven, board.declared, board.units)
    assert found.proven == sum(line.board.proven for line in found.lines)


def test_what_got_better_and_worse_is_named_and_a_new_unit_lost_nothing():
    old, lost, new = UnitFactory(), UnitFactory(), UnitFactory(version__valid_from=date(2019, 12, 1))
    proves_recording(lost, at=CONFERENCE - timedelta(days=60))
    evidence(lost, "source_delivering", "source:1", ok=False, reason="Im lặng.")
    proves_recording(old)
    line = line_of(summary(DAY), "record_attacks")
    assert [row.unit_id for row in line.gained] == [old.pk]
    assert [row.unit_id for row in line.lost] == [lost.pk]
    assert new.pk not in {row.unit_id for row in line.lost}
    assert summary(DAY).sentence.startswith("Tỉnh đang đứng yên")


def test_a_refuted_declaration_comes_first_and_names_the_unit():
    unit = UnitFactory(version__name="Xã Nói Quá")
    claim(unit)
    proves_recording(unit)
    evidence(unit, "canary", "kind:windows", ok=False, reason="Không thấy dấu vết.")
    first = summary(DAY).decisions[0]
    assert (first.key, first.named[0].name) == ("bac-bo", "Xã Nói Quá")
    assert "Không thấy dấu vết." in first.named[0].why


def test_every_decision_has_units_a_page_with_all_of_them_and_no_kind_twice(client):
    for number in range(NAMED + 3):
        UnitFactory(version__name=f"Xã Số {number}")
    client.force_login(UserFactory(leader=True))
    found = summary(DAY).decisions
    assert len({one.key for one in found}) == len(found) and all(one.units for one in found)
    for one in found:
        shown = client.get(reverse("scoreboard:decision", args=[one.key])).content.decode()
        assert all(about.name in shown for about in one.units)
    assert client.get(reverse("scoreboard:decision", args=["khong-co"])).status_code == 404


def test_the_lever_is_what_brings_most_for_an_hour():
    for _n in range(4):
        UnitFactory()
    levers = [one for one in summary(DAY).decisions if one.key.startswith("don-bay")]
    assert len(levers[0].units) == 4
    assert len({one.duty_key for one in levers}) == len(levers)


def test_the_page_shows_three_decisions_at_most_and_each_number_leads_to_its_rows(client):
    unit = UnitFactory()
    claim(unit)
    client.force_login(UserFactory(leader=True))
    shown = client.get(reverse("portal:leadership")).content.decode()
    decided = shown.split('<ol class="decisions">')[1].split("</ol>")[0]
    assert 1 <= decided.count("<li") <= AT_MOST
    assert "trang-thai=da-khai" in shown and reverse("scoreboard:changes") in shown


def test_the_plan_s_deadline_stands_beside_the_duty_and_a_broken_one_is_a_decision(client):
    UnitFactory(version__name="Xã Trễ Hạn")
    version = draft()
    task_in(version, "Ghi nhận tấn công", due_on=date(2019, 12, 31), duty_key="record_attacks")
    issued(version)
    client.force_login(UserFactory(leader=True))
    assert deadlines_at(clock.now()) == {"record_attacks": date(2019, 12, 31)}
    assert "hạn 31/12/2019" in client.get(reverse("portal:leadership")).content.decode()
    assert not any(one.key == "qua-han" for one in summary(DAY).decisions)
    with clock.at(CONFERENCE + timedelta(days=60)):
        late = next(one for one in summary(clock.today()).decisions if one.key == "qua-han")
        assert "31/12/2019" in late.because and [about.name for about in late.units] == ["Xã Trễ Hạn"]


def test_a_past_day_is_answered_as_it_was(client):
    unit = UnitFactory()
    proves_recording(unit)
    client.force_login(UserFactory(leader=True))
    shown = client.get(reverse("portal:leadership"), {"ngay": "2019-12-01"}).content.decode()
    assert "Số liệu tính đến 01/12/2019" in shown and "0 trên 10 nghĩa vụ" in shown


def test_an_empty_province_has_a_sentence_and_no_decision(client):
    client.force_login(UserFactory(leader=True))
    shown = client.get(reverse("portal:leadership")).content.decode()
    assert "chưa có đơn vị hoặc nghĩa vụ nào để đếm" in shown and "Chưa có gì cần quyết định" in shown


def test_unit_people_are_refused_with_the_reason(client):
    client.force_login(officer_of(UnitFactory()))
    for page in (
        reverse("portal:leadership"),
        reverse("scoreboard:changes"),
        reverse("scoreboard:decision", args=["bac-bo"]),
    ):
        assert client.get(page).status_code == 403


@pytest.mark.parametrize("units", [1, 12])
def test_the_summary_asks_a_fixed_number_of_questions(units, django_assert_num_queries):
    for _n in range(units):
        UnitFactory()
    summary(DAY)
    with django_assert_num_queries(10):
        summary(DAY)


def test_the_changes_page_names_who_gained(client):
    unit = UnitFactory(version__name="Xã Mới Đạt")
    proves_recording(unit)
    client.force_login(UserFactory(inspector=True))
    assert "Xã Mới Đạt" in client.get(reverse("scoreboard:changes")).content.decode()
    with clock.at(CONFERENCE + timedelta(days=40)):
        assert "Xã Mới Đạt" not in client.get(reverse("scoreboard:changes")).content.decode()


@pytest.mark.parametrize("freeze", [False, True])
def test_brief_boards_say_what_the_boards_say(freeze):
    proven, silent, talker, _nobody = (UnitFactory() for _n in range(4))
    early = CONFERENCE - timedelta(days=3)
    proves_recording(proven, at=early)
    proves_recording(silent, at=early)
    evidence(silent, "source_delivering", "source:1", at=early, ok=False, reason="Im lặng.")
    claim(talker, at=early)
    day = date(2019, 12, 9)
    for _stale in (True, False):
        full, brief = boards(BOARD_DUTIES, day), brief_boards(BOARD_DUTIES, day)
        for key, board in full.items():
            plain = replace_all(board.rows)
            assert plain == list(brief[key].rows)
            assert (board.proven, board.declared, board.units) == (
                brief[key].proven,
                brief[key].declared,
                brief[key].units,
            )
            assert board.intact == brief[key].intact
        while timelines.refresh():
            pass
        if freeze:
            freeze_day(day)


def replace_all(rows):
    return [replace(row, since=None, proven_until=None, measure=None) for row in rows]
