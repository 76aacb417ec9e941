"""What core does on the clock: delivering the outbox."""

import contextlib
import logging
from datetime import timedelta

import apprise
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import F

from dekhang.apps.core import clock
from dekhang.apps.core.audit import record_event
from dekhang.apps.core.enums import AuditAction, Channel
from dekhang.apps.core.links import with_link
from dekhang.apps.core.models import OutboundMessage

logger = logging.getLogger(__name__)
MAX_ATTEMPTS = 10  # 1, 2, 4 … 512 minutes: about 17 hours of a mail server being away


def deliver_messages(limit: int = 20) -> int:
    """Send what is due; returns how many went out. A failure waits twice as long each time.

    May take long when a server does not answer (`EMAIL_TIMEOUT` once a round): runs beside the other jobs.
    """
    now = clock.now()
    due = OutboundMessage.objects.filter(sent_at=None, failed_at=None, not_before__lte=now).order_by("pk")
    if not settings.EMAIL_HOST:
        # no mail server yet: mails wait, `dekhang doctor` and the administrator's page say so; the others go on
        due = due.exclude(channel=Channel.EMAIL)
    sent = 0
    with _Mail() as mail:
        for message in due[:limit]:
            claimed = OutboundMessage.objects.filter(pk=message.pk, attempts=message.attempts).update(
                attempts=F("attempts") + 1, not_before=now + timedelta(minutes=2**message.attempts)
            )
            if claimed != 1:
                continue
            try:
                _send(message, mail)
            except Exception as error:  # the edge of a loop that must live: any mail fault is recorded
                _failed(message, error)
                continue
            OutboundMessage.objects.filter(pk=message.pk).update(sent_at=clock.now(), error="")
            sent += 1
    return sent


class _Mail:
    """One connection to the mail server for a round, opened at the first mail; when it cannot be, no second try."""

    def __init__(self) -> None:
        self._connection: BaseEmailBackend | None = None
        self._refused: OSError | None = None

    def __enter__(self) -> "_Mail":
        return self

    def connection(self) -> BaseEmailBackend:
        if self._refused is not None:
            raise self._refused
        if self._connection is None:
            self._connection = get_connection()
            try:
                self._connection.open()
            except OSError as error:  # SMTPException is one too
                self._refused = error
                self.drop()
                raise
        return self._connection

    def drop(self) -> None:
        """After a fault the connection may be half way through a mail: the next mail gets a new one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(OSError):
                connection.close()

    def __exit__(self, *_: object) -> None:
        self.drop()


def _send(message: OutboundMessage, mail: _Mail) -> None:
    body = with_link(message.body, message.signed_link)
    if message.channel == Channel.EMAIL:
        letter = EmailMessage(message.subject, body, settings.DEFAULT_FROM_EMAIL, [message.recipient])
        connection = mail.connection()
        try:
            if not connection.send_messages([letter]):
                raise ValueError("thông báo không có địa chỉ người nhận")
        except Exception:
            mail.drop()
            raise
        return
    # one address: `add` would also read others behind a comma
    channel = apprise.Apprise.instantiate(message.recipient)
    if channel is None:
        raise ValueError("địa chỉ Apprise không hợp lệ")
    if not channel.notify(title=message.subject, body=body):
        raise ConnectionError("kênh tin nhắn không nhận")


def _failed(message: OutboundMessage, error: Exception) -> None:
    logger.warning("message %s not sent: %s", message.pk, error)
    given_up = message.attempts + 1 >= MAX_ATTEMPTS
    OutboundMessage.objects.filter(pk=message.pk).update(
        error=str(error)[:500], failed_at=clock.now() if given_up else None
    )
    if given_up:
        record_event(action=AuditAction.MESSAGE_FAILED, by=None, target=message, unit_id=message.unit_id)
