from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User

AUDIT_READERS = frozenset({Role.COORDINATOR, Role.INSPECTOR, Role.ADMINISTRATOR})


def check_can_read_audit(user: User) -> None:
    if user.role not in AUDIT_READERS:
        raise ActionDenied(_("Chỉ cơ quan điều phối, thanh tra và quản trị hệ thống được xem nhật ký kiểm toán."))
