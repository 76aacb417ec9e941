"""When people may be asked: in working hours, so that nobody is woken by a test. Pure."""

from datetime import datetime, time, timedelta, tzinfo

SATURDAY = 5


def in_hours(wanted: datetime, *, from_hour: int, to_hour: int, zone: tzinfo) -> datetime:
    """`wanted`, or the first moment after it that lies in the hours of a working day.

    Args:
        from_hour, to_hour: local hours of a working day, 0 ≤ from < to ≤ 24.
    """
    local = wanted.astimezone(zone)
    day = local.date()
    while True:
        opens = datetime.combine(day, time(from_hour), zone)
        closes = opens + timedelta(hours=to_hour - from_hour)
        if day.weekday() < SATURDAY and local < closes:
            return max(local, opens).astimezone(wanted.tzinfo)
        day += timedelta(days=1)
