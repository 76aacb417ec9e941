"""What a person does with an alert."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from dekhang.apps.alerts.canary import nonces_of
from dekhang.apps.alerts.enums import AlertStatus, AuditAction
from dekhang.apps.alerts.models import Alert
from dekhang.apps.alerts.policies import (
    check_can_acknowledge,
    check_can_mark_false_alarm,
    check_can_reopen,
    check_can_resolve,
)
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.sources.services import canary_acknowledged


def _move(alert: Alert, *, to: AlertStatus, from_: AlertStatus, **fields: Any) -> None:
    moved = Alert.objects.filter(pk=alert.pk, status=from_).update(status=to, **fields)
    if moved != 1:  # somebody else was faster
        raise ActionDenied(_("Cảnh báo vừa được người khác xử lý. Hãy tải lại trang để xem."))


@transaction.atomic
def acknowledge(*, alert: Alert, by: User) -> Alert:
    """Move `alert` from NEW to ACKNOWLEDGED; stops the escalation.

    A canary's alert is thereby finished: it closes at once, and the canary passes if it is in time.

    Raises:
        ActionDenied: not theirs to answer, or the alert is no longer NEW.
    """
    check_can_acknowledge(by, alert)
    now = clock.now()
    _move(alert, to=AlertStatus.ACKNOWLEDGED, from_=AlertStatus.NEW, acknowledged_at=now, acknowledged_by=by)
    record_event(action=AuditAction.ALERT_ACKNOWLEDGED, by=by, target=alert)
    if alert.is_canary:
        _finish_canary(alert, by=by, at=now)
    alert.refresh_from_db()
    return alert


def _finish_canary(alert: Alert, *, by: User, at: datetime) -> None:
    passed = canary_acknowledged(nonce_list=nonces_of(alert), unit_id=alert.unit_id, by=by, at=at)
    note = _("Phép thử đạt.") if passed else _("Dấu vết thử đã được xem; không có phép thử nào đang chờ.")
    _move(alert, to=AlertStatus.RESOLVED, from_=AlertStatus.ACKNOWLEDGED, closed_at=at, closed_by=by, closing_note=note)


@transaction.atomic
def resolve(*, alert: Alert, note: str, by: User) -> Alert:
    """Move `alert` from ACKNOWLEDGED to RESOLVED; `note` says what was done."""
    check_can_resolve(by, alert)
    return _close(alert, AlertStatus.RESOLVED, AuditAction.ALERT_RESOLVED, note, by)


@transaction.atomic
def mark_false_alarm(*, alert: Alert, note: str, by: User) -> Alert:
    """Move `alert` from ACKNOWLEDGED to FALSE_ALARM; `note` says why it is none."""
    check_can_mark_false_alarm(by, alert)
    return _close(alert, AlertStatus.FALSE_ALARM, AuditAction.ALERT_FALSE_ALARM, note, by)


def _close(alert: Alert, to: AlertStatus, action: AuditAction, note: str, by: User) -> Alert:
    note = note.strip()[:500]
    if not note:
        raise ActionDenied(_("Hãy ghi một câu đã làm gì hoặc vì sao, để người sau hiểu."))
    _move(
        alert,
        to=to,
        from_=AlertStatus.ACKNOWLEDGED,
        closed_at=clock.now(),
        closed_by=by,
        closing_note=note,
    )
    record_event(action=action, by=by, target=alert)
    alert.refresh_from_db()
    return alert


@transaction.atomic
def reopen(*, alert: Alert, by: User) -> Alert:
    """Undo a closing: back to ACKNOWLEDGED, with the closing note kept in the audit log."""
    check_can_reopen(by, alert)
    closed_note = alert.closing_note
    try:
        with transaction.atomic():
            _move(
                alert,
                to=AlertStatus.ACKNOWLEDGED,
                from_=AlertStatus(alert.status),
                closed_at=None,
                closed_by=None,
                closing_note="",
            )
    except IntegrityError as error:  # one_open_alert_of_a_family_and_entity
        raise ActionDenied(_("Đã có cảnh báo mới hơn về cùng việc này đang mở. Hãy xử lý ở cảnh báo đó.")) from error
    record_event(action=AuditAction.ALERT_REOPENED, by=by, target=alert, detail={"closing_note": closed_note})
    alert.refresh_from_db()
    return alert
