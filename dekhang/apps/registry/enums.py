from django.db import models
from django.utils.translation import gettext_lazy as _


class UnitKind(models.TextChoices):
    PROVINCE = "province", _("Tỉnh")
    DEPARTMENT = "department", _("Sở, ban, ngành")
    DISTRICT = "district", _("Huyện, thị xã, thành phố")
    COMMUNE = "commune", _("Xã, phường, thị trấn")


class PostKind(models.TextChoices):
    HEAD = "head", _("Thủ trưởng đơn vị")
    OFFICER = "officer", _("Cán bộ chuyên trách CNTT")
    DUTY_CONTACT = "duty_contact", _("Đầu mối trực")


class ContactKind(models.TextChoices):
    EMAIL = "email", _("Thư điện tử")
    PHONE = "phone", _("Điện thoại")
    CHAT = "chat", _("Tin nhắn (địa chỉ Apprise)")


class ReorganisationKind(models.TextChoices):
    RETYPE = "retype", _("Đổi loại")
    RENAME = "rename", _("Đổi tên")
    MERGE = "merge", _("Nhập")
    SPLIT = "split", _("Chia, tách")
    CREATE = "create", _("Thành lập")
    ABOLISH = "abolish", _("Giải thể")
    MOVE = "move", _("Chuyển cấp trên")


class AuditAction(models.TextChoices):
    POST_FILLED = "post_filled", _("Giao người giữ vị trí")
    POST_VACATED = "post_vacated", _("Thôi giữ vị trí")
    CONTACT_ADDED = "contact_added", _("Thêm đầu mối liên hệ")
    CONTACT_REMOVED = "contact_removed", _("Bỏ đầu mối liên hệ")
    CONTACT_ANSWERED = "contact_answered", _("Đầu mối xác nhận đang trực")
    SYSTEM_REGISTERED = "system_registered", _("Đăng ký hệ thống thông tin")
    SYSTEM_RETIRED = "system_retired", _("Ngừng hệ thống thông tin")
    REORGANISATION_PLANNED = "reorganisation_planned", _("Lên lịch sắp xếp đơn vị")
    REORGANISATION_UNDONE = "reorganisation_undone", _("Hủy lịch sắp xếp đơn vị")
    REORGANISATION_CAME = "reorganisation_came", _("Sắp xếp đơn vị có hiệu lực")
    REGISTRY_LOADED = "registry_loaded", _("Nạp danh sách đơn vị")
