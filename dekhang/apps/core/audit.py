"""The audit chain: every change of state, hash-linked, checked by `dekhang audit verify`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import Any

import orjson
from django.db import models, transaction

from dekhang.apps.core import clock
from dekhang.apps.core.models import AuditEvent, AuditHead, User

GENESIS = "0" * 64


def _digest(event: AuditEvent) -> str:
    body = orjson.dumps(
        [
            event.previous_hash,
            event.at.astimezone(UTC).isoformat(),  # read back, a moment is in UTC whatever zone it came in
            event.actor_id,
            event.actor_label,
            event.action,
            event.target_type,
            event.target_id,
            event.target_label,
            event.unit_id,
            event.detail,
        ],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.sha256(body).hexdigest()


def record_event(
    *,
    action: str,
    by: User | None,
    target: models.Model | None = None,
    unit_id: int | None = None,
    detail: dict[str, Any] | None = None,
    actor_label: str = "",
) -> AuditEvent:
    """Append one event to the chain, inside the caller's transaction.

    Args:
        action: a value of some app's `AuditAction`.
        by: the person; None for the system itself, then `actor_label` names the part ("jobs", "lệnh canary").
        unit_id: the unit concerned; taken from `target.unit_id` when not given.
        detail: small JSON facts; never secrets, never content of logs.
    """
    if unit_id is None:
        unit_id = getattr(target, "unit_id", None)
    # no savepoint: without its audit event the caller's change must not stand either
    with transaction.atomic(savepoint=False):
        head, _created = AuditHead.objects.select_for_update().get_or_create(pk=1, defaults={"hash": GENESIS})
        event = AuditEvent(
            at=clock.now(),
            actor=by,
            actor_label=actor_label or (str(by) if by else "hệ thống"),
            action=action,
            target_type=target._meta.label_lower if target is not None else "",
            target_id=str(target.pk) if target is not None else "",
            target_label=str(target)[:300] if target is not None else "",
            unit_id=unit_id,
            detail=detail or {},
            previous_hash=head.hash,
        )
        event.hash = _digest(event)
        event.save()
        head.hash = event.hash
        head.events += 1
        head.save()
    return event


@dataclass(frozen=True, slots=True)
class ChainFault:
    event_id: int | None
    reason: str


def verify_chain() -> Iterator[ChainFault]:
    """Yield every fault of the chain: changed, removed or inserted events, a cut-off tail.

    Others may append meanwhile: the head is read before and after, and the chain must reach the first and not pass
    the second.
    """
    before = AuditHead.objects.filter(pk=1).first() or AuditHead(events=0, hash=GENESIS)
    previous, count, hash_at_head = GENESIS, 0, GENESIS
    for event in AuditEvent.objects.order_by("pk").iterator(chunk_size=1000):
        if event.previous_hash != previous:
            yield ChainFault(event.pk, "không nối với sự kiện ngay trước: có sự kiện bị xóa hoặc chèn vào")
        if _digest(event) != event.hash:
            yield ChainFault(event.pk, "nội dung không khớp mã băm: sự kiện đã bị sửa")
        previous, count = event.hash, count + 1
        if count == before.events:
            hash_at_head = event.hash
    after = AuditHead.objects.filter(pk=1).first()
    if after is None:
        if count:
            yield ChainFault(None, "mất bản ghi đầu chuỗi")
        return
    if count < before.events:
        yield ChainFault(None, f"chuỗi phải có {before.events} sự kiện nhưng còn {count}")
    if count > after.events:
        yield ChainFault(None, f"chuỗi phải có {after.events} sự kiện nhưng có {count}")
    if before.hash != hash_at_head or (count == after.events and after.hash != previous):
        yield ChainFault(None, "mã băm cuối chuỗi không khớp: phần cuối đã bị cắt hoặc sửa")
