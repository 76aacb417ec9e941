"""One POST to one place, bounded in every way: no redirects, no proxies, a deadline for the whole, a little of the answer."""

import http.client
import socket
import ssl
import threading
from contextlib import suppress

from django.conf import settings

from dekhang.apps.api.webhooks.addresses import Place

CONNECT_SECONDS = 5.0
WHOLE_SECONDS = 10.0  # from the first byte to the answer's status, however slowly it drips
ANSWER_BYTES = 4096  # read and thrown away, so that the receiver sees its answer taken
AGENT = "dekhang-webhook/1"


class _Pinned(http.client.HTTPConnection):
    """Connects to the address that was checked; the name is only for TLS and the Host header."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.host, place.port, timeout=CONNECT_SECONDS)
        self._place = place

    def connect(self) -> None:
        self.sock = socket.create_connection((self._place.pinned, self._place.port), timeout=CONNECT_SECONDS)
        if self._place.encrypted:
            context = ssl.create_default_context(cafile=settings.WEBHOOK_CA or None)
            self.sock = context.wrap_socket(self.sock, server_hostname=self._place.host)

    def abandon(self) -> None:
        """Called by the deadline's thread: whatever waits on the socket wakes up with an error."""
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)


def post(place: Place, body: bytes, headers: dict[str, str]) -> int:
    """The status that came back.

    Raises:
        OSError, http.client.HTTPException: no answer, or none in time.
    """
    connection = _Pinned(place)
    deadline = threading.Timer(WHOLE_SECONDS, connection.abandon)
    deadline.daemon = True
    deadline.start()
    try:
        sent = {"Host": place.host_header, "User-Agent": AGENT, "Content-Type": "application/json", **headers}
        connection.request("POST", place.target, body, sent)
        answer = connection.getresponse()
        answer.read(ANSWER_BYTES)
        return answer.status
    finally:
        deadline.cancel()
        connection.close()
