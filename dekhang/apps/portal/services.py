"""Writes of the portal: accounts, their posts, and "I am on duty". Each spans several lower apps."""

from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.utils.translation import gettext as _

from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User
from dekhang.apps.duties.jobs import observe_posts
from dekhang.apps.duties.services import observe_contact
from dekhang.apps.portal import policies
from dekhang.apps.registry import services as registry
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Contact, PostHolding


@transaction.atomic
def close_account(*, account: User, by: User) -> User:
    """Lock an account: its sessions end at once, its posts count as empty. `reopen_account` is the undo."""
    policies.check_can_close_account(by, account)
    return _set_active(account, False, by)


@transaction.atomic
def reopen_account(*, account: User, by: User) -> User:
    policies.check_can_reopen_account(by, account)
    return _set_active(account, True, by)


def _set_active(account: User, active: bool, by: User) -> User:
    moved = User.objects.filter(pk=account.pk, is_active=not active).update(is_active=active)
    if moved != 1:
        raise ActionDenied(_("Tài khoản vừa được người khác đổi trạng thái. Tải lại trang để xem."))
    record_event(action=AuditAction.ACCOUNT_CHANGED, by=by, target=account, detail={"is_active": active})
    observe_posts(set(PostHolding.objects.filter(user=account).values_list("unit_id", flat=True)))
    account.refresh_from_db()
    return account


@transaction.atomic
def set_password(*, account: User, password: str, by: User) -> None:
    """A person sets their own password, or the administrator sets somebody's.

    Raises:
        ActionDenied: somebody else's, without being administrator.
        ValidationError: too short, too common, or too like the name.
    """
    if account.pk != by.pk:
        policies.check_can_manage_accounts(by)
    validate_password(password, account)
    account.set_password(password)
    account.save(update_fields=["password"])
    record_event(action=AuditAction.PASSWORD_CHANGED, by=by, target=account)


@transaction.atomic
def fill_post(*, unit_id: int, kind: PostKind, user: User, by: User, decision: str = "") -> PostHolding:
    """Give a post to an account, and let the evidence of it follow at once."""
    holding = registry.fill_post(unit_id=unit_id, kind=kind, user=user, by=by, decision=decision)
    observe_posts([unit_id])
    return holding


@transaction.atomic
def vacate_post(*, holding: PostHolding, by: User) -> None:
    registry.vacate_post(holding=holding, by=by)
    observe_posts([holding.unit_id])


@transaction.atomic
def confirm_duty(*, contact: Contact, by: User) -> Contact:
    """Somebody of the unit presses “Tôi đang trực”: the contact answered, and that is evidence."""
    contact = registry.confirm_contact(contact=contact, by=by)
    observe_contact(contact=contact)
    return contact
