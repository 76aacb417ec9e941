"""TLS in front of the receivers: one listener for syslog (RFC 5425) and for HTTPS.

Handshakes are bounded in number and time before anything of ours sees the connection. A client certificate, when the
sender shows one that the authority in `ca` signed, names its source by its SHA-256 (`IntakeSource.certificates`).
Files that change are read again for the connections that come then; a faulty file leaves the old one in force.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import ssl
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.part import CannotStart, port_problem
from dekhang.pipeline.receive.refusals import UNKNOWN_SOURCE, Refusals
from dekhang.pipeline.stores.intake import normalise_ip
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 10.0
HANDSHAKES = 128  # under way at once
HANDSHAKES_PER_ADDRESS = 32
SHUTDOWN_SECONDS = 2.0
LOOK_SECONDS = 1.0
WARN_DAYS = 30
DAY_MS = 86_400_000

_WHY = {  # OpenSSL's name of a failure → what it is for a person
    "HTTP_REQUEST": "máy gửi nói HTTP không mã hóa ở cổng TLS; hãy dùng https://",
    "WRONG_VERSION_NUMBER": "máy gửi không nói TLS ở cổng TLS; hãy bật TLS ở máy gửi hoặc dùng cổng thường",
    "UNSUPPORTED_PROTOCOL": "máy gửi chỉ biết TLS cũ hơn 1.2; hãy nâng cấp máy gửi",
    "NO_SHARED_CIPHER": "máy gửi không có thuật toán mã hóa nào chung; hãy nâng cấp máy gửi",
    "CERTIFICATE_VERIFY_FAILED": "chứng chỉ của máy gửi không do nơi cấp mà hệ thống tin ký, hoặc đã hết hạn",
    "TLSV1_ALERT_UNKNOWN_CA": "máy gửi không tin chứng chỉ của hệ thống; hãy chép tệp CA của hệ thống vào máy gửi",
    "SSLV3_ALERT_BAD_CERTIFICATE": "máy gửi không chấp nhận chứng chỉ của hệ thống; kiểm tra tên máy trong chứng chỉ",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "máy gửi không chấp nhận chứng chỉ của hệ thống; kiểm tra tệp CA và tên máy",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "máy gửi thấy chứng chỉ của hệ thống đã hết hạn, hoặc đồng hồ máy gửi sai",
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files: our certificate (with its chain) and key; `ca`: whose client certificates are accepted, if any."""

    certificate: Path
    key: Path
    ca: Path | None = None

    def paths(self) -> list[Path]:
        return [self.certificate, self.key, *([self.ca] if self.ca else [])]


class Certificates:
    """The TLS settings in force, following their files.

    Attributes:
        context: for new connections.
        problem: a sentence when files are faulty or run out, else empty.
    """

    def __init__(self, files: TlsFiles, *, alpn: tuple[str, ...] = ()) -> None:
        self._files = files
        self._alpn = alpn
        self._next_look = 0.0
        self._stamp = self._look()
        self._fault = ""
        self._end_ms: int | None = None
        try:
            self.context = self._load()
        except (OSError, ValueError) as error:
            raise CannotStart(self._sentence(error)) from error

    def refresh(self) -> bool:
        """Read the files again when they changed, looking at most once a second; True when new ones are in force."""
        now = time.monotonic()
        if now < self._next_look:
            return False
        self._next_look = now + LOOK_SECONDS
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            self.context = self._load()
        except (OSError, ValueError) as error:
            self._fault = self._sentence(error) + " Vẫn dùng chứng chỉ cũ."
            logger.error("%s", self._fault)
            return False
        self._fault = ""
        logger.info("Đã đọc lại chứng chỉ TLS %s", self._files.certificate)
        return True

    @property
    def problem(self) -> str:
        if self._fault:
            return self._fault
        if self._end_ms is None:
            return ""
        days = (self._end_ms - wallclock.now_ms()) / DAY_MS
        if days < 0:
            return f"Chứng chỉ TLS {self._files.certificate} đã hết hạn; máy gửi sẽ từ chối. Hãy thay tệp, không cần khởi động lại."
        if days < WARN_DAYS:
            return f"Chứng chỉ TLS {self._files.certificate} còn {int(days)} ngày là hết hạn. Hãy thay tệp, không cần khởi động lại."
        return ""

    def _look(self) -> tuple[Any, ...]:
        stamps: list[Any] = []
        for path in self._files.paths():
            try:
                facts = path.stat()
                stamps.append((facts.st_mtime_ns, facts.st_size, facts.st_ino))
            except OSError as error:
                stamps.append(error.errno)
        return tuple(stamps)

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for path in self._files.paths():
            path.open("rb").close()  # ssl does not say which file it could not open
        # a key that asks for a password must not make a service wait at a terminal
        context.load_cert_chain(self._files.certificate, self._files.key, password=lambda: "")
        if self._files.ca is not None:
            context.load_verify_locations(self._files.ca)
            context.verify_mode = ssl.CERT_OPTIONAL
            context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # a sender's own certificate may be listed by itself
        if self._alpn:
            context.set_alpn_protocols(list(self._alpn))
        self._end_ms = _end_of(context, self._files.certificate)
        return context

    def _sentence(self, error: Exception) -> str:
        if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and error.filename:
            return f"Không đọc được tệp TLS {error.filename}: {error.strerror}. Sửa đường dẫn hoặc quyền đọc."
        reason = getattr(error, "reason", None) or error
        return (
            f"Tệp TLS không dùng được ({reason}): chứng chỉ {self._files.certificate}, khóa {self._files.key}"
            + (f", CA {self._files.ca}" if self._files.ca else "")
            + ". Cần tệp PEM; khóa phải là của chứng chỉ ấy và không đặt mật khẩu."
        )


def _end_of(context: ssl.SSLContext, certificate: Path) -> int | None:
    """When our own certificate ends, UTC ms, by a handshake with ourselves in memory; None when it cannot be told."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(certificate)
        to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        ours = context.wrap_bio(to_server, to_client, server_side=True)
        theirs = client.wrap_bio(to_client, to_server)
        for _ in range(6):
            for side in (theirs, ours):
                try:
                    side.do_handshake()
                except ssl.SSLWantReadError:
                    continue
        end = (theirs.getpeercert() or {}).get("notAfter")
    except ssl.SSLCertVerificationError as error:
        expired = error.verify_code == 10  # X509_V_ERR_CERT_HAS_EXPIRED
        return 0 if expired else None
    except (OSError, ValueError):
        return None
    return int(ssl.cert_time_to_seconds(str(end)) * 1000) if end else None


@dataclass(slots=True)
class Front:
    """A TLS listener. `make(ip, certificate)` gives the protocol of a connection whose handshake is done.

    `certificate`: SHA-256 of the client's, hex; empty when it showed none.
    """

    certificates: Certificates
    refusals: Refusals
    make: Callable[[str, str], asyncio.Protocol]
    handshakes: set[_Opening] = field(default_factory=set)
    per_address: Counter[str] = field(default_factory=Counter)
    failed: int = 0
    _server: asyncio.Server | None = None

    async def listen(self, host: str, port: int, option: str) -> None:
        """Raises CannotStart."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Opening(self), host, port, backlog=256)
        except OSError as error:
            raise port_problem(error, host, port, option) from error

    def refuse(self, reason: Reason, ip: str, why: str) -> None:
        self.failed += 1
        self.refusals.add(UNKNOWN_SOURCE, reason, example=why.encode(), peer=ip)

    def facts(self) -> dict[str, Any]:
        """For the heartbeat."""
        self.certificates.refresh()
        return {"tls_failed": self.failed, "tls_problem": self.certificates.problem}

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        for opening in list(self.handshakes):
            opening.abort()


class _Opening(asyncio.Protocol):
    """A connection before and during its handshake. What arrives with the end of it is kept for the real protocol."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._ip = ""
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []
        self._ended = False
        self._lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.pause_reading()
        self._transport = transport
        self._ip = normalise_ip(str((transport.get_extra_info("peername") or ("",))[0]))
        front = self._front
        if len(front.handshakes) >= HANDSHAKES or front.per_address[self._ip] >= HANDSHAKES_PER_ADDRESS:
            front.refuse(Reason.OVERLOADED, self._ip, "quá nhiều kết nối TLS đang bắt tay cùng lúc")
            transport.abort()
            return
        front.handshakes.add(self)
        front.per_address[self._ip] += 1
        self._task = asyncio.get_running_loop().create_task(self._shake_hands(transport))

    async def _shake_hands(self, transport: asyncio.Transport) -> None:
        front = self._front
        front.certificates.refresh()
        try:
            secure = await asyncio.get_running_loop().start_tls(
                transport,
                self,
                front.certificates.context,
                server_side=True,
                ssl_handshake_timeout=HANDSHAKE_SECONDS,
                ssl_shutdown_timeout=SHUTDOWN_SECONDS,
            )
        except OSError as error:  # ssl's errors are among them
            transport.abort()
            front.refuse(Reason.TLS_HANDSHAKE, self._ip, _why(error))
            return
        finally:
            front.handshakes.discard(self)
            front.per_address[self._ip] -= 1
            if front.per_address[self._ip] <= 0:
                del front.per_address[self._ip]
        if secure is None or self._lost:
            return
        shown = secure.get_extra_info("ssl_object").getpeercert(binary_form=True)
        protocol = front.make(self._ip, hashlib.sha256(shown).hexdigest() if shown else "")
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        for piece in self._early:
            protocol.data_received(piece)
        if self._ended:
            protocol.eof_received()

    def data_received(self, data: bytes) -> None:
        self._early.append(data)

    def eof_received(self) -> None:
        self._ended = True

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True

    def abort(self) -> None:
        if self._task is not None:
            self._task.cancel()
        if self._transport is not None:
            self._transport.abort()


def _why(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        if detail := getattr(error, "verify_message", ""):
            return f"chứng chỉ của máy gửi bị từ chối: {detail}"
        return _WHY.get(error.reason or "", f"TLS báo {error.reason or error}")
    if isinstance(error, ConnectionAbortedError) and "handshake" in str(error):
        return f"máy gửi không bắt tay xong trong {HANDSHAKE_SECONDS:.0f} giây"
    return "máy gửi ngắt giữa lúc bắt tay; thường vì nó không tin chứng chỉ của hệ thống"
