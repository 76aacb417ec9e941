"""One fsync for everybody who is waiting: batches of several requests become safe together."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from dekhang.pipeline.spool import Batch, SpoolError, SpoolWriter, event_id

INLINE_BYTES = 128 * 1024  # smaller batches are compressed in the event loop (< 1 ms), larger ones in a thread


class Commits(Protocol):
    """Makes batches safe, wherever: what `Lanes` needs of a lane.

    Attributes:
        records, batches, syncs: counted since start; batches ÷ syncs says how much a flush is shared.
        last_record_ms: when the newest record was received, 0 before the first.
    """

    records: int
    batches: int
    syncs: int
    last_record_ms: int

    async def commit(self, batch: Batch) -> int:
        """Returns the event id of the batch's first record once the batch is safe.

        Raises:
            SpoolFull: no room now; the sender must wait. SpoolError: it failed; the sender must try again.
        """
        ...

    def close(self) -> None: ...


class Appends(Protocol):
    """The same for code that is not asynchronous: what `append` took is safe when `sync` returns. See SpoolWriter."""

    def append(self, batch: Batch) -> object: ...

    def sync(self) -> object: ...

    def close(self) -> None: ...


class Committer:
    """Appends batches to the spool and returns when they are on disk. For one event loop. See `Commits`."""

    def __init__(self, writer: SpoolWriter) -> None:
        self.writer = writer
        self.records = 0
        self.batches = 0
        self.syncs = 0
        self.last_record_ms = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing: asyncio.Task[None] | None = None
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="fsync")
        self._press = ThreadPoolExecutor(1, thread_name_prefix="spool")

    async def commit(self, batch: Batch) -> int:
        loop = asyncio.get_running_loop()
        size = sum(map(len, batch.records))
        generation = self.writer.generation
        if size <= INLINE_BYTES:
            first_seq = self.writer.append(batch)
        else:
            first_seq = await loop.run_in_executor(self._press, self.writer.append, batch)
        safe: asyncio.Future[None] = loop.create_future()
        self._waiting.append(safe)
        if self._syncing is None:
            self._syncing = loop.create_task(self._sync())
        await safe
        if self.writer.generation != generation:  # another batch's failed fsync took ours back
            raise SpoolError("Ổ đĩa vừa từ chối ghi; hãy gửi lại.")
        self.records += len(batch.records)
        self.batches += 1
        self.last_record_ms = batch.received_ms
        return event_id(self.writer.writer, first_seq)

    async def _sync(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                try:
                    await loop.run_in_executor(self._disk, self.writer.sync)
                except Exception as error:  # whatever it is: nobody may wait for ever
                    for safe in waiting:
                        if not safe.done():
                            safe.set_exception(error)
                    continue
                self.syncs += 1
                for safe in waiting:
                    if not safe.done():  # its request may have been cancelled
                        safe.set_result(None)
        finally:
            self._syncing = None

    def close(self) -> None:
        self._disk.shutdown(wait=True)
        self._press.shutdown(wait=True)
        self.writer.close()
