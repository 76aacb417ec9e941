"""Signing in and out: a slow-down for guessed passwords, and every attempt in the audit log."""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction
from dekhang.apps.core.models import User
from dekhang.apps.portal.models import SignInFailure

MAX_FAILURES = 8
WINDOW = timedelta(minutes=10)
KEPT = timedelta(days=1)


class SignInRefused(Exception):
    """Not signed in; the message says why and what to do. `wait`: too many failures, not even tried."""

    def __init__(self, message: str, *, wait: bool = False) -> None:
        super().__init__(message)
        self.wait = wait


def sign_in(request: HttpRequest, *, username: str, password: str) -> User:
    """The user whose name and password these are; writes the attempt down. The caller logs them into the session.

    Raises:
        SignInRefused: wrong, closed, or too many failures for this account from this address in ten minutes.
    """
    username, address = username.strip()[:100], str(request.META.get("REMOTE_ADDR", ""))[:45]
    now = clock.now()
    failures = SignInFailure.objects.filter(username=username, address=address, at__gt=now - WINDOW)
    moments = list(failures.order_by("at").values_list("at", flat=True)[: MAX_FAILURES + 1])
    if len(moments) >= MAX_FAILURES:
        minutes = max(1, -int((now - moments[0] - WINDOW).total_seconds() // 60))
        raise SignInRefused(
            _(
                "Tài khoản này đã nhập sai %(count)d lần từ máy của bạn. Hãy đợi khoảng %(minutes)d phút rồi thử lại, "
                "hoặc nhờ quản trị hệ thống đặt lại mật khẩu."
            )
            % {"count": MAX_FAILURES, "minutes": minutes},
            wait=True,
        )
    user = authenticate(request, username=username, password=password)
    if user is None:
        with transaction.atomic():
            SignInFailure.objects.filter(at__lt=now - KEPT).delete()
            SignInFailure.objects.create(username=username, address=address, at=now)
            record_event(
                action=AuditAction.SIGN_IN_FAILED,
                by=None,
                actor_label=username or "(không tên)",
                detail={"address": address},
            )
        raise SignInRefused(
            _("Tên đăng nhập hoặc mật khẩu chưa đúng. Hãy kiểm tra phím Caps Lock và bộ gõ tiếng Việt rồi thử lại.")
        )
    assert isinstance(user, User)
    with transaction.atomic():
        failures.delete()
        record_event(action=AuditAction.SIGNED_IN, by=user, target=user, detail={"address": address})
    return user
