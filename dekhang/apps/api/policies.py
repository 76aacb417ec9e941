from django.utils.translation import gettext as _

from dekhang.apps.api.enums import WRITE, Area, all_scopes
from dekhang.apps.api.models import AccessToken, Subscription
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.core.policies import AUDIT_READERS

# Who can use what at all. The rights themselves are those of the services, at every call.
ONLY_FOR: dict[str, frozenset[Role]] = {
    f"{Area.AUDIT.value}:read": AUDIT_READERS,
    f"{Area.ACCOUNTS.value}:read": frozenset({Role.ADMINISTRATOR, Role.COORDINATOR}),
    f"{Area.ACCOUNTS.value}:{WRITE}": frozenset({Role.ADMINISTRATOR}),
}


def scopes_for(user: User) -> dict[str, str]:
    """The scopes that a token of this account may have: never one whose every operation would be refused."""
    role = Role(user.role)
    return {scope: about for scope, about in all_scopes().items() if role in ONLY_FOR.get(scope, frozenset(Role))}


def check_can_make_token(user: User, scopes: list[str]) -> None:
    if not user.is_active:
        raise ActionDenied(_("Tài khoản đang khóa không cấp mã truy cập được."))
    offered = scopes_for(user)
    for scope in scopes:
        if scope not in offered:
            raise ActionDenied(_("Tài khoản này không có quyền “%(scope)s”, nên mã cũng không.") % {"scope": scope})


def check_can_revoke(user: User, token: AccessToken) -> None:
    if token.user_id != user.pk and user.role != Role.ADMINISTRATOR:
        raise ActionDenied(_("Chỉ chủ mã hoặc quản trị hệ thống thu hồi được mã này."))
    if token.revoked_at is not None:
        raise ActionDenied(_("Mã này đã được thu hồi trước đó."))


def check_can_change_webhook(user: User, subscription: Subscription) -> None:
    """Its owner; the administrator may stop any, but sees to it that nobody else's rights are used."""
    if subscription.owner_id != user.pk:
        raise ActionDenied(_("Chỉ %(who)s, chủ webhook này, làm được việc đó.") % {"who": subscription.owner})


def check_can_stop_webhook(user: User, subscription: Subscription) -> None:
    if user.role != Role.ADMINISTRATOR:
        check_can_change_webhook(user, subscription)
    if subscription.stopped_at is not None:
        raise ActionDenied(_("Webhook này đang ngừng rồi."))


def check_can_resume_webhook(user: User, subscription: Subscription) -> None:
    check_can_change_webhook(user, subscription)
    if subscription.stopped_at is None:
        raise ActionDenied(_("Webhook này đang chạy."))
