from datetime import timedelta

from django.utils.translation import gettext as _

from dekhang.apps.contacts.liveness import Line
from dekhang.apps.contacts.targets import Target
from dekhang.apps.core import clock
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.registry.policies import check_works_for_unit

CALL_AGAIN_AFTER = timedelta(hours=20)  # once a day by hand: a contact is no toy


def check_may_call(user: User, target: Target) -> None:
    """The unit's own people, or who coordinates the province."""
    if user.role == Role.COORDINATOR:
        return
    if target.unit_id is None:
        raise ActionDenied(_("Chỉ cơ quan điều phối gọi thử đầu mối của doanh nghiệp viễn thông."))
    check_works_for_unit(user, target.unit_id)


def check_can_call(user: User, line: Line) -> None:
    check_may_call(user, line.target)
    if line.target.channel is None:
        raise ActionDenied(_("Số điện thoại thì hệ thống không gọi được: hãy gọi rồi ghi nhận có người trả lời."))
    if line.call is not None and clock.now() - line.call.asked_at < CALL_AGAIN_AFTER:
        raise ActionDenied(_("Hôm nay đã gọi thử đầu mối này rồi. Chờ trả lời, hoặc gọi lại vào ngày mai."))


def check_can_say_spoken(user: User, target: Target) -> None:
    """Another office rang it and was answered: the unit cannot say that of its own telephone."""
    if user.role != Role.COORDINATOR:
        raise ActionDenied(_("Chỉ cơ quan điều phối, sau khi gọi tới số này, ghi nhận được là có người trả lời."))
    if target.channel is not None:
        raise ActionDenied(_("Đầu mối này tự trả lời được qua thư hoặc tin nhắn: hãy bấm “Gọi thử”."))
