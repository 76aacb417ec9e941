"""Reads of duties: states of many units in few queries, and the rows behind the state of one."""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.duties import timelines
from dekhang.apps.duties.models import Claim, Evidence
from dekhang.apps.duties.states import Assessment
from dekhang.apps.registry.selectors import visible_unit_ids
from dekhang.law import load
from dekhang.law.shapes import Duty

# How the law's data name the kinds of units, in the words of the registry.
KINDS_OF_LAW = {"province_body": "department", "district": "district", "commune": "commune", "province": "province"}


def moment_of(day: date) -> datetime:
    """The moment that a day's number describes: its last microsecond here, or now when the day is not over."""
    midnight = timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
    return min(midnight - timedelta(microseconds=1), clock.now())


def kinds_of(duty: Duty) -> frozenset[str]:
    """The kinds of units (`registry.enums.UnitKind`) on which a duty falls: the denominator of its share."""
    return frozenset(KINDS_OF_LAW.get(kind, kind) for kind in duty.applies_to)


def assess(duty_key: str, unit_ids: Collection[int], at: datetime) -> dict[int, Assessment]:
    """The state of every unit's claim on a duty at `at`, in a few queries whatever the number of units.

    No isolation here: callers show rows only of units that the person may see.
    """
    return timelines.assessments(duty_key, unit_ids, at)


def duties_for(kind: str, at: datetime) -> tuple[Duty, ...]:
    """The duties in force on the day of `at` that fall on units of this kind (`registry.enums.UnitKind`)."""
    day = timezone.localtime(at).date()
    return tuple(duty for duty in load().duties_on(day) if kind in kinds_of(duty))


def claims_of(user: User) -> QuerySet[Claim]:
    return Claim.objects.filter(unit_id__in=visible_unit_ids(user)).select_related("declared_by", "withdrawn_by")


def claims_standing(unit_id: int, at: datetime) -> QuerySet[Claim]:
    """Declarations of the unit that stood at `at`. No isolation here: callers name a unit that the person may see."""
    stood = Q(withdrawn_at=None) | Q(withdrawn_at__gt=at)
    return (
        Claim.objects.filter(stood, unit_id=unit_id, declared_at__lte=at).select_related("declared_by").order_by("pk")
    )


def evidence_of(user: User) -> QuerySet[Evidence]:
    """Evidence rows that `user` may see, newest first."""
    return Evidence.objects.filter(unit_id__in=visible_unit_ids(user)).order_by("-observed_at", "-pk")
