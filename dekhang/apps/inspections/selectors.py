"""Reads of inspections. The province's roles see all; a unit sees visits to it, and what was found once it is concluded."""

from django.db.models import Q, QuerySet

from dekhang.apps.core import clock
from dekhang.apps.core.models import User
from dekhang.apps.inspections.enums import FindingStatus, VisitStatus
from dekhang.apps.inspections.models import Finding, FollowUp, Minutes, Sample, Visit
from dekhang.apps.inspections.policies import CONCLUDED, INSPECTING, OPEN
from dekhang.apps.registry.selectors import visible_unit_ids


def samples_of(user: User) -> QuerySet[Sample]:
    """Samples are the province's: a unit would learn from them whom a visit awaits."""
    samples = Sample.objects.select_related("drawn_by")
    return samples if user.is_active and user.role in INSPECTING else samples.none()


def visits_of(user: User) -> QuerySet[Visit]:
    visits = Visit.objects.select_related("lead", "planned_by")
    if user.is_provincial and user.is_active:
        return visits
    return visits.filter(unit_id__in=visible_unit_ids(user)).exclude(
        announced=False, status__in=[VisitStatus.PLANNED, VisitStatus.CANCELLED]
    )


def findings_of(user: User) -> QuerySet[Finding]:
    findings = Finding.objects.select_related("visit", "visit__lead", "item")
    if user.is_provincial and user.is_active:
        return findings
    units = visible_unit_ids(user)
    concluded = Q(visit__status__in=CONCLUDED)
    return findings.filter(concluded, Q(unit_id__in=units) | Q(visit__unit_id__in=units))


def follow_ups_of(user: User) -> QuerySet[FollowUp]:
    return FollowUp.objects.filter(finding__in=findings_of(user)).select_related("filed_by", "judged_by")


def minutes_of(user: User) -> QuerySet[Minutes]:
    made = Minutes.objects.select_related("visit")
    if user.is_provincial and user.is_active:
        return made
    return made.filter(visit__unit_id__in=visible_unit_ids(user), visit__status__in=CONCLUDED)


def shows_findings(user: User, visit: Visit) -> bool:
    """Whether this person reads what was looked at and found: the unit after the conclusion."""
    return user.is_provincial or visit.status in CONCLUDED


def overdue(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    return findings.filter(status__in=OPEN, due_on__lt=clock.today()).order_by("due_on", "pk")


def waiting_for_judgement(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    return findings.filter(status=FindingStatus.FILED).order_by("due_on", "pk")


def to_put_right(unit_id: int) -> QuerySet[Finding]:
    """What a unit still has to do, the nearest deadline first. No isolation here: callers name their own unit."""
    return Finding.objects.filter(unit_id=unit_id, status=FindingStatus.OPEN, visit__status__in=CONCLUDED).order_by(
        "due_on", "pk"
    )


def coming(visits: QuerySet[Visit]) -> QuerySet[Visit]:
    return visits.filter(status__in=[VisitStatus.PLANNED, VisitStatus.UNDER_WAY]).order_by("day", "pk")
