"""The HTTP receiver as a process: granian's embedded server around `http.HttpReceiver`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from granian.server.embed import Server

from dekhang.pipeline.receive.http import HttpReceiver
from dekhang.pipeline.receive.part import WRITERS, check_port, live, open_lanes
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import Room
from dekhang.pipeline.stores.intake import IntakeMap

logger = logging.getLogger(__name__)

GRACE_SECONDS = 0.8  # for requests under way at SIGTERM; what is not answered by then was not acknowledged
CONNECTIONS = 512


async def serve_http(
    data: Path, host: str, port: int, *, writer: int = 0, free_floor_bytes: int, spool_max_bytes: int = 0
) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    check_port(host, port, "--port")
    writer = writer or WRITERS["http"]
    part = "http" if writer == WRITERS["http"] else f"http-{writer}"
    refusals = Refusals(data)
    intake = IntakeMap(data)
    room = Room(data / "spool", maximum_bytes=spool_max_bytes, free_floor_bytes=free_floor_bytes)
    lanes = open_lanes(data, writer, intake, refusals, room, free_floor_bytes=free_floor_bytes)
    receiver = HttpReceiver(intake, lanes, refusals)
    # one process, one event loop: a kill -9 leaves no orphan that still holds the port and the spool's lock
    server = Server(
        receiver,
        address=host,
        port=port,
        interface=Interfaces.RSGI,
        http=HTTPModes.auto,
        websockets=False,
        backlog=1024,
        backpressure=CONNECTIONS,
        log_level=LogLevels.error,
    )
    serving: list[asyncio.Task[None]] = []

    def facts() -> dict[str, Any]:
        return {
            "host": host,
            "port": port,
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
                _, probe = await asyncio.open_connection(host if host != "0.0.0.0" else "127.0.0.1", port)  # noqa: S104
                probe.close()
                logger.info("Nhận nhật ký tại http://%s:%d", host, port)
                return

    async def stop() -> None:
        server.stop()
        if serving:
            await asyncio.wait(serving, timeout=GRACE_SECONDS)
        lanes.close()
        refusals.close()

    await live(data, part, facts, start, stop)
