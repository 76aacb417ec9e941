"""Canaries: a harmless trace must arrive, be detected by its rule and be acknowledged, each in its time."""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.services import record_evidence
from dekhang.apps.sources.enums import AuditAction, CanaryState
from dekhang.apps.sources.limits import acknowledge_within, arrive_within, proves_for
from dekhang.apps.sources.models import Canary, LogSource
from dekhang.apps.sources.policies import check_can_cancel_canary, check_can_start_canary, check_no_canary_runs
from dekhang.apps.sources.services.calls import answered_by, canary_unasked

BEFORE_DETECTION = (CanaryState.STARTED, CanaryState.ARRIVED)


def _record(canary: Canary, outcome: Outcome, *, at: datetime, valid_until: datetime | None, reason: str = "") -> None:
    def seconds(until: datetime | None, since: datetime | None) -> float | None:
        return round((until - since).total_seconds(), 1) if until and since else None

    record_evidence(
        unit_id=canary.unit_id,
        kind=EvidenceKind.CANARY,
        subject=f"kind:{canary.source.kind}",
        outcome=outcome,
        observed_at=at,
        valid_until=valid_until,
        reason=reason,
        payload={
            "source_id": canary.source_id,
            "canary_id": canary.pk,
            "detect_seconds": seconds(canary.detected_at, canary.started_at),
            "ack_seconds": seconds(canary.acknowledged_at, canary.detected_at),
        },
    )


@transaction.atomic
def start_canary(*, source: LogSource, by: User | None) -> Canary:
    """Begin a test: the nonce that the unit's machine must now emit.

    Raises:
        ActionDenied: not of the unit, a kind without canary, nothing received yet, or a test is running.
    """
    if by is not None:
        check_can_start_canary(by, source)
    check_no_canary_runs(source)
    canary = Canary.objects.create(
        source=source,
        unit_id=source.unit_id,
        nonce=secrets.token_hex(8),
        started_at=clock.now(),
        started_by=by,
    )
    record_event(action=AuditAction.CANARY_STARTED, by=by, target=source, detail={"canary_id": canary.pk})
    return canary


@transaction.atomic
def cancel_canary(*, canary: Canary, by: User) -> Canary:
    """Undo a start by mistake, within the first two minutes: no evidence, but in the audit log."""
    check_can_cancel_canary(by, canary)
    moved = Canary.objects.filter(pk=canary.pk, state=CanaryState.STARTED).update(state=CanaryState.CANCELLED)
    if moved != 1:
        raise ActionDenied(_("Dấu vết vừa tới nên phép thử không hủy được nữa."))
    record_event(action=AuditAction.CANARY_CANCELLED, by=by, target=canary.source, detail={"canary_id": canary.pk})
    canary.refresh_from_db()
    return canary


def canary_arrived(*, canary: Canary, at: datetime) -> bool:
    """The trace is in the lake; no rule has spoken yet."""
    return bool(
        Canary.objects.filter(pk=canary.pk, state=CanaryState.STARTED).update(
            state=CanaryState.ARRIVED, arrived_at=at, failure=""
        )
    )


@transaction.atomic
def canary_detected(*, nonce: str, unit_id: int, source_id: int | None, at: datetime) -> Canary | None:
    """A rule found the trace. None when neither a running canary nor a call of this unit and source carries the nonce.

    A trace that came through another source of the unit proves nothing about this one: the canary keeps waiting and
    shows where the trace was seen.
    """
    canary = (
        Canary.objects.select_related("source").filter(nonce=nonce, unit_id=unit_id, state__in=BEFORE_DETECTION).first()
    )
    if canary is None:
        return canary_unasked(nonce=nonce, unit_id=unit_id, source_id=source_id, at=at)
    if source_id is not None and source_id != canary.source_id:
        other = LogSource.objects.filter(pk=source_id, unit_id=unit_id).first()
        canary.failure = _("Dấu vết đã tới nhưng qua nguồn “%(name)s”. Hãy chạy lệnh trên đúng máy của nguồn này.") % {
            "name": other.name if other else "?"
        }
        canary.save(update_fields=["failure"])
        return None
    if at > canary.started_at + arrive_within():
        return None  # too late; canary_expired gives the reason
    moved = Canary.objects.filter(pk=canary.pk, state__in=BEFORE_DETECTION).update(
        state=CanaryState.DETECTED, arrived_at=canary.arrived_at or at, detected_at=at, failure=""
    )
    canary.refresh_from_db()
    if moved != 1:
        return None
    answered_by(canary=canary)
    return canary


@transaction.atomic
def canary_acknowledged(
    *,
    unit_id: int,
    by: User,
    at: datetime,
    nonce_list: Collection[str] = (),
    canary_ids: Collection[int] = (),
) -> list[Canary]:
    """A person of the unit acknowledged the canary's alert in time: the canaries that passed, each with evidence."""
    detected = Canary.objects.select_related("source").filter(unit_id=unit_id, state=CanaryState.DETECTED)
    passed = []
    for canary in detected.filter(nonce__in=list(nonce_list)) | detected.filter(pk__in=list(canary_ids)):
        if canary.detected_at is None or at > canary.detected_at + acknowledge_within():
            continue
        moved = Canary.objects.filter(pk=canary.pk, state=CanaryState.DETECTED).update(
            state=CanaryState.PASSED, acknowledged_at=at, acknowledged_by=by
        )
        if moved != 1:
            continue
        canary.refresh_from_db()
        _record(canary, Outcome.OK, at=at, valid_until=at + proves_for())
        record_event(action=AuditAction.CANARY_PASSED, by=by, target=canary.source, detail={"canary_id": canary.pk})
        passed.append(canary)
    return passed


@transaction.atomic
def canary_expired(*, canary: Canary, at: datetime) -> bool:
    """Fail a canary whose time is over, with the stage it was lost at; broken evidence."""
    if canary.state == CanaryState.DETECTED:
        reason = _("Đã phát hiện nhưng không ai tiếp nhận cảnh báo trong %(n)d giờ.") % {
            "n": acknowledge_within() // timedelta(hours=1)
        }
    elif canary.state == CanaryState.ARRIVED:
        reason = _("Dấu vết đã tới nhưng không luật nào phát hiện trong %(n)d phút. Hãy báo cơ quan điều phối.") % {
            "n": arrive_within() // timedelta(minutes=1)
        }
    else:
        reason = canary.failure or _(
            "Dấu vết không tới trong %(n)d phút. Hãy kiểm tra lệnh đã chạy đúng máy và máy đang gửi log."
        ) % {"n": arrive_within() // timedelta(minutes=1)}
    moved = Canary.objects.filter(pk=canary.pk, state=canary.state).update(
        state=CanaryState.FAILED, failed_at=at, failure=reason[:300]
    )
    if moved != 1:
        return False
    canary.refresh_from_db()
    _record(canary, Outcome.BROKEN, at=at, valid_until=None, reason=reason[:300])
    record_event(action=AuditAction.CANARY_FAILED, by=None, target=canary.source, detail={"canary_id": canary.pk})
    return True
