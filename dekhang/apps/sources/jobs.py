"""What sources do on the clock: health from the ledger, canaries whose time is over, a stale intake map."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from dekhang import law
from dekhang.apps.core import clock
from dekhang.apps.core.models import JobCursor
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.models import Evidence
from dekhang.apps.sources import services, watch
from dekhang.apps.sources.blindness import blind_without
from dekhang.apps.sources.cadence import HISTORY_DAYS, learn
from dekhang.apps.sources.causes import Neighbour, Signs, cause_of
from dekhang.apps.sources.enums import CANARY_KINDS, RUNNING_CANARY, CanaryState, SourceState
from dekhang.apps.sources.limits import head_is_told_after, learn_days, silence_floor
from dekhang.apps.sources.messages import tell_of_ours
from dekhang.apps.sources.models import Canary, CanaryCall, LogSource, Silence
from dekhang.apps.sources.schedule import is_open
from dekhang.apps.sources.selectors import canary_due_at, moment, next_canary
from dekhang.apps.sources.services.connection import subject_of
from dekhang.apps.sources.watch import Watched
from dekhang.apps.sources.wording import loss_reason, silence_reason
from dekhang.pipeline.stores import arrivals, heartbeat, intake, ledger, sequences
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)
INTAKE_CURSOR = "sources.intake"
INTAKE_GAP_SECONDS = 30  # receivers unseen for longer: they were down, and silence meanwhile was ours
RECEIVERS = frozenset({"http", "syslog", "files", "lines"})
LOSS_MIN_RECORDS = 100  # a share of a handful of records says nothing
ARRIVAL_LOOK_SECONDS = 6  # detection usually comes first; only then is it worth asking the lake
ARRIVAL_EVENTS = 500
LEARNT_AT_ONCE = 20  # cadences in one round: some 5 ms each
SILENCES_AT_ONCE = 50
MAPS_AT_ONCE = 5  # some 0.15 s each with 3,800 rules, and alerts wait meanwhile


def tick() -> int:
    """One round; returns how many sources and canaries changed their state."""
    now = clock.now()
    sources = list(LogSource.objects.exclude(state=SourceState.RETIRED))
    ids = [source.pk for source in sources]
    pulses = ledger.pulses(settings.DATA, ids, refused_since=now - timedelta(hours=24))
    rows = watch.look(
        sources, pulses, arrivals.last_heard(settings.DATA, ids), now=now, listening_since=_listening_since(now)
    )
    changed = _note_arrivals(rows, now)
    changed += _note_silences(rows, now)
    _learn_cadences(sources, now)
    _judge_losses(sources, pulses, now)
    changed += _move_canaries(now)
    if {entry.source_id: entry for entry in services.intake_entries()} != _published():
        services.publish()
    return changed


def _note_arrivals(rows: Sequence[Watched], now: datetime) -> int:
    """First events, returns, and when each source was last heard."""
    changed = 0
    seen: list[LogSource] = []
    for row in rows:
        source = row.source
        # what waits in the spool has arrived, even if the worker has not come to it
        last = now if row.last is None and row.waiting else row.last
        if last is None:
            continue
        if source.state != SourceState.DELIVERING:
            is_news = last > (source.last_event_at or source.state_since)
            if source.first_event_at is None or (
                is_news and (source.state == SourceState.SILENT or last > source.state_since)
            ):
                changed += services.mark_delivering(source=source, received_at=last, at=now)
        elif source.last_event_at != last:
            source.last_event_at = last
            seen.append(source)
    LogSource.objects.bulk_update(seen, ["last_event_at"], batch_size=200)
    return changed


def _note_silences(rows: Sequence[Watched], now: datetime) -> int:
    """Sources that are overdue, unit by unit, and silences that the head must hear of."""
    changed = 0
    verdict = watch.judge(rows, now)
    if verdict.ours:
        tell_of_ours(now, len([row for row in rows if row.overdue and row.source.state == SourceState.DELIVERING]))
    by_unit: dict[int, list[Watched]] = {}
    for row in verdict.overdue:
        by_unit.setdefault(row.source.unit_id, []).append(row)
    if by_unit:
        peers = _refused_peers()
        for unit_id, fallen in by_unit.items():
            of_unit = [row for row in rows if row.source.unit_id == unit_id]
            changed += services.mark_silent(fallen=[_explain(row, of_unit, peers, now) for row in fallen], at=now)
    late = Silence.objects.filter(ended_at=None, head_told_at=None, noticed_at__lte=now - head_is_told_after())
    for silence in late.exclude(source__state=SourceState.RETIRED).select_related("source")[:SILENCES_AT_ONCE]:
        services.tell_head(silence=silence, at=now)
    return changed


def _explain(row: Watched, of_unit: Sequence[Watched], peers: dict[str, datetime], now: datetime) -> services.Fallen:
    assert row.last is not None
    source, last = row.source, row.last
    refusals = ledger.of_source(settings.DATA, source.pk).refusals
    disk = refusals.get(Reason.DISK_FULL)
    signs = Signs(
        last=last,
        peer=row.peer,
        wrong_token_peers={peer for peer, at in peers.items() if at > last},
        disk_refused=disk is not None and moment(disk.last_at) > last,
        last_records=watch.shutdown_records(source),
        neighbours=[
            Neighbour(
                other.source.pk, other.last, other.peer, other.overdue or other.source.state == SourceState.SILENT
            )
            for other in of_unit
            if other.source.pk != source.pk
        ],
    )
    cause = cause_of(signs)
    silent = [one.source.pk for one in of_unit if one.overdue or one.source.state == SourceState.SILENT]
    return services.Fallen(
        source=source,
        since=last,
        cause=cause,
        reason=silence_reason(last, cause),
        blind=blind_without(source.unit_id, source.pk, silent=silent, now=now),
    )


def _refused_peers() -> dict[str, datetime]:
    """Addresses that knocked with a wrong or without a token → when last."""
    return {
        arrivals.host_of(one.peer): moment(one.last_at)
        for one in ledger.unknown_senders(settings.DATA)
        if one.reason in (Reason.WRONG_TOKEN, Reason.MISSING_TOKEN)
    }


def _learn_cadences(sources: Sequence[LogSource], now: datetime) -> None:
    """Once a day each, a few at a time."""
    stale = now - timedelta(days=1)
    due = [
        source
        for source in sources
        if source.first_event_at is not None and (source.cadence_learnt_at is None or source.cadence_learnt_at <= stale)
    ]
    for source in due[:LEARNT_AT_ONCE]:
        hours = arrivals.hours(settings.DATA, source.pk, now - timedelta(days=HISTORY_DAYS), now)
        services.keep_cadence(
            source=source,
            cadence=learn(
                hours,
                zone=timezone.get_current_timezone(),
                learn_days=learn_days(),
                floor_seconds=int(silence_floor().total_seconds()),
            ),
            at=now,
        )


def map_detectability() -> int:
    """What could be seen at each unit, where that has changed; a few units at a time. Returns how many maps were made."""
    now = clock.now()
    units = LogSource.objects.exclude(first_event_at=None).values_list("unit_id", flat=True).distinct()
    made = 0
    for unit_id in sorted(set(units)):
        made += services.keep_map(unit_id=unit_id, at=now)
        if made >= MAPS_AT_ONCE:
            break
    return made


def schedule_canaries() -> int:
    """Ask for the canaries that are due, in working hours; close calls that nobody answered. Returns how many changed."""
    now, zone = clock.now(), timezone.get_current_timezone()
    changed = 0
    for call in CanaryCall.objects.filter(canary=None, missed_at=None, expires_at__lte=now).select_related("source")[
        :50
    ]:
        changed += services.miss_call(call=call, at=now)
    asked: set[tuple[int, str]] = set()
    sources = LogSource.objects.filter(
        state=SourceState.DELIVERING, kind__in=CANARY_KINDS, first_event_at__isnull=False
    )
    for source in sources.order_by("unit_id", "kind", "first_event_at", "pk"):
        key = source.unit_id, source.kind
        if key in asked:  # one machine of a kind proves for all of it
            continue
        asked.add(key)
        plan = services.plan_of(*key)
        if is_open(plan, now, zone) and now >= next_canary(source, plan):
            changed += services.ask_for_canary(source=source, at=now) is not None
    return changed


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


def _judge_losses(sources: Sequence[LogSource], pulses: dict[int, ledger.Pulse], now: datetime) -> None:
    """Evidence when the share of lost records of the last 24 hours crosses the limit, in either direction.

    Lost is what the receivers refused, and what the sender has numbered but never sent.
    """
    since = now - timedelta(hours=24)
    missing = sequences.missing(settings.DATA, [source.pk for source in sources], now_ms=_ms(now), since=since)
    subjects = {
        source.pk: subject_of(source) for source in sources if pulses[source.pk].refused or source.pk in missing
    }
    limit = law.load().proof("record_loss_max_percent").value
    newest: dict[str, str] = {}
    known = Evidence.objects.filter(
        kind=EvidenceKind.SOURCE_LOSS, subject__in=[subject_of(source) for source in sources]
    )
    for subject, outcome in known.order_by("observed_at", "pk").values_list("subject", "outcome"):
        newest[subject] = outcome
    # a file that a person chose by mistake and was told about is not a log that got lost
    accounted = ledger.by_hour(settings.DATA, subjects, since, without=Reason.UNREADABLE_FILE) if subjects else {}
    for source in sources:
        was_over = newest.get(subject_of(source)) == Outcome.BROKEN
        if source.pk not in subjects and not was_over:
            continue
        hours = accounted.get(source.pk, [])
        lost = sum(hour.refused for hour in hours) + missing.get(source.pk, 0)
        sent = sum(hour.received for hour in hours) + missing.get(source.pk, 0)
        over = sent >= LOSS_MIN_RECORDS and lost * 100 > limit * sent
        if over != was_over:
            services.mark_loss(
                source=source,
                outcome=Outcome.BROKEN if over else Outcome.OK,
                reason=loss_reason(lost, sent, limit) if over else "",
                refused=lost,
                received=sent,
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
