from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    HOLD_PLACED = "hold_placed", _("Ra lệnh giữ nhật ký")
    HOLD_LIFTED = "hold_lifted", _("Gỡ lệnh giữ nhật ký")
    LAKE_ANCHORED = "lake_anchored", _("Neo mã băm của kho sự kiện")
