"""The connection of a process to the cluster: made when it is needed, back by itself when a server dies."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext

from dekhang.pipeline.transport.address import Cluster

logger = logging.getLogger(__name__)

CONNECT_SECONDS = 2.0  # per server
RECONNECT_SECONDS = 0.25
PING_SECONDS = 3.0  # a host that vanished without a word is given up after two of them
PENDING_BYTES = 64 << 20
REPLY_SECONDS = 5.0  # of the cluster's management

# what goes wrong for a while and then goes right: a server dies, a leader is elected, the network is cut
PASSING = (nats.errors.Error, OSError, TimeoutError)

Result = TypeVar("Result")


class Link:
    """For one event loop."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self._client: Client | None = None
        self._connecting = asyncio.Lock()
        self._closing = False

    async def jetstream(self) -> JetStreamContext:
        """A working connection, or one of PASSING within about CONNECT_SECONDS per server."""
        async with self._connecting:
            if self._client is None or self._client.is_closed:
                self._client = await self._connect()
        if not self._client.is_connected:
            raise nats.errors.ConnectionReconnectingError
        return self._client.jetstream(timeout=REPLY_SECONDS)

    @property
    def is_connected(self) -> bool:
        return self._client is not None and self._client.is_connected

    async def _connect(self) -> Client:
        cluster = self._cluster
        options: dict[str, Any] = {**cluster.login}
        if cluster.ca_file:
            options["tls"] = ssl.create_default_context(cafile=cluster.ca_file)
        if cluster.credentials_file:
            options["user_credentials"] = str(Path(cluster.credentials_file))
        client = Client()
        try:
            async with asyncio.timeout(CONNECT_SECONDS * len(cluster.servers) + 1):
                await client.connect(
                    servers=list(cluster.servers),
                    name=self._name,
                    connect_timeout=CONNECT_SECONDS,  # type: ignore[arg-type]  # a float will do
                    reconnect_time_wait=RECONNECT_SECONDS,  # type: ignore[arg-type]
                    max_reconnect_attempts=-1,
                    ping_interval=PING_SECONDS,  # type: ignore[arg-type]
                    max_outstanding_pings=2,
                    pending_size=PENDING_BYTES,
                    error_cb=_ignore,  # every failed attempt to connect; who needs the link says so once
                    disconnected_cb=self._lost,
                    reconnected_cb=self._back,
                    **options,
                )
        except BaseException:
            await client.close()
            raise
        return client

    async def _lost(self) -> None:
        if not self._closing:
            logger.warning("lost the connection to the NATS cluster")

    async def _back(self) -> None:
        logger.warning("connected to the NATS cluster again")

    async def close(self) -> None:
        self._closing = True
        if self._client is not None:
            await self._client.close()


async def _ignore(_: Exception) -> None:
    return None


class LinkThread:
    """A link for code that is not asynchronous: its own event loop in a thread of its own."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="nats", daemon=True)
        self._thread.start()
        self.link = self.call(self._make(cluster, name))

    @staticmethod
    async def _make(cluster: Cluster, name: str) -> Link:
        return Link(cluster, name)

    def call(self, work: Coroutine[Any, Any, Result], *, seconds: float | None = None) -> Result:
        """Run in the loop and wait for it.

        Raises: what the work raises; TimeoutError after `seconds`.
        """
        future = asyncio.run_coroutine_threadsafe(work, self.loop)
        try:
            return future.result(seconds)
        except TimeoutError:
            future.cancel()
            raise

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run in the loop; nobody waits."""
        asyncio.run_coroutine_threadsafe(work, self.loop)

    def close(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(*PASSING):
                self.call(self.link.close(), seconds=CONNECT_SECONDS)
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()
