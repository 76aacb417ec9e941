"""What the scoreboard does on the clock: freezing the days that are over."""

from datetime import date, timedelta

from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.scoreboard.freezing.periods import ends_on
from dekhang.apps.scoreboard.freezing.services import freeze_period
from dekhang.apps.scoreboard.models import FrozenPeriod, Snapshot
from dekhang.apps.scoreboard.services import freeze_day

CATCH_UP_DAYS = 31  # a longer absence leaves a gap that shows in the trend instead of an hour of work at start


def tick() -> int:
    """Freeze yesterday, days missed before it, and the periods that ended; returns how many snapshots and periods were made.

    Each day is looked at by itself: a report or a hand that froze yesterday first must not leave the days before it open.
    """
    yesterday = clock.today() - timedelta(days=1)
    first = Snapshot.objects.order_by("date").values_list("date", flat=True).first() or _first_known_day()
    if first is None:
        return 0
    start = max(first, yesterday - timedelta(days=CATCH_UP_DAYS - 1))
    frozen = set(Snapshot.objects.filter(date__gte=start).values_list("date", flat=True))
    days = [start + timedelta(days=n) for n in range((yesterday - start).days + 1)]
    return sum(len(freeze_day(day)) for day in days if day not in frozen) + _freeze_periods(yesterday)


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


def _first_known_day() -> date | None:
    """The day of the first claim or evidence: before it there is nothing to freeze, and a zero would be a lie."""
    moments = [
        Evidence.objects.order_by("observed_at").values_list("observed_at", flat=True).first(),
        Claim.objects.order_by("declared_at").values_list("declared_at", flat=True).first(),
    ]
    return min((timezone.localtime(moment).date() for moment in moments if moment), default=None)
