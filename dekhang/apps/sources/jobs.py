"""What sources do on the clock: health from the ledger, canaries whose time is over, a stale intake map."""

import logging
from datetime import datetime, timedelta

from django.conf import settings

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.models import JobCursor
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.sources import services
from dekhang.apps.sources.enums import RUNNING_CANARY, CanaryState, SourceState
from dekhang.apps.sources.models import Canary, LogSource
from dekhang.apps.sources.selectors import canary_due_at, ledgers_of, moment
from dekhang.apps.sources.services.connection import subject_of
from dekhang.apps.sources.wording import loss_reason, silence_reason
from dekhang.pipeline.stores import heartbeat, intake, ledger
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)
INTAKE_CURSOR = "sources.intake"
INTAKE_GAP_SECONDS = 30  # receivers unseen for longer: they were down, and silence meanwhile was ours
RECEIVERS = frozenset({"http", "syslog", "files", "lines"})
LOSS_MIN_RECORDS = 100  # a share of a handful of records says nothing
ARRIVAL_LOOK_SECONDS = 6  # detection usually comes first; only then is it worth asking the lake
ARRIVAL_EVENTS = 500


def tick() -> int:
    """One round; returns how many sources and canaries changed their state."""
    now = clock.now()
    sources = list(LogSource.objects.exclude(state=SourceState.RETIRED))
    accounts = ledgers_of([source.pk for source in sources])
    listening_since = _listening_since(now)
    changed = 0
    seen: list[LogSource] = []
    for source in sources:
        account = accounts[source.pk]
        last = _last_received(account, now)
        if last is None:
            continue
        if source.state != SourceState.DELIVERING:
            if source.first_event_at is None or last > source.state_since:
                changed += services.mark_delivering(source=source, received_at=last, at=now)
            continue
        if listening_since is not None and _is_silent(source, last, listening_since, now):
            reason = silence_reason(last, source.cadence_seconds)
            changed += services.mark_silent(source=source, reason=reason, at=now)
        elif source.last_event_at != last:
            source.last_event_at = last
            seen.append(source)
    LogSource.objects.bulk_update(seen, ["last_event_at"], batch_size=200)
    _judge_losses([source for source in sources if accounts[source.pk].refused], now)
    changed += _move_canaries(now)
    if {entry.source_id: entry for entry in services.intake_entries()} != _published():
        services.publish()
    return changed


def _last_received(account: ledger.SourceLedger, now: datetime) -> datetime | None:
    """When the source last delivered. What waits in the spool has arrived, even if the worker is behind."""
    if account.waiting:
        return now
    return moment(account.last_received_ms) if account.last_received_ms is not None else None


def _is_silent(source: LogSource, last: datetime, listening_since: datetime, now: datetime) -> bool:
    return now - max(last, listening_since) > timedelta(seconds=source.cadence_seconds)


def _listening_since(now: datetime) -> datetime | None:
    """Since when the receivers listen without a gap; None while they are down: then silence is ours, not the units'.

    Without any sign of parts (another supervisor, a test) they are taken to listen.
    """
    beats = heartbeat.everywhere(settings.DATA)
    if not beats:
        return datetime.min.replace(tzinfo=now.tzinfo)
    listening: dict[str, bool] = {}
    for beat in beats:
        if beat.part in RECEIVERS:  # of several hosts one is enough: senders find it behind the common address
            listening[beat.part] = listening.get(beat.part, False) or heartbeat.is_alive(beat.facts)
    if not listening or not all(listening.values()):
        return None
    cursor, created = JobCursor.objects.get_or_create(
        pk=INTAKE_CURSOR, defaults={"position": _ms(now), "moved_at": now}
    )
    gap = now - cursor.moved_at if cursor.moved_at else timedelta.max
    if gap > timedelta(seconds=INTAKE_GAP_SECONDS) and not created:
        cursor.position = _ms(now)
    if created or gap > timedelta(seconds=INTAKE_GAP_SECONDS / 3):
        cursor.moved_at = now
        cursor.save()
    return moment(cursor.position)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _judge_losses(sources: list[LogSource], now: datetime) -> None:
    """Evidence when the share of refused records of the last 24 hours crosses the limit, in either direction."""
    if not sources:
        return
    limit = law.load().proof("record_loss_max_percent").value
    subjects = [subject_of(source) for source in sources]
    newest: dict[str, str] = {}
    for subject, outcome in (
        Evidence.objects.filter(kind=EvidenceKind.SOURCE_LOSS, subject__in=subjects)
        .order_by("observed_at", "pk")
        .values_list("subject", "outcome")
    ):
        newest[subject] = outcome
    for source, subject in zip(sources, subjects, strict=True):
        # a file that a person chose by mistake and was told about is not a log that got lost
        hours = ledger.hourly(settings.DATA, source.pk, now - timedelta(hours=24), without=Reason.UNREADABLE_FILE)
        refused = sum(hour.refused for hour in hours)
        received = refused + sum(hour.stored + hour.duplicate for hour in hours)
        over = received >= LOSS_MIN_RECORDS and refused * 100 > limit * received
        was_over = newest.get(subject) == Outcome.BROKEN
        if over != was_over:
            services.mark_loss(
                source=source,
                outcome=Outcome.BROKEN if over else Outcome.OK,
                reason=loss_reason(refused, received, limit) if over else "",
                refused=refused,
                received=received,
                at=now,
            )


def _move_canaries(now: datetime) -> int:
    """Arrived but not yet detected; and those whose time is over."""
    moved = 0
    for canary in Canary.objects.filter(state__in=RUNNING_CANARY).select_related("source"):
        if now > canary_due_at(canary):
            moved += services.canary_expired(canary=canary, at=now)
        elif canary.state == CanaryState.STARTED and (now - canary.started_at).total_seconds() > ARRIVAL_LOOK_SECONDS:
            marker = canary.marker.encode()
            recent = Lake(settings.DATA).recent([canary.unit_id], source_id=canary.source_id, limit=ARRIVAL_EVENTS)
            if any(marker in event.raw for event in recent):
                moved += services.canary_arrived(canary=canary, at=now)
    return moved


def _published() -> dict[int, intake.IntakeSource]:
    return {entry.source_id: entry for entry in intake.published(settings.DATA)}
