"""Periods of recurring tasks, and the moment at which a day is over. Dates in, dates out."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from django.utils import timezone

from dekhang.apps.cascade.enums import Period

MONTHS = {Period.MONTH: 1, Period.QUARTER: 3, Period.HALF: 6, Period.YEAR: 12}
MAX_PERIODS = 600  # fifty years of months: a start that was typed wrong does not fill the table


def end_of(day: date) -> datetime:
    """The first moment at which `day` is over, here."""
    return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))


def start_of(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


@dataclass(frozen=True, slots=True)
class Span:
    """A calendar period and the last day on which a report of it is in time."""

    starts_on: date
    ends_on: date
    due_on: date

    @property
    def words(self) -> str:
        """Tháng 3/2020 · Quý 2/2020 · Sáu tháng đầu năm 2020 · Năm 2020."""
        return words_of(self.starts_on, self.ends_on)


def words_of(starts_on: date, ends_on: date) -> str:
    months = (ends_on.year - starts_on.year) * 12 + ends_on.month - starts_on.month + 1
    if months == 1:
        return f"Tháng {starts_on.month}/{starts_on.year}"
    if months == 3:
        return f"Quý {(starts_on.month + 2) // 3}/{starts_on.year}"
    if months == 6:
        return f"Sáu tháng {'đầu' if starts_on.month == 1 else 'cuối'} năm {starts_on.year}"
    return f"Năm {starts_on.year}"


def span_of(period: Period, day: date, due_days: int) -> Span:
    """The calendar period that holds `day`."""
    months = MONTHS[period]
    first = (day.month - 1) // months * months + 1
    starts_on = date(day.year, first, 1)
    after = first + months
    ends_on = date(day.year + (after - 1) // 12, (after - 1) % 12 + 1, 1) - timedelta(days=1)
    return Span(starts_on, ends_on, ends_on + timedelta(days=due_days))


def spans(
    period: Period, starts_on: date, due_days: int, *, until: date, ends_on: date | None = None
) -> Iterator[Span]:
    """Periods from the one that holds `starts_on`, those that began by `until` and not after `ends_on`."""
    last = min(until, ends_on) if ends_on else until
    span = span_of(period, starts_on, due_days)
    for _n in range(MAX_PERIODS):
        if span.starts_on > last:
            return
        yield span
        span = next_span(span, period, due_days)


def next_span(span: Span, period: Period, due_days: int) -> Span:
    return span_of(period, span.ends_on + timedelta(days=1), due_days)
