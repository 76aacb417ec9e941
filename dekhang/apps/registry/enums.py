from django.db import models
from django.utils.translation import gettext_lazy as _


class UnitKind(models.TextChoices):
    PROVINCE = "province", _("Tỉnh")
    DEPARTMENT = "department", _("Sở, ban, ngành")
    DISTRICT = "district", _("Huyện, thị xã, thành phố")
    COMMUNE = "commune", _("Xã, phường, thị trấn")
    ISP = "isp", _("Doanh nghiệp viễn thông, Internet")


class PostKind(models.TextChoices):
    HEAD = "head", _("Thủ trưởng đơn vị")
    OFFICER = "officer", _("Cán bộ chuyên trách CNTT")
    DUTY_CONTACT = "duty_contact", _("Đầu mối trực")


class ContactKind(models.TextChoices):
    EMAIL = "email", _("Thư điện tử")
    PHONE = "phone", _("Điện thoại")
    CHAT = "chat", _("Tin nhắn (địa chỉ Apprise)")


class NameKind(models.TextChoices):
    HOST = "host", _("Tên máy")
    DOMAIN = "domain", _("Tên miền")


class ReorganisationKind(models.TextChoices):
    RETYPE = "retype", _("Đổi loại")
    RENAME = "rename", _("Đổi tên")
    MERGE = "merge", _("Nhập")
    SPLIT = "split", _("Chia, tách")
    CREATE = "create", _("Thành lập")
    ABOLISH = "abolish", _("Giải thể")
    MOVE = "move", _("Chuyển cấp trên")


class ImportSource(models.TextChoices):
    WORKBOOK = "workbook", _("Bảng tính")
    DIRECTORY = "directory", _("Danh bạ LDAP")


class ImportState(models.TextChoices):
    WAITING = "waiting", _("Chờ đọc")
    READING = "reading", _("Đang đọc")
    FAULTY = "faulty", _("Có lỗi, chưa nạp gì")
    READY = "ready", _("Chờ xác nhận")
    APPLYING = "applying", _("Đang nạp")
    APPLIED = "applied", _("Đã nạp")
    UNDONE = "undone", _("Đã hoàn tác")
    DROPPED = "dropped", _("Đã bỏ")


class ChangeKind(models.TextChoices):
    JOIN = "join", _("Người mới")
    MOVE = "move", _("Chuyển đơn vị")
    CORRECT = "correct", _("Sửa thông tin")
    LEAVE = "leave", _("Rời đơn vị")


class AuditAction(models.TextChoices):
    POST_FILLED = "post_filled", _("Giao người giữ vị trí")
    POST_VACATED = "post_vacated", _("Thôi giữ vị trí")
    CONTACT_ADDED = "contact_added", _("Thêm đầu mối liên hệ")
    CONTACT_REMOVED = "contact_removed", _("Bỏ đầu mối liên hệ")
    CONTACT_ANSWERED = "contact_answered", _("Đầu mối xác nhận đang trực")
    SYSTEM_REGISTERED = "system_registered", _("Đăng ký hệ thống thông tin")
    NAME_ADDED = "system_name_added", _("Ghi tên máy, tên miền của hệ thống")
    NAME_REMOVED = "system_name_removed", _("Bỏ tên máy, tên miền của hệ thống")
    NETWORK_ADDED = "network_added", _("Ghi dải địa chỉ của đơn vị")
    NETWORK_REMOVED = "network_removed", _("Bỏ dải địa chỉ của đơn vị")
    PROVIDER_CHANGED = "provider_changed", _("Sửa đầu mối doanh nghiệp viễn thông")
    PROVIDER_ENDED = "provider_ended", _("Doanh nghiệp viễn thông thôi phục vụ")
    SYSTEM_RETIRED = "system_retired", _("Ngừng hệ thống thông tin")
    PROVIDER_REGISTERED = "provider_registered", _("Ghi danh doanh nghiệp viễn thông, Internet")
    REORGANISATION_PLANNED = "reorganisation_planned", _("Lên lịch sắp xếp đơn vị")
    REORGANISATION_UNDONE = "reorganisation_undone", _("Hủy lịch sắp xếp đơn vị")
    REORGANISATION_CAME = "reorganisation_came", _("Sắp xếp đơn vị có hiệu lực")
    ROSTER_APPLIED = "roster_applied", _("Nạp danh sách cán bộ")
    ROSTER_UNDONE = "roster_undone", _("Hoàn tác nạp danh sách cán bộ")
    ROSTER_EXPORTED = "roster_exported", _("Xuất danh sách cán bộ")
    DIRECTORY_SET = "directory_set", _("Đặt việc đồng bộ danh bạ LDAP")
    REGISTRY_LOADED = "registry_loaded", _("Nạp danh sách đơn vị")
