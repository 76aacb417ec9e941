"""Who calls: a token, from an address it may come from, not too often, within its scopes."""

import ipaddress
import threading
import time
from collections.abc import Callable
from functools import wraps

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _
from ninja.security import HttpBearer

from dekhang.apps.api import services
from dekhang.apps.api.enums import READ, WRITE
from dekhang.apps.api.models import AccessToken
from dekhang.apps.api.rest.problems import Problem, answer, too_large
from dekhang.apps.core import clock

BODY_BYTES = 1024**2  # of JSON; files come as multipart and have the limits of their pages
WINDOW_SECONDS = 60
TOKENS_COUNTED = 10_000  # × ~200 B; when full, all start anew


class Throttle:
    """Calls of each token in the running minute, counted in this process.

    In memory, because a write for every call would make readers wait for whoever holds SQLite's only write lock.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[int, tuple[float, int]] = {}

    def seconds_to_wait(self, token_id: int, limit: int) -> int:
        """0 when the call may be done; else whole seconds until the minute is over."""
        now = time.monotonic()
        with self._lock:
            if len(self._counts) > TOKENS_COUNTED:
                self._counts.clear()
            start, count = self._counts.get(token_id, (now, 0))
            if now - start >= WINDOW_SECONDS:
                start, count = now, 0
            if count >= limit:
                return max(1, int(start + WINDOW_SECONDS - now) + 1)
            self._counts[token_id] = (start, count + 1)
            return 0


throttle = Throttle()


class Bearer(HttpBearer):
    """`Authorization: Bearer dkapi_…` of a token that has the scope."""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope

    def authenticate(self, request: HttpRequest, token: str) -> AccessToken | None:
        found = _token_of(token)
        if found is None:
            return None
        _check_address(found, request.META.get("REMOTE_ADDR", ""))
        wait = throttle.seconds_to_wait(found.pk, settings.API_CALLS_PER_MINUTE)
        if wait:
            raise Problem(
                429,
                _("Mã này đã gọi %(limit)d lần trong một phút. Đợi %(wait)d giây rồi gọi tiếp.")
                % {"limit": settings.API_CALLS_PER_MINUTE, "wait": wait},
                Retry_After=str(wait),
            )
        area, _colon, verb = self.scope.partition(":")
        if self.scope not in found.scopes and not (verb == READ and f"{area}:{WRITE}" in found.scopes):
            raise Problem(403, _("Mã này không có quyền “%(scope)s”.") % {"scope": self.scope})
        services.note_use(found, request.META.get("REMOTE_ADDR", ""))
        request.user = found.user
        return found


def _token_of(secret: str) -> AccessToken | None:
    """The token in force of an account that is open."""
    if not secret.startswith(services.PREFIX) or len(secret) > 100:
        return None
    found = AccessToken.objects.filter(digest=services.digest_of(secret)).select_related("user").first()
    if found is None or found.revoked_at is not None or found.expires_at <= clock.now() or not found.user.is_active:
        return None
    return found


def _check_address(token: AccessToken, address: str) -> None:
    if not token.addresses:
        return
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        here = None
    if here is None or not any(here in ipaddress.ip_network(network) for network in token.addresses):
        raise Problem(403, _("Mã này không dùng được từ địa chỉ %(address)s.") % {"address": address[:45]})


def open_to_tokens(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """The view without the session's login, and with a bound on what is read before anybody is known."""

    @wraps(view)
    def bounded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        length = request.META.get("CONTENT_LENGTH") or "0"
        is_form = (request.content_type or "").startswith("multipart/form-data")
        if not length.isdigit() or (int(length) > BODY_BYTES and not is_form):
            return answer(too_large())
        return view(request, *args, **kwargs)

    bounded.login_required = False  # type: ignore[attr-defined]
    bounded.csrf_exempt = True  # type: ignore[attr-defined]
    return bounded
