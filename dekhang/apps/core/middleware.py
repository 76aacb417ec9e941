"""What every answer gets: headers that keep a page to itself, and a page where there would be an empty one."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from dekhang.apps.core.views import only_by_button

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)


CHOSEN_UNIT = "chosen_unit"  # in the session


class SecurityHeaders:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
        if getattr(request, "user", None) is not None and request.user.is_authenticated:
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


class OnlyByButton:
    """Who comes by address to what only a button does (after a new sign-in, from the history) gets a page that says so."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if response.status_code == 405 and request.method == "GET" and request.user.is_authenticated:
            return only_by_button(request, _page_above(request.path), allowed=response.headers.get("Allow", ""))
        return response


class ChosenUnit:
    """Somebody with posts in several units works for the one chosen in this session; whether they hold it is asked anew each time."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        chosen = request.session.get(CHOSEN_UNIT)
        if isinstance(chosen, int) and request.user.is_authenticated:
            request.user.chosen_unit_id = chosen
        return self.get_response(request)


def _page_above(path: str) -> str:
    """The nearest address above `path` that exists: `/su-co/1/buoc/2/xong/` → `/su-co/1/`."""
    while path.count("/") > 2:
        path = path.rstrip("/").rpartition("/")[0] + "/"
        try:
            resolve(path)
        except Resolver404:
            continue
        return path
    return "/"
