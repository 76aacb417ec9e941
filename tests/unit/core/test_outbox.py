import email
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from aiosmtpd.controller import Controller

from dekhang.apps.core import clock
from dekhang.apps.core.audit import verify_chain
from dekhang.apps.core.enums import AuditAction, Channel
from dekhang.apps.core.jobs import MAX_ATTEMPTS, deliver_messages
from dekhang.apps.core.models import AuditEvent, OutboundMessage
from dekhang.apps.core.services import enqueue_message
from tests.installation import free_port
from tests.mailbox import Mailbox

pytestmark = [
    pytest.mark.django_db,
    # a plugin of apprise imports it when it is first loaded
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]
MORNING = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)


@pytest.fixture
def no_mail_server(settings) -> None:
    """A mail server is set, but nobody listens there."""
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", free_port()


def message(key: str = "mot", **fields) -> OutboundMessage | None:
    values = {"recipient": "can-bo@example.gov.vn", "subject": "Cảnh báo", "body": "Có dấu hiệu tấn công."}
    return enqueue_message(dedupe_key=key, **{**values, **fields})


def header(letter: email.message.Message, name: str) -> str:
    return str(make_header(decode_header(letter[name])))


def test_a_vietnamese_mail_arrives_letter_for_letter(mailbox, frozen_now):
    body = "Đơn vị: Sở Y tế\nTấn công dò mật khẩu — 12 lần.\n.dòng bắt đầu bằng dấu chấm\n"
    message(subject="[Đề Kháng] Cảnh báo nghiêm trọng ở Sở Y tế", body=body)
    assert deliver_messages() == 1
    (letter,) = mailbox.letters
    assert header(letter, "Subject") == "[Đề Kháng] Cảnh báo nghiêm trọng ở Sở Y tế"
    assert letter["To"] == "can-bo@example.gov.vn"
    assert letter.get_payload(decode=True).decode().replace("\r\n", "\n") == body
    assert OutboundMessage.objects.get().sent_at == frozen_now


def test_a_sent_message_never_goes_out_again(mailbox):
    message()
    assert [deliver_messages(), deliver_messages()] == [1, 0]
    assert len(mailbox.letters) == 1


def test_the_same_cause_sends_once(mailbox):
    assert message("canh-bao:1:can-bo") is not None
    assert message("canh-bao:1:can-bo", subject="lần hai") is None
    assert deliver_messages() == 1


def test_a_round_of_mails_uses_one_connection(mailbox):
    for number in range(5):
        message(f"thu-{number}")
    assert deliver_messages() == 5
    assert len(mailbox.sessions) == 1


def test_a_line_break_in_a_subject_becomes_a_space_and_adds_no_header(mailbox):
    message(subject="Cảnh báo\r\nBcc: ai-do@example.gov.vn")
    assert deliver_messages() == 1
    (letter,) = mailbox.letters
    assert header(letter, "Subject") == "Cảnh báo Bcc: ai-do@example.gov.vn"
    assert letter["Bcc"] is None


def test_a_refused_address_does_not_hold_up_the_others(mailbox):
    mailbox.refuses.add("sai@example.gov.vn")
    message("sai", recipient="sai@example.gov.vn")
    message("dung")
    assert deliver_messages() == 1
    wrong = OutboundMessage.objects.get(dedupe_key="sai")
    assert wrong.sent_at is None
    assert "550" in wrong.error


def test_a_message_without_an_address_is_a_fault_not_a_success(mailbox):
    message(recipient="")
    assert deliver_messages() == 0
    assert "không có địa chỉ" in OutboundMessage.objects.get().error


def test_with_the_server_away_each_try_waits_twice_as_long_and_then_it_is_given_up(no_mail_server):
    with clock.at(MORNING):
        message()
    now, pauses = MORNING, []
    for attempt in range(1, MAX_ATTEMPTS + 1):
        with clock.at(now):
            assert deliver_messages() == 0
            waiting = OutboundMessage.objects.get()
            assert waiting.attempts == attempt
            assert deliver_messages() == 0, "before its time it is not tried again"
            assert OutboundMessage.objects.get().attempts == attempt
        pauses.append(waiting.not_before - now)
        now = waiting.not_before
    assert pauses == [timedelta(minutes=2**n) for n in range(MAX_ATTEMPTS)]
    given_up = OutboundMessage.objects.get()
    assert given_up.failed_at is not None
    assert given_up.error
    assert AuditEvent.objects.filter(action=AuditAction.MESSAGE_FAILED).count() == 1
    assert list(verify_chain()) == []
    with clock.at(now + timedelta(days=30)):
        assert deliver_messages() == 0


def test_a_server_that_is_away_is_tried_once_a_round(no_mail_server, monkeypatch):
    from django.core.mail.backends import smtp

    tried = []
    original = smtp.EmailBackend.open
    monkeypatch.setattr(smtp.EmailBackend, "open", lambda self: tried.append(1) or original(self))
    for number in range(8):
        message(f"thu-{number}")
    assert deliver_messages() == 0
    assert len(tried) == 1
    assert set(OutboundMessage.objects.values_list("attempts", flat=True)) == {1}


def test_after_the_server_is_back_the_message_goes_out(no_mail_server, settings):
    with clock.at(MORNING):
        message()
        assert deliver_messages() == 0
    box = Mailbox()
    server = Controller(box, hostname="127.0.0.1", port=settings.EMAIL_PORT)
    server.start()
    try:
        with clock.at(MORNING + timedelta(minutes=1)):
            assert deliver_messages() == 1
    finally:
        server.stop()
    assert OutboundMessage.objects.get().error == ""


def test_without_a_mail_server_mails_wait_and_other_channels_go_on(settings, apprise_receiver):
    settings.EMAIL_HOST = ""
    for number in range(25):  # more than one round takes: waiting mails must not fill it
        message(f"thu-{number}")
    message("zalo", channel=Channel.APPRISE, recipient=apprise_receiver.address)
    assert deliver_messages() == 1
    assert OutboundMessage.objects.filter(channel=Channel.EMAIL, attempts=0, sent_at=None).count() == 25


def test_an_apprise_channel_gets_the_message(apprise_receiver):
    message(channel=Channel.APPRISE, recipient=apprise_receiver.address, subject="Cảnh báo", body="Dò mật khẩu")
    assert deliver_messages() == 1
    (got,) = apprise_receiver.bodies
    assert (got["title"], got["message"]) == ("Cảnh báo", "Dò mật khẩu")


@pytest.mark.parametrize(
    ("address", "sentence"),
    [("không phải địa chỉ", "không hợp lệ"), ("json://127.0.0.1:{nobody}/", "không nhận")],
)
def test_an_apprise_channel_that_fails_is_said_and_tried_again(address, sentence):
    message(channel=Channel.APPRISE, recipient=address.format(nobody=free_port()))
    assert deliver_messages() == 0
    assert sentence in OutboundMessage.objects.get().error


def test_a_message_for_later_waits(mailbox):
    with clock.at(MORNING):
        message(not_before=MORNING + timedelta(hours=1))
        assert deliver_messages() == 0
    with clock.at(MORNING + timedelta(hours=1)):
        assert deliver_messages() == 1


class ApprisesOwn:
    def __init__(self) -> None:
        self.bodies: list[dict[str, object]] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"json://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


@pytest.fixture
def apprise_receiver() -> Iterator[ApprisesOwn]:
    receiver = ApprisesOwn()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()
