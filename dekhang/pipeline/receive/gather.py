"""Gathers single lines into batches and gets them onto the disk at least every 100 ms.

A batch that the spool refuses is kept and tried again, and its source waits meanwhile; other sources go on.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.lanes import Lanes
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch, SpoolError
from dekhang.pipeline.stores.intake import IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 0.1
FLUSH_RECORDS = 4000
HELD_BYTES = 16 * 1024 * 1024  # waiting for the disk; beyond it TCP senders wait and UDP is refused
SOURCE_HELD_BYTES = 2 * 1024 * 1024  # of one source that has to wait; beyond it UDP is refused
RECORD_BYTES = 100  # what a record costs in memory beside its text
RETRY_SECONDS = 0.5
UDP = "syslog_udp"

_Key = tuple[int, str, str]


@dataclass(slots=True)
class _Stuck:
    """What one source has to try again, in order, and why it was refused."""

    reason: Reason = Reason.DISK_FULL
    batches: list[Batch] = field(default_factory=list)
    held_bytes: int = 0


class Gatherer:
    """For one event loop. `on_pressure()` asks the connections to look again whether they must stop reading."""

    def __init__(self, lanes: Lanes, refusals: Refusals, on_pressure: Callable[[], None]) -> None:
        self._lanes = lanes
        self._refusals = refusals
        self._on_pressure = on_pressure
        self._pending: dict[_Key, tuple[Batch, list[bytes]]] = {}
        self._pending_records = 0
        self._stuck: dict[int, _Stuck] = {}
        self.held_bytes = 0
        self.pressed = False
        self._wake = asyncio.Event()
        self._ending = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    def presses(self, source_id: int) -> bool:
        """Must the senders of this source wait?"""
        return self.pressed or source_id in self._stuck

    def add(self, source: IntakeSource, transport: str, peer: str, records: list[bytes], size_bytes: int) -> None:
        """Take records of one sender; the list is the gatherer's from now on. Never blocks.

        With too much held they are refused and counted.
        """
        stuck = self._stuck.get(source.source_id) if self._stuck else None
        # who cannot be told to wait may fill only so much; what TCP still brings was on its way when we stopped reading
        much = stuck is not None and stuck.held_bytes > SOURCE_HELD_BYTES and transport == UDP
        if much or self.held_bytes > 2 * HELD_BYTES:
            reason = stuck.reason if stuck is not None else Reason.DISK_FULL
            self._refusals.add(source.source_id, reason, len(records), size_bytes=size_bytes, peer=peer)
            return
        key = (source.source_id, transport, peer)
        waiting = self._pending.get(key)
        if waiting is None:
            batch = Batch(source.source_id, source.unit_id, source.kind, transport, wallclock.now_ms(), peer, records)
            self._pending[key] = (batch, records)
            if self._pending_records == 0:
                self._wake.set()
        else:
            waiting[1].extend(records)
        self._pending_records += len(records)
        held = size_bytes + RECORD_BYTES * len(records)
        self.held_bytes += held
        if stuck is not None:
            stuck.held_bytes += held
        if self._pending_records >= FLUSH_RECORDS:
            self._wake.set()
        if self.held_bytes > HELD_BYTES and not self.pressed:
            self.pressed = True
            self._on_pressure()

    async def _run(self) -> None:
        while not (self._ending and not self._pending and not self._stuck):
            if self._stuck and not self._pending and not self._ending:
                await self._woken(RETRY_SECONDS)
            else:
                await self._wake.wait()
                self._wake.clear()
            if self._pending_records < FLUSH_RECORDS and not self._ending:
                await self._woken(FLUSH_SECONDS * 0.8)
            await self._flush()
            if self._stuck and not self._ending:
                await asyncio.sleep(min(RETRY_SECONDS, FLUSH_SECONDS))

    async def _woken(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
            self._wake.clear()
        except TimeoutError:
            pass

    async def _flush(self) -> None:
        batches = [batch for batch, _ in self._pending.values()]
        self._pending, self._pending_records = {}, 0
        free = [batch for batch in batches if batch.source_id not in self._stuck]
        for batch in batches:
            if batch.source_id in self._stuck:
                self._stuck[batch.source_id].batches.append(batch)
        waited = list(self._stuck)
        results = await asyncio.gather(*map(self._lanes.commit, free), return_exceptions=True)
        news = False
        for batch, result in zip(free, results, strict=True):
            if isinstance(result, BaseException):
                news |= self._refused(batch, result)
            else:
                self.held_bytes -= _cost(batch)
        if news:  # at once: whoever must wait is still being read
            self._on_pressure()
            news = False
        for source_id in list(self._stuck) if self._ending else waited:
            news |= await self._try_again(source_id)
        if self.pressed and self.held_bytes < HELD_BYTES // 2:
            self.pressed = False
            news = True
        if news:
            self._on_pressure()

    def _refused(self, batch: Batch, error: BaseException) -> bool:
        """Keep the batch for later; True when its source did not wait before."""
        first = batch.source_id not in self._stuck
        stuck = self._stuck.setdefault(batch.source_id, _Stuck())
        stuck.reason = _reason_of(error)
        stuck.batches.append(batch)
        stuck.held_bytes += _cost(batch)
        return first

    async def _try_again(self, source_id: int) -> bool:
        """Once more, in order, up to the first that is refused again; True when the source need not wait any longer."""
        stuck = self._stuck[source_id]
        while stuck.batches:
            batch = stuck.batches[0]
            try:
                await self._lanes.commit(batch)
            except Exception as error:
                stuck.reason = _reason_of(error)
                if not self._ending:
                    return False
                self._refusals.add(source_id, stuck.reason, len(batch.records), peer=batch.peer)
            stuck.batches.pop(0)
            stuck.held_bytes -= _cost(batch)
            self.held_bytes -= _cost(batch)
        del self._stuck[source_id]
        return True

    async def close(self) -> None:
        """Everything taken so far onto the disk; with a full disk it is counted as refused."""
        self._ending = True
        self._wake.set()
        await self._task


def _reason_of(error: BaseException) -> Reason:
    if isinstance(error, SpoolError):
        return error.reason
    logger.error("Lỗi khi ghi một lô nhật ký; sẽ thử lại.", exc_info=error)
    return Reason.DISK_FULL


def _cost(batch: Batch) -> int:
    return sum(map(len, batch.records)) + RECORD_BYTES * len(batch.records)
