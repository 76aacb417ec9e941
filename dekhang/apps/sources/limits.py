"""How long a canary may take and proves, how soon silence is told: law data, not settings, so that all are judged alike."""

from datetime import timedelta

from dekhang import law
from dekhang.apps.sources.schedule import Plan


def arrive_within() -> timedelta:
    """From its start until the trace has arrived and been detected."""
    return timedelta(minutes=law.load().proof("canary_arrive_minutes").whole)


def acknowledge_within() -> timedelta:
    """From its detection until somebody of the unit has acknowledged the alert."""
    return timedelta(hours=law.load().proof("canary_acknowledge_hours").whole)


def proves_for() -> timedelta:
    """From the acknowledgement on."""
    return timedelta(days=law.load().proof("canary_valid_days").whole)


def learn_days() -> int:
    """How long a source must be known before its own cadence counts."""
    return law.load().proof("silence_learn_days").whole


def silence_floor() -> timedelta:
    """No source is called silent sooner."""
    return timedelta(minutes=law.load().proof("silence_floor_minutes").whole)


def head_is_told_after() -> timedelta:
    """Of silence, from when it was noticed."""
    return timedelta(hours=law.load().proof("silence_head_hours").whole)


def canary_again_after() -> timedelta:
    """A longer silence leaves nothing proven until the next canary."""
    return timedelta(minutes=law.load().proof("silence_canary_again_minutes").whole)


def standard_plan() -> Plan:
    """When canaries are asked for, unless a unit has its own plan."""
    book = law.load()
    return Plan(
        book.proof("canary_every_days").whole,
        book.proof("canary_from_hours").whole,
        book.proof("canary_to_hours").whole,
    )


def answer_within() -> timedelta:
    """From asking for a canary until its trace must have come."""
    return timedelta(days=law.load().proof("canary_answer_days").whole)
