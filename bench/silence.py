"""`./dk bench silence`: how soon silence is noticed, and how often wrongly, on made traffic with known outages.

Five weeks of traffic of several characters, made from a seed. Three weeks are learnt from, again every night, as the jobs
process does; the last two are judged. Outages are put where the source would have sent. Prints one JSON line a character.
"""

import random
import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from dekhang.apps.sources import cadence
from dekhang.apps.sources.cadence import Cadence, constant, learn, overdue_at

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
START = datetime(2019, 11, 3, 17, 0, tzinfo=UTC)  # Monday 4 November 2019, 00:00 here
WEEKS, LEARNT_WEEKS = 5, 3
DEFAULT_SECONDS = 15 * 60
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Hour:
    first_ms: int
    last_ms: int
    longest_gap_ms: int


@dataclass(frozen=True)
class Result:
    """Of one character: outages put in, noticed, delays in seconds from the last record, alarms without an outage."""

    character: str
    outages: int
    noticed: int
    delays: tuple[float, ...]
    false_alarms: int
    days: int

    @property
    def row(self) -> dict[str, object]:
        ordered = sorted(self.delays)
        return {
            "bench": "silence",
            "variant": self.character,
            "outages": self.outages,
            "noticed": self.noticed,
            "delay_p50_minutes": round(statistics.median(ordered) / 60, 1) if ordered else None,
            "delay_max_minutes": round(ordered[-1] / 60, 1) if ordered else None,
            "false_alarms": self.false_alarms,
            "days_judged": self.days,
        }


def server(dice: random.Random) -> Iterator[datetime]:
    """A busy server: something every few seconds, less at night."""
    at = START
    while at < START + timedelta(weeks=WEEKS):
        night = at.astimezone(ZONE).hour < 6
        at += timedelta(seconds=dice.expovariate(1 / 40 if night else 1 / 12))
        yield at


def quiet_server(dice: random.Random) -> Iterator[datetime]:
    """A file server of a commune: a few records an hour."""
    at = START
    while at < START + timedelta(weeks=WEEKS):
        at += timedelta(seconds=dice.expovariate(1 / 400))
        yield at


def website(dice: random.Random) -> Iterator[datetime]:
    """A unit's website: people by day, a robot now and then by night."""
    at = START
    while at < START + timedelta(weeks=WEEKS):
        local = at.astimezone(ZONE)
        mean = 60 if 7 <= local.hour < 21 else 900
        at += timedelta(seconds=dice.expovariate(1 / mean))
        yield at


def office_pc(dice: random.Random) -> Iterator[datetime]:
    """Switched on between 7 and 8, off between half past four and six, not at weekends, one day in fifteen not at all."""
    day = START
    while day < START + timedelta(weeks=WEEKS):
        if day.astimezone(ZONE).weekday() < 5 and dice.random() > 1 / 15:
            at = day + timedelta(hours=7, minutes=dice.uniform(0, 60))
            off = day + timedelta(hours=16.5, minutes=dice.uniform(0, 90))
            while at < off:
                at += timedelta(seconds=dice.expovariate(1 / 90))
                yield at
        day += DAY


def nightly(dice: random.Random) -> Iterator[datetime]:
    """A device that reports once, about two in the morning."""
    day = START
    while day < START + timedelta(weeks=WEEKS):
        for n in range(40):
            yield day + timedelta(hours=2, minutes=dice.uniform(0, 20), seconds=n)
        day += DAY


CHARACTERS: dict[str, Callable[[random.Random], Iterator[datetime]]] = {
    "server": server,
    "quiet-server": quiet_server,
    "website": website,
    "office-pc": office_pc,
    "nightly": nightly,
}


def hours_of(moments: list[datetime]) -> list[Hour]:
    """As the worker counts them."""
    hours: list[list[datetime]] = []
    for at in moments:
        if not hours or hours[-1][0].replace(minute=0, second=0, microsecond=0) != at.replace(
            minute=0, second=0, microsecond=0
        ):
            hours.append([])
        hours[-1].append(at)
    return [
        Hour(
            _ms(hour[0]),
            _ms(hour[-1]),
            max((_ms(later) - _ms(earlier) for earlier, later in pairwise(hour)), default=0),
        )
        for hour in hours
    ]


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def with_outages(
    moments: list[datetime], dice: random.Random
) -> tuple[list[datetime], list[tuple[datetime, datetime]]]:
    """Take out one stretch in each of some judged days, where the source would have sent."""
    outages = []
    first_judged = START + timedelta(weeks=LEARNT_WEEKS)
    by_day: dict[date, list[datetime]] = {}
    for at in moments:
        if at >= first_judged:
            by_day.setdefault(at.astimezone(ZONE).date(), []).append(at)
    for number, sent in enumerate(by_day.values()):
        if number % 3 == 1 and len(sent) > 30:
            begin = sent[dice.randrange(len(sent) // 4, len(sent) // 2)]
            outages.append((begin, begin + timedelta(hours=dice.choice([1, 3, 12, 40]))))
    kept = [at for at in moments if not any(begin < at < end for begin, end in outages)]
    return kept, outages


def judge(character: str, *, seed: int = 1, lose: bool = True) -> Result:
    dice = random.Random(seed)
    moments = sorted(CHARACTERS[character](dice))
    kept, outages = with_outages(moments, dice) if lose else (moments, [])
    first_judged = START + timedelta(weeks=LEARNT_WEEKS)
    limits: dict[date, Cadence] = {}

    def known_on(day: date) -> Cadence:
        if day not in limits:
            midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
            history = [at for at in kept if midnight - timedelta(days=cadence.HISTORY_DAYS) <= at < midnight]
            limits[day] = learn(hours_of(history), zone=ZONE) or constant(DEFAULT_SECONDS)
        return limits[day]

    false_alarms, delays, noticed = 0, [], set()
    for last, following in zip(kept, [*kept[1:], None], strict=True):
        if last < first_judged or (following and following - last < timedelta(seconds=cadence.FLOOR_SECONDS)):
            continue
        due = overdue_at(known_on(last.astimezone(ZONE).date()), last, ZONE)
        if following is None or due >= following:
            continue
        hit = next((n for n, (begin, end) in enumerate(outages) if begin <= last < end or last <= begin <= due), None)
        if hit is None:
            false_alarms += 1
        elif hit not in noticed:
            noticed.add(hit)
            delays.append((due - last).total_seconds())
    days = (WEEKS - LEARNT_WEEKS) * 7
    return Result(character, len(outages), len(noticed), tuple(delays), false_alarms, days)


def run(args: list[str]) -> Iterator[dict[str, object]]:
    """Every character with outages, and without any."""
    for character in args or CHARACTERS:
        yield judge(character).row
        yield {**judge(character, seed=2, lose=False).row, "variant": f"{character}, no outage"}
