"""When a clock runs out. Pure: the anchor comes in, nothing asks what time it is."""

from datetime import UTC, datetime, timedelta, timezone

from dekhang.law.shapes import Clock

LOCAL = timezone(timedelta(hours=7), "Asia/Ho_Chi_Minh")  # Viet Nam keeps no daylight saving time


def deadline(clock: Clock, anchor: datetime) -> datetime | None:
    """Return the moment, UTC, by which the clock's end event must have happened; None if the law sets no number.

    `at_once` is due at the anchor itself. Hours and days are counted to the minute from the anchor: stricter than
    counting to the end of the last day, so a person who trusts the shown time is never late.
    `yearly_before` is the next midnight (local) that begins one of the named days.

    Raises:
        ValueError: `anchor` has no time zone.
    """
    if anchor.tzinfo is None:
        raise ValueError("Mốc tính thời hạn phải có múi giờ.")
    limit = clock.limit
    if limit.unit == "at_once":
        return anchor.astimezone(UTC)
    if limit.unit == "hours":
        return anchor.astimezone(UTC) + timedelta(hours=limit.amount)
    if limit.unit == "days":
        return anchor.astimezone(UTC) + timedelta(days=limit.amount)
    if limit.unit == "yearly_before":
        here = anchor.astimezone(LOCAL)
        moments = (
            datetime(year, int(day[:2]), int(day[3:]), tzinfo=LOCAL)
            for year in (here.year, here.year + 1)
            for day in limit.dates
        )
        return min(moment for moment in moments if moment > here).astimezone(UTC)
    return None
