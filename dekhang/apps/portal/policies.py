from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User

ACCOUNT_READERS = frozenset({Role.ADMINISTRATOR, Role.COORDINATOR})


def check_can_see_accounts(user: User) -> None:
    if user.role not in ACCOUNT_READERS:
        raise ActionDenied(_("Chỉ quản trị hệ thống và cơ quan điều phối được xem danh sách tài khoản."))


def check_can_manage_accounts(user: User) -> None:
    if user.role != Role.ADMINISTRATOR:
        raise ActionDenied(_("Chỉ quản trị hệ thống được tạo, sửa hoặc khóa tài khoản."))


def check_can_close_account(user: User, account: User) -> None:
    check_can_manage_accounts(user)
    if account.pk == user.pk:
        raise ActionDenied(_("Bạn không tự khóa tài khoản của mình được. Nhờ một quản trị khác."))
    if not account.is_active:
        raise ActionDenied(_("Tài khoản này đang khóa rồi."))


def check_can_reopen_account(user: User, account: User) -> None:
    check_can_manage_accounts(user)
    if account.is_active:
        raise ActionDenied(_("Tài khoản này đang mở."))
