from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    SNAPSHOT_FROZEN = "snapshot_frozen", _("Chốt số liệu ngày")
    BOARD_EXPORTED = "board_exported", _("Xuất bảng điểm")
