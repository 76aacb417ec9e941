"""HTTPS: hands the decrypted bytes of a connection to the HTTP server on the loopback, and says whose they are.

The server sees the local port of our connection to it; `peers` tells the sender's address and certificate by it. A
port of ours cannot be anybody else's while the connection lives.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass

from dekhang.pipeline.receive.refusals import UNKNOWN_SOURCE, Refusals
from dekhang.pipeline.stores.reasons import Reason

CONNECTIONS = 512
CONNECTIONS_PER_ADDRESS = 128
BUFFER_BYTES = 256 * 1024  # held for a side that is slow
IDLE_SECONDS = 180.0  # without a byte either way; senders that keep a connection open longer just connect again


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is behind a connection of ours: address, SHA-256 of the client certificate or empty."""

    ip: str
    certificate: str


class Relays:
    """The HTTPS connections of one process."""

    def __init__(self, backend_host: str, backend_port: int, refusals: Refusals) -> None:
        self.backend_host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(backend_host, backend_host)  # noqa: S104
        self.backend_port = backend_port
        self.refusals = refusals
        self.peers: dict[str, Peer] = {}  # "127.0.0.1:<our local port>" as the server names its client
        self.open: set[_Outer] = set()
        self.per_address: Counter[str] = Counter()

    def make(self, ip: str, certificate: str) -> asyncio.Protocol:
        return _Outer(self, Peer(ip, certificate))

    def dismiss_idle(self) -> None:
        """Close connections on which nothing moves. Called every few seconds."""
        oldest = asyncio.get_running_loop().time() - IDLE_SECONDS
        for one in list(self.open):
            if max(one.moved_at, one.other.moved_at if one.other is not None else 0.0) < oldest:
                one.abort()

    def close(self) -> None:
        for one in list(self.open):
            one.abort()


class _Side(asyncio.Protocol):
    """One end of a relay: what it reads is written to `other`, no faster than that can send."""

    transport: asyncio.Transport | None = None
    other: _Side | None = None
    moved_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=BUFFER_BYTES)
        self.transport = transport
        self.moved_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        self.moved_at = asyncio.get_running_loop().time()
        if self.other is not None and self.other.transport is not None:
            self.other.transport.write(data)

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()  # after what is still to be written


class _Inner(_Side):
    """Our connection to the HTTP server."""


class _Outer(_Side):
    """The sender's connection."""

    def __init__(self, relays: Relays, peer: Peer) -> None:
        self._relays = relays
        self._peer = peer
        self._name = ""
        self._task: asyncio.Task[None] | None = None
        self._early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        relays = self._relays
        full = len(relays.open) >= CONNECTIONS or relays.per_address[self._peer.ip] >= CONNECTIONS_PER_ADDRESS
        relays.open.add(self)
        relays.per_address[self._peer.ip] += 1
        if full:
            relays.refusals.add(UNKNOWN_SOURCE, Reason.OVERLOADED, peer=self._peer.ip)
            self.abort()
            return
        assert self.transport is not None
        self.transport.pause_reading()
        self._task = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            inner, side = await loop.create_connection(_Inner, self._relays.backend_host, self._relays.backend_port)
        except OSError:
            self.abort()
            return
        if self.transport is None or self.transport.is_closing():
            inner.close()
            return
        host, port = inner.get_extra_info("sockname")[:2]
        self._name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._relays.peers[self._name] = self._peer
        side.other, self.other = self, side
        for piece in self._early:
            inner.write(piece)
        self._early.clear()
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        if self.other is None:  # came with the end of the handshake
            self._early.append(data)
        else:
            super().data_received(data)

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        relays = self._relays
        relays.open.discard(self)
        relays.per_address[self._peer.ip] -= 1
        if relays.per_address[self._peer.ip] <= 0:
            del relays.per_address[self._peer.ip]
        relays.peers.pop(self._name, None)
