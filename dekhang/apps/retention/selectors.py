"""How long what is kept, and why; holds; what the audit chain knows of the lake."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from django.conf import settings
from django.db.models import Q, QuerySet

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.retention.enums import AuditAction
from dekhang.apps.retention.models import LegalHold
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.selectors import sources_of
from dekhang.law.shapes import LogRetention
from dekhang.pipeline.stores import retention

LIFTED_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Term:
    """How long the events of one level's sources are kept.

    Attributes:
        level: None: not decided, or the source belongs to no registered system.
        basis: keys of what asks for them; empty: ours. `asked`: the days that these ask for.
        sources: how many sources that are seen here.
    """

    level: int | None
    days: int
    asked: int
    basis: tuple[str, ...]
    sources: int


def days_of_level(level: int | None, on: date) -> int:
    """How long, on a day; never less than the installation's own least.

    Law: R2016 TCVN11930-2017, R2026 TCVN14423-2026
    """
    if level is None:
        return settings.LOG_DAYS_UNKNOWN_LEVEL
    asked = _asked(level, on)
    return max(asked.days if asked is not None else 0, settings.LOG_DAYS_LEAST)


def _asked(level: int | None, on: date) -> LogRetention | None:
    return law.load().log_retention(level, regime=law.load().regime_on(on).key) if level is not None else None


def policy_in_force(on: date) -> retention.Policy:
    """What the lake's keeper has to follow. Retired sources too: their events are still there."""
    levels = dict(LogSource.objects.order_by("pk").values_list("pk", "system__level"))
    return retention.Policy(
        default_days=settings.LOG_DAYS_UNKNOWN_LEVEL,
        sources=tuple(retention.Keeping(pk, days_of_level(level, on)) for pk, level in levels.items()),
        holds=tuple(part for hold in holds_in_force(on).order_by("pk") for part in _parts(hold, on)),
    )


def _parts(hold: LegalHold, on: date) -> Iterator[retention.Hold]:
    """A hold as the pipeline follows it. Events of the units that a unit has come from are its own, too."""
    since_ms = None if hold.since is None else int(hold.since.timestamp() * 1000)
    until_ms = None if hold.until is None else int(hold.until.timestamp() * 1000)
    units: list[int | None] = [None]
    if hold.source_id is None and hold.unit_id is not None:
        units = sorted(registry.with_predecessors([hold.unit_id], on, partly=True))
    for unit_id in units:
        yield retention.Hold(hold.pk, unit_id, hold.source_id, since_ms, until_ms)


def holds_in_force(on: date) -> QuerySet[LegalHold]:
    return LegalHold.objects.filter(Q(ends_on__isnull=True) | Q(ends_on__gte=on), lifted_at=None)


def terms_seen_by(user: User) -> list[Term]:
    """For every level: how long, on what ground, and how many sources of those that `user` sees."""
    today = clock.today()
    counts = Counter(sources_of(user).order_by().values_list("system__level", flat=True))
    terms = []
    for level in (1, 2, 3, 4, 5, None):
        asked = _asked(level, today)
        ground = (asked.days, asked.basis) if asked is not None else (0, ())
        terms.append(Term(level, days_of_level(level, today), *ground, counts.get(level, 0)))
    return terms


def holds_seen_by(user: User) -> QuerySet[LegalHold]:
    """Holds are the province's: a unit need not know that its logs are looked into."""
    holds = LegalHold.objects.select_related("unit", "source", "placed_by", "lifted_by")
    return holds if user.is_provincial else holds.none()


def anchored_heads() -> Iterator[tuple[str, int, str]]:
    """(day, number, hash) of every head of the lake's chains that the audit chain has written down."""
    for detail in (
        AuditEvent.objects.filter(action=AuditAction.LAKE_ANCHORED).order_by("pk").values_list("detail", flat=True)
    ):
        for day, (number, digest) in detail["heads"].items():
            yield day, number, digest
