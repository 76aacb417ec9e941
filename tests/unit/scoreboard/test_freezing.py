"""Periods on ice: made by the clock and by hand, touched by nothing, and what changed since is shown with its rows."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import AuditEvent
from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.scoreboard import jobs, selectors
from dekhang.apps.scoreboard.enums import PeriodKind
from dekhang.apps.scoreboard.freezing import services
from dekhang.apps.scoreboard.freezing.periods import ends_on, first_day, name_of
from dekhang.apps.scoreboard.freezing.selectors import difference, faults
from dekhang.apps.scoreboard.models import FrozenPeriod, Snapshot
from dekhang.apps.scoreboard.services import freeze_day
from tests.factories.core import UserFactory
from tests.factories.duties import CONFERENCE, claim, evidence, proves_recording
from tests.factories.registry import UnitFactory, officer_of

pytestmark = pytest.mark.django_db
NEW_YEAR = datetime(2020, 1, 1, 2, 0, tzinfo=UTC)
YESTERDAY = date(2019, 12, 9)


@pytest.fixture
def coordinator():
    return UserFactory(coordinator=True)


@pytest.mark.parametrize(
    ("day", "kinds"),
    [
        (date(2019, 12, 30), []),
        (date(2020, 2, 29), [PeriodKind.MONTH]),
        (date(2019, 9, 30), [PeriodKind.MONTH, PeriodKind.QUARTER]),
        (date(2019, 12, 31), [PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR]),
    ],
)
def test_months_quarters_and_years_end_on_their_last_day(day, kinds):
    assert list(ends_on(day)) == kinds


def test_periods_begin_on_their_first_day_and_have_names():
    last = date(2019, 12, 31)
    assert [first_day(kind, last) for kind in PeriodKind] == [
        date(2019, 12, 1),
        date(2019, 10, 1),
        date(2019, 1, 1),
        last,
    ]
    assert [name_of(kind, last) for kind in PeriodKind] == [
        "tháng 12/2019",
        "quý IV/2019",
        "năm 2019",
        "ngày 31/12/2019",
    ]


def test_the_clock_freezes_month_quarter_and_year_when_they_end(frozen_now):
    claim(UnitFactory(), at=CONFERENCE)
    with clock.at(NEW_YEAR):
        assert jobs.tick() == 22 * 11 + 3  # 10 to 31 December
        assert jobs.tick() == 0
    found = FrozenPeriod.objects.order_by("pk").values_list("kind", "first_day", "last_day", "made_by")
    assert list(found) == [
        ("month", date(2019, 12, 1), date(2019, 12, 31), None),
        ("quarter", date(2019, 10, 1), date(2019, 12, 31), None),
        ("year", date(2019, 1, 1), date(2019, 12, 31), None),
    ]


def test_a_month_that_ended_while_the_system_was_off_is_frozen_afterwards(frozen_now):
    claim(UnitFactory(), at=CONFERENCE)
    with clock.at(NEW_YEAR + timedelta(days=9)):
        jobs.tick()
    assert FrozenPeriod.objects.filter(kind="month", last_day=date(2019, 12, 31)).exists()


def test_days_missed_are_frozen_also_when_yesterday_was_frozen_first_by_a_report(frozen_now):
    claim(UnitFactory(), at=CONFERENCE)
    with clock.at(CONFERENCE + timedelta(days=1)):
        jobs.tick()
    with clock.at(CONFERENCE + timedelta(days=6)):
        freeze_day(date(2019, 12, 15))
        jobs.tick()
    days = Snapshot.objects.filter(duty_key="sop").values_list("date", flat=True)
    assert list(days) == [date(2019, 12, day) for day in range(10, 16)]


def test_a_duty_that_the_law_got_later_does_not_change_a_frozen_period(frozen_now, coordinator, monkeypatch):
    UnitFactory()
    with monkeypatch.context() as before:
        before.setattr(selectors, "BOARD_DUTIES", tuple(key for key in selectors.BOARD_DUTIES if key != "sop"))
        services.freeze_by_hand(day=YESTERDAY, reason="Họp", by=coordinator)
    services.freeze_by_hand(day=YESTERDAY, reason="Họp lại", by=coordinator)
    assert list(faults()) == []


def test_a_period_of_an_unknown_time_is_not_made_up(frozen_now):
    claim(UnitFactory(), at=CONFERENCE)
    with clock.at(CONFERENCE + timedelta(days=2)):
        jobs.tick()
    assert not FrozenPeriod.objects.exists()  # nothing was known on 30 November


def test_by_hand_needs_the_coordinator_a_reason_and_a_day_that_is_over(frozen_now, coordinator):
    UnitFactory()
    for day, reason, by, sentence in (
        (YESTERDAY, "Họp", UserFactory(leader=True), "Chỉ cơ quan điều phối"),
        (YESTERDAY, "  ", coordinator, "ghi lý do"),
        (date(2019, 12, 10), "Họp", coordinator, "chưa hết"),
    ):
        with pytest.raises(ActionDenied, match=sentence):
            services.freeze_by_hand(day=day, reason=reason, by=by)
    one = services.freeze_by_hand(day=YESTERDAY, reason="Báo cáo UBND tỉnh", by=coordinator)
    assert (one.name, Snapshot.objects.filter(date=YESTERDAY).count()) == ("ngày 09/12/2019", 11)
    assert AuditEvent.objects.get(action="period_frozen").detail["digest"] == one.digest


def test_snapshots_and_periods_are_written_once(frozen_now, coordinator):
    one = services.freeze_by_hand(day=YESTERDAY, reason="Họp", by=coordinator)
    for row in (one, Snapshot.objects.first()):
        with pytest.raises(TypeError):
            row.save()
        with pytest.raises(TypeError):
            row.delete()


def test_late_evidence_changes_no_frozen_number_and_is_shown_with_its_rows(frozen_now, coordinator):
    unit = UnitFactory(version__name="Xã Tân Hà")
    claim(unit, at=CONFERENCE - timedelta(days=3))
    services.freeze_by_hand(day=YESTERDAY, reason="Họp", by=coordinator)
    with clock.at(CONFERENCE + timedelta(hours=1)):
        proves_recording(unit, at=CONFERENCE - timedelta(days=2))
        found = difference("record_attacks", YESTERDAY, coordinator)
        assert (found.frozen.proven, found.now.proven, found.late, found.frozen.intact) == (0, 1, 3, True)
        (change,) = found.changes
        assert (change.frozen.state, change.now.state, len(change.late)) == ("declared", "proven", 3)
        assert difference("sop", YESTERDAY, coordinator).changes == ()
        assert difference("sop", date(2019, 12, 10), coordinator) is None  # not over, not frozen


def test_a_unit_that_the_registry_took_out_of_the_day_shows(frozen_now, coordinator):
    unit = UnitFactory(version__name="Xã Cũ")
    freeze_day(YESTERDAY)
    unit.versions.update(valid_to=date(2019, 12, 1))
    found = difference("sop", YESTERDAY, coordinator)
    assert [(change.frozen.name, change.now) for change in found.changes] == [("Xã Cũ", None)]
    assert selectors.board("sop", YESTERDAY).units == 1


def test_a_frozen_board_keeps_the_names_of_its_day(frozen_now):
    unit = UnitFactory(version__name="Xã Cũ")
    freeze_day(YESTERDAY)
    unit.versions.update(name="Xã Mới")
    assert [row.name for row in selectors.board("sop", YESTERDAY).rows] == ["Xã Cũ"]


@pytest.mark.parametrize("what", ["number", "rows", "torn", "digest", "period", "deleted"])
def test_whoever_touches_a_frozen_number_is_found(frozen_now, coordinator, what):
    UnitFactory()
    services.freeze_by_hand(day=YESTERDAY, reason="Họp", by=coordinator)
    assert list(faults()) == []
    sop = Snapshot.objects.filter(duty_key="sop")
    match what:
        case "number":
            sop.update(proven=1)
        case "rows":
            sop.update(packed_rows=Snapshot.pack([]))
        case "torn":
            sop.update(packed_rows=b"x")
        case "digest":  # numbers and digest rewritten together: the audit chain still knows
            sop.update(proven=1)
            changed = sop.get()
            sop.update(digest=selectors.snapshot_digest(changed))
        case "period":
            FrozenPeriod.objects.update(reason="Khác")
        case "deleted":
            sop._raw_delete(sop.db)
    assert list(faults()) != []
    assert list(verify_chain()) == []
    if what in ("number", "rows", "torn"):
        assert not selectors.board("sop", YESTERDAY).intact  # the page says so, too


# pages


def test_the_pages_of_a_period_say_what_is_frozen_and_what_differs(client, frozen_now, coordinator):
    unit = UnitFactory(version__name="Xã Tân Hà")
    client.force_login(coordinator)
    made = client.post(reverse("scoreboard:periods"), {"day": "2019-12-09", "reason": "Họp giao ban"})
    assert "Họp giao ban" in client.get(reverse("scoreboard:periods")).content.decode()
    evidence(unit, EvidenceKind.CLOCK, "incident:1/initial", at=CONFERENCE - timedelta(days=2))
    Snapshot.objects.update(frozen_at=CONFERENCE - timedelta(hours=1))  # the clock stands still in this test
    assert "khác" in client.get(made.url).content.decode()
    page = client.get(reverse("scoreboard:difference", args=["respond"]), {"ngay": "2019-12-09"}).content.decode()
    assert "Xã Tân Hà" in page and "1 bằng chứng" in page
    assert client.get(reverse("scoreboard:difference", args=["la"])).status_code == 404
    assert (
        "chưa hết" in client.post(reverse("scoreboard:periods"), {"day": "2019-12-10", "reason": "x"}).content.decode()
    )


def test_a_unit_sees_its_own_rows_of_the_difference_only(client, frozen_now):
    mine, other = UnitFactory(version__name="Xã Mình"), UnitFactory(version__name="Xã Người")
    freeze_day(YESTERDAY)
    with clock.at(CONFERENCE + timedelta(hours=1)):
        for unit in (mine, other):
            evidence(unit, EvidenceKind.CLOCK, "incident:1/initial", at=CONFERENCE - timedelta(days=2))
        client.force_login(officer_of(mine))
        page = client.get(reverse("scoreboard:difference", args=["respond"]), {"ngay": "2019-12-09"}).content.decode()
    assert "Xã Mình" in page and "Xã Người" not in page and "1 bằng chứng" in page
