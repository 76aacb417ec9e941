from django.db import models
from django.utils.translation import gettext_lazy as _


class Role(models.TextChoices):
    """Roles of accounts; the first four work for the whole province, the last two only for units they hold a post in.

    Law: dekhang/law/data/roles.yml
    """

    PROVINCE_LEADER = "province_leader", _("Lãnh đạo tỉnh")
    COORDINATOR = "coordinator", _("Cơ quan điều phối")
    INSPECTOR = "inspector", _("Thanh tra, kiểm tra")
    ADMINISTRATOR = "administrator", _("Quản trị hệ thống")
    HEAD = "head", _("Thủ trưởng đơn vị")
    OFFICER = "officer", _("Cán bộ chuyên trách CNTT")


PROVINCE_ROLES = frozenset({Role.PROVINCE_LEADER, Role.COORDINATOR, Role.INSPECTOR, Role.ADMINISTRATOR})


class Channel(models.TextChoices):
    EMAIL = "email", _("Thư điện tử")
    APPRISE = "apprise", _("Tin nhắn (Apprise)")


class AuditAction(models.TextChoices):
    """Sentences of the audit log. Every app that writes has an `AuditAction` of its own in its `enums.py`."""

    SIGNED_IN = "signed_in", _("Đăng nhập")
    SIGN_IN_FAILED = "sign_in_failed", _("Đăng nhập không thành công")
    SIGNED_OUT = "signed_out", _("Đăng xuất")
    ACCOUNT_CREATED = "account_created", _("Tạo tài khoản")
    ACCOUNT_CHANGED = "account_changed", _("Sửa tài khoản")
    PASSWORD_CHANGED = "password_changed", _("Đổi mật khẩu")
    MESSAGE_SENT = "message_sent", _("Gửi thông báo")
    MESSAGE_FAILED = "message_failed", _("Không gửi được thông báo")
    PROVINCE_SIMULATED = "province_simulated", _("Dựng tỉnh mô phỏng")
