"""The link in a call: signed with the installation's key, so the database alone does not give it away."""

from django.conf import settings
from django.core import signing
from django.urls import reverse

from dekhang.apps.contacts.models import Call

SALT = "dekhang.contacts.call"
LONGEST = 200


def link_of(call: Call) -> str:
    token = signing.Signer(salt=SALT).sign(str(call.pk))
    return settings.BASE_URL.rstrip("/") + reverse("contacts:answer", args=[token])


def call_of(token: str) -> Call | None:
    """The call that the link was made for; None when nobody made it."""
    try:
        number = signing.Signer(salt=SALT).unsign(token[:LONGEST])
    except signing.BadSignature:
        return None
    return Call.objects.select_related("contact", "user", "provider").filter(pk=int(number)).first()
