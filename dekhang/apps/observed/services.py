"""Writes: what was seen is registered, or is said not to be the unit's, or that is taken back."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.observed import policies
from dekhang.apps.observed.comparing import Seen
from dekhang.apps.observed.enums import AuditAction, Kind
from dekhang.apps.observed.jobs import observe
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.enums import NameKind
from dekhang.apps.registry.inventory.services import add_name
from dekhang.apps.registry.models import System, SystemName
from dekhang.apps.registry.services import register_system


@transaction.atomic
def register(*, unit_id: int, seen: Seen, system: System | None, new_system: str, by: User) -> SystemName:
    """The thing belongs to `system`, or to a system of this name that is registered along with it.

    Raises:
        ActionDenied: `by` may not decide for the unit; no system; or it is a sender, which becomes a source.
    """
    policies.check_can_decide(by, unit_id)
    if seen.kind == Kind.SENDER:
        raise ActionDenied(_("Máy gửi log được đăng ký bằng cách kết nối một nguồn log với địa chỉ của nó."))
    if system is None:
        if not new_system.strip():
            raise ActionDenied(_("Chọn hệ thống mà nó thuộc về, hoặc ghi tên hệ thống mới."))
        system = register_system(unit_id=unit_id, name=new_system.strip()[:200], by=by)
    if system.unit_id != unit_id:
        raise ActionDenied(_("Hệ thống này là của đơn vị khác."))
    name = add_name(system=system, kind=NameKind(seen.kind), name=seen.name, by=by)
    record_event(
        action=AuditAction.SEEN_REGISTERED, by=by, target=name, unit_id=unit_id, detail={"kind": str(seen.kind)}
    )
    observe([unit_id])
    return name


@transaction.atomic
def dismiss(*, unit_id: int, seen: Seen, reason: str, by: User) -> Dismissal:
    """“Not ours”: it is listed no more and counts no more, until somebody takes that back."""
    policies.check_can_decide(by, unit_id)
    if not reason.strip():
        raise ActionDenied(_("Ghi lý do: nó là của ai, hoặc vì sao chỉ đi ngang qua."))
    try:
        with transaction.atomic():
            row = Dismissal.objects.create(
                unit_id=unit_id,
                kind=seen.kind,
                name=seen.name,
                reason=reason.strip()[:500],
                decided_at=clock.now(),
                decided_by=by,
            )
    except IntegrityError:
        raise ActionDenied(_("Người khác vừa ghi mục này rồi. Tải lại trang để xem.")) from None
    record_event(action=AuditAction.SEEN_DISMISSED, by=by, target=row, detail={"kind": str(seen.kind)})
    observe([unit_id])
    return row


@transaction.atomic
def undo(*, dismissal: Dismissal, by: User) -> Dismissal:
    policies.check_can_undo(by, dismissal)
    moved = Dismissal.objects.filter(pk=dismissal.pk, undone_at=None).update(undone_at=clock.now(), undone_by=by)
    if moved != 1:
        raise ActionDenied(_("Quyết định này đã được rút lại rồi."))
    dismissal.refresh_from_db()
    record_event(action=AuditAction.SEEN_DISMISSAL_UNDONE, by=by, target=dismissal)
    observe([dismissal.unit_id])
    return dismissal
