from django.db import models
from django.utils.translation import gettext_lazy as _

READ, WRITE = "read", "write"


class Area(models.TextChoices):
    """What a token may be let into; each has the scope `<area>:read` and most have `<area>:write`, which includes it."""

    BOARD = "board", _("Bảng điểm và số liệu đã chốt")
    DUTIES = "duties", _("Nghĩa vụ, khai báo, bằng chứng, văn bản, giải trình")
    REGISTRY = "registry", _("Đơn vị, hệ thống, vị trí, đầu mối, sắp xếp đơn vị")
    PEOPLE = "people", _("Danh sách cán bộ (dữ liệu cá nhân)")
    SOURCES = "sources", _("Nguồn log và phép thử")
    ALERTS = "alerts", _("Cảnh báo")
    INCIDENTS = "incidents", _("Sự cố và quy trình")
    SEARCH = "search", _("Sự kiện đã lưu, tìm kiếm, lùng lại")
    RETENTION = "retention", _("Lưu giữ nhật ký, lệnh giữ")
    CASCADE = "cascade", _("Việc được giao theo kế hoạch")
    BRIEFINGS = "briefings", _("Hội nghị, phổ biến")
    INSPECTIONS = "inspections", _("Kiểm tra và khắc phục")
    REPORTS = "reports", _("Báo cáo đã lập")
    ACCOUNTS = "accounts", _("Tài khoản")
    AUDIT = "audit", _("Nhật ký kiểm toán")
    OSCAL = "oscal", _("Xuất OSCAL: nghĩa vụ, khai báo, bằng chứng")


ONLY_READ = frozenset({Area.BOARD, Area.AUDIT, Area.OSCAL, Area.BRIEFINGS})


def all_scopes() -> dict[str, str]:
    """Every scope with what it is about, in the order of the areas."""
    return {
        f"{area.value}:{verb}": str(area.label)
        for area in Area
        for verb in ((READ,) if area in ONLY_READ else (READ, WRITE))
    }


class EventType(models.TextChoices):
    """What a webhook can tell. Names are for programs and stay."""

    ALERT_OPENED = "alert.opened", _("Có cảnh báo mới")
    ALERT_ACKNOWLEDGED = "alert.acknowledged", _("Cảnh báo được tiếp nhận")
    ALERT_ESCALATED = "alert.escalated", _("Cảnh báo chuyển lên cấp trên")
    ALERT_CLOSED = "alert.closed", _("Cảnh báo kết thúc")
    INCIDENT_OPENED = "incident.opened", _("Sự cố được mở")
    INCIDENT_CLOSED = "incident.closed", _("Sự cố đóng hoặc hủy")
    DOCUMENT_SUBMITTED = "document.submitted", _("Văn bản được nộp")
    DOCUMENT_ACCEPTED = "document.accepted", _("Văn bản được chấp nhận")
    DOCUMENT_RETURNED = "document.returned", _("Văn bản bị trả lại")
    CLAIM_DECLARED = "claim.declared", _("Đơn vị khai báo")
    CLAIM_WITHDRAWN = "claim.withdrawn", _("Đơn vị rút khai báo")
    CLAIM_STATE_CHANGED = "claim.state_changed", _("Trạng thái một nghĩa vụ đổi")
    CONTEST_OPENED = "contest.opened", _("Có giải trình mới")
    CONTEST_ANSWERED = "contest.answered", _("Giải trình được trả lời")
    SOURCE_SILENT = "source.silent", _("Nguồn log im lặng")
    SOURCE_RETURNED = "source.returned", _("Nguồn log gửi trở lại")
    CANARY_PASSED = "canary.passed", _("Phép thử đạt")
    CANARY_FAILED = "canary.failed", _("Phép thử không đạt")
    ASSIGNMENT_SENT = "assignment.sent", _("Việc được giao")
    ASSIGNMENT_REPORTED = "assignment.reported", _("Đơn vị báo cáo việc được giao")
    BOARD_FROZEN = "board.frozen", _("Số liệu một ngày được chốt")


class DeliveryState(models.TextChoices):
    WAITING = "waiting", _("Chờ gửi")
    DELIVERED = "delivered", _("Đã nhận")
    DEAD = "dead", _("Không gửi được")


class AuditAction(models.TextChoices):
    TOKEN_MADE = "token_made", _("Cấp mã truy cập API")
    TOKEN_REVOKED = "token_revoked", _("Thu hồi mã truy cập API")
    WEBHOOK_MADE = "webhook_made", _("Đặt webhook")
    WEBHOOK_KEY_CHANGED = "webhook_key_changed", _("Đổi khóa ký của webhook")
    WEBHOOK_STOPPED = "webhook_stopped", _("Ngừng webhook")
    WEBHOOK_RESUMED = "webhook_resumed", _("Chạy lại webhook")
    WEBHOOK_SENT_AGAIN = "webhook_sent_again", _("Cho gửi lại một tin của webhook")
