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
    ACCOUNTS = "accounts", _("Tài khoản")
    AUDIT = "audit", _("Nhật ký kiểm toán")


ONLY_READ = frozenset({Area.BOARD, Area.AUDIT})


def all_scopes() -> dict[str, str]:
    """Every scope with what it is about, in the order of the areas."""
    return {
        f"{area.value}:{verb}": str(area.label)
        for area in Area
        for verb in ((READ,) if area in ONLY_READ else (READ, WRITE))
    }


class AuditAction(models.TextChoices):
    TOKEN_MADE = "token_made", _("Cấp mã truy cập API")
    TOKEN_REVOKED = "token_revoked", _("Thu hồi mã truy cập API")
