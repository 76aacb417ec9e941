"""Writes of invitations: sent, sent again, taken back, accepted."""

import secrets
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import Role
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.links import MARK, opened
from dekhang.apps.core.models import User
from dekhang.apps.core.services import create_account, enqueue_message
from dekhang.apps.duties.jobs import observe_posts
from dekhang.apps.portal.enums import AuditAction
from dekhang.apps.portal.invitations import policies
from dekhang.apps.portal.models import Invitation
from dekhang.apps.registry import selectors as registry
from dekhang.apps.registry import services as registering
from dekhang.apps.registry.enums import PostKind
from dekhang.apps.registry.models import Employment, Person

PAGE = "portal:invited"
GOOD_FOR = timedelta(days=7)
ROLES = {PostKind.HEAD: Role.HEAD, PostKind.OFFICER: Role.OFFICER, PostKind.DUTY_CONTACT: Role.OFFICER}


@transaction.atomic
def invite(*, email: str, full_name: str, unit_id: int, kind: PostKind, by: User) -> Invitation:
    """Send somebody a link that makes them an account with this post.

    Raises:
        ActionDenied: `by` may not invite into this post, has invited too many today, or an invitation is open.
    """
    policies.check_can_invite(by, unit_id, kind)
    policies.check_not_too_many(by)
    now = clock.now()
    invitation = Invitation(
        email=email.lower(),
        full_name=full_name,
        unit_id=unit_id,
        kind=kind,
        nonce=secrets.token_hex(8),
        invited_at=now,
        invited_by=by,
        sent_at=now,
        expires_at=now + GOOD_FOR,
    )
    try:
        with transaction.atomic():
            invitation.save()
    except IntegrityError:
        raise ActionDenied(
            _("Người này đang có một lời mời chưa nhận vào vị trí ấy. Gửi lại hoặc rút lời mời cũ.")
        ) from None
    _send(invitation)
    record_event(action=AuditAction.INVITED, by=by, target=invitation, detail={"post": str(kind)})
    return invitation


def _send(invitation: Invitation) -> None:
    enqueue_message(
        recipient=invitation.email,
        subject=_("Mời dùng hệ thống Đề Kháng của tỉnh"),
        body=render_to_string(
            "portal/messages/invitation.txt",
            {"invitation": invitation, "unit": registry.unit_name(invitation.unit_id), "link": MARK},
        ),
        dedupe_key=f"invitation:{invitation.pk}:{invitation.nonce}",
        unit_id=invitation.unit_id,
        signed_link=f"{PAGE} {invitation.pk}.{invitation.nonce}",
    )


@transaction.atomic
def resend(*, invitation: Invitation, by: User) -> Invitation:
    """A new link; the former one opens nothing any more."""
    policies.check_can_resend(by, invitation)
    now = clock.now()
    invitation.nonce, invitation.sent_at, invitation.expires_at = secrets.token_hex(8), now, now + GOOD_FOR
    invitation.save(update_fields=["nonce", "sent_at", "expires_at"])
    _send(invitation)
    record_event(action=AuditAction.INVITED_AGAIN, by=by, target=invitation)
    return invitation


@transaction.atomic
def revoke(*, invitation: Invitation, by: User) -> Invitation:
    policies.check_can_manage(by, invitation)
    moved = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
        revoked_at=clock.now(), revoked_by=by
    )
    if moved != 1:
        raise ActionDenied(_("Lời mời vừa được nhận hoặc vừa bị rút."))
    record_event(action=AuditAction.INVITATION_REVOKED, by=by, target=invitation)
    invitation.refresh_from_db()
    return invitation


def invitation_of(token: str) -> Invitation | None:
    """The invitation that the link was made for; None when nobody made it, or a newer link was sent since."""
    number, _dot, nonce = (opened(PAGE, token) or "").partition(".")
    found = Invitation.objects.select_related("invited_by").filter(pk=int(number)).first() if number.isdigit() else None
    return found if found is not None and secrets.compare_digest(found.nonce, nonce) else None


def check_can_accept(invitation: Invitation) -> None:
    policies.check_is_open(invitation)
    if clock.now() >= invitation.expires_at:
        raise ActionDenied(_("Lời mời đã hết hạn. Nhờ người mời bấm “Gửi lại”."))
    if not registry.versions_in_force().filter(unit_id=invitation.unit_id).exists():
        raise ActionDenied(_("Đơn vị trong lời mời đã được sắp xếp lại. Nhờ người mời gửi lời mời vào đơn vị mới."))
    # what the inviter may no longer do, an old link of theirs may not do either
    policies.check_can_invite(invitation.invited_by, invitation.unit_id, invitation.kind)


@transaction.atomic
def accept(*, invitation: Invitation, username: str, password: str) -> User:
    """Make the account, give it the post, link it to the person on the roster; once.

    Raises:
        ActionDenied: over, taken back, accepted already, or the inviter may not any more.
        ValidationError: the password is too weak.
    """
    check_can_accept(invitation)
    validate_password(password, User(username=username, full_name=invitation.full_name, email=invitation.email))
    kind = PostKind(invitation.kind)
    moved = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None).update(
        accepted_at=clock.now()
    )
    if moved != 1:
        raise ActionDenied(_("Lời mời vừa được nhận hoặc vừa bị rút."))
    account = create_account(
        username=username,
        full_name=invitation.full_name,
        role=ROLES[kind],
        password=password,
        email=invitation.email,
        by=invitation.invited_by,
    )
    Invitation.objects.filter(pk=invitation.pk).update(account=account)
    registering.fill_post(unit_id=invitation.unit_id, kind=kind, user=account, by=None)
    observe_posts([invitation.unit_id])
    _link_person(invitation, account)
    invitation.refresh_from_db()
    record_event(action=AuditAction.INVITATION_ACCEPTED, by=account, target=invitation)
    return account


def _link_person(invitation: Invitation, account: User) -> None:
    """The one person of the unit's roster with this address and no account yet, if there is exactly one."""
    here = Employment.objects.in_force(clock.today()).filter(unit_id=invitation.unit_id)
    people = Person.objects.filter(pk__in=here.values("person_id"), email__iexact=invitation.email, user=None)
    ids = list(people.values_list("pk", flat=True)[:2])
    if len(ids) == 1:
        Person.objects.filter(pk=ids[0], user=None).update(user=account)
