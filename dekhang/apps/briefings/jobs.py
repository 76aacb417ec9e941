"""What briefings do on the clock: remind of the day, and tell units that did not come where to read."""

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from dekhang.apps.briefings import messages
from dekhang.apps.briefings.enums import BriefingStatus
from dekhang.apps.briefings.models import Attendance, Briefing
from dekhang.apps.core import clock

AHEAD = timedelta(hours=24)
AFTER = timedelta(hours=3)  # after the end the organiser may still write down who signed on paper
LATEST = timedelta(days=14)  # an end so long ago, recorded afterwards, is told to nobody


def tick() -> int:
    """Returns how many mails were written. Each briefing is claimed: two jobs processes tell nobody twice."""
    return _remind() + _tell_absent()


def _remind() -> int:
    now, told = clock.now(), 0
    due = Briefing.objects.filter(
        status=BriefingStatus.ANNOUNCED, reminded_at=None, starts_at__gt=now, starts_at__lte=now + AHEAD
    )
    for briefing in due:
        with transaction.atomic():
            if Briefing.objects.filter(pk=briefing.pk, reminded_at=None).update(reminded_at=now) == 1:
                told += messages.day_nears(briefing)
    return told


def _tell_absent() -> int:
    now, told = clock.now(), 0
    over = Briefing.objects.filter(
        status__in=(BriefingStatus.ANNOUNCED, BriefingStatus.CLOSED),
        absent_told_at=None,
        ends_at__lte=now,
        ends_at__gt=now - LATEST,
    )
    for briefing in over:
        if briefing.status != BriefingStatus.CLOSED and briefing.ends_at > now - AFTER:
            continue
        with transaction.atomic():
            if Briefing.objects.filter(pk=briefing.pk, absent_told_at=None).update(absent_told_at=now) != 1:
                continue
            there = Attendance.objects.filter(invitation=OuterRef("pk"), struck_at=None)
            told += messages.was_absent(
                briefing, briefing.invitations.exclude(Exists(there)).select_related("briefing")
            )
    return told
