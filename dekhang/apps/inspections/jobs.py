"""What inspections do on the clock: remind of deadlines of findings, and tell of those that passed."""

from datetime import timedelta

from django.db import transaction
from django.db.models import QuerySet

from dekhang.apps.core import clock
from dekhang.apps.inspections import messages
from dekhang.apps.inspections.enums import FindingStatus
from dekhang.apps.inspections.models import Finding
from dekhang.apps.inspections.policies import CONCLUDED

AHEAD = timedelta(days=7)
AT_ONCE = 200


def tick() -> int:
    """Returns how many mails were written. What the unit has filed waits for the inspector, not for the unit."""
    today, told = clock.today(), 0
    waiting = Finding.objects.filter(status=FindingStatus.OPEN, visit__status__in=CONCLUDED)
    for finding in _due(waiting.filter(reminded_at=None, due_on__gte=today, due_on__lte=today + AHEAD)):
        with transaction.atomic():
            if Finding.objects.filter(pk=finding.pk, reminded_at=None).update(reminded_at=clock.now()) == 1:
                told += messages.deadline_nears(finding)
    for finding in _due(waiting.filter(overdue_told_at=None, due_on__lt=today)):
        with transaction.atomic():
            if Finding.objects.filter(pk=finding.pk, overdue_told_at=None).update(overdue_told_at=clock.now()) == 1:
                told += messages.overdue(finding)
    return told


def _due(findings: QuerySet[Finding]) -> QuerySet[Finding]:
    return findings.select_related("visit__lead").order_by("due_on", "pk")[:AT_ONCE]
