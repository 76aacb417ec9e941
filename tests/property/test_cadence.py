"""A learnt cadence is patient as its source is, never absurd, and a few bad days do not change it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.silence import judge
from dekhang.apps.sources.cadence import (
    CEILING_SECONDS,
    FLOOR_SECONDS,
    SLOTS,
    Cadence,
    constant,
    learn,
    looks_like_a_day_off,
    overdue_at,
)

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = datetime(2019, 11, 3, 17, 0, tzinfo=UTC)  # 00:00 here
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Heard:
    first_ms: int
    last_ms: int
    longest_gap_ms: int


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def steady(days: int, *, pause_seconds: int = 60, without: frozenset[int] = frozenset()) -> list[Heard]:
    """Heard every `pause_seconds`, day and night, except on some days."""
    return [
        Heard(
            ms(MONDAY) + hour * HOUR_MS, ms(MONDAY) + (hour + 1) * HOUR_MS - pause_seconds * 1000, pause_seconds * 1000
        )
        for hour in range(days * 24)
        if hour // 24 not in without
    ]


def office(weeks: int, *, without: frozenset[int] = frozenset()) -> list[Heard]:
    """On from 7 to 17 on working days; `without`: days since the first Monday on which it stayed off."""
    return [
        Heard(ms(MONDAY) + (day * 24 + hour) * HOUR_MS, ms(MONDAY) + (day * 24 + hour + 1) * HOUR_MS - 90_000, 90_000)
        for day in range(weeks * 7)
        if day % 7 < 5 and day not in without
        for hour in range(7, 17)
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[Heard]:
    at = ms(MONDAY)
    found = []
    for _ in range(draw(st.integers(0, 60))):
        at += draw(st.integers(1, 90)) * HOUR_MS
        first = at + draw(st.integers(0, HOUR_MS - 2))
        last = draw(st.integers(first, at + HOUR_MS - 1))
        found.append(Heard(first, last, draw(st.integers(0, last - first))))
    return found


@settings(max_examples=150, deadline=None)
@given(histories(), st.datetimes(datetime(2019, 1, 1), datetime(2030, 1, 1)))
def test_any_history_gives_limits_within_bounds_and_an_end_to_every_silence(hours: list[Heard], at: datetime) -> None:
    cadence = learn(hours, zone=ZONE)
    if cadence is None:
        assert not hours or hours[-1].last_ms - hours[0].first_ms < 7 * 24 * HOUR_MS
        cadence = constant(900)
    assert all(min(FLOOR_SECONDS, 900) <= limit <= CEILING_SECONDS for limit in cadence.limits)
    last = at.replace(tzinfo=UTC)
    due = overdue_at(cadence, last, ZONE)
    assert timedelta(seconds=min(cadence.limits) - 1) <= due - last <= timedelta(seconds=max(cadence.limits) + 1)


@settings(max_examples=50, deadline=None)
@given(st.frozensets(st.integers(0, 27), max_size=3), st.integers(1, 120), st.integers(0, 7 * 24 * 60))
def test_a_server_that_never_pauses_is_missed_within_five_minutes_whatever_happened_on_three_days(
    outages: frozenset[int], pause_seconds: int, minute: int
) -> None:
    cadence = learn(steady(29, pause_seconds=pause_seconds, without=outages), zone=ZONE)
    assert cadence is not None
    # three days lost of twenty working days, or one of eight weekend days, are not usual
    if sum(day % 7 >= 5 for day in outages) <= 1 and len(outages) <= 2:
        last = MONDAY + timedelta(days=30, minutes=minute)
        assert overdue_at(cadence, last, ZONE) - last <= timedelta(minutes=5)


@settings(max_examples=50, deadline=None)
@given(st.frozensets(st.integers(0, 27), max_size=2))
def test_an_office_pc_may_be_off_at_night_and_at_weekends_and_is_missed_in_the_morning(off: frozenset[int]) -> None:
    cadence = learn(office(4, without=off), zone=ZONE)
    assert cadence is not None and not cadence.always_on
    friday = MONDAY + timedelta(days=32, hours=17)
    monday = MONDAY + timedelta(days=35, hours=7)
    assert monday < overdue_at(cadence, friday, ZONE) <= monday + timedelta(hours=2)
    tuesday = MONDAY + timedelta(days=36, hours=10)
    assert overdue_at(cadence, tuesday, ZONE) - tuesday < timedelta(minutes=30)


def test_nothing_is_learnt_from_less_than_a_week() -> None:
    assert learn([], zone=ZONE) is None
    assert learn(steady(6), zone=ZONE) is None
    learnt = learn(steady(8), zone=ZONE)
    assert learnt is not None and learnt.days == 7 and learnt.always_on


def test_what_reports_once_a_night_is_missed_in_the_next_morning_not_at_noon() -> None:
    hours = [Heard(at := ms(MONDAY) + (day * 24 + 2) * HOUR_MS, at + 60_000, 1_000) for day in range(28)]
    cadence = learn(hours, zone=ZONE)
    assert cadence is not None
    last = MONDAY + timedelta(days=28, hours=2)
    assert timedelta(hours=25) < overdue_at(cadence, last, ZONE) - last < timedelta(hours=30)


def test_a_cadence_needs_all_its_slots() -> None:
    with pytest.raises(ValueError, match="48"):
        Cadence((60,) * (SLOTS - 1))


@pytest.mark.parametrize(
    ("due", "day_off"),
    [
        ({}, False),
        ({1: [True], 2: [True], 3: [True]}, False),  # three machines are not a province
        ({1: [True, True, True, True, True]}, False),  # one unit: its own trouble
        ({1: [True, True], 2: [True, True], 3: [True]}, True),
        ({1: [True, True], 2: [True, False], 3: [True, False]}, False),  # people have come to work
    ],
)
def test_a_day_off_is_when_most_machines_of_several_units_stay_off(due: dict[int, list[bool]], day_off: bool) -> None:
    assert looks_like_a_day_off(due) is day_off


@pytest.mark.parametrize(
    ("character", "delay_minutes", "false_alarms"),
    [("server", 5, 1), ("website", 15, 3), ("office-pc", 30, 2), ("nightly", 29 * 60, 1)],
)
def test_the_backtest_notices_every_outage_it_can_in_time(
    character: str, delay_minutes: int, false_alarms: int
) -> None:
    result = judge(character)
    assert result.noticed and max(result.delays) <= delay_minutes * 60
    assert result.false_alarms <= false_alarms
    if character != "nightly":  # an outage of an hour at noon is none for what speaks at night
        assert result.noticed == result.outages
