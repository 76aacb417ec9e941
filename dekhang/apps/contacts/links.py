"""The link in a call: what it stands for. See core/links.py."""

from dekhang.apps.contacts.models import Call
from dekhang.apps.core import links

PAGE = "contacts:answer"


def signed_link(call: Call) -> str:
    """For the outbox."""
    return f"{PAGE} {call.pk}"


def link_of(call: Call) -> str:
    return links.link(PAGE, str(call.pk))


def call_of(token: str) -> Call | None:
    """The call that the link was made for; None when nobody made it."""
    number = links.opened(PAGE, token)
    if number is None:
        return None
    return Call.objects.select_related("contact", "user", "provider").filter(pk=int(number)).first()
