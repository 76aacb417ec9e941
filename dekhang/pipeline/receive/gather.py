"""Gathers single lines into batches and gets them onto the disk at least every 100 ms."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.commit import Committer
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch, SpoolError
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.1
FLUSH_RECORDS = 2000
HELD_BYTES = 16 * 1024 * 1024  # waiting for the disk; beyond it TCP senders wait and UDP is refused
RETRY_SECONDS = 0.5

_Key = tuple[int, str, str]


class Gatherer:
    """For one event loop. `on_pressure(True)` asks the connections to stop reading, `(False)` to go on."""

    def __init__(self, committer: Committer, refusals: Refusals, on_pressure: Callable[[bool], None]) -> None:
        self._committer = committer
        self._refusals = refusals
        self._on_pressure = on_pressure
        self._pending: dict[_Key, Batch] = {}
        self._lists: dict[_Key, list[bytes]] = {}
        self._pending_records = 0
        self.held_bytes = 0
        self.pressed = False
        self._wake = asyncio.Event()
        self._ending = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def add(self, source: IntakeSource, transport: str, peer: str, record: bytes) -> None:
        """Take one record. Never blocks; with too much held it is refused and counted."""
        if self.held_bytes > 2 * HELD_BYTES:
            self._refusals.add(source.source_id, Reason.DISK_FULL, size_bytes=len(record), peer=peer)
            return
        key = (source.source_id, transport, peer)
        records = self._lists.get(key)
        if records is None:
            records = self._lists[key] = []
            self._pending[key] = Batch(
                source.source_id, source.unit_id, source.kind, transport, wallclock.now_ms(), peer, records
            )
            if self._pending_records == 0:
                self._wake.set()
        records.append(record)
        self._pending_records += 1
        self.held_bytes += len(record) + 100
        if self._pending_records >= FLUSH_RECORDS:
            self._wake.set()
        if self.held_bytes > HELD_BYTES and not self.pressed:
            self.pressed = True
            self._on_pressure(True)

    async def _run(self) -> None:
        while not (self._ending and not self._pending):
            await self._wake.wait()
            self._wake.clear()
            if self._pending_records < FLUSH_RECORDS and not self._ending:
                try:
                    await asyncio.wait_for(self._wake.wait(), FLUSH_SECONDS * 0.8)
                    self._wake.clear()
                except TimeoutError:
                    pass
            await self._flush()

    async def _flush(self) -> None:
        batches = list(self._pending.values())
        self._pending, self._lists, self._pending_records = {}, {}, 0
        while batches:
            results = await asyncio.gather(*map(self._committer.commit, batches), return_exceptions=True)
            failed: list[Batch] = []
            for batch, result in zip(batches, results, strict=True):
                if isinstance(result, BaseException):
                    if not isinstance(result, SpoolError):
                        logger.error("Lỗi khi ghi một lô nhật ký; sẽ thử lại.", exc_info=result)
                    failed.append(batch)
                else:
                    self.held_bytes -= sum(map(len, batch.records)) + 100 * len(batch.records)
            batches = failed
            if not batches:
                break
            if self._ending:
                for batch in batches:
                    self._refusals.add(batch.source_id, Reason.DISK_FULL, len(batch.records), peer=batch.peer)
                break
            await asyncio.sleep(RETRY_SECONDS)  # the disk is full: keep what we hold, let TCP senders wait
        if self.pressed and self.held_bytes < HELD_BYTES // 2:
            self.pressed = False
            self._on_pressure(False)

    async def close(self) -> None:
        """Everything taken so far onto the disk; with a full disk it is counted as refused."""
        self._ending = True
        self._wake.set()
        await self._task
