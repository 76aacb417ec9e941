"""A clock that was set wrong deletes nothing; one that is right goes on expiring what is due."""

from pathlib import Path

import pytest

from dekhang.pipeline.lakewrite.trustedclock import JUMP_MS, STEADY_SECONDS, TrustedClock

START_MS = 1_575_943_200_000
DAY_MS = 86_400_000


@pytest.fixture
def clock(tmp_path: Path) -> TrustedClock:
    return TrustedClock(tmp_path / "lake.clock")


def test_time_that_passes_is_believed_over_restarts_and_days_off(clock: TrustedClock, tmp_path: Path) -> None:
    assert clock.believe(START_MS, 0.0)
    assert clock.believe(START_MS + DAY_MS, 900.0)
    assert TrustedClock(tmp_path / "lake.clock").believe(START_MS + DAY_MS + JUMP_MS, 0.0)


def test_a_jump_of_years_is_not_believed_for_a_day_and_then_it_is(clock: TrustedClock) -> None:
    assert clock.believe(START_MS, 0.0)
    future = START_MS + 3650 * DAY_MS
    assert not clock.believe(future, 10.0)
    assert not clock.believe(future + 60_000, STEADY_SECONDS)
    assert clock.believe(future + DAY_MS, 10.0 + STEADY_SECONDS)


def test_a_clock_set_right_again_within_the_day_goes_on_as_before(clock: TrustedClock) -> None:
    assert clock.believe(START_MS, 0.0)
    assert not clock.believe(START_MS + 3650 * DAY_MS, 10.0)
    assert clock.believe(START_MS + 60_000, 70.0)
    assert not clock.believe(START_MS + 3650 * DAY_MS, STEADY_SECONDS + 100), "the next jump waits its own day"


def test_a_clock_that_went_back_is_believed_and_forgets_nothing(clock: TrustedClock) -> None:
    assert clock.believe(START_MS, 0.0)
    assert clock.believe(START_MS - 30 * DAY_MS, 10.0)
    assert clock.believe(START_MS + JUMP_MS, 20.0)


def test_an_unreadable_note_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "lake.clock").write_text("hỏng")
    assert TrustedClock(tmp_path / "lake.clock").believe(START_MS, 0.0)
