"""Counting while findings stream by: worst first, bounded, nothing lost when the bounds are reached."""

import itertools

import pytest

from dekhang.cli.detect.summary import BINS_KEPT, DAY, HOUR, MINUTE, WIDTHS, Names, Tally, Timeline

MORNING_MS = 1_575_943_200_000


def test_each_width_of_the_time_line_is_made_of_whole_smaller_ones() -> None:
    assert all(wide % narrow == 0 and wide > narrow for narrow, wide in itertools.pairwise(WIDTHS))


def test_one_critical_finding_comes_before_a_thousand_high_ones() -> None:
    names = Names()
    for _ in range(1_000):
        names.add("A", 3, None, None)
    names.add("B", 4, None, None)
    assert [name for name, _ in names.worst_first()] == ["B", "A"]


def test_names_that_differ_only_in_case_are_one_machine() -> None:
    names = Names()
    names.add("FS01", 1, None, None)
    names.add("fs01", 2, None, None)
    assert [(name, tally.total) for name, tally in names.tallies.items()] == [("FS01", 2)]


def test_names_beyond_the_bound_are_counted_together() -> None:
    names = Names(kept=2)
    for name in "abcda":
        names.add(name, 0, None, None)
    assert (set(names.tallies), names.others.total) == ({"a", "b"}, 2)


def test_a_time_line_over_years_widens_and_loses_nothing() -> None:
    line = Timeline()
    for number in range(BINS_KEPT + 500):
        line.add(number % 5, MORNING_MS + number * DAY)
    assert sum(map(sum, line.bins.values())) == BINS_KEPT + 500
    assert len(line.bins) <= BINS_KEPT and line.width_ms > MINUTE


@pytest.mark.parametrize(
    ("reach_ms", "width_ms"), [(0, MINUTE), (40 * MINUTE, MINUTE), (3 * HOUR, 5 * MINUTE), (DAY, HOUR), (40 * DAY, DAY)]
)
def test_the_picture_takes_the_finest_width_that_fits(reach_ms: int, width_ms: int) -> None:
    line = Timeline()
    line.add(3, MORNING_MS)
    line.add(3, MORNING_MS + reach_ms)
    assert line.for_showing(48)[0] == width_ms


def test_tallies_together_reach_from_the_first_to_the_last() -> None:
    one, other = Tally(), Tally()
    one.add(2, 5, 7)
    other.add(4, 3, 6)
    one.include(other)
    assert (one.levels, one.first_ms, one.last_ms, one.worst) == ([0, 0, 1, 0, 1], 3, 7, 4)
