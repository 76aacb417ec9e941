from django.db import models
from django.utils.translation import gettext_lazy as _


class ReportKind(models.TextChoices):
    """What each is about, who signs it and which words it has: `kinds.py`."""

    HALF_YEAR = "half_year", _("Báo cáo 6 tháng")
    YEAR = "year", _("Báo cáo năm")
    THEMATIC = "thematic", _("Báo cáo chuyên đề năm")
    LEVEL = "level", _("Báo cáo cấp độ năm")
    TO_UBND = "to_ubnd", _("Báo cáo gửi UBND tỉnh")
    TO_MINISTRY = "to_ministry", _("Báo cáo gửi Bộ")
    BULLETIN = "bulletin", _("Bản tin tuần")
    CERTIFICATE = "certificate", _("Giấy xác nhận")
    SIGN_OFF = "sign_off", _("Phiếu ký xác nhận số liệu")


class Form(models.TextChoices):
    DOCX = "docx", "DOCX"
    PDF = "pdf", "PDF"
    XLSX = "xlsx", "XLSX"
    SIGNED = "signed", _("PDF có chữ ký số")


class ReportState(models.TextChoices):
    MADE = "made", _("Đã lập, chờ xác nhận")
    REPLACED = "replaced", _("Đã lập bản khác thay")
    CONFIRMED = "confirmed", _("Đã xác nhận")
    SUBMITTED = "submitted", _("Đã gửi")
    RECEIVED = "received", _("Đã tiếp nhận")
    RETURNED = "returned", _("Bị trả lại")


# what was confirmed is frozen: only a return opens the way to another one for the same period
MOVES: dict[ReportState, frozenset[ReportState]] = {
    ReportState.MADE: frozenset({ReportState.CONFIRMED, ReportState.REPLACED}),
    ReportState.REPLACED: frozenset(),
    ReportState.CONFIRMED: frozenset({ReportState.SUBMITTED}),
    ReportState.SUBMITTED: frozenset({ReportState.RECEIVED, ReportState.RETURNED}),
    ReportState.RECEIVED: frozenset(),
    ReportState.RETURNED: frozenset(),
}
STANDING = frozenset({ReportState.CONFIRMED, ReportState.SUBMITTED, ReportState.RECEIVED})


class AuditAction(models.TextChoices):
    REPORT_ARCHIVED = "report_archived", _("Lập và lưu trữ báo cáo")
    REPORT_CONFIRMED = "report_confirmed", _("Thủ trưởng xác nhận báo cáo")
    REPORT_SUBMITTED = "report_submitted", _("Gửi báo cáo")
    REPORT_RECEIVED = "report_received", _("Tiếp nhận báo cáo")
    REPORT_RETURNED = "report_returned", _("Trả lại báo cáo")
    REPORT_FETCHED = "report_fetched", _("Tải báo cáo")
    REPORT_SIGNED = "report_signed", _("Ký số báo cáo")
    REPORT_COMPARED = "report_compared", _("Lập lại và đối chiếu báo cáo")
