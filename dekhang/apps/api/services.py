"""Writes of tokens: made, revoked, used."""

import hashlib
import ipaddress
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from dekhang.apps.api.enums import AuditAction
from dekhang.apps.api.models import AccessToken
from dekhang.apps.api.policies import check_can_make_token, check_can_revoke
from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.errors import ActionDenied
from dekhang.apps.core.models import User

PREFIX = "dkapi_"  # so that scanners of code and logs recognise one
LONGEST_DAYS = 366
TOKENS_OF_AN_ACCOUNT = 20  # in force at once: more are forgotten ones
USED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is: a call costs no write


def digest_of(secret: str) -> str:
    """Fast on purpose: the secret has 256 random bits, there is nothing to guess."""
    return hashlib.sha256(secret.encode()).hexdigest()


def networks(text: str) -> list[str]:
    """Addresses and networks out of what a person typed, in one form.

    Raises:
        ValueError: one of them is none; the message is a sentence that names it.
    """
    found = []
    for part in text.replace(",", " ").replace(";", " ").split():
        try:
            found.append(str(ipaddress.ip_network(part, strict=False)))
        except ValueError:
            raise ValueError(
                _("“%(part)s” không phải địa chỉ IP hoặc dải mạng, ví dụ 203.0.113.7 hoặc 203.0.113.0/24.")
                % {"part": part[:60]}
            ) from None
    return list(dict.fromkeys(found))


@transaction.atomic
def make_token(
    *, name: str, scopes: Iterable[str], expires_at: datetime, addresses: Iterable[str] = (), by: User
) -> tuple[AccessToken, str]:
    """A new token of `by`, and its secret, which is told only now.

    Raises:
        ActionDenied: a scope that the account cannot use, no scope, too long a life, too many tokens.
    """
    wanted = list(dict.fromkeys(scopes))
    check_can_make_token(by, wanted)
    now = clock.now()
    if not wanted:
        raise ActionDenied(_("Hãy chọn ít nhất một quyền cho mã."))
    if not now < expires_at <= now + timedelta(days=LONGEST_DAYS):
        raise ActionDenied(_("Mã truy cập sống nhiều nhất một năm. Chọn ngày hết hạn gần hơn, sau hôm nay."))
    in_force = AccessToken.objects.filter(user=by, revoked_at=None, expires_at__gt=now)
    if in_force.count() >= TOKENS_OF_AN_ACCOUNT:
        raise ActionDenied(
            _("Tài khoản đã có %(count)d mã còn hiệu lực. Thu hồi mã không dùng nữa trước.")
            % {"count": TOKENS_OF_AN_ACCOUNT}
        )
    secret = PREFIX + secrets.token_urlsafe(32)
    token = AccessToken.objects.create(
        user=by,
        name=name,
        scopes=wanted,
        addresses=list(addresses),
        digest=digest_of(secret),
        hint=secret[: len(PREFIX) + 4],
        created_at=now,
        expires_at=expires_at,
    )
    record_event(
        action=AuditAction.TOKEN_MADE,
        by=by,
        target=token,
        detail={"scopes": wanted, "until": expires_at.isoformat(), "addresses": token.addresses},
    )
    return token, secret


@transaction.atomic
def revoke_token(*, token: AccessToken, by: User) -> AccessToken:
    """From now on it opens nothing. There is no undo: a new one is made in a minute."""
    check_can_revoke(by, token)
    moved = AccessToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=clock.now(), revoked_by=by)
    if moved != 1:
        raise ActionDenied(_("Mã này vừa được người khác thu hồi."))
    record_event(action=AuditAction.TOKEN_REVOKED, by=by, target=token)
    token.refresh_from_db()
    return token


def note_use(token: AccessToken, address: str) -> None:
    """Remember when and from where it was last used, at most once a minute."""
    now = clock.now()
    if token.last_used_at is None or now - token.last_used_at >= USED_EVERY:
        seen = Q(last_used_at=None) | Q(last_used_at__lte=now - USED_EVERY)
        AccessToken.objects.filter(seen, pk=token.pk).update(last_used_at=now, last_used_from=address[:45])
