from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    """What was seen in the logs."""

    HOST = "host", _("Máy")
    DOMAIN = "domain", _("Tên miền")
    SENDER = "sender", _("Máy gửi log")


class AuditAction(models.TextChoices):
    SEEN_REGISTERED = "seen_registered", _("Đăng ký thứ thấy được trong log")
    SEEN_DISMISSED = "seen_dismissed", _("Ghi “không phải của chúng tôi”")
    SEEN_DISMISSAL_UNDONE = "seen_dismissal_undone", _("Rút lại “không phải của chúng tôi”")
