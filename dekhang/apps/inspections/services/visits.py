"""A visit from planning to its end, and what was looked at."""

from collections.abc import Sequence
from datetime import date

from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.services import refuse_secrets
from dekhang.apps.inspections import messages
from dekhang.apps.inspections.enums import AuditAction, Result, VisitStatus
from dekhang.apps.inspections.models import Item, Sample, Visit
from dekhang.apps.inspections.policies import (
    check_can_appraise,
    check_can_comment,
    check_can_inspect,
    check_can_move,
    check_can_work,
)
from dekhang.apps.registry.models import UnitVersion
from dekhang.law import load

MOVE_ACTIONS = {
    VisitStatus.UNDER_WAY: AuditAction.VISIT_STARTED,
    VisitStatus.CONCLUDED: AuditAction.VISIT_CONCLUDED,
    VisitStatus.CLOSED: AuditAction.VISIT_CLOSED,
    VisitStatus.CANCELLED: AuditAction.VISIT_CANCELLED,
    VisitStatus.PLANNED: AuditAction.VISIT_REOPENED,
}


def plan_visit(
    *,
    unit_id: int,
    checklist_key: str,
    day: date,
    lead: User,
    members: Sequence[User] = (),
    purpose: str = "",
    announced: bool = True,
    sample: Sample | None = None,
    by: User,
) -> Visit:
    """Plan a visit with the checklist in force on its day. Call outside a transaction: see `refuse_secrets`.

    Raises:
        ActionDenied: not an inspector, a day in the past, a sample without this unit, or somebody of the team operated
            or reviewed there.
        UnknownKey: no such checklist on that day.
    """
    check_can_inspect(by)
    if day < clock.today():
        raise ActionDenied(_("Ngày kiểm tra đã qua. Chọn một ngày từ hôm nay."))
    if not UnitVersion.objects.in_force(clock.today()).filter(unit_id=unit_id).exists():
        raise ActionDenied(_("Đơn vị này không còn hoạt động."))
    for person in {lead, *members}:
        check_can_appraise(person, unit_id)
    if sample is not None and not sample.drawn.filter(unit_id=unit_id).exists():
        raise ActionDenied(
            _("Đơn vị này không có trong mẫu “%(sample)s”. Chọn đơn vị của mẫu, hoặc lên lịch không theo mẫu.")
            % {"sample": sample}
        )
    checklist = load().checklist(checklist_key, day)
    refuse_secrets(unit_id=unit_id, by=by, texts={"purpose": purpose})
    with transaction.atomic():
        visit = Visit.objects.create(
            unit_id=unit_id,
            sample=sample,
            checklist_key=checklist.key,
            checklist_title=checklist.title,
            day=day,
            purpose=purpose.strip(),
            announced=announced,
            lead=lead,
            planned_at=clock.now(),
            planned_by=by,
        )
        visit.members.set([person for person in members if person.pk != lead.pk])
        Item.objects.bulk_create(
            Item(
                visit=visit,
                number=number,
                key=item.key,
                group=item.group,
                text=item.text,
                look=item.look,
                duty_key=item.duty,
                refutes=item.refutes,
                basis=load().cite_in_force(item.basis, day),
            )
            for number, item in enumerate(checklist.items, start=1)
        )
        record_event(
            action=AuditAction.VISIT_PLANNED,
            by=by,
            target=visit,
            detail={"day": day.isoformat(), "checklist": checklist.key},
        )
        if announced:
            messages.planned(visit)
    return visit


def move(*, visit: Visit, to: str, note: str = "", by: User) -> Visit:
    """Begin, conclude, close, call off, or take one of these back (`enums.MOVES`).

    Args:
        note: the conclusion, or why it is called off.
    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_move(by, visit, to)
    refuse_secrets(unit_id=visit.unit_id, by=by, texts={"note": note})
    with transaction.atomic():
        return _move(visit, to, note, by)


def _move(visit: Visit, to: str, note: str, by: User) -> Visit:
    before, now = visit.status, clock.now()
    values: dict[str, object] = {"status": to}
    if to == VisitStatus.UNDER_WAY and visit.started_at is None:
        values["started_at"] = now
    if to == VisitStatus.CONCLUDED and before == VisitStatus.UNDER_WAY:
        if not note.strip():
            raise ActionDenied(_("Hãy ghi kết luận của đoàn kiểm tra."))
        values |= {"concluded_at": now, "conclusion": note.strip()}
    if to == VisitStatus.CANCELLED:
        if not note.strip():
            raise ActionDenied(_("Hãy ghi vì sao hủy cuộc kiểm tra."))
        values["cancel_reason"] = note.strip()[:300]
    if before == VisitStatus.CANCELLED:
        values["cancel_reason"] = ""
    values["closed_at"] = now if to == VisitStatus.CLOSED else None
    if Visit.objects.filter(pk=visit.pk, status=before).update(**values) != 1:
        raise ActionDenied(_("Cuộc kiểm tra vừa được người khác thay đổi. Mở lại trang để xem."))
    visit.refresh_from_db()
    back = (before, to) in {
        (VisitStatus.CONCLUDED, VisitStatus.UNDER_WAY),
        (VisitStatus.CLOSED, VisitStatus.CONCLUDED),
    }
    _record_move(visit, AuditAction.VISIT_REOPENED if back else MOVE_ACTIONS[VisitStatus(to)], before, by)
    if to == VisitStatus.CONCLUDED and not back:
        messages.concluded(visit)
    elif to == VisitStatus.CANCELLED and visit.announced:
        messages.cancelled(visit)
    elif to == VisitStatus.PLANNED and visit.announced:
        messages.planned(visit)
    return visit


def _record_move(visit: Visit, action: AuditAction, before: str, by: User) -> None:
    record_event(action=action, by=by, target=visit, detail={"from": before})


def answer_item(*, item: Item, result: str, note: str = "", seen: str = "", by: User) -> Item:
    """Write down what was found at one item; may be bettered until the visit is concluded.

    Call outside a transaction: see `refuse_secrets`.
    """
    check_can_work(by, item.visit)
    if result not in Result.values:
        raise ActionDenied(_("Chọn kết quả: đạt, không đạt hoặc không áp dụng."))
    if result == Result.NOT_MET and not note.strip():
        raise ActionDenied(_("Mục không đạt cần ghi chú: thiếu gì, sai ở đâu."))
    refuse_secrets(unit_id=item.visit.unit_id, by=by, texts={"note": note, "seen": seen})
    with transaction.atomic():
        answered = Item.objects.filter(pk=item.pk, visit__status=VisitStatus.UNDER_WAY).update(
            result=result, note=note.strip(), seen=seen.strip(), answered_at=clock.now(), answered_by=by
        )
        if answered != 1:  # concluded by the lead meanwhile
            raise ActionDenied(_("Cuộc kiểm tra vừa được người khác thay đổi. Mở lại trang để xem."))
        record_event(
            action=AuditAction.ITEM_ANSWERED,
            by=by,
            target=item.visit,
            detail={"item": item.key, "result": str(result)},
        )
    item.refresh_from_db()
    return item


def comment(*, visit: Visit, text: str, by: User) -> Visit:
    """What the unit says to it. Call outside a transaction: see `refuse_secrets`."""
    check_can_comment(by, visit)
    refuse_secrets(unit_id=visit.unit_id, by=by, texts={"text": text})
    with transaction.atomic():
        Visit.objects.filter(pk=visit.pk).update(unit_view=text.strip())
        record_event(action=AuditAction.UNIT_COMMENTED, by=by, target=visit)
    visit.refresh_from_db()
    return visit
