"""Periods of periodic reports: which days, due when."""

from datetime import date

import pytest

from dekhang.law import load
from dekhang.law.periods import backwards, last_ended


def period(key, on):
    found = last_ended(load().report_date(key), on)
    return found and (found.start, found.end, found.due)


@pytest.mark.parametrize(
    ("key", "on", "expected"),
    [
        # a year that begins in December of the year before
        ("unit_year", date(2019, 12, 10), (date(2018, 12, 1), date(2019, 11, 30), date(2019, 12, 5))),
        ("unit_year", date(2020, 11, 30), (date(2018, 12, 1), date(2019, 11, 30), date(2019, 12, 5))),
        ("unit_year", date(2020, 12, 1), (date(2019, 12, 1), date(2020, 11, 30), date(2020, 12, 5))),
        # TT 12/2022: 15 December to 14 December, due on the 20th, the owner on the 25th
        ("unit_level_tt12", date(2023, 1, 5), (date(2021, 12, 15), date(2022, 12, 14), date(2022, 12, 20))),
        ("province_level_tt12", date(2023, 1, 5), (date(2021, 12, 15), date(2022, 12, 14), date(2022, 12, 25))),
        # half a year covers half the days; in autumn the last one is still that of spring
        ("province_half_year", date(2020, 10, 1), (date(2019, 12, 15), date(2020, 6, 14), date(2020, 6, 20))),
        # the week from Monday to Sunday
        ("bulletin", date(2019, 12, 10), (date(2019, 12, 2), date(2019, 12, 8), date(2019, 12, 9))),
        ("bulletin", date(2019, 12, 8), (date(2019, 11, 25), date(2019, 12, 1), date(2019, 12, 2))),
        # not in force yet
        ("unit_level_nd331", date(2026, 11, 30), None),
        ("unit_half_year", date(2019, 12, 10), None),
    ],
)
def test_the_last_ended_period(key, on, expected):
    assert period(key, on) == expected


def test_a_regime_that_ended_keeps_its_periods_and_the_next_one_begins_its_own():
    assert period("unit_year", date(2026, 12, 2))[1] == date(2025, 11, 30)
    assert period("unit_year_2026", date(2026, 12, 2))[1] == date(2026, 11, 30)


@pytest.mark.parametrize("entry", load().report_dates, ids=lambda entry: entry.key)
def test_periods_of_an_entry_do_not_overlap_and_are_due_after_they_end(entry):
    later = None
    for found in backwards(entry, date(2031, 1, 1)):
        assert found.start <= found.end < found.due
        assert later is None or found.end < later.start
        later = found
        if found.end.year < 2024:
            break


def test_every_moment_has_at_most_one_entry_of_a_kind_and_subject_a_due_date():
    """A unit owes each report once, whichever regime holds."""
    for on in (date(2019, 12, 10), date(2023, 6, 1), date(2026, 12, 30)):
        owed = [(e.kind, e.subject, e.due) for e in load().report_dates if e.in_force(on)]
        assert len(owed) == len(set(owed))
