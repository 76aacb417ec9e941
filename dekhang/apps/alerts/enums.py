from django.db import models
from django.utils.translation import gettext_lazy as _


class AlertStatus(models.TextChoices):
    NEW = "new", _("Mới")
    ACKNOWLEDGED = "acknowledged", _("Đã tiếp nhận")
    RESOLVED = "resolved", _("Đã xử lý")
    FALSE_ALARM = "false_alarm", _("Báo nhầm")


MOVES: dict[AlertStatus, frozenset[AlertStatus]] = {
    AlertStatus.NEW: frozenset({AlertStatus.ACKNOWLEDGED}),
    AlertStatus.ACKNOWLEDGED: frozenset({AlertStatus.RESOLVED, AlertStatus.FALSE_ALARM}),
    AlertStatus.RESOLVED: frozenset({AlertStatus.ACKNOWLEDGED}),  # reopened: people err
    AlertStatus.FALSE_ALARM: frozenset({AlertStatus.ACKNOWLEDGED}),
}
OPEN = frozenset({AlertStatus.NEW, AlertStatus.ACKNOWLEDGED})


class AlertLevel(models.TextChoices):
    INFORMATIONAL = "informational", _("Thông tin")
    LOW = "low", _("Thấp")
    MEDIUM = "medium", _("Trung bình")
    HIGH = "high", _("Cao")
    CRITICAL = "critical", _("Nghiêm trọng")


LEVEL_ORDER = tuple(AlertLevel.values)  # from harmless to worst
NEEDS_AN_ANSWER = frozenset(set(AlertLevel.values) - {AlertLevel.INFORMATIONAL.value})


class EscalationStep(models.IntegerChoices):
    OFFICER = 0, _("Cán bộ chuyên trách")
    HEAD = 1, _("Thủ trưởng đơn vị")
    COORDINATOR = 2, _("Cơ quan điều phối")


class AuditAction(models.TextChoices):
    ALERT_RAISED = "alert_raised", _("Phát cảnh báo")
    ALERT_ACKNOWLEDGED = "alert_acknowledged", _("Tiếp nhận cảnh báo")
    ALERT_RESOLVED = "alert_resolved", _("Đánh dấu cảnh báo đã xử lý")
    ALERT_FALSE_ALARM = "alert_false_alarm", _("Đánh dấu báo nhầm")
    ALERT_REOPENED = "alert_reopened", _("Mở lại cảnh báo")
    ALERT_MOVED = "alert_moved", _("Cảnh báo chuyển theo sắp xếp đơn vị")
    ALERT_ESCALATED = "alert_escalated", _("Chuyển cảnh báo lên cấp trên")
