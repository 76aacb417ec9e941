from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    INVITED = "invited", _("Mời người dùng hệ thống")
    INVITED_AGAIN = "invited_again", _("Gửi lại lời mời")
    INVITATION_REVOKED = "invitation_revoked", _("Rút lời mời")
    INVITATION_ACCEPTED = "invitation_accepted", _("Nhận lời mời, lập tài khoản")
    LEAVER_CLOSED = "leaver_closed", _("Khóa tài khoản của người đã rời đơn vị")
