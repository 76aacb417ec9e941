"""Holds, and what the pipeline and the audit chain are told: how long what is kept, and how the lake's chains stand."""

from datetime import date, datetime

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.models import Unit
from dekhang.apps.retention.enums import AuditAction
from dekhang.apps.retention.models import LakeAnchor, LegalHold
from dekhang.apps.retention.policies import check_can_lift_hold, check_can_place_hold
from dekhang.apps.retention.selectors import policy_in_force
from dekhang.apps.sources.models import LogSource
from dekhang.pipeline.stores import lakechain, retention

ANCHORS_AT_ONCE = 200  # heads in one audit event; × ~90 B


@transaction.atomic
def place_hold(
    *,
    unit: Unit | None,
    source: LogSource | None,
    since: datetime | None,
    until: datetime | None,
    reason: str,
    document: str,
    ends_on: date | None,
    by: User,
) -> LegalHold:
    """From the keeper's next look on nothing of this expires; what is gone already does not come back.

    Raises:
        ActionDenied: `by` may not, or the parts do not fit each other.
    """
    check_can_place_hold(by)
    if source is not None and unit is not None and source.unit_id != unit.pk:
        raise ActionDenied(_("Nguồn này không thuộc đơn vị đã chọn."))
    if since is not None and until is not None and since >= until:
        raise ActionDenied(_("Ngày bắt đầu phải trước ngày kết thúc."))
    if ends_on is not None and ends_on < clock.today():
        raise ActionDenied(_("Ngày hết hiệu lực đã qua."))
    hold = LegalHold.objects.create(
        unit=source.unit if source is not None else unit,
        source=source,
        since=since,
        until=until,
        reason=reason,
        document=document,
        ends_on=ends_on,
        placed_at=clock.now(),
        placed_by=by,
    )
    detail = {
        "source": hold.source_id,
        "since": since.isoformat() if since else None,
        "until": until.isoformat() if until else None,
        "ends_on": ends_on.isoformat() if ends_on else None,
        "reason": reason,
        "document": document,
    }
    record_event(action=AuditAction.HOLD_PLACED, target=hold, by=by, detail=detail)
    transaction.on_commit(publish)
    return hold


@transaction.atomic
def lift_hold(*, hold: LegalHold, reason: str, by: User) -> LegalHold:
    """What is old enough expires at the keeper's next look."""
    check_can_lift_hold(by, hold)
    moved = LegalHold.objects.filter(pk=hold.pk, lifted_at=None).update(
        lifted_at=clock.now(), lifted_by=by, lift_reason=reason
    )
    if moved != 1:
        raise ActionDenied(_("Lệnh giữ này đã được gỡ trước đó."))
    record_event(action=AuditAction.HOLD_LIFTED, target=hold, by=by, detail={"reason": reason})
    transaction.on_commit(publish)
    hold.refresh_from_db()
    return hold


def publish() -> bool:
    """Tell the pipeline how long what is kept, if that has changed; returns whether it has."""
    policy = policy_in_force(clock.today())
    if retention.published(settings.DATA) == policy:
        return False
    retention.publish(settings.DATA, policy)
    return True


@transaction.atomic
def anchor() -> int:
    """Write the heads of the lake's chains that have moved into the audit chain; returns how many."""
    known = {one.day: one for one in LakeAnchor.objects.all()}
    moved = [
        head
        for head in lakechain.heads(settings.DATA)
        if head.day not in known or (known[head.day].number, known[head.day].hash) != (head.number, head.hash)
    ]
    for start in range(0, len(moved), ANCHORS_AT_ONCE):
        part = moved[start : start + ANCHORS_AT_ONCE]
        record_event(
            action=AuditAction.LAKE_ANCHORED,
            by=None,
            detail={"heads": {one.day: [one.number, one.hash] for one in part}},
        )
        for one in part:
            LakeAnchor.objects.update_or_create(
                pk=one.day, defaults={"number": one.number, "hash": one.hash, "anchored_at": clock.now()}
            )
    return len(moved)
