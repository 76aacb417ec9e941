"""Events of the law and the clocks they start and stop. Clocks are computed from the standing events, never edited."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.incidents.enums import AuditAction, IncidentStatus, Reminder
from dekhang.apps.incidents.models import Incident, IncidentClock, IncidentEvent, StepRun
from dekhang.apps.incidents.policies import check_can_record_event
from dekhang.apps.incidents.services import secret_leaks

# "At once" has no number in the law; evidence calls it kept within this, and the page says so.
AT_ONCE_GRACE = timedelta(hours=1)
# Clocks that run only while the unit can handle the incident itself; beyond that another report takes their place.
# Law: R2016 QD05-2017/11
ONLY_WITHIN_CAPACITY = frozenset({("R2016", "notice")})
# What a person may report by a button of its own: signs that start a clock outside the ordinary course.
SIGNS = ("possibly_serious", "national_security_sign", "data_breach_found", "secret_leak_suspected")


@transaction.atomic
def record_event_of_law(
    *, incident: Incident, event_key: str, by: User, at: datetime | None = None, note: str = ""
) -> IncidentEvent:
    """Record that `event_key` (of clocks.yml) happened: a sign was seen, or somebody was told.

    Raises:
        ActionDenied: not of the unit, incident closed, already recorded, a time before detection or ahead of now.
        UnknownKey: the law knows no such event.
    """
    check_can_record_event(by, incident)
    events = law.load().events
    if event_key not in events:
        raise law.UnknownKey(f"Không có sự kiện “{event_key}” trong dekhang/law/data/clocks.yml.")
    moment = at or clock.now()
    check_moment(incident, moment)
    event = put_event(incident=incident, event_key=event_key, by=by, at=moment, note=note)
    sign = event_key in SIGNS
    record_event(
        action=AuditAction.SIGN_REPORTED if sign else AuditAction.CLOCK_MET,
        by=by,
        target=incident,
        detail={"event": event_key, "at": moment.isoformat(), "note": note[:200]},
    )
    sync(incident)
    return event


@transaction.atomic
def withdraw_event_of_law(*, incident: Incident, event_key: str, by: User) -> None:
    """Take back an event that was recorded by mistake; what it started stops, what it stopped runs again."""
    check_can_record_event(by, incident)
    withdrawn = incident.events.filter(event_key=event_key, withdrawn_at=None).update(withdrawn_at=clock.now())
    if withdrawn != 1:
        raise ActionDenied(_("Ghi nhận này vừa được rút hoặc chưa từng có."))
    record_event(action=AuditAction.SIGN_WITHDRAWN, by=by, target=incident, detail={"event": event_key})
    sync(incident)


def check_moment(incident: Incident, moment: datetime) -> None:
    """Refuse a time that cannot be: ahead of now, or before the incident was detected."""
    if moment > clock.now() + timedelta(minutes=1):
        raise ActionDenied(_("Thời điểm này ở tương lai. Hãy kiểm tra lại ngày giờ."))
    if moment < incident.detected_at:
        raise ActionDenied(_("Thời điểm này trước lúc phát hiện sự cố. Hãy kiểm tra lại ngày giờ."))


def put_event(
    *, incident: Incident, event_key: str, by: User, at: datetime, note: str = "", step: StepRun | None = None
) -> IncidentEvent:
    """The row itself, inside the caller's transaction; the caller audits and syncs."""
    if incident.events.filter(event_key=event_key, withdrawn_at=None).exists():
        raise ActionDenied(_("Đã ghi nhận “%(event)s” rồi.") % {"event": law.load().events[event_key].title})
    return IncidentEvent.objects.create(
        incident=incident, event_key=event_key, at=at, recorded_by=by, note=note[:300], step=step
    )


def sync(incident: Incident) -> None:
    """Make the incident's clocks what its standing events say; idempotent, inside the caller's transaction.

    A clock runs from the event that anchors it, is met when its end event stands, and is cancelled when its anchor
    was withdrawn, the incident was cancelled, or another report took its place.
    """
    book = law.load()
    now = clock.now()
    standing = {event.event_key: event for event in incident.events.filter(withdrawn_at=None)}
    clocks = {row.clock_key: row for row in incident.clocks.all()}
    for rule in book.clocks(incident.regime):
        anchor, end = standing.get(rule.anchor), standing.get(rule.stops_on)
        row = clocks.get(rule.key)
        replaced = bool(incident.beyond_capacity) and (incident.regime, rule.key) in ONLY_WITHIN_CAPACITY
        applies = (
            anchor is not None and incident.status != IncidentStatus.CANCELLED and (not replaced or end is not None)
        )
        if not applies:
            if row is not None and row.cancelled_at is None:
                IncidentClock.objects.filter(pk=row.pk).update(cancelled_at=now, met_at=None)
            continue
        due_at = law.deadline(rule, anchor.at)
        met_at = end.at if end else None
        if row is None:
            row = IncidentClock.objects.create(
                incident=incident, clock_key=rule.key, anchored_at=anchor.at, due_at=due_at, met_at=None
            )
        if met_at is not None and row.met_at != met_at:
            _record_met(incident, row.clock_key, rule.title, due_at, met_at, at_once=rule.limit.unit == "at_once")
        values: dict[str, object] = {"anchored_at": anchor.at, "due_at": due_at, "met_at": met_at, "cancelled_at": None}
        if row.due_at != due_at:
            values["reminder"] = Reminder.NONE  # another deadline: its reminders start anew
        IncidentClock.objects.filter(pk=row.pk).update(**values)
    secret_leaks.observe(incident)


def tolerated_until(due_at: datetime, *, at_once: bool) -> datetime:
    return due_at + AT_ONCE_GRACE if at_once else due_at


def _record_met(
    incident: Incident, clock_key: str, title: str, due_at: datetime | None, met_at: datetime, *, at_once: bool
) -> None:
    if due_at is None:
        return  # without a number nothing can be kept or missed
    late = met_at - tolerated_until(due_at, at_once=at_once)
    kept = late <= timedelta(0)
    record_clock_evidence(
        incident,
        clock_key,
        outcome=Outcome.OK if kept else Outcome.BROKEN,
        observed_at=max(met_at, incident.opened_at),
        reason="" if kept else _("%(title)s: báo trễ %(late)s.") % {"title": title, "late": spell(late)},
        payload={"due_at": due_at.isoformat(), "met_at": met_at.isoformat()},
    )


def record_clock_evidence(
    incident: Incident, clock_key: str, *, outcome: Outcome, observed_at: datetime, reason: str, payload: dict[str, str]
) -> None:
    record_evidence(
        unit_id=incident.unit_id,
        kind=EvidenceKind.CLOCK,
        subject=f"clock:{incident.pk}:{clock_key}",
        outcome=outcome,
        observed_at=observed_at,
        reason=reason[:300],
        payload={"incident_id": incident.pk, "is_exercise": incident.is_exercise, **payload},
    )


def spell(span: timedelta) -> str:
    """A span in the largest unit that fits: 3 ngày, 5 giờ, 12 phút."""
    minutes = max(1, int(span.total_seconds() // 60))
    if minutes >= 2880:
        return _("%(n)d ngày") % {"n": minutes // 1440}
    if minutes >= 120:
        return _("%(n)d giờ") % {"n": minutes // 60}
    return _("%(n)d phút") % {"n": minutes}
