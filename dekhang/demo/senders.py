"""Small clients of our own receivers: what a shipper on a unit's machine would do, with plain sockets."""

import http.client
import json
import socket
from collections.abc import Sequence

TRY_LATER = {408, 429}


class SendError(Exception):
    """The intake did not take it; the message is a sentence."""


class Refused(SendError):
    """The intake will not take it however often it is sent; `taken` records of it were taken."""

    def __init__(self, sentence: str, *, taken: int = 0) -> None:
        super().__init__(sentence)
        self.taken = taken


class HttpSender:
    """Sends records to the HTTP intake: JSON documents by `_bulk`, text lines as NDJSON body."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host, self._port, self._token = host, port, token
        self._connection: http.client.HTTPConnection | None = None

    def send(self, records: Sequence[bytes]) -> None:
        """Return when the intake has said OK, that is, when the records are on its disk."""
        if not records:
            return
        if all(record.lstrip()[:1] == b"{" for record in records):
            body = b"".join(b'{"create":{"_index":"logs"}}\n' + record.strip() + b"\n" for record in records)
            self._post("/_bulk", body, "application/x-ndjson")
        else:
            self._post("/ndjson", b"\n".join(records) + b"\n", "text/plain")

    def _post(self, path: str, body: bytes, content_type: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        for attempt in (1, 2):  # a connection kept open may have been closed by a restart of the intake
            try:
                if self._connection is None:
                    self._connection = http.client.HTTPConnection(self._host, self._port, timeout=10)
                self._connection.request("POST", path, body, headers)
                answer = self._connection.getresponse()
                text = answer.read()
                break
            except (OSError, http.client.HTTPException) as error:
                self.close()
                if attempt == 2:
                    raise SendError(f"không gửi được tới {self._host}:{self._port}: {error}") from error
        if answer.status == 401:
            raise Refused("cổng nhận log từ chối: mã nguồn log không đúng (401)")
        if answer.status >= 300:
            kind = SendError if answer.status in TRY_LATER or answer.status >= 500 else Refused
            raise kind(f"cổng nhận log trả lời {answer.status}: {text[:200].decode('utf-8', 'replace')}")
        if path == "/_bulk" and (found := json.loads(text)).get("errors"):
            statuses = [action["status"] for item in found["items"] for action in item.values()]
            taken = sum(status < 300 for status in statuses)
            raise Refused(f"cổng nhận log không nhận {len(statuses) - taken} bản ghi", taken=taken)

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class SyslogSender:
    """Sends lines to the syslog TCP intake, ended by newline (RFC 6587 §3.4.2), each after its token."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._host, self._port, self._token = host, port, token
        self._socket: socket.socket | None = None

    def send(self, lines: Sequence[bytes]) -> None:
        """Write the lines; syslog has no OK, so a line lost with a broken connection is sent again by nobody."""
        frames = b"".join(self._frame(line) for line in lines)
        for attempt in (1, 2):
            try:
                if self._socket is None:
                    self._socket = socket.create_connection((self._host, self._port), timeout=10)
                self._socket.sendall(frames)
                return
            except OSError as error:
                self.close()
                if attempt == 2:
                    raise SendError(f"không gửi được tới {self._host}:{self._port}: {error}") from error

    def _frame(self, line: bytes) -> bytes:
        return b"dk-token=%s %s\n" % (self._token.encode(), line.replace(b"\n", b" "))

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
