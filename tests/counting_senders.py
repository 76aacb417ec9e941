"""Senders that keep account of what the intake acknowledged, for tests that kill it meanwhile.

Every record carries a marker of its own, so that the lake can be asked which records it has and how often.
"""

import http.client
import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

MARKER = re.compile(rb"dau-[a-z]+-\d+-\d+")
ACTION = '{"create":{"_index":"logs"}}'


@dataclass
class Account:
    """What one sender tried and what was acknowledged, by marker."""

    attempted: set[bytes] = field(default_factory=set)
    acknowledged: set[bytes] = field(default_factory=set)


class Sender(threading.Thread):
    """Calls `turn` again and again until told to end; `account` is whole once it has ended."""

    def __init__(self, name: str, *, pause_seconds: float) -> None:
        super().__init__(name=name, daemon=True)
        self.account = Account()
        self.pause_seconds = pause_seconds
        self.ending = threading.Event()
        self.turns = 0

    def run(self) -> None:
        while not self.ending.is_set():
            self.turns += 1
            if self.turn():
                self.ending.wait(self.pause_seconds)
            else:
                self.ending.wait(0.1)  # the intake is away

    def turn(self) -> bool:
        raise NotImplementedError

    def marker(self, number: int) -> bytes:
        """Unique over all attempts of all senders."""
        return f"dau-{self.name}-{self.turns}-{number}".encode()

    def end(self) -> Account:
        self.ending.set()
        self.join(30)
        assert not self.is_alive(), f"sender {self.name} hangs"
        self.close()
        return self.account

    def close(self) -> None:
        """Give up the connection."""


class HttpPoster:
    """One kept connection to the HTTP intake."""

    def __init__(self, port: int, token: str) -> None:
        self.port, self.token = port, token
        self._connection: http.client.HTTPConnection | None = None

    def post(self, path: str, body: bytes) -> bytes | None:
        """The answer to a request that was taken (status 200), else None: then nobody knows."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            self._connection.request("POST", path, body, {"Authorization": f"Bearer {self.token}"})
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException):
            self.close()
            return None
        return text if answer.status == 200 else None

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class BulkSender(Sender):
    """JSON documents by `_bulk`.

    Args:
        documents: makes the documents of a turn, one for each marker.
        with_ids: each document has the sender's own id and is sent until acknowledged, as careful shippers do;
            otherwise what was not acknowledged is forgotten.
    """

    def __init__(
        self,
        name: str,
        port: int,
        token: str,
        documents: Callable[[list[bytes]], list[dict[str, object]]],
        *,
        size: int,
        with_ids: bool = False,
        pause_seconds: float = 0.05,
    ) -> None:
        super().__init__(name, pause_seconds=pause_seconds)
        self.poster = HttpPoster(port, token)
        self.documents, self.size, self.with_ids = documents, size, with_ids
        self.repeated = 0

    def turn(self) -> bool:
        markers = [self.marker(number) for number in range(self.size)]
        body = self._body(markers)
        self.account.attempted.update(markers)
        while True:
            answer = self.poster.post("/_bulk", body)
            if answer is not None:
                items = json.loads(answer)["items"]
                self.account.acknowledged.update(
                    marker for marker, item in zip(markers, items, strict=True) if item["create"]["status"] == 201
                )
                return True
            if not self.with_ids or self.ending.is_set():
                return False
            self.repeated += 1
            time.sleep(0.1)

    def close(self) -> None:
        self.poster.close()

    def _body(self, markers: list[bytes]) -> bytes:
        lines = []
        for marker, document in zip(markers, self.documents(markers), strict=True):
            action = {"create": {"_index": "logs", "_id": marker.decode()}} if self.with_ids else ACTION
            lines += [action if isinstance(action, str) else json.dumps(action), json.dumps(document)]
        return "\n".join(lines).encode() + b"\n"


class LineSender(Sender):
    """Text lines by NDJSON, one request a turn."""

    def __init__(
        self, name: str, port: int, token: str, line: Callable[[bytes], bytes], *, pause_seconds: float
    ) -> None:
        super().__init__(name, pause_seconds=pause_seconds)
        self.poster = HttpPoster(port, token)
        self.line = line

    def turn(self) -> bool:
        marker = self.marker(0)
        self.account.attempted.add(marker)
        answer = self.poster.post("/ndjson", self.line(marker) + b"\n")
        if answer is not None:
            self.account.acknowledged.add(marker)
        return answer is not None

    def close(self) -> None:
        self.poster.close()


class SyslogLines(Sender):
    """Lines by syslog over TCP. Syslog has no OK: nothing is ever acknowledged."""

    def __init__(
        self, name: str, port: int, token: str, line: Callable[[bytes], bytes], *, size: int, pause_seconds: float
    ) -> None:
        super().__init__(name, pause_seconds=pause_seconds)
        self.port, self.token, self.line, self.size = port, token, line, size
        self._socket: socket.socket | None = None

    def turn(self) -> bool:
        markers = [self.marker(number) for number in range(self.size)]
        self.account.attempted.update(markers)
        frames = b"".join(b"dk-token=%s %s\n" % (self.token.encode(), self.line(marker)) for marker in markers)
        try:
            if self._socket is None:
                self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=10)
            self._socket.sendall(frames)
        except OSError:
            self.close()
            return False
        return True

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def count_markers(raws: Iterable[bytes]) -> Counter[bytes]:
    """How often each marker stands in these raw records."""
    return Counter(marker for raw in raws for marker in MARKER.findall(raw))


# -- records, in shapes that shippers send


def windows_event(marker: bytes, at: datetime, *, host: str, attack: bool = False) -> dict[str, object]:
    """An NXLog document: a log of Windows was cleared (`attack`), or a service changed its state."""
    moment = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    return {
        "EventTime": moment,
        "Hostname": host,
        "EventID": 104 if attack else 7036,
        "SourceName": "Microsoft-Windows-Eventlog" if attack else "Service Control Manager",
        "Channel": "System",
        "Severity": "INFO",
        "EventReceivedTime": moment,
        "SourceModuleType": "im_msvistalog",
        "Message": f"{marker.decode()}",
    }


def ssh_failure(marker: bytes, at: datetime, address: str) -> bytes:
    """A failed SSH login; the marker stands in the name of the user that was tried."""
    return b"%s may-chu sshd[1291]: Failed password for %s from %s port 40000 ssh2" % (
        f"{at.astimezone(UTC):%b %d %H:%M:%S}".encode(),
        marker,
        address.encode(),
    )


def ordinary_line(marker: bytes, at: datetime) -> bytes:
    return b"%s may-chu CRON[77]: (root) CMD (%s)" % (f"{at.astimezone(UTC):%b %d %H:%M:%S}".encode(), marker)
