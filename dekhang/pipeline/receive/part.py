"""What every receiver process does: take its place in the spool, beat, and end in order within two seconds."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dekhang.pipeline.lanes import BULK
from dekhang.pipeline.place import Place
from dekhang.pipeline.receive.commit import Appends, Committer
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.quotas import Quotas
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import Room
from dekhang.pipeline.spool import SpoolBusy, SpoolWriter
from dekhang.pipeline.stores import heartbeat
from dekhang.pipeline.stores.intake import IntakeMap

if TYPE_CHECKING:
    from dekhang.pipeline.transport.room import ClusterRoom

logger = logging.getLogger(__name__)

# numbers of the spool's writers, upper bits of event ids; http and syslog have a bulk lane at BULK + number
WRITERS = {"http": 1, "syslog": 2, "files": 3}
WRONG_USE = 2


class CannotStart(Exception):
    """A sentence that says why and what to change; the process ends with code 2."""


def open_spool(data: Path, writer: int, room: Room, *, free_floor_bytes: int) -> SpoolWriter:
    """The writer's folder, with numbers that start from the clock when it is new (16 per ms leaves 47 bits enough)."""
    try:
        spool = SpoolWriter(
            data / "spool",
            writer,
            free_floor_bytes=free_floor_bytes,
            first_seq=time.time_ns() // 1_000_000 * 16,
            gate=room.gate(writer),
        )
    except SpoolBusy as busy:
        raise CannotStart(str(busy)) from busy
    except OSError as error:
        raise CannotStart(
            f"Không mở được thư mục {data / 'spool'}: {error.strerror}. Hãy kiểm tra quyền ghi."
        ) from error
    if spool.recovery.torn_bytes:
        logger.warning("Lần trước bị ngắt giữa chừng: đã cắt %d byte chưa xác nhận.", spool.recovery.torn_bytes)
    for sentence in spool.recovery.damaged:
        logger.error("%s", sentence)
    return spool


def open_room(data: Path, part: str, *, maximum_bytes: int, free_floor_bytes: int) -> Room | ClusterRoom:
    """Who watches how much may wait: in the spool's folder, or in the place's NATS cluster."""
    if Place.of(data).transport:
        from dekhang.pipeline.transport import cluster  # one machine does without the NATS library

        return cluster.room(data, part)
    return Room(data / "spool", maximum_bytes=maximum_bytes, free_floor_bytes=free_floor_bytes)


def open_lanes(
    data: Path, writer: int, intake: IntakeMap, refusals: Refusals, room: Room | ClusterRoom, *, free_floor_bytes: int
) -> Lanes:
    """The express lane of a receiver and the bulk lane beside it, in the spool or in the place's NATS cluster."""
    quotas = Quotas(intake, refusals)
    if Place.of(data).transport:
        from dekhang.pipeline.transport.cluster import committers  # one machine does without the NATS library

        return Lanes(*committers(data, f"receiver {writer}"), quotas)
    assert isinstance(room, Room)
    express, bulk = (
        Committer(open_spool(data, number, room, free_floor_bytes=free_floor_bytes))
        for number in (writer, writer + BULK)
    )
    return Lanes(express, bulk, quotas)


def open_files(data: Path, room: Room | ClusterRoom, *, free_floor_bytes: int) -> Appends:
    """What the files receiver writes to."""
    if Place.of(data).transport:
        from dekhang.pipeline.transport import cluster  # one machine does without the NATS library

        return cluster.of(data).spool()
    assert isinstance(room, Room)
    return open_spool(data, WRITERS["files"], room, free_floor_bytes=free_floor_bytes)


def check_port(host: str, port: int, option: str, *, udp: bool = False) -> None:
    """Raises CannotStart, naming port and option, when the port cannot be ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM) as probe:
        if not udp:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise port_problem(error, host, port, option, udp=udp) from error


def port_problem(error: OSError, host: str, port: int, option: str, *, udp: bool = False) -> CannotStart:
    name = f"Cổng {'UDP' if udp else 'TCP'} {port}"
    if error.errno == errno.EADDRINUSE:
        return CannotStart(
            f"{name} đang được chương trình khác dùng; hãy dừng chương trình đó hoặc chọn cổng khác bằng {option}."
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return CannotStart(f"{name} cần quyền quản trị hệ thống; hãy chọn cổng từ 1024 trở lên bằng {option}.")
    return CannotStart(f"Không mở được {name} trên địa chỉ {host}: {error.strerror}; hãy sửa {option} hoặc --host.")


async def live(
    data: Path,
    part: str,
    facts: Callable[[], dict[str, Any]],
    start: Callable[[], Awaitable[None]],
    stop: Callable[[], Awaitable[None]],
) -> None:
    """Start the part, beat until SIGTERM or SIGINT, then stop it. Exceptions of `start` pass through."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    _beat(data, part, {**facts(), "ready": False})
    try:
        await start()
        while not ended.is_set():
            _beat(data, part, {**facts(), "ready": True})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), heartbeat.BEAT_SECONDS)
    finally:
        await stop()
        heartbeat.clear(data, part)


def _beat(data: Path, part: str, facts: dict[str, Any]) -> None:
    try:
        heartbeat.beat(data, part, **facts)
    except OSError as error:  # a full disk must not end the part that waits for it to have room again
        logger.warning("Không ghi được nhịp sống của %s: %s", part, error.strerror)


def leave() -> None:
    """End now. Everything is on disk; threads that serve a sender who does not hang up would keep us for minutes."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
