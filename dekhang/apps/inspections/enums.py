from django.db import models
from django.utils.translation import gettext_lazy as _


class VisitStatus(models.TextChoices):
    PLANNED = "planned", _("Đã lên lịch")
    UNDER_WAY = "under_way", _("Đang kiểm tra")
    CONCLUDED = "concluded", _("Đã kết luận")
    CLOSED = "closed", _("Đã khắc phục xong")
    CANCELLED = "cancelled", _("Đã hủy")


# a visit is closed when nothing that it found is open any more
MOVES: dict[VisitStatus, frozenset[VisitStatus]] = {
    VisitStatus.PLANNED: frozenset({VisitStatus.UNDER_WAY, VisitStatus.CANCELLED}),
    VisitStatus.UNDER_WAY: frozenset({VisitStatus.CONCLUDED, VisitStatus.CANCELLED}),
    VisitStatus.CONCLUDED: frozenset({VisitStatus.UNDER_WAY, VisitStatus.CLOSED}),
    VisitStatus.CLOSED: frozenset({VisitStatus.CONCLUDED}),
    VisitStatus.CANCELLED: frozenset({VisitStatus.PLANNED}),
}


class Result(models.TextChoices):
    MET = "met", _("Đạt")
    NOT_MET = "not_met", _("Không đạt")
    NOT_APPLICABLE = "not_applicable", _("Không áp dụng")


class Severity(models.TextChoices):
    HIGH = "high", _("Nghiêm trọng")
    MEDIUM = "medium", _("Vừa")
    LOW = "low", _("Nhẹ")


class FindingStatus(models.TextChoices):
    OPEN = "open", _("Chờ đơn vị khắc phục")
    FILED = "filed", _("Chờ kiểm tra lại")
    CLOSED = "closed", _("Đã khắc phục")
    WITHDRAWN = "withdrawn", _("Đoàn kiểm tra đã rút")


class Way(models.TextChoices):
    """How a unit came into a sample."""

    RISK = "risk", _("Theo rủi ro")
    RANDOM = "random", _("Ngẫu nhiên")


class AuditAction(models.TextChoices):
    SAMPLE_DRAWN = "sample_drawn", _("Rút mẫu đơn vị để kiểm tra")
    VISIT_PLANNED = "visit_planned", _("Lên lịch kiểm tra đơn vị")
    VISIT_STARTED = "visit_started", _("Bắt đầu kiểm tra")
    VISIT_CONCLUDED = "visit_concluded", _("Kết luận kiểm tra")
    VISIT_CLOSED = "visit_closed", _("Đóng cuộc kiểm tra")
    VISIT_CANCELLED = "visit_cancelled", _("Hủy cuộc kiểm tra")
    VISIT_REOPENED = "visit_reopened", _("Mở lại cuộc kiểm tra")
    VISIT_MOVED = "visit_moved", _("Cuộc kiểm tra chuyển theo sắp xếp đơn vị")
    UNIT_COMMENTED = "unit_commented", _("Đơn vị ghi ý kiến về cuộc kiểm tra")
    ITEM_ANSWERED = "item_answered", _("Ghi kết quả một mục kiểm tra")
    FINDING_RAISED = "finding_raised", _("Ghi phát hiện khi kiểm tra")
    FINDING_WITHDRAWN = "finding_withdrawn", _("Rút phát hiện")
    FINDING_MOVED = "finding_moved", _("Phát hiện chuyển theo sắp xếp đơn vị")
    FOLLOW_UP_FILED = "follow_up_filed", _("Đơn vị báo cáo khắc phục")
    FOLLOW_UP_VERIFIED = "follow_up_verified", _("Xác nhận đã khắc phục")
    FOLLOW_UP_RETURNED = "follow_up_returned", _("Trả lại báo cáo khắc phục")
    MINUTES_MADE = "minutes_made", _("Lập biên bản kiểm tra")
