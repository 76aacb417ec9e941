from django.db import models
from django.utils.translation import gettext_lazy as _


class Liveness(models.TextChoices):
    """Whether somebody can be reached there, before it is needed. Computed, never stored: `liveness.judge`."""

    ALIVE = "alive", _("Liên lạc được")
    ASKED = "asked", _("Đang chờ trả lời")
    UNKNOWN = "unknown", _("Chưa trả lời lần nào")
    DEAD = "dead", _("Không liên lạc được")


class AuditAction(models.TextChoices):
    CONTACT_CALLED = "contact_called", _("Gọi thử đầu mối")
    CONTACT_REPLIED = "contact_replied", _("Đầu mối trả lời lời gọi thử")
    CONTACT_DISOWNED = "contact_disowned", _("Người nhận báo không còn là đầu mối")
    CONTACT_SPOKEN = "contact_spoken", _("Đã gọi điện và có người trả lời")
    CONTACT_MISSED = "contact_missed", _("Đầu mối không trả lời lời gọi thử")
