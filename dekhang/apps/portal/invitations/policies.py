from datetime import timedelta

from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.portal.models import Invitation
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.policies import MANAGERS

BY_HEADS = frozenset({PostKind.OFFICER, PostKind.DUTY_CONTACT})
A_DAY = 30  # invitations that one person may send: whoever got hold of an account is no bulk mailer
RESEND_AFTER = timedelta(minutes=10)


def check_can_invite(user: User, unit_id: int, kind: str) -> None:
    """Who keeps the registry: anybody into any unit. A head: officers and duty contacts of the own unit, no other head."""
    if not user.is_active:
        raise ActionDenied(_("Tài khoản của người mời đã khóa."))
    if user.role in MANAGERS:
        return
    if not registry.holds(user, unit_id, PostKind.HEAD):
        raise ActionDenied(
            _("Chỉ cơ quan điều phối, quản trị hệ thống, hoặc thủ trưởng của chính đơn vị được mời người.")
        )
    if kind not in BY_HEADS:
        raise ActionDenied(
            _("Thủ trưởng mời cán bộ chuyên trách và đầu mối trực; thủ trưởng khác do cơ quan điều phối mời.")
        )


def check_can_invite_anybody(user: User) -> None:
    """Whether the page is for this person at all."""
    if user.role not in MANAGERS and not headed_units(user):
        raise ActionDenied(
            _("Chỉ cơ quan điều phối, quản trị hệ thống, hoặc thủ trưởng của chính đơn vị được mời người.")
        )


def headed_units(user: User) -> list[int]:
    held = user.holdings.in_force(clock.today()).filter(kind=PostKind.HEAD)
    return list(held.values_list("unit_id", flat=True))


def check_not_too_many(user: User) -> None:
    sent = Invitation.objects.filter(invited_by=user, invited_at__gt=clock.now() - timedelta(days=1)).count()
    if sent >= A_DAY:
        raise ActionDenied(_("Bạn đã mời %(count)d người trong một ngày. Mời tiếp vào ngày mai.") % {"count": sent})


def check_is_open(invitation: Invitation) -> None:
    if invitation.accepted_at is not None:
        raise ActionDenied(_("Lời mời này đã được nhận."))
    if invitation.revoked_at is not None:
        raise ActionDenied(_("Lời mời này đã bị rút."))


def check_can_manage(user: User, invitation: Invitation) -> None:
    check_can_invite(user, invitation.unit_id, invitation.kind)
    check_is_open(invitation)


def check_can_resend(user: User, invitation: Invitation) -> None:
    check_can_manage(user, invitation)
    if clock.now() - invitation.sent_at < RESEND_AFTER:
        raise ActionDenied(_("Vừa gửi chưa đầy 10 phút. Chờ thư tới, hoặc kiểm tra thư mục thư rác."))
