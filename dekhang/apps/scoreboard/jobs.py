"""What the scoreboard does on the clock: freezing the days that are over."""

from datetime import date, timedelta

from dekhang.apps.core import clock
from dekhang.apps.scoreboard.freezing.periods import ends_on
from dekhang.apps.scoreboard.freezing.services import freeze_period
from dekhang.apps.scoreboard.models import FrozenPeriod, Snapshot
from dekhang.apps.scoreboard.selectors import first_known_day
from dekhang.apps.scoreboard.services import freeze_day

CATCH_UP_DAYS = 31  # a longer absence leaves a gap that shows in the trend instead of an hour of work at start


def tick() -> int:
    """Freeze yesterday, days missed before it (none before the first known one), and the periods that ended; returns how many snapshots and periods were made."""
    yesterday = clock.today() - timedelta(days=1)
    days = {yesterday - timedelta(days=n) for n in range(CATCH_UP_DAYS)}
    # not only those after the newest: a later day may have been frozen by hand first
    missing = sorted(days.difference(Snapshot.objects.filter(date__in=days).values_list("date", flat=True)))
    first = first_known_day() if missing else None
    made = sum(len(freeze_day(day)) for day in missing if first is not None and day >= first)
    return made + _freeze_periods(yesterday)


def _freeze_periods(yesterday: date) -> int:
    """Months, quarters, years that ended within the days that are caught up and whose last day was frozen."""
    days = [yesterday - timedelta(days=n) for n in range(CATCH_UP_DAYS)]
    ends = {day: list(ends_on(day)) for day in days}
    due = {(day, kind) for day, kinds in ends.items() for kind in kinds}
    if not due:
        return 0
    made = set(FrozenPeriod.objects.filter(last_day__in=ends).values_list("last_day", "kind"))
    missing = sorted((day, kind) for day, kind in due if (day, str(kind)) not in made)
    frozen = set(Snapshot.objects.filter(date__in={day for day, _kind in missing}).values_list("date", flat=True))
    return sum(freeze_period(kind, day) is not None for day, kind in missing if day in frozen)
