from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User


def check_can_freeze(user: User) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối đóng băng số liệu bằng tay; cuối tháng, quý, năm hệ thống tự làm."))
