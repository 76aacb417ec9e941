"""From rows that are only ever added to happenings: the audit chain, assignments, and states that are other ones now."""

from collections.abc import Iterator
from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from dekhang.apps.alerts.enums import AuditAction as Alerts
from dekhang.apps.api.enums import EventType
from dekhang.apps.api.models import Happening, Subscription, ToldState
from dekhang.apps.cascade.enums import AuditAction as Cascade
from dekhang.apps.cascade.models import Assignment
from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, JobCursor
from dekhang.apps.duties.enums import AuditAction as Duties
from dekhang.apps.duties.models import StateSpan
from dekhang.apps.incidents.enums import AuditAction as Incidents
from dekhang.apps.scoreboard.enums import AuditAction as Board
from dekhang.apps.sources.enums import AuditAction as Sources

CURSOR = "api.happenings"
AT_ONCE = 500
KEPT = timedelta(days=30)  # a receiver that is away longer reads the API instead
LOOKED_BACK = 1000  # numbers of assignments: one written beside another may become visible later

TOLD: dict[str, EventType] = {
    Alerts.ALERT_RAISED: EventType.ALERT_OPENED,
    Alerts.ALERT_ACKNOWLEDGED: EventType.ALERT_ACKNOWLEDGED,
    Alerts.ALERT_ESCALATED: EventType.ALERT_ESCALATED,
    Alerts.ALERT_RESOLVED: EventType.ALERT_CLOSED,
    Alerts.ALERT_FALSE_ALARM: EventType.ALERT_CLOSED,
    Incidents.INCIDENT_OPENED: EventType.INCIDENT_OPENED,
    Incidents.INCIDENT_CLOSED: EventType.INCIDENT_CLOSED,
    Incidents.INCIDENT_CANCELLED: EventType.INCIDENT_CLOSED,
    Duties.DOCUMENT_SUBMITTED: EventType.DOCUMENT_SUBMITTED,
    Duties.DOCUMENT_ACCEPTED: EventType.DOCUMENT_ACCEPTED,
    Duties.DOCUMENT_RETURNED: EventType.DOCUMENT_RETURNED,
    Duties.CLAIM_DECLARED: EventType.CLAIM_DECLARED,
    Duties.CLAIM_WITHDRAWN: EventType.CLAIM_WITHDRAWN,
    Duties.CLAIM_CONTESTED: EventType.CONTEST_OPENED,
    Duties.CONTEST_CORRECTED: EventType.CONTEST_ANSWERED,
    Duties.CONTEST_REFUSED: EventType.CONTEST_ANSWERED,
    Sources.SOURCE_SILENT: EventType.SOURCE_SILENT,
    Sources.SOURCE_RETURNED: EventType.SOURCE_RETURNED,
    Sources.CANARY_PASSED: EventType.CANARY_PASSED,
    Sources.CANARY_FAILED: EventType.CANARY_FAILED,
    Cascade.TASK_REPORTED: EventType.ASSIGNMENT_REPORTED,
    Board.SNAPSHOT_FROZEN: EventType.BOARD_FROZEN,
}
FACTS = ("duty", "date", "revision", "kind", "level", "step")  # of an audit event's detail, where it has them


@transaction.atomic
def collect() -> int:
    """Copy what the audit chain has got since the last time; returns how many rows of it were read.

    The chain is written by one writer at a time, so its numbers are in the order in which they become visible.
    """
    cursor, created = JobCursor.objects.select_for_update().get_or_create(pk=CURSOR)
    if created:  # what was before there were webhooks is told to nobody
        newest = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first()
        JobCursor.objects.filter(pk=CURSOR).update(position=newest or 0)
        return 0
    rows = list(AuditEvent.objects.filter(pk__gt=cursor.position).order_by("pk")[:AT_ONCE])
    if not rows:
        return 0
    found = [_of_audit(row) for row in rows if row.action in TOLD]
    if any(row.action == Cascade.ASSIGNMENTS_SENT for row in rows):
        found += _assignments()
    Happening.objects.bulk_create(found, ignore_conflicts=True)
    JobCursor.objects.filter(pk=CURSOR).update(position=rows[-1].pk, moved_at=clock.now())
    return len(rows)


def _of_audit(row: AuditEvent) -> Happening:
    facts = {name: row.detail[name] for name in FACTS if isinstance(row.detail.get(name), str | int)}
    about = {"object": row.target_type, "id": row.target_id, **facts}
    return Happening(type=TOLD[row.action], at=row.at, unit_id=row.unit_id, about=about, key=f"audit:{row.pk}")


def _assignments() -> Iterator[Happening]:
    newest = Assignment.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for one in Assignment.objects.filter(pk__gt=newest - LOOKED_BACK, sent_at__gte=clock.now() - timedelta(days=1)):
        about = {"object": Assignment._meta.label_lower, "id": str(one.pk), "task": one.task_id}
        yield Happening(
            type=EventType.ASSIGNMENT_SENT,
            at=one.sent_at,
            unit_id=one.unit_id,
            about=about,
            key=f"assignment:{one.pk}",
        )


@transaction.atomic
def watch_states() -> int:
    """States of claims that are not what they were when looked at last; nothing while nobody wants to know."""
    wanted = any(
        EventType.CLAIM_STATE_CHANGED in types
        for types in Subscription.objects.filter(stopped_at=None).values_list("types", flat=True)
    )
    if not wanted:
        ToldState.objects.all().delete()
        return 0
    now = clock.now()
    spans = StateSpan.objects.filter(Q(end=None) | Q(end__gt=now), start__lte=now)
    present = {(unit, duty): state for unit, duty, state in spans.values_list("unit_id", "duty_key", "state")}
    told = {(row.unit_id, row.duty_key): row for row in ToldState.objects.all()}
    new = [ToldState(unit_id=u, duty_key=d, state=s) for (u, d), s in present.items() if (u, d) not in told]
    changed = [key for key, row in told.items() if key in present and present[key] != row.state]
    if told:  # the first look only learns
        moments = [(key, told[key].state) for key in changed] + [((row.unit_id, row.duty_key), "") for row in new]
        Happening.objects.bulk_create(_of_state(key, before, present[key]) for key, before in moments)
    for key in changed:
        told[key].state = present[key]
    ToldState.objects.bulk_create(new, batch_size=500)
    ToldState.objects.bulk_update([told[key] for key in changed], ["state"], batch_size=500)
    return len(changed)


def _of_state(key: tuple[int, str], before: str, after: str) -> Happening:
    unit_id, duty_key = key
    now = clock.now()
    return Happening(
        type=EventType.CLAIM_STATE_CHANGED,
        at=now,
        unit_id=unit_id,
        about={"object": "claim", "duty": duty_key, "before": before or "unknown", "after": after},
        key=f"state:{unit_id}:{duty_key}:{now.timestamp():.6f}",
    )


def forget() -> int:
    """Happenings that are too old to tell, and their deliveries."""
    return Happening.objects.filter(at__lt=clock.now() - KEPT).delete()[0]
