"""What the scoreboard does on the clock: freezing the days that are over."""

from datetime import date, timedelta

from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.scoreboard.models import Snapshot
from dekhang.apps.scoreboard.services import freeze_day

CATCH_UP_DAYS = 31  # a longer absence leaves a gap that shows in the trend instead of an hour of work at start


def tick() -> int:
    """Freeze yesterday, and days missed before it; returns how many snapshots were made."""
    yesterday = clock.today() - timedelta(days=1)
    newest = Snapshot.objects.order_by("-date").values_list("date", flat=True).first()
    if newest is not None and newest >= yesterday:
        return 0
    first = _first_known_day()
    if first is None:
        return 0
    start = max(first, yesterday - timedelta(days=CATCH_UP_DAYS - 1), *([newest + timedelta(days=1)] if newest else []))
    return sum(len(freeze_day(start + timedelta(days=n))) for n in range((yesterday - start).days + 1))


def _first_known_day() -> date | None:
    """The day of the first claim or evidence: before it there is nothing to freeze, and a zero would be a lie."""
    moments = [
        Evidence.objects.order_by("observed_at").values_list("observed_at", flat=True).first(),
        Claim.objects.order_by("declared_at").values_list("declared_at", flat=True).first(),
    ]
    return min((timezone.localtime(moment).date() for moment in moments if moment), default=None)
