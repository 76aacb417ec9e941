from django.db import models
from django.utils.translation import gettext_lazy as _


class PeriodKind(models.TextChoices):
    MONTH = "month", _("Tháng")
    QUARTER = "quarter", _("Quý")
    YEAR = "year", _("Năm")
    BY_HAND = "by_hand", _("Đóng băng tay")


class AuditAction(models.TextChoices):
    SNAPSHOT_FROZEN = "snapshot_frozen", _("Chốt số liệu ngày")
    GCI_ITEM_CLEARED = "gci_item_cleared", _("Cho công khai một mục của bản đồ đóng góp GCI")
    GCI_ITEM_WITHDRAWN = "gci_item_withdrawn", _("Rút một mục của bản đồ đóng góp GCI về nội bộ")
    PERIOD_FROZEN = "period_frozen", _("Đóng băng số liệu một kỳ")
    BOARD_EXPORTED = "board_exported", _("Xuất bảng điểm")
