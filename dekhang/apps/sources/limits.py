"""How long a canary may take, and how long it proves: law data, not settings, so that all units are judged alike."""

from datetime import timedelta

from dekhang import law


def arrive_within() -> timedelta:
    """From its start until the trace has arrived and been detected."""
    return timedelta(minutes=law.load().proof("canary_arrive_minutes").whole)


def acknowledge_within() -> timedelta:
    """From its detection until somebody of the unit has acknowledged the alert."""
    return timedelta(hours=law.load().proof("canary_acknowledge_hours").whole)


def proves_for() -> timedelta:
    """From the acknowledgement on."""
    return timedelta(days=law.load().proof("canary_valid_days").whole)
