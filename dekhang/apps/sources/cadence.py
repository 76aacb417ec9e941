"""A source's own measure of silence, learnt from when it was heard: by day and night, working day and day off.

Pure: hours in, limits out. A day has 48 slots, the 24 hours of a working day and the 24 of a weekend day. Of each slot is
known how long the longest pause was that touched it, on each day of the last four weeks; what is usual there is the 85th
percentile of that, so that a few outages, holidays or nights of work change nothing. The patience of a slot is twice what is
usual; of a source that never speaks more often than every few hours, what is usual and four hours.

Silence is measured in patience: every minute of it uses up a part of what the slot has, and when all is used up the source is
overdue. So a PC that is off every night has used little of its patience in the morning, and is missed soon after the hour at
which it is always on; a server that never pauses is missed within minutes.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Protocol

HISTORY_DAYS = 28
LEARN_DAYS = 7  # law data: silence_learn_days; here for tests and the backtest
FLOOR_SECONDS = 240  # law data: silence_floor_minutes; a restart of a server takes two or three minutes
CEILING_SECONDS = 7 * 86_400
FACTOR = 2.0
SELDOM_SECONDS = 4 * 3_600
PERCENTILE = 0.85
HOURS_A_DAY = 24
SLOTS = 2 * HOURS_A_DAY
SATURDAY = 5
ALWAYS_SECONDS = 3_600  # never more patient than this: it sends all the time
DUE_SECONDS = 2 * 3_600  # a slot with less patience is one in which the source should be heard
# a day off is seen by what people switch on: most of it stays off, at several units
DAY_OFF_SHARE = 0.7
DAY_OFF_SOURCES = 5
DAY_OFF_UNITS = 3


class Heard(Protocol):
    """An hour in which a source was heard (stores.arrivals.HeardHour); UTC epoch ms."""

    @property
    def first_ms(self) -> int: ...
    @property
    def last_ms(self) -> int: ...
    @property
    def longest_gap_ms(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Cadence:
    """Patience in seconds by slot, and from how many days it was learnt; 0 days: nothing is known yet, one for all."""

    limits: tuple[int, ...]
    days: int = 0

    def __post_init__(self) -> None:
        if len(self.limits) != SLOTS or min(self.limits) <= 0:
            raise ValueError("a cadence has 48 positive limits")

    @property
    def always_on(self) -> bool:
        """Sends all the time, day and night."""
        return max(self.limits) <= ALWAYS_SECONDS

    def limit_at(self, at: datetime, zone: tzinfo) -> int:
        return self.limits[slot_of(at, zone)]

    def expects_at(self, at: datetime, zone: tzinfo) -> bool:
        """Whether it should be heard at this hour."""
        return self.limit_at(at, zone) <= DUE_SECONDS


def constant(seconds: int) -> Cadence:
    """What holds before anything is learnt, or when people have fixed it: the same patience at every hour."""
    return Cadence((seconds,) * SLOTS)


def slot_of(at: datetime, zone: tzinfo) -> int:
    local = at.astimezone(zone)
    return local.hour + (HOURS_A_DAY if local.weekday() >= SATURDAY else 0)


def learn(
    hours: Sequence[Heard],
    *,
    zone: tzinfo,
    learn_days: int = LEARN_DAYS,
    floor_seconds: int = FLOOR_SECONDS,
) -> Cadence | None:
    """The cadence of a source that was heard in these hours, oldest first; None while it is known for less than `learn_days`.

    The silence after the last hour is not learnt from: whether it is usual is the question.
    """
    if not hours or hours[-1].last_ms - hours[0].first_ms < learn_days * 86_400_000:
        return None
    samples: list[list[int]] = [[] for _ in range(SLOTS)]
    for at, seconds in _longest_pauses(hours).items():
        samples[slot_of(at, zone)].append(seconds)
    usual = [_usual(one) for one in samples]
    known = [seconds for seconds in usual if seconds is not None]
    longest, seldom = max(known), min(known) > SELDOM_SECONDS

    def patience(seconds: int) -> int:
        wanted = seconds + SELDOM_SECONDS if seldom else math.ceil(seconds * FACTOR)
        return min(CEILING_SECONDS, max(floor_seconds, wanted))

    limits = [patience(longest if one is None else one) for one in usual]
    return Cadence(tuple(limits), days=(hours[-1].last_ms - hours[0].first_ms) // 86_400_000)


def _longest_pauses(hours: Sequence[Heard]) -> dict[datetime, int]:
    """Hour (UTC) → seconds of the longest pause that touched it."""
    longest: dict[datetime, int] = {}

    def touch(hour: datetime, milliseconds: int) -> None:
        longest[hour] = max(longest.get(hour, 0), milliseconds // 1_000)

    for place, heard in enumerate(hours):
        here = _hour_of(heard.first_ms)
        touch(here, heard.longest_gap_ms)
        if place + 1 < len(hours):
            following = hours[place + 1]
            pause = max(0, following.first_ms - heard.last_ms)
            hour, end = here, _hour_of(following.first_ms)
            while hour <= end:
                touch(hour, pause)
                hour += timedelta(hours=1)
    return longest


def _hour_of(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms // 3_600_000 * 3_600, UTC)


def _usual(samples: Iterable[int]) -> int | None:
    """What nearly all samples do not exceed; None without any. Of three or fewer, the largest."""
    ordered = sorted(samples)
    if not ordered:
        return None
    if len(ordered) <= 3:
        return ordered[-1]
    return ordered[math.floor(PERCENTILE * (len(ordered) - 1))]


def overdue_at(cadence: Cadence, last: datetime, zone: tzinfo) -> datetime:
    """The moment at which a source heard at `last` has used up its patience, if nothing comes before."""
    moment, left = last, 1.0
    while True:
        limit = cadence.limit_at(moment, zone)
        hour_ends = _next_hour(moment)
        used = (hour_ends - moment).total_seconds() / limit
        if used >= left:
            return moment + timedelta(seconds=left * limit)
        left -= used
        moment = hour_ends


def _next_hour(at: datetime) -> datetime:
    # hours of every zone that matters here begin with UTC's or half an hour later; the half is close enough
    return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)


def looks_like_a_day_off(due: Mapping[int, Sequence[bool]]) -> bool:
    """Whether what people switch on is off nearly everywhere: a holiday, a storm, an early morning.

    Args:
        due: unit → for each of its sources that is not always on but should be heard now, whether it is overdue.
    """
    all_of_them = [overdue for sources in due.values() for overdue in sources]
    units = sum(any(sources) for sources in due.values())
    return (
        len(all_of_them) >= DAY_OFF_SOURCES
        and units >= DAY_OFF_UNITS
        and sum(all_of_them) >= DAY_OFF_SHARE * len(all_of_them)
    )
