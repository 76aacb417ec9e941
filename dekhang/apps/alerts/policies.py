"""May this person answer this alert, now? Each refusal is a sentence for the page."""

from django.utils.translation import gettext as _

from dekhang.apps.alerts.enums import MOVES, AlertStatus, EscalationStep
from dekhang.apps.alerts.models import Alert
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import PostKind

STRAY_READERS = frozenset({Role.COORDINATOR, Role.ADMINISTRATOR})


def check_answers_for(user: User, alert: Alert) -> None:
    """The unit's own officer or head; the coordinator only once the alert has come up to them."""
    if registry.holds(user, alert.unit_id, PostKind.HEAD, PostKind.OFFICER):
        return
    if user.role == Role.COORDINATOR and not alert.is_canary:
        if alert.escalation >= EscalationStep.COORDINATOR:
            return
        raise ActionDenied(
            _("Cảnh báo còn trong thời gian của đơn vị; cơ quan điều phối chỉ tiếp nhận khi cảnh báo được chuyển lên.")
        )
    raise ActionDenied(
        _("Chỉ cán bộ chuyên trách hoặc thủ trưởng của %(unit)s được xử lý cảnh báo này.")
        % {"unit": registry.unit_name(alert.unit_id)}
    )


def _check_move(alert: Alert, wanted: AlertStatus) -> None:
    status = AlertStatus(alert.status)
    if wanted in MOVES[status]:
        return
    sentences = {
        AlertStatus.NEW: _("Hãy tiếp nhận cảnh báo trước."),
        AlertStatus.ACKNOWLEDGED: _("Cảnh báo đã được tiếp nhận rồi."),
        AlertStatus.RESOLVED: _("Cảnh báo đã được đánh dấu xử lý xong."),
        AlertStatus.FALSE_ALARM: _("Cảnh báo đã được đánh dấu báo nhầm."),
    }
    raise ActionDenied(sentences[status])


def check_can_acknowledge(user: User, alert: Alert) -> None:
    check_answers_for(user, alert)
    if alert.status != AlertStatus.NEW:
        _check_move(alert, AlertStatus.NEW)


def check_can_resolve(user: User, alert: Alert) -> None:
    check_answers_for(user, alert)
    _check_move(alert, AlertStatus.RESOLVED)


def check_can_mark_false_alarm(user: User, alert: Alert) -> None:
    check_answers_for(user, alert)
    if alert.is_canary:
        raise ActionDenied(_("Đây là dấu vết thử do chính đơn vị tạo, không phải báo nhầm. Hãy tiếp nhận để hoàn tất."))
    _check_move(alert, AlertStatus.FALSE_ALARM)


def check_can_reopen(user: User, alert: Alert) -> None:
    check_answers_for(user, alert)
    if alert.is_canary:
        raise ActionDenied(_("Phép thử đã kết thúc; muốn thử lại, hãy bắt đầu phép thử mới ở trang nguồn log."))
    if alert.status not in (AlertStatus.RESOLVED, AlertStatus.FALSE_ALARM):
        raise ActionDenied(_("Cảnh báo đang mở, không cần mở lại."))


def check_can_see_strays(user: User) -> None:
    if user.role not in STRAY_READERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối và quản trị hệ thống xem được phát hiện không rõ đơn vị."))
