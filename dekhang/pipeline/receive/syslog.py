"""Syslog over UDP, TCP and TLS (RFC 3164, 5424, 5425, 5426, 6587).

Syslog has no OK: what was read from the network is on disk within 0.2 s. Messages are kept as they came, without the
token.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from typing import Any

from dekhang.pipeline.receive.framing import Framer, has_controls, is_noise
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.kernel import udp_drops
from dekhang.pipeline.receive.part import port_problem
from dekhang.pipeline.receive.refusals import UNKNOWN_SOURCE, Refusals
from dekhang.pipeline.receive.sender import Senders, may_hold_token
from dekhang.pipeline.receive.tls import Certificates, Front
from dekhang.pipeline.stores.intake import normalise_ip
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

CONNECTIONS = 1000
CONNECTIONS_PER_ADDRESS = 200
NOISE_LIMIT = 100  # messages of noise before a connection is closed
STRANGER_SECONDS = 60.0  # a connection that has not shown who it is may stay for this long
UDP_BUFFER_BYTES = 8 * 1024 * 1024
DROPS_SECONDS = 1.0


class SyslogReceiver:
    """Listeners and connections of one process. `gatherer` must be set before `listen`."""

    gatherer: Gatherer

    def __init__(self, senders: Senders, refusals: Refusals) -> None:
        self.senders = senders
        self.refusals = refusals
        self.connections: set[_Connection] = set()
        self.per_address: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._front: Front | None = None
        self._udp: _Datagrams | None = None
        self._chores: list[asyncio.Task[None]] = []
        self.messages = 0
        self.dropped = 0  # by the kernel, of this process's socket

    async def listen(self, host: str, *, udp_port: int, tcp_port: int) -> None:
        """Open the ports that are not 0. Raises CannotStart with port and option."""
        loop = asyncio.get_running_loop()
        if tcp_port:
            try:
                self._server = await loop.create_server(lambda: _Connection(self), host, tcp_port, backlog=256)
            except OSError as error:
                raise port_problem(error, host, tcp_port, "--tcp") from error
        if udp_port:
            self._udp = _Datagrams(self, bound_udp(host, udp_port), f"{host}:{udp_port}")
            loop.add_reader(self._udp.sock, self._udp.read)
        self._chores = [loop.create_task(self._watch_drops()), loop.create_task(self._dismiss_strangers())]

    async def listen_tls(self, host: str, port: int, certificates: Certificates) -> None:
        """Raises CannotStart."""
        self._front = Front(
            certificates, self.refusals, lambda ip, certificate: _Connection(self, "syslog_tls", certificate)
        )
        await self._front.listen(host, port, "--tls-port")

    def take(self, messages: list[bytes], seen: bytes, ip: str, transport: str, certificate: str = "") -> int | None:
        """Store messages of one sender, or count why not; the id of their (last) source when they were stored.

        `seen`: bytes that hold all of the messages: what is not in there need not be looked for in each of them.
        """
        if may_hold_token(seen):
            known = [self._take_one(message, ip, transport, certificate) for message in messages]
            return next((one for one in reversed(known) if one is not None), None)
        source, refused = self.senders.of_peer(ip, certificate)
        if refused is not None or source is None:
            example = certificate.encode() if refused is Reason.UNKNOWN_CERTIFICATE else messages[-1][:200]
            self.refusals.add(
                source.source_id if source else UNKNOWN_SOURCE,
                refused or Reason.UNKNOWN_SENDER,
                len(messages),
                size_bytes=sum(map(len, messages)),
                example=example,
                peer=ip,
            )
            return None
        self.messages += len(messages)
        self.gatherer.add(source, transport, ip, messages, sum(map(len, messages)))
        return source.source_id

    def _take_one(self, message: bytes, ip: str, transport: str, certificate: str) -> int | None:
        source, text, refused = self.senders.of(message, ip, certificate)
        if refused is not None or source is None:
            self.refusals.add(
                source.source_id if source else UNKNOWN_SOURCE,
                refused or Reason.UNKNOWN_SENDER,
                size_bytes=len(message),
                # a wrong token may be a right one mistyped: it is not shown to whoever reads refusals
                example=b"" if refused is Reason.WRONG_TOKEN else text[:200],
                peer=ip,
            )
            return None
        self.messages += 1
        self.gatherer.add(source, transport, ip, [text], len(text))
        return source.source_id

    def noise(self, message: bytes, ip: str, certificate: str = "") -> None:
        """Count bytes that are no log line, under the source that registered the address, if one did."""
        source, _ = self.senders.of_peer(ip, certificate)
        example = ascii(message[:60])[2:-1].encode()
        source_id = source.source_id if source else UNKNOWN_SOURCE
        self.refusals.add(source_id, Reason.NOISE, size_bytes=len(message), example=example, peer=ip)

    def press(self) -> None:
        """Stop or resume reading from TCP connections whose sources have to wait."""
        for connection in self.connections:
            connection.press()

    def has_room(self) -> bool:
        """Is there a place for one more connection? The oldest stranger has to leave when there is none."""
        if len(self.connections) < CONNECTIONS:
            return True
        stranger = min((one for one in self.connections if not one.known), key=lambda one: one.opened_at, default=None)
        if stranger is None:
            return False
        self.refusals.add(UNKNOWN_SOURCE, Reason.OVERLOADED, peer=stranger.ip)
        self.connections.discard(stranger)
        stranger.abort()
        return True

    async def _watch_drops(self) -> None:
        while True:
            await asyncio.sleep(DROPS_SECONDS)
            self._count_drops()

    def _count_drops(self) -> None:
        """Datagrams that the kernel threw away because we were too slow; whose they were nobody knows."""
        if self._udp is None:
            return
        dropped = udp_drops(self._udp.sock)
        if dropped > self.dropped:
            self.refusals.add(
                UNKNOWN_SOURCE, Reason.KERNEL_DROPPED, dropped - self.dropped, peer=f"UDP {self._udp.name}"
            )
            self.dropped = dropped

    async def _dismiss_strangers(self) -> None:
        while True:
            await asyncio.sleep(STRANGER_SECONDS / 6)
            oldest = asyncio.get_running_loop().time() - STRANGER_SECONDS
            for connection in list(self.connections):
                if not connection.known and connection.opened_at < oldest:
                    connection.close()

    async def close(self) -> None:
        for chore in self._chores:
            chore.cancel()
        if self._server is not None:
            self._server.close()
        if self._front is not None:
            self._front.close()
        await asyncio.sleep(0.05)  # what the kernel already has for us is read in this time
        for connection in list(self.connections):
            connection.close()
        if self._udp is not None:
            asyncio.get_running_loop().remove_reader(self._udp.sock)
            self._udp.read()
            self._count_drops()
            self._udp.sock.close()
        await asyncio.sleep(0)

    def facts(self) -> dict[str, Any]:
        facts = {
            "messages": self.messages,
            "connections": len(self.connections),
            "kernel_dropped": self.dropped,
        }
        return {**facts, **self._front.facts()} if self._front is not None else facts


class _Datagrams:
    """Reads a UDP socket until it is empty, or for AT_ONCE datagrams; those of one sender are taken together."""

    AT_ONCE = 512
    ADDRESSES = 10_000

    def __init__(self, receiver: SyslogReceiver, sock: socket.socket, name: str) -> None:
        self._receiver = receiver
        self.sock = sock
        self.name = name
        self._ips: dict[str, str] = {}

    def read(self) -> None:
        by_address: dict[str, list[bytes]] = {}
        receive = self.sock.recvfrom
        for _ in range(self.AT_ONCE):
            try:
                data, address = receive(65535)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:  # an ICMP answer to something we never sent
                continue
            message = data.rstrip(b"\r\n\0 ")
            if message:
                by_address.setdefault(address[0], []).append(message)
        for address, messages in by_address.items():
            self._take(messages, self._ip_of(address))

    def _take(self, messages: list[bytes], ip: str) -> None:
        seen = b"\n".join(messages)
        if has_controls(seen):
            for noise in filter(is_noise, messages):
                self._receiver.noise(noise, ip)
            messages = [message for message in messages if not is_noise(message)]
        if messages:
            self._receiver.take(messages, seen, ip, "syslog_udp")

    def _ip_of(self, address: str) -> str:
        ip = self._ips.get(address)
        if ip is None:
            if len(self._ips) >= self.ADDRESSES:
                self._ips.clear()
            ip = self._ips[address] = normalise_ip(address)
        return ip


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: SyslogReceiver, transport: str = "syslog_tcp", certificate: str = "") -> None:
        self._receiver = receiver
        self._name = transport
        self._certificate = certificate
        self._framer = Framer()
        self._noise = 0
        self.ip = ""
        self._transport: asyncio.Transport | None = None
        self._source_id = UNKNOWN_SOURCE
        self.known = False
        self.opened_at = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("",)
        self.ip = normalise_ip(str(peer[0]))
        receiver = self._receiver
        full = receiver.per_address[self.ip] >= CONNECTIONS_PER_ADDRESS or not receiver.has_room()
        receiver.connections.add(self)
        receiver.per_address[self.ip] += 1
        if full:
            receiver.refusals.add(UNKNOWN_SOURCE, Reason.OVERLOADED, peer=self.ip)
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a sender that vanished is noticed; one that is only silent keeps its connection
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
        self.press()

    def data_received(self, data: bytes) -> None:
        seen = self._framer.rest + data if self._framer.rest else data
        self._take(self._framer.feed(data), seen)

    def eof_received(self) -> None:
        seen = self._framer.rest
        self._take(self._framer.finish(), seen)

    def _take(self, messages: list[bytes], seen: bytes) -> None:
        receiver = self._receiver
        if messages and has_controls(seen):
            for noise in filter(is_noise, messages):
                self._noise += 1
                receiver.noise(noise, self.ip, self._certificate)
            messages = [message for message in messages if not is_noise(message)]
        if messages:
            source_id = receiver.take(messages, seen, self.ip, self._name, self._certificate)
            if source_id is not None:
                self.known = True
                if source_id != self._source_id:
                    self._source_id = source_id
                    self.press()
        if self._framer.oversize_bytes or self._framer.oversize:
            records, size = self._framer.take_oversize()
            receiver.refusals.add(self._source_id, Reason.OVERSIZE, records, size_bytes=size, peer=self.ip)
        if self._noise >= NOISE_LIMIT and self._transport is not None:
            logger.warning("Đóng kết nối từ %s: chỉ gửi dữ liệu nhị phân.", self.ip)
            self._transport.abort()

    def press(self) -> None:
        """Stop reading while the source has to wait: its sender waits, too. Read on when it need not."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if self._receiver.gatherer.presses(self._source_id):
            transport.pause_reading()
        elif not transport.is_reading():
            transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self.eof_received()
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self.eof_received()
            self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.eof_received()
        self._receiver.connections.discard(self)
        self._receiver.per_address[self.ip] -= 1
        if self._receiver.per_address[self.ip] <= 0:
            del self._receiver.per_address[self.ip]


def bound_udp(host: str, port: int) -> socket.socket:
    """A UDP socket with a large buffer. Raises CannotStart."""
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        sock.bind((host, port))
    except OSError as error:
        sock.close()
        raise port_problem(error, host, port, "--udp", udp=True) from error
    for option in (getattr(socket, "SO_RCVBUFFORCE", 33), socket.SO_RCVBUF):  # the first needs privileges
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, option, UDP_BUFFER_BYTES)
            break
    return sock
