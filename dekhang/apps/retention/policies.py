from django.utils.translation import gettext as _

from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.retention.models import LegalHold


def check_can_place_hold(user: User) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối được ra lệnh giữ nhật ký."))


def check_can_lift_hold(user: User, hold: LegalHold) -> None:
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối được gỡ lệnh giữ nhật ký."))
    if hold.lifted_at is not None:
        raise ActionDenied(_("Lệnh giữ này đã được gỡ trước đó."))
