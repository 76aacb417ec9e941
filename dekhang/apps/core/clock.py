"""The one place where the apps ask what time it is, so that a test or a drill can give another answer."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from django.conf import settings
from django.utils import timezone


def _wall() -> datetime:
    return timezone.now() + timedelta(seconds=settings.CLOCK_SHIFT_SECONDS)


_now: Callable[[], datetime] = _wall


def now() -> datetime:
    """The present as an aware UTC datetime."""
    return _now()


def today() -> date:
    """The present date in the installation's time zone."""
    return timezone.localtime(_now()).date()


@contextmanager
def at(moment: datetime | Callable[[], datetime]) -> Iterator[None]:
    """Run the block as if it were `moment` (a datetime, or a callable that gives one)."""
    global _now
    before = _now
    _now = moment if callable(moment) else lambda: moment
    try:
        yield
    finally:
        _now = before
