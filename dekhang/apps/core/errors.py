"""Errors with a sentence for the person."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import PermissionDenied


class ActionDenied(PermissionDenied):
    """This person may not do this now. The message says why and what to do; the answer is 403 with it."""


def refusal(check: Callable[..., None], *args: Any) -> str | None:
    """The sentence that `check` would refuse with, or None: for the disabled button."""
    try:
        check(*args)
    except ActionDenied as denied:
        return str(denied)
    return None
