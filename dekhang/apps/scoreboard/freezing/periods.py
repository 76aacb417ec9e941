"""Months, quarters and years as days. Pure."""

from collections.abc import Iterator
from datetime import date, timedelta

from dekhang.apps.scoreboard.enums import PeriodKind


def first_day(kind: PeriodKind, last: date) -> date:
    """The first day of the period that ends on `last`."""
    match kind:
        case PeriodKind.MONTH:
            return last.replace(day=1)
        case PeriodKind.QUARTER:
            return last.replace(month=3 * ((last.month - 1) // 3) + 1, day=1)
        case PeriodKind.YEAR:
            return last.replace(month=1, day=1)
    return last


def ends_on(day: date) -> Iterator[PeriodKind]:
    """The periods of the calendar that end with this day."""
    next_day = day + timedelta(days=1)
    if next_day.day != 1:
        return
    yield PeriodKind.MONTH
    if next_day.month in (1, 4, 7, 10):
        yield PeriodKind.QUARTER
    if next_day.month == 1:
        yield PeriodKind.YEAR


def name_of(kind: PeriodKind, last: date) -> str:
    """“tháng 11/2019”, “quý IV/2019”, “năm 2019”, or the day itself."""
    match kind:
        case PeriodKind.MONTH:
            return f"tháng {last:%m/%Y}"
        case PeriodKind.QUARTER:
            return f"quý {('I', 'II', 'III', 'IV')[(last.month - 1) // 3]}/{last:%Y}"
        case PeriodKind.YEAR:
            return f"năm {last:%Y}"
    return f"ngày {last:%d/%m/%Y}"
