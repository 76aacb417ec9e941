"""What the ledger says about a source becomes its state and evidence. Called by `jobs.tick` only."""

from datetime import datetime

from django.db import transaction

from dekhang.apps.core.audit import record_event
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.sources.enums import AuditAction, SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.services.connection import subject_of


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
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_DELIVERING,
        subject=subject_of(source),
        outcome=Outcome.OK,
        observed_at=at,
        payload={"last_received_at": received_at.isoformat()},
    )
    action = AuditAction.SOURCE_FIRST_EVENT if first else AuditAction.SOURCE_RETURNED
    record_event(action=action, by=None, target=source)
    return True


@transaction.atomic
def mark_silent(*, source: LogSource, reason: str, at: datetime) -> bool:
    """The source said nothing for longer than its cadence: state, reason and broken evidence."""
    moved = LogSource.objects.filter(pk=source.pk, state=SourceState.DELIVERING).update(
        state=SourceState.SILENT, state_since=at, state_reason=reason[:300]
    )
    if moved != 1:
        return False
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_DELIVERING,
        subject=subject_of(source),
        outcome=Outcome.BROKEN,
        observed_at=at,
        reason=reason[:300],
    )
    record_event(action=AuditAction.SOURCE_SILENT, by=None, target=source)
    return True


@transaction.atomic
def mark_loss(*, source: LogSource, outcome: Outcome, reason: str, refused: int, received: int, at: datetime) -> None:
    """The share of refused records went over its limit, or came back under it."""
    record_evidence(
        unit_id=source.unit_id,
        kind=EvidenceKind.SOURCE_LOSS,
        subject=subject_of(source),
        outcome=outcome,
        observed_at=at,
        reason=reason[:300],
        payload={"refused": refused, "received": received},
    )
