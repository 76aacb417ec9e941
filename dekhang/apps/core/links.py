"""Links in mails that do something without signing in: made at the moment of sending, kept nowhere.

A message says which page and which value (`OutboundMessage.signed_link`); the token is the value signed with the
installation's key for that page. So neither a table nor a copy of the database holds a link that works.
"""

from django.conf import settings
from django.core import signing
from django.urls import reverse

MARK = "[[liên kết]]"  # in the body, where the link shall stand
LONGEST = 200


def link(page: str, value: str) -> str:
    """The whole address. Args: page: `app:name` of an address that takes a token; value: what the token stands for."""
    token = signing.Signer(salt=f"dekhang.link.{page}").sign(value)
    return settings.BASE_URL.rstrip("/") + reverse(page, args=[token])


def opened(page: str, token: str) -> str | None:
    """What the token stands for; None when it was not made here for this page."""
    try:
        return signing.Signer(salt=f"dekhang.link.{page}").unsign(token[:LONGEST])
    except signing.BadSignature:
        return None


def with_link(body: str, signed_link: str) -> str:
    """The body as it goes out. Args: signed_link: `app:name value`, or "" for a message without one."""
    page, _space, value = signed_link.partition(" ")
    return body.replace(MARK, link(page, value)) if signed_link else body
