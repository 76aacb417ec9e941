"""Writes of core: accounts and the outbox."""

from datetime import datetime

from django.db import transaction

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction, Channel, Role
from dekhang.apps.core.models import OutboundMessage, User


@transaction.atomic
def create_account(
    *, username: str, full_name: str, role: Role, password: str, by: User | None, email: str = ""
) -> User:
    user = User.objects.create_user(username, password, full_name=full_name, role=role, email=email)
    record_event(action=AuditAction.ACCOUNT_CREATED, by=by, target=user, detail={"role": str(role)})
    return user


def enqueue_message(
    *,
    recipient: str,
    subject: str,
    body: str,
    dedupe_key: str,
    unit_id: int | None = None,
    channel: Channel = Channel.EMAIL,
    not_before: datetime | None = None,
    signed_link: str = "",
) -> OutboundMessage | None:
    """Put a message in the outbox, in the caller's transaction; None when the same cause already sent it."""
    now = clock.now()
    message, created = OutboundMessage.objects.get_or_create(
        dedupe_key=dedupe_key,
        defaults={
            "channel": channel,
            "recipient": recipient,
            "subject": " ".join(subject.split())[:300],  # a line break in a mail's header would be refused
            "body": body,
            "signed_link": signed_link,
            "unit_id": unit_id,
            "created_at": now,
            "not_before": not_before or now,
        },
    )
    return message if created else None
