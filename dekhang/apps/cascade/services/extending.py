"""More time: a unit asks with a reason, those above grant it or refuse with theirs."""

from datetime import date

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.cascade import policies
from dekhang.apps.cascade.enums import AuditAction, DueCause
from dekhang.apps.cascade.models import Assignment, Due, Extension, Occurrence
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User

LONGEST_DAYS = 730


@transaction.atomic
def ask_extension(
    *, assignment: Assignment, until: date, reason: str, by: User, occurrence: Occurrence | None = None
) -> Extension:
    """Ask for a later deadline; of a recurring task, for one of its periods, while that is not over.

    Raises:
        ActionDenied: nothing to extend, or a day that helps nobody; the message says which day to choose.
    """
    policies.check_can_work(by, assignment)
    before = _deadline(assignment, occurrence)
    if until <= before:
        raise ActionDenied(_("Ngày xin gia hạn phải sau hạn hiện tại (%(day)s).") % {"day": f"{before:%d/%m/%Y}"})
    if until < clock.today():
        raise ActionDenied(_("Ngày xin gia hạn đã qua. Chọn từ hôm nay trở đi."))
    if (until - before).days > LONGEST_DAYS:
        raise ActionDenied(
            _("Gia hạn nhiều nhất %(n)d ngày. Muốn lâu hơn, đề nghị sửa kế hoạch.") % {"n": LONGEST_DAYS}
        )
    try:
        with transaction.atomic():
            asked = Extension.objects.create(
                assignment=assignment,
                occurrence=occurrence,
                before=before,
                until=until,
                reason=reason,
                asked_at=clock.now(),
                asked_by=by,
            )
    except IntegrityError:
        raise ActionDenied(_("Đơn vị đã có một yêu cầu gia hạn chờ trả lời. Rút yêu cầu ấy trước.")) from None
    record_event(
        action=AuditAction.EXTENSION_ASKED,
        by=by,
        target=assignment,
        detail={"row": asked.pk, "until": until.isoformat()},
    )
    return asked


def _deadline(assignment: Assignment, occurrence: Occurrence | None) -> date:
    if occurrence is not None:
        if occurrence.assignment_id != assignment.pk:
            raise ActionDenied(_("Kỳ này không thuộc việc được giao này."))
        if occurrence.missed_at is not None or occurrence.due_on < clock.today():
            raise ActionDenied(
                _("Kỳ này đã quá hạn nên không gia hạn được; hãy báo cáo muộn, kỳ sau vẫn tính bình thường.")
            )
        return occurrence.due_on
    due = assignment.dues.last()
    if due is None or due.day is None:
        raise ActionDenied(_("Việc này không có ngày hạn nên không cần gia hạn. Việc định kỳ thì xin gia hạn từng kỳ."))
    return due.day


@transaction.atomic
def decide_extension(*, extension: Extension, granted: bool, note: str, by: User) -> Extension:
    """Grant it: the new deadline holds from now on. Refuse it: the reason is what the unit gets to read."""
    policies.check_can_decide_extension(by, extension)
    if not granted and not note.strip():
        raise ActionDenied(_("Hãy ghi lý do không đồng ý, để đơn vị biết phải làm gì."))
    if granted:
        _check_can_be_granted(extension, by)
    now = clock.now()
    moved = Extension.objects.filter(pk=extension.pk, decided_at=None, withdrawn_at=None).update(
        granted=granted, decided_at=now, decided_by=by, decision_note=note.strip()
    )
    if moved != 1:
        raise ActionDenied(_("Yêu cầu gia hạn này vừa được người khác trả lời."))
    if granted and extension.occurrence_id is not None:
        Occurrence.objects.filter(pk=extension.occurrence_id).update(due_on=extension.until)
    elif granted:
        Due.objects.create(
            assignment=extension.assignment, day=extension.until, cause=DueCause.EXTENDED, set_at=now, set_by=by
        )
    record_event(
        action=AuditAction.EXTENSION_DECIDED,
        by=by,
        target=extension.assignment,
        detail={"row": extension.pk, "granted": granted},
    )
    extension.refresh_from_db()
    return extension


def _check_can_be_granted(extension: Extension, by: User) -> None:
    """It gives time, never takes it: the plan may have moved meanwhile. Who sent it down gives no more than they have."""
    assignment, period = extension.assignment, extension.occurrence
    due = assignment.dues.last()
    now = period.due_on if period is not None else due.day if due is not None else None
    if now is None or now >= extension.until:
        raise ActionDenied(
            _("Hạn hiện nay đã không sớm hơn ngày xin. Không đồng ý và ghi rõ hạn đang có, để đơn vị biết.")
        )
    parent = assignment.parent
    if parent is None or parent.ended_at is not None or by.role == Role.COORDINATOR:
        return
    above = parent.dues.last()
    latest = above.day if above is not None else None
    if period is not None:
        latest = parent.occurrences.filter(starts_on=period.starts_on).values_list("due_on", flat=True).first()
    if latest is not None and extension.until > latest:
        raise ActionDenied(
            _("Ngày xin muộn hơn hạn của chính nơi giao (%(day)s). Xin tỉnh gia hạn việc của mình trước.")
            % {"day": f"{latest:%d/%m/%Y}"}
        )


@transaction.atomic
def withdraw_extension(*, extension: Extension, by: User) -> Extension:
    """The unit does not need it any more."""
    policies.check_can_work(by, extension.assignment)
    moved = Extension.objects.filter(pk=extension.pk, decided_at=None, withdrawn_at=None).update(
        withdrawn_at=clock.now()
    )
    if moved != 1:
        raise ActionDenied(_("Yêu cầu gia hạn này đã được trả lời hoặc đã rút."))
    record_event(
        action=AuditAction.EXTENSION_WITHDRAWN, by=by, target=extension.assignment, detail={"row": extension.pk}
    )
    extension.refresh_from_db()
    return extension
