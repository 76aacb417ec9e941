"""Syslog over UDP and TCP (RFC 3164, 5424, 5426, 6587).

Syslog has no OK: what was read from the network is on disk within 0.2 s. Messages are kept as they came, without the
token.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import Counter
from pathlib import Path
from typing import Any

from dekhang.pipeline.receive.framing import Framer, is_noise
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.part import port_problem
from dekhang.pipeline.receive.refusals import UNKNOWN_SOURCE, Refusals
from dekhang.pipeline.receive.sender import Senders
from dekhang.pipeline.stores.intake import normalise_ip
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

CONNECTIONS = 1000
CONNECTIONS_PER_ADDRESS = 200
NOISE_LIMIT = 100  # messages of noise before a connection is closed
STRANGER_SECONDS = 60.0  # a connection that has not shown who it is may stay silent for this long
UDP_BUFFER_BYTES = 8 * 1024 * 1024
DROPS_SECONDS = 5.0


class SyslogReceiver:
    """Listeners and connections of one process. `gatherer` must be set before `listen`."""

    gatherer: Gatherer

    def __init__(self, senders: Senders, refusals: Refusals) -> None:
        self.senders = senders
        self.refusals = refusals
        self.connections: set[_Connection] = set()
        self.per_address: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._udp: asyncio.DatagramTransport | None = None
        self._udp_port = 0
        self._chores: list[asyncio.Task[None]] = []
        self.messages = 0

    async def listen(self, host: str, *, udp_port: int, tcp_port: int) -> None:
        """Open the ports that are not 0. Raises CannotStart with port and option."""
        loop = asyncio.get_running_loop()
        if tcp_port:
            try:
                self._server = await loop.create_server(lambda: _Connection(self), host, tcp_port, backlog=256)
            except OSError as error:
                raise port_problem(error, host, tcp_port, "--tcp") from error
        if udp_port:
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (host, udp_port))
            except OSError as error:
                raise port_problem(error, host, udp_port, "--udp", udp=True) from error
            self._udp_port = udp_port
            sock: socket.socket = self._udp.get_extra_info("socket")
            for option in (getattr(socket, "SO_RCVBUFFORCE", 33), socket.SO_RCVBUF):  # the first needs privileges
                with contextlib.suppress(OSError):
                    sock.setsockopt(socket.SOL_SOCKET, option, UDP_BUFFER_BYTES)
                    break
        self._chores = [loop.create_task(self._count_drops()), loop.create_task(self._dismiss_strangers())]

    def take(self, message: bytes, ip: str, transport: str) -> int | None:
        """Store one message, or count why not; the id of its source when it was stored."""
        source, text, refused = self.senders.of(message, ip)
        if refused is not None or source is None:
            self.refusals.add(
                source.source_id if source else UNKNOWN_SOURCE,
                refused or Reason.UNKNOWN_SENDER,
                size_bytes=len(message),
                # a wrong token may be a right one mistyped: it is not shown to whoever reads refusals
                example=b"" if refused is Reason.WRONG_TOKEN else message[:200],
                peer=ip,
            )
            return None
        self.messages += 1
        self.gatherer.add(source, transport, ip, text)
        return source.source_id

    def noise(self, message: bytes, ip: str) -> None:
        """Count bytes that are no log line, under the source that registered the address, if one did."""
        source, _, _ = self.senders.of(b"", ip)
        example = ascii(message[:60])[2:-1].encode()
        source_id = source.source_id if source else UNKNOWN_SOURCE
        self.refusals.add(source_id, Reason.NOISE, size_bytes=len(message), example=example, peer=ip)

    def press(self, on: bool) -> None:
        """Stop or resume reading from TCP connections while the disk is behind; their senders wait."""
        for connection in self.connections:
            connection.press(on)

    async def _count_drops(self) -> None:
        """Datagrams that the kernel threw away because we were too slow, where /proc tells."""
        if not self._udp_port:
            return
        before = kernel_drops(self._udp_port)
        while True:
            await asyncio.sleep(DROPS_SECONDS)
            now = kernel_drops(self._udp_port)
            if now > before:
                self.refusals.add(UNKNOWN_SOURCE, Reason.KERNEL_DROPPED, now - before)
            before = now

    async def _dismiss_strangers(self) -> None:
        while True:
            await asyncio.sleep(STRANGER_SECONDS / 6)
            oldest = asyncio.get_running_loop().time() - STRANGER_SECONDS
            for connection in list(self.connections):
                if not connection.known and connection.heard_at < oldest:
                    connection.close()

    async def close(self) -> None:
        for chore in self._chores:
            chore.cancel()
        if self._server is not None:
            self._server.close()
        await asyncio.sleep(0.05)  # what the kernel already has for us is read in this time
        for connection in list(self.connections):
            connection.close()
        if self._udp is not None:
            self._udp.close()
        await asyncio.sleep(0)

    def facts(self) -> dict[str, Any]:
        return {"messages": self.messages, "connections": len(self.connections)}


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, receiver: SyslogReceiver) -> None:
        self._receiver = receiver

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        message = data.rstrip(b"\r\n\0 ")
        if not message:
            return
        ip = normalise_ip(addr[0])
        if is_noise(message):
            self._receiver.noise(message, ip)
        else:
            self._receiver.take(message, ip, "syslog_udp")


class _Connection(asyncio.Protocol):
    def __init__(self, receiver: SyslogReceiver) -> None:
        self._receiver = receiver
        self._framer = Framer()
        self._noise = 0
        self._ip = ""
        self._transport: asyncio.Transport | None = None
        self._source_id = UNKNOWN_SOURCE
        self.known = False
        self.heard_at = asyncio.get_running_loop().time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername") or ("",)
        self._ip = normalise_ip(str(peer[0]))
        receiver = self._receiver
        full = len(receiver.connections) >= CONNECTIONS or receiver.per_address[self._ip] >= CONNECTIONS_PER_ADDRESS
        receiver.connections.add(self)
        receiver.per_address[self._ip] += 1
        if full:
            receiver.refusals.add(UNKNOWN_SOURCE, Reason.OVERLOADED, peer=self._ip)
            transport.abort()
            return
        sock = transport.get_extra_info("socket")
        if sock is not None:  # a sender that vanished is noticed; one that is only silent keeps its connection
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120)
        if receiver.gatherer.pressed:
            transport.pause_reading()

    def data_received(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self._take(self._framer.feed(data))

    def eof_received(self) -> None:
        self._take(self._framer.finish())

    def _take(self, messages: list[bytes]) -> None:
        for message in messages:
            if is_noise(message):
                self._noise += 1
                self._receiver.noise(message, self._ip)
                continue
            source_id = self._receiver.take(message, self._ip, "syslog_tcp")
            if source_id is not None:
                self.known, self._source_id = True, source_id
        records, size = self._framer.take_oversize()
        self._receiver.refusals.add(self._source_id, Reason.OVERSIZE, records, size_bytes=size, peer=self._ip)
        if self._noise >= NOISE_LIMIT and self._transport is not None:
            logger.warning("Đóng kết nối từ %s: chỉ gửi dữ liệu nhị phân.", self._ip)
            self._transport.abort()

    def press(self, on: bool) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if on:
            transport.pause_reading()
        else:
            transport.resume_reading()

    def close(self) -> None:
        if self._transport is not None:
            self._take(self._framer.finish())
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._take(self._framer.finish())
        self._receiver.connections.discard(self)
        self._receiver.per_address[self._ip] -= 1
        if self._receiver.per_address[self._ip] <= 0:
            del self._receiver.per_address[self._ip]


def kernel_drops(port: int, table: tuple[Path, ...] = (Path("/proc/net/udp"), Path("/proc/net/udp6"))) -> int:
    """Datagrams dropped so far by sockets bound to `port`; 0 where the kernel does not tell."""
    total = 0
    for path in table:
        try:
            lines = path.read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            with contextlib.suppress(ValueError, IndexError):
                if int(fields[1].rsplit(":", 1)[1], 16) == port:
                    total += int(fields[-1])
    return total
