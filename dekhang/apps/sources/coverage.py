"""How much of what units sent is there: beside every share that is computed over logs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings

from dekhang.apps.core import clock
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores import ledger, sequences
from dekhang.pipeline.stores.reasons import Reason


@dataclass(frozen=True, slots=True)
class Coverage:
    """Records sent in a time, and those of them that are lost: refused, or numbered by the sender and never come."""

    sent: int
    lost: int

    @property
    def share(self) -> float | None:
        """None when nothing was sent: of nothing nothing is covered."""
        return (self.sent - self.lost) / self.sent if self.sent else None


def coverage_of(unit_ids: Collection[int], since: datetime, until: datetime) -> Coverage:
    """Of all sources of the units, retired ones included, by time of receipt in whole hours. No isolation here."""
    ids = list(LogSource.objects.filter(unit_id__in=unit_ids).values_list("pk", flat=True))
    if not ids:
        return Coverage(0, 0)
    # a file that a person chose by mistake and was told about is not a log that got lost
    accounts = ledger.by_hour(settings.DATA, ids, since, until, without=Reason.UNREADABLE_FILE)
    hours = [hour for source_hours in accounts.values() for hour in source_hours]
    now_ms = int(clock.now().timestamp() * 1000)
    missing = sum(sequences.missing(settings.DATA, ids, now_ms=now_ms, since=since, until=until).values())
    return Coverage(sum(hour.received for hour in hours) + missing, sum(hour.refused for hour in hours) + missing)
