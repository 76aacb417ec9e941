from django.db import models
from django.utils.translation import gettext_lazy as _


class BriefingStatus(models.TextChoices):
    DRAFT = "draft", _("Đang chuẩn bị")
    ANNOUNCED = "announced", _("Đã gửi giấy mời")
    CLOSED = "closed", _("Đã kết thúc")
    CANCELLED = "cancelled", _("Đã hủy")


# closed too early or cancelled by mistake: back to where the list of who came can be corrected
MOVES: dict[BriefingStatus, frozenset[BriefingStatus]] = {
    BriefingStatus.DRAFT: frozenset({BriefingStatus.ANNOUNCED, BriefingStatus.CANCELLED}),
    BriefingStatus.ANNOUNCED: frozenset({BriefingStatus.CLOSED, BriefingStatus.CANCELLED}),
    BriefingStatus.CLOSED: frozenset({BriefingStatus.ANNOUNCED}),
    BriefingStatus.CANCELLED: frozenset({BriefingStatus.DRAFT}),
}


class Way(models.TextChoices):
    """How it is known that somebody came; shown beside every name."""

    CODE_ACCOUNT = "code_account", _("Quét mã, bằng tài khoản")
    CODE_NAME = "code_name", _("Quét mã, tự khai tên")
    LIST = "list", _("Ban tổ chức ghi")
    SHEET = "sheet", _("Nạp từ danh sách ký")


class SheetState(models.TextChoices):
    READY = "ready", _("Chờ xác nhận")
    APPLIED = "applied", _("Đã nạp")
    UNDONE = "undone", _("Đã hoàn tác")
    DROPPED = "dropped", _("Đã bỏ")


class AuditAction(models.TextChoices):
    BRIEFING_PLANNED = "briefing_planned", _("Lập hội nghị")
    BRIEFING_CHANGED = "briefing_changed", _("Sửa thông tin hội nghị")
    BRIEFING_ANNOUNCED = "briefing_announced", _("Gửi giấy mời hội nghị")
    BRIEFING_CLOSED = "briefing_closed", _("Kết thúc hội nghị")
    BRIEFING_CANCELLED = "briefing_cancelled", _("Hủy hội nghị")
    BRIEFING_REOPENED = "briefing_reopened", _("Mở lại hội nghị")
    UNITS_INVITED = "units_invited", _("Mời đơn vị dự hội nghị")
    UNIT_UNINVITED = "unit_uninvited", _("Bỏ mời đơn vị")
    INVITATION_MOVED = "invitation_moved", _("Giấy mời chuyển theo sắp xếp đơn vị")
    MATERIAL_ADDED = "material_added", _("Thêm tài liệu hội nghị")
    MATERIAL_WITHDRAWN = "material_withdrawn", _("Rút tài liệu hội nghị")
    MATERIAL_READ = "material_read", _("Xác nhận đã đọc tài liệu")
    ATTENDANCE_RECORDED = "attendance_recorded", _("Ghi nhận có mặt")
    ATTENDANCE_STRUCK = "attendance_struck", _("Gạch tên khỏi danh sách có mặt")
    ATTENDANCE_RESTORED = "attendance_restored", _("Lấy lại tên đã gạch")
    SHEET_APPLIED = "sheet_applied", _("Nạp danh sách ký tên")
    SHEET_UNDONE = "sheet_undone", _("Hoàn tác nạp danh sách ký tên")
    QUESTION_ASKED = "briefing_question_asked", _("Gửi câu hỏi cho hội nghị")
    QUESTION_ANSWERED = "briefing_question_answered", _("Trả lời câu hỏi của hội nghị")
    SUMMARY_EXPORTED = "summary_exported", _("Xuất kết quả hội nghị")
