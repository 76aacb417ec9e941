"""A real SMTP server for the tests of mails."""

import email
from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller

from tests.installation import free_port


class Mailbox:
    """What a real SMTP server took; `refuses`: addresses that it answers with 550."""

    def __init__(self) -> None:
        self.letters: list[email.message.Message] = []
        self.refuses: set[str] = set()
        self.sessions: set[int] = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in self.refuses:
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.sessions.add(id(session))
        self.letters.append(email.message_from_bytes(envelope.content))
        return "250 OK"


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=free_port())
    server.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.DEFAULT_FROM_EMAIL = "dekhang@example.gov.vn"
    yield box
    server.stop()
