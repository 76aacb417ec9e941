from django.db import models
from django.utils.translation import gettext_lazy as _


class IncidentKind(models.TextChoices):
    MALWARE = "malware", _("Mã độc, mã hóa tống tiền")
    INTRUSION = "intrusion", _("Xâm nhập cổng thông tin, thay đổi giao diện")
    PHISHING = "phishing", _("Lừa đảo, chiếm đoạt tài khoản")
    DENIAL_OF_SERVICE = "denial_of_service", _("Từ chối dịch vụ")
    DATA_LEAK = "data_leak", _("Lộ lọt dữ liệu")


class IncidentStatus(models.TextChoices):
    OPEN = "open", _("Đang ứng cứu")
    HANDLED = "handled", _("Chờ báo cáo kết thúc")
    CLOSED = "closed", _("Đã kết thúc")
    CANCELLED = "cancelled", _("Hủy (mở nhầm)")


MOVES: dict[IncidentStatus, frozenset[IncidentStatus]] = {
    IncidentStatus.OPEN: frozenset({IncidentStatus.HANDLED, IncidentStatus.CANCELLED}),
    IncidentStatus.HANDLED: frozenset({IncidentStatus.CLOSED, IncidentStatus.OPEN}),
    IncidentStatus.CLOSED: frozenset(),
    IncidentStatus.CANCELLED: frozenset({IncidentStatus.OPEN}),
}


class StepStatus(models.TextChoices):
    CURRENT = "current", _("Đang làm")
    DONE = "done", _("Đã xong")
    SKIPPED = "skipped", _("Bỏ qua")
    UNDONE = "undone", _("Đã quay lại để làm lại")


class ReportKind(models.TextChoices):
    NOTICE = "notice", _("Thông báo sự cố")
    INITIAL = "initial", _("Báo cáo ban đầu")
    END = "end", _("Báo cáo kết thúc ứng phó")


class Reminder(models.IntegerChoices):
    """How far the people concerned were told that a deadline nears or passed; only ever rises."""

    NONE = 0, _("Chưa nhắc")
    OFFICER = 1, _("Đã nhắc cán bộ chuyên trách")
    HEAD = 2, _("Đã báo thủ trưởng đơn vị")
    COORDINATOR = 3, _("Đã báo cơ quan điều phối")


class AuditAction(models.TextChoices):
    SOP_ADOPTED = "sop_adopted", _("Áp dụng quy trình mẫu")
    SOP_UPLOADED = "sop_uploaded", _("Tải lên quy trình của đơn vị")
    SOP_APPROVED = "sop_approved", _("Phê duyệt quy trình")
    SOP_READ = "sop_read", _("Xác nhận đã đọc quy trình")
    INCIDENT_MOVED = "incident_moved", _("Sự cố chuyển theo sắp xếp đơn vị")
    INCIDENT_OPENED = "incident_opened", _("Mở sự cố")
    INCIDENT_BEYOND_CAPACITY = "incident_beyond_capacity", _("Xác định vượt khả năng tự xử lý")
    INCIDENT_WITHIN_CAPACITY = "incident_within_capacity", _("Xác định trong khả năng tự xử lý")
    STEP_DONE = "step_done", _("Hoàn thành bước")
    STEP_SKIPPED = "step_skipped", _("Bỏ qua bước")
    STEP_UNDONE = "step_undone", _("Quay lại bước trước")
    NOTE_ADDED = "note_added", _("Ghi thêm việc ngoài quy trình")
    ATTACHMENT_ADDED = "attachment_added", _("Đính kèm tệp")
    ATTACHMENT_REFUSED = "attachment_refused", _("Từ chối tệp có dấu độ mật")
    SIGN_REPORTED = "sign_reported", _("Ghi nhận dấu hiệu đặc biệt của sự cố")
    SIGN_WITHDRAWN = "sign_withdrawn", _("Rút dấu hiệu đặc biệt của sự cố")
    CLOCK_MET = "clock_met", _("Ghi nhận đã báo cáo theo thời hạn")
    REPORT_FACTS_SAVED = "report_facts_saved", _("Điền thông tin cho văn bản báo cáo")
    INCIDENT_HANDLED = "incident_handled", _("Kết thúc ứng cứu")
    INCIDENT_REOPENED = "incident_reopened", _("Mở lại sự cố")
    INCIDENT_CLOSED = "incident_closed", _("Đóng sự cố")
    INCIDENT_CANCELLED = "incident_cancelled", _("Hủy sự cố")
    REPORT_MADE = "report_made", _("Lập văn bản báo cáo")
    REPORT_SENT = "report_sent", _("Ghi nhận đã gửi báo cáo")
