"""Asking units for canaries on a schedule, and taking those that machines emit by themselves."""

import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.sources import messages
from dekhang.apps.sources.enums import CANARY_KINDS, RUNNING_CANARY, AuditAction, CanaryState, SourceKind
from dekhang.apps.sources.limits import answer_within, proves_for, standard_plan
from dekhang.apps.sources.models import Canary, CanaryCall, CanaryPlan, LogSource
from dekhang.apps.sources.policies import check_can_plan_canaries
from dekhang.apps.sources.schedule import Plan, automatic_nonce

EVERY_DAYS_LEAST = 7
PAUSE_DAYS_MOST = 60


@transaction.atomic
def ask_for_canary(*, source: LogSource, at: datetime) -> CanaryCall | None:
    """Open a call and tell the unit's officers the one command; None when one is open or a canary runs."""
    if _open_calls(source).exists() or source.canaries.filter(state__in=RUNNING_CANARY).exists():
        return None
    call = CanaryCall.objects.create(
        source=source,
        unit_id=source.unit_id,
        nonce=secrets.token_hex(8),
        asked_at=at,
        expires_at=at + answer_within(),
    )
    told = messages.tell_call(call)
    record_event(
        action=AuditAction.CANARY_ASKED, by=None, target=source, detail={"call_id": call.pk, "people_told": told}
    )
    return call


@transaction.atomic
def answered_by(*, canary: Canary) -> None:
    """A canary was tried, however it began: the open call of its source is answered, or that of another one of the kind."""
    calls = sorted(_open_calls(canary.source), key=lambda call: (call.source_id != canary.source_id, call.pk))
    if calls:
        CanaryCall.objects.filter(pk=calls[0].pk, canary=None, missed_at=None).update(canary=canary)


def _open_calls(source: LogSource) -> QuerySet[CanaryCall]:
    """Calls that wait for a trace of the source's kind at its unit: one machine of a kind proves for all of it."""
    of_kind = Q(source=source) | Q(unit_id=source.unit_id, source__kind=source.kind)
    return CanaryCall.objects.filter(of_kind, canary=None, missed_at=None)


@transaction.atomic
def miss_call(*, call: CanaryCall, at: datetime) -> bool:
    """Nothing came in time. The last canary keeps its own date of expiry; the head of the unit is told."""
    moved = CanaryCall.objects.filter(pk=call.pk, canary=None, missed_at=None).update(missed_at=at)
    if moved != 1:
        return False
    messages.tell_missed_call(call)
    record_event(action=AuditAction.CANARY_MISSED, by=None, target=call.source, detail={"call_id": call.pk})
    return True


def canary_unasked(*, nonce: str, unit_id: int, source_id: int | None, at: datetime) -> Canary | None:
    """A trace that no button began: of an open call, or the one that the machine emits by itself on its day.

    Returns the canary that now waits to be acknowledged. None when nobody asked, when the trace came through another
    source, or when a canary of the source runs or passed not long ago: a machine may emit more often than is asked.
    """
    source = LogSource.objects.filter(pk=source_id, unit_id=unit_id, kind__in=CANARY_KINDS, retired_at=None).first()
    if source is None or source.canaries.filter(state__in=RUNNING_CANARY).exists():
        return None
    call = CanaryCall.objects.filter(source=source, canary=None, missed_at=None).first()
    if call is None or call.nonce != nonce:
        days = {f"{at + timedelta(days=shift):%Y-%m-%d}" for shift in (-1, 0, 1)}
        if nonce not in {automatic_nonce(source.token_sha256, day) for day in days}:
            return None
        # one machine of a kind proves for all of it: forty PCs that emit on the same morning are one canary, not forty
        recent = at - timedelta(days=plan_of(unit_id, source.kind).every_days) / 2
        of_kind = Canary.objects.filter(unit_id=unit_id, source__kind=source.kind)
        passed = of_kind.filter(state=CanaryState.PASSED, acknowledged_at__gt=recent)
        known = of_kind.filter(nonce=nonce)
        if known.exists() or (call is None and (passed.exists() or of_kind.filter(state__in=RUNNING_CANARY).exists())):
            return None
    canary = Canary.objects.create(
        source=source,
        unit_id=unit_id,
        nonce=nonce,
        state=CanaryState.DETECTED,
        started_at=at,
        arrived_at=at,
        detected_at=at,
    )
    answered_by(canary=canary)
    record_event(action=AuditAction.CANARY_STARTED, by=None, target=source, detail={"canary_id": canary.pk})
    return canary


def plan_of(unit_id: int, kind: str) -> Plan:
    """The unit's own plan, or the standard one."""
    own = CanaryPlan.objects.filter(unit_id=unit_id, kind=kind).first()
    return Plan(own.every_days, own.from_hour, own.to_hour, own.paused_until) if own else standard_plan()


@transaction.atomic
def change_plan(
    *, unit_id: int, kind: SourceKind | str, every_days: int, from_hour: int, to_hour: int, pause_days: int, by: User
) -> CanaryPlan:
    """Give the unit its own times for canaries of a kind.

    Args:
        pause_days: ask for nothing for so many days from now, at most PAUSE_DAYS_MOST; 0: no pause.
    Raises:
        ActionDenied: not of the unit; a period longer than a canary proves; hours the wrong way round.
    """
    check_can_plan_canaries(by, unit_id)
    longest = proves_for() // timedelta(days=1)
    if not EVERY_DAYS_LEAST <= every_days <= longest:
        raise ActionDenied(
            _("Chu kỳ phải từ %(least)d đến %(most)d ngày.") % {"least": EVERY_DAYS_LEAST, "most": longest}
        )
    if not 0 <= from_hour < to_hour <= 24:
        raise ActionDenied(_("Giờ bắt đầu phải trước giờ kết thúc."))
    if not 0 <= pause_days <= PAUSE_DAYS_MOST:
        raise ActionDenied(_("Chỉ tạm hoãn được tối đa %(n)d ngày.") % {"n": PAUSE_DAYS_MOST})
    now = clock.now()
    wanted = {
        "every_days": every_days,
        "from_hour": from_hour,
        "to_hour": to_hour,
        "paused_until": now + timedelta(days=pause_days) if pause_days else None,
    }
    plan, _created = CanaryPlan.objects.update_or_create(
        unit_id=unit_id, kind=SourceKind(kind), defaults={**wanted, "changed_at": now, "changed_by": by}
    )
    record_event(
        action=AuditAction.CANARY_PLAN_CHANGED,
        by=by,
        target=plan,
        detail={"kind": str(kind), "every_days": every_days, "hours": [from_hour, to_hour], "pause_days": pause_days},
    )
    return plan
