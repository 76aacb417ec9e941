"""Syslog, uploads and followed files as one process; each part can be left out."""

from __future__ import annotations

import asyncio
import logging
import threading
from pathlib import Path
from typing import Any

from dekhang.pipeline.receive.commit import Appends
from dekhang.pipeline.receive.files import Inbox
from dekhang.pipeline.receive.folders import Folders
from dekhang.pipeline.receive.gather import Gatherer
from dekhang.pipeline.receive.kernel import Watch
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.part import WRITERS, check_port, live, open_files, open_lanes, open_room
from dekhang.pipeline.receive.pull import Pulls
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import NEWS
from dekhang.pipeline.receive.sender import Senders
from dekhang.pipeline.receive.syslog import SyslogReceiver
from dekhang.pipeline.receive.tail import Tails
from dekhang.pipeline.receive.takein import TakeIn
from dekhang.pipeline.receive.taken import Memory
from dekhang.pipeline.receive.tls import Certificates, TlsFiles
from dekhang.pipeline.spool import SpoolError
from dekhang.pipeline.stores.intake import IntakeMap

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25


async def serve_lines(
    data: Path,
    *,
    name: str,
    host: str,
    udp_port: int,
    tcp_port: int,
    tls_port: int = 0,
    tls: TlsFiles | None = None,
    files: bool,
    free_floor_bytes: int,
    spool_max_bytes: int = 0,
) -> None:
    """Serve until SIGTERM or SIGINT. Raises CannotStart."""
    with_syslog = bool(udp_port or tcp_port or tls_port)
    certificates = Certificates(tls) if tls_port and tls is not None else None
    if tcp_port:
        check_port(host, tcp_port, "--tcp")
    if udp_port:
        check_port(host, udp_port, "--udp", udp=True)
    refusals = Refusals(data)
    room = open_room(data, name, maximum_bytes=spool_max_bytes, free_floor_bytes=free_floor_bytes)
    lanes: Lanes | None = None
    receiver: SyslogReceiver | None = None
    kernel: Watch | None = None
    if with_syslog:
        intake = IntakeMap(data)
        lanes = open_lanes(data, WRITERS["syslog"], intake, refusals, room, free_floor_bytes=free_floor_bytes)
        receiver = SyslogReceiver(Senders(intake), refusals)
        kernel = Watch(data)
    watcher = Watcher(data, open_files(data, room, free_floor_bytes=free_floor_bytes), refusals) if files else None

    def facts() -> dict[str, Any]:
        known: dict[str, Any] = {"refused": refusals.total, **room.facts()}
        if lanes is not None and receiver is not None and kernel is not None:
            known |= {"host": host, "udp": udp_port, "tcp": tcp_port, **receiver.facts(), **lanes.facts()}
            known |= {**kernel.facts(), "tls": tls_port}
            known["news"] = " ".join(filter(None, (NEWS.get(known["spool_level"], ""), kernel.news())))
            kernel.save()
        if watcher is not None:
            known |= watcher.facts()
        return known

    async def start() -> None:
        if receiver is not None and lanes is not None:
            receiver.gatherer = Gatherer(lanes, refusals, receiver.press)
            await receiver.listen(host, udp_port=udp_port, tcp_port=tcp_port)
            if certificates is not None:
                await receiver.listen_tls(host, tls_port, certificates)
            logger.info("Nhận syslog tại %s, UDP %d, TCP %d, TLS %d", host, udp_port, tcp_port, tls_port)
        if watcher is not None:
            watcher.start()

    async def stop() -> None:
        if watcher is not None:
            watcher.ending.set()
        if receiver is not None and lanes is not None:
            await receiver.close()
            if hasattr(receiver, "gatherer"):
                await receiver.gatherer.close()
            lanes.close()
        if watcher is not None:
            await asyncio.get_running_loop().run_in_executor(None, watcher.close)
        refusals.close()

    await live(data, name, facts, start, stop)


class Watcher:
    """The thread that takes in uploads, drop folders, pulled objects and followed files, and alone writes their spool."""

    def __init__(self, data: Path, spool: Appends, refusals: Refusals) -> None:
        self.ending = threading.Event()
        self._spool = spool
        intake = IntakeMap(data)
        take_in = TakeIn(spool, self.ending, between=self._follow)
        self._memory = Memory(data)
        self._inbox = Inbox(data, intake, take_in, refusals)
        self._folders = Folders(intake, take_in, self._memory, refusals)
        self._pulls = Pulls(data, IntakeMap(data), take_in, Memory(data), refusals, self.ending)
        self._tails = Tails(data, intake, spool, refusals)
        self._thread = threading.Thread(target=self._run, name="files", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._pulls.start()

    def facts(self) -> dict[str, Any]:
        return {
            "upload_records": self._inbox.records,
            "upload_files": self._inbox.files,
            "tail_records": self._tails.records,
            **self._folders.facts(),
            **self._pulls.facts(),
        }

    def _run(self) -> None:
        while not self.ending.is_set():
            busy = self._follow()
            for take in (self._inbox.poll, self._folders.poll, self._pulls.take):
                try:
                    busy |= take() > 0
                except Exception:  # one odd file must not end the watching of all others
                    logger.exception("Lỗi khi đọc tệp; sẽ thử lại.")
            if not busy:
                self.ending.wait(POLL_SECONDS)

    def _follow(self) -> bool:
        """One round over the followed files; True when there was something new."""
        try:
            return self._tails.poll() > 0
        except SpoolError as error:
            logger.warning("%s", error)
            self.ending.wait(1.0)
        except Exception:
            logger.exception("Lỗi khi đọc tệp theo dõi; sẽ thử lại.")
            self.ending.wait(1.0)
        return False

    def close(self) -> None:
        self.ending.set()
        if self._thread.is_alive():
            self._thread.join(timeout=1.5)
        self._pulls.close()
        self._tails.close()
        self._spool.close()
