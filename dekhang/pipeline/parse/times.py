"""Times as logs write them → UTC epoch milliseconds.

A time without a zone is UTC, unless that would lie in the future: then it is the local time of Viet Nam (UTC+7), which
most machines here are set to. See docs/reference/fields.md.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
LOCAL_MS = 7 * 3_600_000
_CLOCK_SLACK_MS = 10 * 60_000  # clocks that run ahead a little are not another zone
_DAY_MS = 86_400_000
EARLIEST_MS = 946_684_800_000  # 2000-01-01

_REMEMBERED = 4_096  # times as texts: the lines of one second share one; × ~300 B ≈ 1 MB each
_TIME_CHARS = 32  # of a text are remembered with it

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_STAMP = re.compile(r"(\w{3}) {1,2}(\d{1,2}) (?:(\d{4}) )?(\d\d):(\d\d):(\d\d)")
_CLF = re.compile(r"(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")


def is_plausible(time_ms: int, received_ms: int) -> bool:
    """Neither before 2000 nor more than a day after it was received."""
    return EARLIEST_MS <= time_ms <= received_ms + _DAY_MS


def iso_ms(text: str, received_ms: int) -> int | None:
    """`2019-12-10T02:00:00.123Z`, with a space, with any zone or none."""
    if len(text) < 19 or text[4] != "-" or len(text) > 40:
        return None
    if text[-6] == " " and text[-5] in "+-":  # 2019-12-10 09:00:00 +0700
        text = text[:-6] + text[-5:]
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return (moment - _EPOCH) // _MS
        return zoneless((moment.replace(tzinfo=UTC) - _EPOCH) // _MS, received_ms)
    except (ValueError, OverflowError):
        return None


def zoneless(as_utc_ms: int, received_ms: int) -> int:
    """Choose the zone of a time that names none (see the head of this module)."""
    if as_utc_ms > received_ms + _CLOCK_SLACK_MS and as_utc_ms - LOCAL_MS <= received_ms + _CLOCK_SLACK_MS:
        return as_utc_ms - LOCAL_MS
    return as_utc_ms


def epoch_ms(value: float | int) -> int | None:
    """Seconds, milliseconds, microseconds or nanoseconds since 1970, told apart by size."""
    if isinstance(value, bool) or value != value or not 0 < value < 1e20:
        return None
    while value >= 1e11:  # 1e11 seconds is the year 5138, 1e11 ms is 1973
        if value < 1e14:
            return int(value)
        value = value / 1000
    return round(value * 1000)


def any_ms(value: object, received_ms: int) -> int | None:
    """A time in JSON: text or number."""
    if isinstance(value, str):
        found = iso_ms(value, received_ms)
        if found is None and value.replace(".", "", 1).isdigit() and len(value) <= 24:
            return epoch_ms(float(value))
        return found
    if isinstance(value, (int, float)):
        return epoch_ms(value)
    return None


def stamp_ms(text: str, received_ms: int) -> int | None:
    """`Dec 10 02:00:00` of RFC 3164: the year is the one that brings it closest before the time of receipt.

    A day into the future is allowed for clocks and zones, so a December line received in January is last year's, and
    one of 1 January received on 31 December is next year's.
    """
    candidates = _stamp_candidates(text[:_TIME_CHARS], _year_of_day(received_ms // _DAY_MS))
    for as_utc_ms in candidates:
        if as_utc_ms <= received_ms + _DAY_MS or len(candidates) == 1:
            return zoneless(as_utc_ms, received_ms)
    return None


@lru_cache(maxsize=16)
def _year_of_day(day: int) -> int:
    return (_EPOCH + timedelta(days=day)).year


@lru_cache(maxsize=_REMEMBERED)
def _stamp_candidates(text: str, received_year: int) -> tuple[int, ...]:
    """What a stamp can mean, the latest year first; one with a year means just that."""
    matched = _STAMP.match(text)
    month = _MONTHS.get(matched[1].lower()) if matched is not None else None
    if matched is None or month is None:
        return ()
    # 29 February may be eight years back
    years = (int(matched[3]),) if matched[3] else range(received_year + 1, received_year - 9, -1)
    found = []
    for year in years:
        try:
            moment = datetime(
                year, month, int(matched[2]), int(matched[4]), int(matched[5]), int(matched[6]), tzinfo=UTC
            )
        except ValueError:
            continue
        found.append((moment - _EPOCH) // _MS)
    return tuple(found)


def clf_ms(text: str) -> int | None:
    """`10/Dec/2019:02:00:00 +0000` of the common log format."""
    return _clf_ms(text[:_TIME_CHARS])


@lru_cache(maxsize=_REMEMBERED)
def _clf_ms(text: str) -> int | None:
    matched = _CLF.match(text)
    if matched is None:
        return None
    month = _MONTHS.get(matched[2].lower())
    if month is None:
        return None
    try:
        moment = datetime(
            int(matched[3]), month, int(matched[1]), int(matched[4]), int(matched[5]), int(matched[6]), tzinfo=UTC
        )
    except ValueError:
        return None
    offset_ms = (int(matched[8]) * 60 + int(matched[9])) * 60_000
    at_ms = (moment - _EPOCH) // _MS
    return at_ms - offset_ms if matched[7] == "+" else at_ms + offset_ms
