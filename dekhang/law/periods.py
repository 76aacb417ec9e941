"""Periods of periodic reports: which days the report of a calendar entry covers, and when it is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from dekhang.law.shapes import ReportDate


@dataclass(frozen=True, slots=True)
class Period:
    """Days `start` … `end`, both included; the report is due at the end of `due`."""

    entry: ReportDate
    start: date
    end: date
    due: date


def last_ended(entry: ReportDate, on: date) -> Period | None:
    """The newest period of the entry that was over before `on`; None when it had none while in force."""
    return next((period for period in backwards(entry, on) if period.end < on), None)


def backwards(entry: ReportDate, on: date) -> Iterator[Period]:
    """Periods that end on a day when the entry was in force, newest first, from the one that contains `on`."""
    period = _containing(entry, on)
    while period.end >= entry.valid_from:
        if entry.in_force(period.end):
            yield period
        if entry.every == "week":
            period = _week(entry, period.start - timedelta(days=1))
        else:
            period = _year(entry, period.end.year - 1)


def _containing(entry: ReportDate, day: date) -> Period:
    """A half-year covers half the days: those outside belong to the period that comes next."""
    if entry.every == "week":
        return _week(entry, day)
    return _year(entry, day.year if day <= _on(day.year, entry.period_to) else day.year + 1)


def _week(entry: ReportDate, day: date) -> Period:
    start = day - timedelta(days=day.weekday())
    return Period(entry, start, start + timedelta(days=6), start + timedelta(days=7))


def _year(entry: ReportDate, year: int) -> Period:
    """The period that ends in `year`."""
    end = _on(year, entry.period_to)
    start = _on(end.year, entry.period_from)
    if start > end:
        start = _on(end.year - 1, entry.period_from)
    due = _on(end.year, entry.due)
    return Period(entry, start, end, due if due > end else _on(end.year + 1, entry.due))


def _on(year: int, month_day: str) -> date:
    month, day = map(int, month_day.split("-"))
    return date(year, month, day)
