"""When the next canary of a kind of source at a unit is asked for. Pure: dates and an exact place for each unit in them.

Asked in working hours only, spread over days and hours by the unit's number, so that a province does not test at the same
minute and an officer is not asked at night.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

SATURDAY = 5
FIRST_WITHIN_DAYS = 14  # of a source's first event
AFTER_FAILURE_DAYS = 3


@dataclass(frozen=True, slots=True)
class Plan:
    """`every_days` after the last canary that passed; asked between these hours of a working day, local time."""

    every_days: int
    from_hour: int
    to_hour: int
    paused_until: datetime | None = None

    def __post_init__(self) -> None:
        if not (0 <= self.from_hour < self.to_hour <= 24 and self.every_days > 0):
            raise ValueError("a plan has days, and hours in their order")


def next_ask(
    plan: Plan,
    *,
    unit_id: int,
    kind: str,
    first_event_at: datetime,
    last_passed_at: datetime | None,
    last_failed_at: datetime | None,
    zone: tzinfo,
) -> datetime:
    """The moment from which the unit should be asked, in its quiet hours' sense."""
    if last_failed_at is not None and (last_passed_at is None or last_failed_at > last_passed_at):
        wanted = last_failed_at + timedelta(days=AFTER_FAILURE_DAYS)
    elif last_passed_at is not None:
        wanted = last_passed_at + timedelta(days=plan.every_days)
    else:
        wanted = first_event_at + timedelta(days=share(unit_id, kind, FIRST_WITHIN_DAYS))
    if plan.paused_until is not None:
        wanted = max(wanted, plan.paused_until)
    return into_hours(plan, wanted, unit_id=unit_id, kind=kind, zone=zone)


def into_hours(plan: Plan, wanted: datetime, *, unit_id: int, kind: str, zone: tzinfo) -> datetime:
    """The unit's own minute of the first working day on which it is not before `wanted`."""
    minute = share(unit_id, f"{kind} minute", (plan.to_hour - plan.from_hour) * 60)
    day = wanted.astimezone(zone).date()
    while True:
        at = datetime.combine(day, time(plan.from_hour), zone) + timedelta(minutes=minute)
        if day.weekday() < SATURDAY and at >= wanted:
            return at
        day += timedelta(days=1)


def is_open(plan: Plan, at: datetime, zone: tzinfo) -> bool:
    """Whether people may be asked now."""
    local = at.astimezone(zone)
    return local.weekday() < SATURDAY and plan.from_hour <= local.hour < plan.to_hour


def share(unit_id: int, what: str, parts: int) -> int:
    """A number below `parts` that is always the same for a unit and spread evenly over units."""
    digest = hashlib.sha256(f"{unit_id}:{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big") % max(1, parts)


def automatic_nonce(token_sha256: str, day: str) -> str:
    """The nonce that a machine may emit by itself on a day (UTC, YYYY-MM-DD): it knows the token, we know its hash.

    Shell: printf %s "$(printf %s TOKEN | sha256sum | cut -d' ' -f1):$(date -u +%F)" | sha256sum | cut -c1-16
    """
    return hashlib.sha256(f"{token_sha256}:{day}".encode()).hexdigest()[:16]
