"""What core does on the clock: delivering the outbox."""

import logging
from datetime import timedelta

import apprise
from django.conf import settings
from django.core.mail import EmailMessage
from django.db.models import F

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction, Channel
from dekhang.apps.core.models import OutboundMessage

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 10  # 1, 2, 4 … 512 minutes: about 17 hours of a mail server being away


def deliver_messages(limit: int = 20) -> int:
    """Send what is due; returns how many went out. A failure waits twice as long each time."""
    now = clock.now()
    sent = 0
    due = OutboundMessage.objects.filter(sent_at=None, failed_at=None, not_before__lte=now).order_by("pk")[:limit]
    for message in due:
        if message.channel == Channel.EMAIL and not settings.EMAIL_HOST:
            continue  # no mail server yet: messages wait, `dekhang doctor` and the administrator's page say so
        claimed = OutboundMessage.objects.filter(pk=message.pk, attempts=message.attempts).update(
            attempts=F("attempts") + 1, not_before=now + timedelta(minutes=2**message.attempts)
        )
        if claimed != 1:
            continue
        try:
            _send(message)
        except Exception as error:  # the edge of a loop that must live: any mail fault is recorded
            logger.warning("message %s not sent: %s", message.pk, error)
            given_up = message.attempts + 1 >= MAX_ATTEMPTS
            OutboundMessage.objects.filter(pk=message.pk).update(
                error=str(error)[:500], failed_at=now if given_up else None
            )
            if given_up:
                record_event(action=AuditAction.MESSAGE_FAILED, by=None, target=message, unit_id=message.unit_id)
            continue
        OutboundMessage.objects.filter(pk=message.pk).update(sent_at=clock.now(), error="")
        sent += 1
    return sent


def _send(message: OutboundMessage) -> None:
    if message.channel == Channel.EMAIL:
        EmailMessage(message.subject, message.body, settings.DEFAULT_FROM_EMAIL, [message.recipient]).send()
        return
    channel = apprise.Apprise()
    if not channel.add(message.recipient):
        raise ValueError("địa chỉ Apprise không hợp lệ")
    if not channel.notify(title=message.subject, body=message.body):
        raise ConnectionError("kênh tin nhắn không nhận")
