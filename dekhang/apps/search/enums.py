from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    EVENTS_EXPORTED = "events_exported", _("Xuất sự kiện ra tệp")
    SEARCH_SAVED = "search_saved", _("Lưu câu tìm")
    SEARCH_RENAMED = "search_renamed", _("Đổi tên câu tìm đã lưu")
    SEARCH_REMOVED = "search_removed", _("Xóa câu tìm đã lưu")
    SEARCH_RESTORED = "search_restored", _("Khôi phục câu tìm đã xóa")
    HUNT_STARTED = "hunt_started", _("Bắt đầu lùng trong dữ liệu đã lưu")
    HUNT_CANCELLED = "hunt_cancelled", _("Cho dừng một lần lùng")
    HUNT_RESUMED = "hunt_resumed", _("Cho làm tiếp một lần lùng")
    HUNT_TO_ALERTS = "hunt_to_alerts", _("Chuyển kết quả lùng thành cảnh báo")
