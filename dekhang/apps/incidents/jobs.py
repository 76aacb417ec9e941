"""What incidents do on the clock: remind of deadlines that near, and tell of those that passed."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.duties.enums import Outcome
from dekhang.apps.incidents import messages
from dekhang.apps.incidents.enums import Reminder
from dekhang.apps.incidents.models import IncidentClock
from dekhang.apps.incidents.policies import IN_WORK
from dekhang.apps.incidents.selectors import SOON
from dekhang.apps.incidents.services import clocks
from dekhang.law.shapes import Clock as LawClock

HEAD_HAS = timedelta(hours=24)  # after the deadline, before the coordinator is told; "at once" waits only its grace


def tick(limit: int = 200) -> int:
    """Tell officer, then head, then coordinator of deadlines that near and pass; each once. Returns messages written.

    One transaction a clock, claimed by a conditional update: two jobs processes tell nobody twice.
    """
    now = clock.now()
    running = (
        IncidentClock.objects.filter(met_at=None, cancelled_at=None, incident__status__in=IN_WORK)
        .filter(
            Q(reminder=Reminder.NONE, due_at__lte=now + SOON)
            | Q(reminder=Reminder.OFFICER, due_at__lte=now)
            | Q(reminder=Reminder.HEAD, due_at__lte=now, incident__is_exercise=False)
        )
        .select_related("incident", "incident__opened_by")
        .order_by("due_at", "pk")[:limit]
    )
    return sum(_advance(row, now) for row in running)


def _advance(row: IncidentClock, now: datetime) -> int:
    rule = law.load().clock(row.clock_key, regime=row.incident.regime)
    reached = stage_at(row, rule, now)
    if reached <= row.reminder:
        return 0
    with transaction.atomic():
        claimed = IncidentClock.objects.filter(
            pk=row.pk, reminder=row.reminder, met_at=None, cancelled_at=None, due_at=row.due_at
        ).update(reminder=reached)
        if claimed != 1:
            return 0
        told = 0
        if row.reminder < Reminder.OFFICER <= reached:
            told += messages.clock_nears(row, rule) if reached == Reminder.OFFICER else _tell_late(row, rule, "officer")
        if row.reminder < Reminder.HEAD <= reached:
            told += _tell_late(row, rule, "head")
            _record_missed(row, rule, now)
        if row.reminder < Reminder.COORDINATOR <= reached:
            told += _tell_late(row, rule, "coordinator")
        return told


def stage_at(row: IncidentClock, rule: LawClock, now: datetime) -> Reminder:
    """Who must have been told by now. The coordinator never hears of an exercise."""
    assert row.due_at is not None  # clocks without a number never reach here
    at_once = rule.limit.unit == "at_once"
    late_from = clocks.tolerated_until(row.due_at, at_once=at_once)
    if now >= late_from + (clocks.AT_ONCE_GRACE if at_once else HEAD_HAS) and not row.incident.is_exercise:
        return Reminder.COORDINATOR
    if now >= late_from:
        return Reminder.HEAD
    # the officer is reminded a day before; of a shorter limit, at its half
    ahead = min(SOON, (row.due_at - row.anchored_at) / 2)
    return Reminder.OFFICER if now >= row.due_at - ahead else Reminder.NONE


def _tell_late(row: IncidentClock, rule: LawClock, stage: str) -> int:
    unit_id = row.incident.unit_id
    to = {
        "officer": messages.officers_of,
        "head": messages.heads_of,
        "coordinator": lambda _unit_id: messages.coordinators(),
    }[stage](unit_id)
    return messages.clock_late(row, rule, to=to, stage=stage)


def _record_missed(row: IncidentClock, rule: LawClock, now: datetime) -> None:
    assert row.due_at is not None
    clocks.record_clock_evidence(
        row.incident,
        row.clock_key,
        outcome=Outcome.BROKEN,
        observed_at=now,
        reason=_("%(title)s: đã quá hạn mà chưa gửi.") % {"title": rule.title},
        payload={"due_at": row.due_at.isoformat()},
    )
