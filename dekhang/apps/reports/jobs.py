"""What reports do on the clock: making those whose period has ended, and signing what could not be signed."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.registry.selectors import counted_units
from dekhang.apps.reports import messages
from dekhang.apps.reports.enums import Form, ReportState
from dekhang.apps.reports.gathering import Asked, Boards, figures
from dekhang.apps.reports.kinds import KINDS
from dekhang.apps.reports.models import NotMade, Report
from dekhang.apps.reports.selectors import LATE_PERIOD_DAYS, follow, is_frozen, periods_followed
from dekhang.apps.reports.services import make, sign
from dekhang.law import load
from dekhang.law.periods import Period, last_ended

logger = logging.getLogger(__name__)
REMIND_DAYS = 3  # before a report is due
FROM_HOUR, TO_HOUR = 8, 17  # when reminders are written: nobody is woken for a report
AT_ONCE = 10  # reports a round: about a second and a half of work
FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=1), timedelta(days=1)  # before a report that was not made is tried again


def tick(limit: int = AT_ONCE) -> int:
    """Try up to `limit` reports that are due to be made. Returns how many were made.

    What cannot be made is tried again later and later, and shows with its reason on the page of periods.
    """
    tried = made = 0
    boards: dict[date, Boards] = {}
    later = set(NotMade.objects.filter(next_at__gt=clock.now()).values_list("schedule_key", flat=True))
    for asked, key in waiting():
        if key in later:
            continue
        if tried >= limit:
            break
        tried += 1
        try:
            if asked.day not in boards:
                boards = {asked.day: figures(asked.day)}
            made += make(asked=asked, by=None, schedule_key=key, boards=boards[asked.day]) is not None
        except ActionDenied as refused:  # a unit without duties on that day: nothing to report
            logger.info("%s is not made: %s", key, refused)
            _try_later(asked, key, str(refused))
        except Exception:  # the edge of a loop that must live
            logger.exception("%s is not made", key)
            _try_later(asked, key, _("Phần mềm gặp lỗi khi lập; chi tiết ở log của công việc nền."))
        else:
            NotMade.objects.filter(schedule_key=key).delete()
    return made


def _try_later(asked: Asked, key: str, problem: str) -> None:
    """After a minute, then four times as long each time, at most a day."""
    now = clock.now()
    NotMade.objects.filter(tried_at__lt=now - timedelta(days=LATE_PERIOD_DAYS)).delete()  # of periods that are history
    known = NotMade.objects.filter(schedule_key=key).first()
    tries = known.tries + 1 if known else 1
    wait = min(FIRST_WAIT * 4 ** min(tries - 1, 6), LONGEST_WAIT)
    NotMade.objects.update_or_create(
        schedule_key=key,
        defaults={
            "calendar_key": asked.calendar_key,
            "period_end": asked.day,
            "unit_id": asked.unit_id,
            "problem": problem[:300],
            "tries": tries,
            "tried_at": now,
            "next_at": now + wait,
        },
    )


def waiting(on: date | None = None) -> Iterator[tuple[Asked, str]]:
    """Reports of the last ended periods that the clock has not made, with the key that keeps them single."""
    for period in due_periods(on):
        if not is_frozen(period):
            continue
        entry = period.entry
        units: list[int | None] = [None]
        if entry.subject == "unit":
            units = [version.unit_id for version in counted_units(period.end)]
        made = set(
            Report.objects.filter(calendar_key=entry.key, period_end=period.end).values_list("unit_id", flat=True)
        )
        texts = tuple((key, "") for key in KINDS[entry.kind].texts)
        for unit_id in units:
            if unit_id not in made:  # somebody may have made it by hand
                asked = Asked(entry.kind, unit_id, period.start, period.end, entry, texts=texts)
                yield asked, f"{entry.key}:{period.end.isoformat()}:{unit_id or 0}"


def due_periods(on: date | None = None) -> list[Period]:
    """The last ended period of every calendar entry, unless it is history."""
    on = on or clock.today()
    found = (last_ended(entry, on) for entry in load().report_dates)
    return [period for period in found if period and (on - period.end).days <= LATE_PERIOD_DAYS]


@dataclass(frozen=True, slots=True)
class Planned:
    """How far the clock is with one period: for the page that shows when it stands still."""

    period: Period
    expected: int
    made: int
    frozen: bool
    refused: tuple[NotMade, ...] = ()  # tried and not made, the next try first

    @property
    def missing(self) -> int:
        return self.expected - self.made


def progress(on: date | None = None) -> list[Planned]:
    on = on or clock.today()
    rows = []
    for period in due_periods(on):
        expected = counted_units(period.end).count() if period.entry.subject == "unit" else 1
        of_period = {"calendar_key": period.entry.key, "period_end": period.end}
        made = set(Report.objects.filter(**of_period).values_list("unit_id", flat=True))
        refused = NotMade.objects.filter(**of_period).order_by("next_at", "pk")
        still = tuple(one for one in refused if one.unit_id not in made)
        rows.append(Planned(period, expected, len(made), is_frozen(period), still))
    return rows


def remind() -> int:
    """Mail the heads of units whose report is due within days and not sent, in the morning; each once for a period."""
    now = timezone.localtime(clock.now())
    if not FROM_HOUR <= now.hour < TO_HOUR:
        return 0
    written = 0
    for period in periods_followed():
        if is_frozen(period) and 0 <= (period.due - now.date()).days <= REMIND_DAYS:
            for row in follow(period):
                if row.state not in (ReportState.SUBMITTED, ReportState.RECEIVED):
                    written += messages.due_soon(period, row.unit.unit_id, row.report)
    return written


def sign_what_waits(limit: int = AT_ONCE) -> int:
    """Try again where signing failed, or where a key was named only after the report was made."""
    if not settings.SIGNING_PKCS12:
        return 0
    standing = [ReportState.CONFIRMED, ReportState.SUBMITTED, ReportState.RECEIVED]
    finished = Report.objects.filter(state__in=standing) | Report.objects.filter(
        kind__in=[kind.key for kind in KINDS.values() if not kind.confirmed], provisional=False
    )
    unsigned = finished.exclude(files__form=Form.SIGNED).order_by("signing_problem", "pk")[:limit]
    return sum(sign(report=report) is not None for report in unsigned)
