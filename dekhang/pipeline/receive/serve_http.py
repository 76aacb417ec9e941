"""The HTTP receiver as a process: granian's embedded server around `http.HttpReceiver`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from dekhang.pipeline.lanes import BULK
from dekhang.pipeline.receive.http import HttpReceiver
from dekhang.pipeline.receive.https import Relays
from dekhang.pipeline.receive.part import WRITERS, CannotStart, check_port, live, open_lanes, open_room
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.tls import Certificates, Front, TlsFiles
from dekhang.pipeline.stores.intake import IntakeMap

logger = logging.getLogger(__name__)

GRACE_SECONDS = 0.8  # for requests under way at SIGTERM; what is not answered by then was not acknowledged
CONNECTIONS = 512


async def serve_http(
    data: Path,
    host: str,
    port: int,
    *,
    writer: int = 0,
    tls_port: int = 0,
    tls: TlsFiles | None = None,
    free_floor_bytes: int,
    spool_max_bytes: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT; port 0: not in clear text. Raises CannotStart."""
    if port:
        check_port(host, port, "--port")
    certificates = Certificates(tls, alpn=("http/1.1",)) if tls_port and tls is not None else None
    # without a plain port the server listens where only our own front reaches it
    inner_host, inner_port = (host, port) if port else ("127.0.0.1", _free_port())
    writer = writer or WRITERS["http"]
    if not 1 <= writer < BULK:
        raise CannotStart(f"--writer phải là số từ 1 đến {BULK - 1}; các số sau dành cho làn sau của bộ ghi.")
    part = "http" if writer == WRITERS["http"] else f"http-{writer}"
    refusals = Refusals(data)
    intake = IntakeMap(data)
    room = open_room(data, part, maximum_bytes=spool_max_bytes, free_floor_bytes=free_floor_bytes)
    lanes = open_lanes(data, writer, intake, refusals, room, free_floor_bytes=free_floor_bytes)
    relays = Relays(inner_host, inner_port, refusals)
    front = Front(certificates, refusals, relays.make) if certificates is not None else None
    receiver = HttpReceiver(intake, lanes, refusals, peers=relays.peers, is_full=room.is_full)
    # one process, one event loop: a kill -9 leaves no orphan that still holds the port and the spool's lock
    server = Server(
        receiver,
        address=inner_host,
        port=inner_port,
        interface=Interfaces.RSGI,
        http=HTTPModes.auto,
        websockets=False,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
    )
    serving: list[asyncio.Task[None]] = []

    def facts() -> dict[str, Any]:
        relays.dismiss_idle()
        return {
            **(front.facts() if front is not None else {}),
            "host": host,
            "port": port,
            "tls": tls_port if front is not None else 0,
            **lanes.facts(),
            **room.facts(),
            "requests": receiver.requests,
            "refused": refusals.total,
        }

    async def start() -> None:
        serving.append(asyncio.create_task(server.serve()))
        while True:
            await asyncio.sleep(0.02)
            if serving[0].done():
                serving[0].result()
                raise RuntimeError("granian đã dừng ngay sau khi khởi động")
            with contextlib.suppress(OSError):
                _, probe = await asyncio.open_connection(relays.backend_host, inner_port)
                probe.close()
                break
        if port:
            logger.info("Nhận nhật ký tại http://%s:%d", host, port)
        if front is not None:
            await front.listen(host, tls_port, "--tls-port")
            logger.info("Nhận nhật ký tại https://%s:%d", host, tls_port)

    async def stop() -> None:
        if front is not None:
            front.close()
        server.stop()
        if serving:
            await asyncio.wait(serving, timeout=GRACE_SECONDS)
        relays.close()
        lanes.close()
        refusals.close()

    await live(data, part, facts, start, stop)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
