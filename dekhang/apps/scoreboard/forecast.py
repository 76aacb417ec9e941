"""When will every unit be proven? A small published model that says how sure it is. Pure: points in, a forecast out.

Weekly progress of the past is resampled: what remains after a week is what remained before it minus the progress of a
past week drawn at random, each with the same weight, and one imaginary week without progress among them, because few
weeks must not look certain. The distribution is computed exactly (no random numbers), so the same past always gives the
same forecast. Formula and limits in words: docs/reference/shares.md.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise

import numpy as np
from django.utils.translation import gettext as _

from dekhang.apps.scoreboard.figures import TrendPoint

WEEK = timedelta(days=7)
WEEKS_SEEN = 26  # half a year: what was before says little about the people of today
WEEKS_NEEDED = 4
HORIZON_WEEKS = 104  # after two years nothing is said
EARLY, LIKELY, LATE = 0.1, 0.5, 0.9  # four forecasts of five lie between the first and the last
FORECAST_DAYS = 7 * WEEKS_SEEN + 7


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the last unit is proven, as far as the past tells.

    Args:
        weeks: how many weeks of progress it rests on.
        remaining: units that are not proven yet.
        early, likely, late: by these days it is done with a chance of 10, 50, 90 %; None: not within two years.
        deadline: the day by which it shall be done; None: nobody has set one.
        chance: that it is done by the end of the deadline, 0 … 1; None without a deadline, or with too few weeks.
    """

    weeks: int
    remaining: int
    early: date | None = None
    likely: date | None = None
    late: date | None = None
    deadline: date | None = None
    chance: float | None = None

    @property
    def is_reached(self) -> bool:
        return self.remaining == 0

    @property
    def too_few(self) -> bool:
        """Too little was seen to say anything."""
        return self.weeks < WEEKS_NEEDED and not self.is_reached


def forecast(points: Sequence[TrendPoint], deadline: date | None = None) -> Forecast | None:
    """The forecast on the day of the newest point; None where there is no unit to prove.

    Args:
        points: days, oldest first; gaps are allowed, weeks without a number are left out.
    """
    if not points or not points[-1].units:
        return None
    now = points[-1]
    remaining = now.units - now.proven
    gains = weekly_gains(points)
    if remaining == 0:
        return Forecast(len(gains), 0, deadline=deadline)
    overdue = deadline is not None and deadline < now.day
    if len(gains) < WEEKS_NEEDED:
        return Forecast(len(gains), remaining, deadline=deadline, chance=0.0 if overdue else None)
    reached = chances(tuple(sorted(gains)), remaining, now.units)
    days = {level: _first(reached, level, now.day) for level in (EARLY, LIKELY, LATE)}
    chance = None
    if deadline is not None:
        weeks_left = max(0, min((deadline - now.day).days // 7, HORIZON_WEEKS))
        chance = reached[weeks_left]
    return Forecast(len(gains), remaining, days[EARLY], days[LIKELY], days[LATE], deadline, chance)


def weekly_gains(points: Sequence[TrendPoint]) -> list[int]:
    """Units proven more (or fewer, negative) in each of the last weeks, newest first.

    A week counts when both its ends have a number (at most three days older) over the same number of units: a week in
    which units were merged or founded says nothing about progress.
    """
    marks: list[TrendPoint | None] = []
    for number in range(WEEKS_SEEN + 1):
        day = points[-1].day - number * WEEK
        before = [point for point in points if day - timedelta(days=3) <= point.day <= day]
        marks.append(before[-1] if before else None)
    return [
        newer.proven - older.proven
        for newer, older in pairwise(marks)
        if newer is not None and older is not None and newer.units == older.units
    ]


@lru_cache(maxsize=256)
def chances(gains: tuple[int, ...], remaining: int, units: int) -> tuple[float, ...]:
    """The chance that nothing remains after 0, 1, 2 … HORIZON_WEEKS weeks.

    Args:
        gains: progress of past weeks; each is drawn with the weight 1 ÷ (n + 1), a week without progress likewise.
        remaining: units to prove, 0 … units; falling back never makes it more than `units`.
    """
    weights = Counter(gains)
    weights[0] += 1
    total = len(gains) + 1
    left = np.zeros(units + 1)
    left[remaining] = 1.0
    found = [float(left[0])]
    for _week in range(HORIZON_WEEKS):
        after = np.zeros_like(left)
        for gain, weight in weights.items():
            _move(left, gain, weight / total, after)
        after[0] += left[0]  # reached once is reached: a later decay is another story
        left = after
        found.append(min(1.0, float(left[0])))
    return tuple(found)


def _move(left: np.ndarray, gain: int, weight: float, after: np.ndarray) -> None:
    """Add what becomes of `left` (all but its first place) when `gain` units are proven, at most all and at least none."""
    open_ = left[1:] * weight
    size = len(left)
    places = np.clip(np.arange(1, size) - gain, 0, size - 1)
    np.add.at(after, places, open_)


def _first(reached: Sequence[float], level: float, day: date) -> date | None:
    week = next((number for number, chance in enumerate(reached) if chance >= level), None)
    return None if week is None else day + week * WEEK


def in_words(one: Forecast | None) -> str:
    """The forecast as a sentence for people."""
    if one is None:
        return _("Không có đơn vị nào để đếm.")
    if one.is_reached:
        return _("Mọi đơn vị đã chứng minh.")
    if one.too_few:
        return _("Chưa đủ số liệu để dự báo: mới có %(weeks)d tuần, cần ít nhất %(need)d.") % {
            "weeks": one.weeks,
            "need": WEEKS_NEEDED,
        } + _overdue(one)
    if one.early is None:
        return _("Với nhịp %(weeks)d tuần qua, hai năm nữa vẫn chưa đạt 100 %%.") % {"weeks": one.weeks} + _overdue(one)
    words = {"early": f"{one.early:%d/%m/%Y}", "weeks": one.weeks}
    if one.late is None:
        text = _("Sớm nhất khoảng %(early)s; có khả năng hai năm nữa vẫn chưa đạt (theo %(weeks)d tuần qua).") % words
    else:
        text = _("Khoảng %(early)s – %(late)s (8 phần 10 khả năng, theo %(weeks)d tuần qua).") % {
            **words,
            "late": f"{one.late:%d/%m/%Y}",
        }
    if one.deadline is None or one.chance is None:
        return text
    if _overdue(one):
        return text + _overdue(one)
    return f"{text} " + _("Đúng hạn %(deadline)s: %(chance)d %%.") % {
        "deadline": f"{one.deadline:%d/%m/%Y}",
        "chance": round(one.chance * 100),
    }


def _overdue(one: Forecast) -> str:
    if one.deadline is None or one.chance != 0.0:
        return ""
    return " " + _("Hạn %(deadline)s không giữ được hoặc đã qua; còn %(count)d đơn vị.") % {
        "deadline": f"{one.deadline:%d/%m/%Y}",
        "count": one.remaining,
    }
