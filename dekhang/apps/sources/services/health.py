"""What the ledger says about a source becomes its state, its silences and evidence. Called by `jobs` only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from dekhang.apps.core.audit import record_event
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.sources import messages
from dekhang.apps.sources.blindness import BlindGroup
from dekhang.apps.sources.cadence import Cadence
from dekhang.apps.sources.enums import AuditAction, SilenceCause, SourceState
from dekhang.apps.sources.limits import canary_again_after
from dekhang.apps.sources.models import LogSource, Silence
from dekhang.apps.sources.services.connection import subject_of


@dataclass(frozen=True, slots=True)
class Fallen:
    """A source that is overdue, and what is known about why."""

    source: LogSource
    since: datetime
    cause: SilenceCause
    reason: str
    blind: list[BlindGroup]


@transaction.atomic
def mark_delivering(*, source: LogSource, received_at: datetime, at: datetime) -> bool:
    """First event, or the return after silence. False when another process was faster."""
    first = source.first_event_at is None
    moved = LogSource.objects.filter(pk=source.pk, state=source.state).update(
        state=SourceState.DELIVERING,
        state_since=at,
        state_reason="",
        first_event_at=source.first_event_at or received_at,
        last_event_at=received_at,
    )
    if moved != 1:
        return False
    payload: dict[str, object] = {"last_received_at": received_at.isoformat()}
    silence = Silence.objects.filter(source=source, ended_at=None).first()
    if silence is not None:
        Silence.objects.filter(pk=silence.pk).update(ended_at=received_at)
        payload["brief"] = received_at - silence.since <= canary_again_after()
    if silence is None or silence.cause != SilenceCause.DISK:
        record_evidence(
            unit_id=source.unit_id,
            kind=EvidenceKind.SOURCE_DELIVERING,
            subject=subject_of(source),
            outcome=Outcome.OK,
            observed_at=at,
            payload=payload,
        )
    action = AuditAction.SOURCE_FIRST_EVENT if first else AuditAction.SOURCE_RETURNED
    record_event(action=action, by=None, target=source)
    return True


@transaction.atomic
def mark_silent(*, fallen: Sequence[Fallen], at: datetime) -> int:
    """Sources of one unit that are overdue: state, silence, broken evidence, and one message about all of them.

    What our own full disk has caused breaks no evidence of the unit. Returns how many had not been marked before.
    """
    silences = []
    for one in fallen:
        source = one.source
        moved = LogSource.objects.filter(pk=source.pk, state=SourceState.DELIVERING).update(
            state=SourceState.SILENT, state_since=at, state_reason=one.reason[:300]
        )
        if moved != 1:
            continue
        silences.append(
            Silence.objects.create(
                source=source,
                unit_id=source.unit_id,
                since=one.since,
                noticed_at=at,
                cause=one.cause,
                blind_rules=sum(group.rules for group in one.blind),
                blind=[group.as_json() for group in one.blind],
            )
        )
        if one.cause != SilenceCause.DISK:
            record_evidence(
                unit_id=source.unit_id,
                kind=EvidenceKind.SOURCE_DELIVERING,
                subject=subject_of(source),
                outcome=Outcome.BROKEN,
                observed_at=at,
                reason=one.reason[:300],
            )
        record_event(action=AuditAction.SOURCE_SILENT, by=None, target=source, detail={"cause": str(one.cause)})
    if silences and (letter := messages.letter_of(silences, at)):
        Silence.objects.filter(pk__in=[silence.pk for silence in silences]).update(letter=letter)
        messages.tell_silent(silences, letter=letter)
    return len(silences)


@transaction.atomic
def tell_head(*, silence: Silence, at: datetime) -> bool:
    """Carry a long silence up to the head of the unit, once."""
    moved = Silence.objects.filter(pk=silence.pk, ended_at=None, head_told_at=None).update(head_told_at=at)
    if moved != 1:
        return False
    told = messages.tell_head(silence)
    record_event(action=AuditAction.SILENCE_ESCALATED, by=None, target=silence.source, detail={"people_told": told})
    return True


def keep_cadence(*, source: LogSource, cadence: Cadence | None, at: datetime) -> None:
    """What was learnt about a source, from tonight on. It is no decision of anybody: computed again from the ledger."""
    LogSource.objects.filter(pk=source.pk).update(
        cadence_limits=list(cadence.limits) if cadence else [],
        cadence_days=cadence.days if cadence else 0,
        cadence_learnt_at=at,
    )


@transaction.atomic
def mark_loss(*, source: LogSource, outcome: Outcome, reason: str, refused: int, received: int, at: datetime) -> None:
    """The share of lost records went over its limit, or came back under it."""
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_LOSS,
        subject=subject_of(source),
        outcome=outcome,
        observed_at=at,
        reason=reason[:300],
        payload={"refused": refused, "received": received},
    )
