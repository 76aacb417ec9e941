"""Receivers' side of the cluster: a batch is safe when a majority of the replicas has it.

Batches of one lane and partition that wait while a message is on its way leave together in the next one, so there is one
message at a time per stream: order is kept, and the busier it is the better it packs. A message is repeated under the same
`Nats-Msg-Id` until it is answered, so a leader that dies with the answer on its lips stores nothing twice.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import nats.errors
from nats.js.errors import APIError, NoStreamResponseError

from dekhang.pipeline.partitions import PARTITIONS, partition_of
from dekhang.pipeline.spool import Batch, SpoolError, SpoolFull, event_id
from dekhang.pipeline.spool.layout import cut
from dekhang.pipeline.stores.reasons import Reason
from dekhang.pipeline.stores.schema import HOUR_MS
from dekhang.pipeline.transport import message, streams
from dekhang.pipeline.transport.address import Cluster
from dekhang.pipeline.transport.link import PASSING, Link, LinkThread
from dekhang.pipeline.transport.message import Account
from dekhang.pipeline.transport.streams import Committed, Stream

logger = logging.getLogger(__name__)

INLINE_BYTES = 128 * 1024  # smaller batches are compressed in the event loop (< 1 ms), larger ones in a thread
HELD_BYTES = 64 << 20  # raw, waiting for the cluster's answer; beyond it senders are asked to wait
ANSWER_SECONDS = 30.0  # for a batch; a new leader takes 4 to 10 s
SILENT_SECONDS = 10.0  # without an answer: new batches of the stream are refused at once
TRY_SECONDS = 1.0  # for one answer, before the message is repeated
PAUSE_SECONDS = 0.1
NO_STREAM_SECONDS = 15.0  # nobody answers for the stream, and no election takes as long: look whether it is still there
FULL = {10023, 10047, 10077}  # JetStream: no room on the servers, in the account, in the stream


class ClusterFull(SpoolFull):
    """The streams have reached their bound."""

    reason = Reason.SPOOL_FULL


class ClusterBusy(SpoolFull):
    """More comes than the cluster takes, or it does not answer."""

    reason = Reason.OVERLOADED


class ClusterSilent(SpoolError):
    """The cluster did not say whether it has stored a batch."""

    reason = Reason.OVERLOADED


@dataclass(slots=True)
class _Piece:
    """A frame on its way; `safe` becomes the event id of its first record."""

    frame: bytes
    account: Account
    records: int
    safe: asyncio.Future[int]
    since: float


@dataclass(slots=True)
class _Line:
    """What goes into one stream."""

    stream: Stream
    waiting: deque[_Piece] = field(default_factory=deque)
    pump: asyncio.Task[None] | None = None
    trying_since: float | None = None


class NatsCommitter:
    """One lane. For one event loop; see `receive.commit.Commits`.

    Args:
        committed: see `streams.prepare`.

    Attributes:
        syncs: messages; batches ÷ syncs says how many batches share one.
    """

    def __init__(self, link: Link, cluster: Cluster, *, bulk: bool, committed: Committed) -> None:
        self._link = link
        self._cluster = cluster
        self._committed = committed
        self._lines = [_Line(Stream(partition, bulk)) for partition in range(PARTITIONS)]
        self._session = secrets.token_hex(8)
        self._number = 0
        self._held_bytes = 0
        self._prepared = False
        self._preparing = asyncio.Lock()
        self._press = ThreadPoolExecutor(1, thread_name_prefix="nats-zstd")
        self.records = self.batches = self.syncs = self.last_record_ms = 0

    async def commit(self, batch: Batch) -> int:
        """Returns the event id of the batch's first record once the batch is safe.

        Raises:
            SpoolFull: no room now, or the cluster does not answer; the sender must wait.
            SpoolError: not answered in ANSWER_SECONDS; the sender must try again. What was on its way may have been
                stored nevertheless: without ids of the sender it is then stored twice.
        """
        loop = asyncio.get_running_loop()
        line = self._lines[partition_of(batch.unit_id)]
        ids = batch.ids or [None] * len(batch.records)
        sizes = [len(record) + len(one or b"") for record, one in zip(batch.records, ids, strict=True)]
        size = sum(sizes)
        self._check_room(line, size, loop.time())
        self._held_bytes += size
        try:
            ranges = list(cut(sizes, max_bytes=message.FRAME_BYTES, max_records=message.MESSAGE_RECORDS))
            if size <= INLINE_BYTES:
                frames = [message.frame(batch, *one) for one in ranges]
            else:
                frames = await loop.run_in_executor(self._press, lambda: [message.frame(batch, *one) for one in ranges])
            account = (batch.source_id, batch.received_ms // HOUR_MS)
            pieces = [
                _Piece(frame, account, stop - start, loop.create_future(), loop.time())
                for frame, (start, stop) in zip(frames, ranges, strict=True)
            ]
            line.waiting.extend(pieces)
            if line.pump is None:
                line.pump = loop.create_task(self._work(line))
            answers = await asyncio.gather(*(piece.safe for piece in pieces), return_exceptions=True)
        finally:
            self._held_bytes -= size
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        self.records += len(batch.records)
        self.batches += 1
        self.last_record_ms = batch.received_ms
        return answers[0] if isinstance(answers[0], int) else 0

    def _check_room(self, line: _Line, size: int, now: float) -> None:
        if self._held_bytes and self._held_bytes + size > HELD_BYTES:
            raise ClusterBusy("Cụm NATS nhận chậm hơn nhật ký đến nên tạm ngừng nhận thêm; hãy gửi lại sau vài giây.")
        if line.trying_since is not None and now - line.trying_since > SILENT_SECONDS:
            raise ClusterBusy("Cụm NATS đang không trả lời nên tạm ngừng nhận nhật ký; hệ thống tự nhận tiếp sau đó.")

    async def _work(self, line: _Line) -> None:
        """Send what waits, message by message, until nothing waits."""
        try:
            while line.waiting:
                pieces = _take(line.waiting, asyncio.get_running_loop().time())
                if not pieces:
                    continue
                try:
                    sequence = await self._send(line, pieces)
                except SpoolError as error:
                    _fail(pieces, error)
                    continue
                except BaseException:
                    _fail(pieces, SpoolError("Máy nhận đang dừng; hãy gửi lại."))
                    raise
                self.syncs += 1
                number = sequence << message.RECORDS_SHIFT
                for piece in pieces:
                    if not piece.safe.done():  # its request may have been cancelled
                        piece.safe.set_result(event_id(line.stream.writer, number))
                    number += piece.records
        finally:
            line.pump = None

    async def _send(self, line: _Line, pieces: list[_Piece]) -> int:
        """Publish one message until it is answered; returns its sequence number."""
        loop = asyncio.get_running_loop()
        self._number += 1
        body = b"".join(piece.frame for piece in pieces)
        headers = {
            "Nats-Msg-Id": f"{self._session}.{self._number}",
            message.HEADER: message.counts_header((piece.account, piece.records) for piece in pieces),
        }
        line.trying_since = started = loop.time()
        deadline = started + ANSWER_SECONDS
        try:
            while True:
                try:
                    jetstream = await self._link.jetstream()
                    await self._prepare()
                    answer = await jetstream.publish(
                        line.stream.subject, body, timeout=TRY_SECONDS, stream=line.stream.name, headers=headers
                    )
                    return answer.seq
                except nats.errors.MaxPayloadError as error:
                    raise SpoolError(
                        f"Gói {len(body)} byte lớn hơn max_payload của máy chủ NATS; hãy đặt max_payload từ 1MB trở lên."
                    ) from error
                except APIError as error:
                    if error.err_code in FULL:
                        raise ClusterFull(
                            f"Luồng {line.stream.name} của cụm NATS đã đầy vì phần phân tích chưa theo kịp; "
                            "hãy gửi lại sau vài giây."
                        ) from error
                    problem: Exception = error
                except PASSING as error:
                    problem = error
                if isinstance(problem, NoStreamResponseError) and loop.time() - started > NO_STREAM_SECONDS:
                    self._prepared = False  # somebody may have deleted it
                if loop.time() >= deadline:
                    logger.warning("%s: not answered in %.0f s: %r", line.stream.name, ANSWER_SECONDS, problem)
                    raise ClusterSilent("Cụm NATS không xác nhận đã lưu; hãy gửi lại.") from problem
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            line.trying_since = None

    async def _prepare(self) -> None:
        async with self._preparing:
            if not self._prepared:
                await streams.prepare(
                    await self._link.jetstream(),
                    replicas=self._cluster.replicas,
                    room_bytes=self._cluster.room_bytes,
                    committed=self._committed,
                )
                self._prepared = True

    def close(self) -> None:
        """Nothing more is sent; who still waits hears that it failed."""
        for line in self._lines:
            if line.pump is not None:
                line.pump.cancel()
            _fail(line.waiting, SpoolError("Máy nhận đang dừng; hãy gửi lại."))
        self._press.shutdown(wait=False)


def _fail(pieces: Iterable[_Piece], error: SpoolError) -> None:
    for piece in pieces:
        if not piece.safe.done():
            piece.safe.set_exception(error)


def _take(waiting: deque[_Piece], now: float) -> list[_Piece]:
    """The next message's frames: as many as fit, at least one that is still waited for."""
    pieces: list[_Piece] = []
    size = records = 0
    while waiting:
        piece = waiting[0]
        if pieces and (
            size + len(piece.frame) > message.MESSAGE_BYTES or records + piece.records > message.MESSAGE_RECORDS
        ):
            break
        waiting.popleft()
        if piece.safe.done():  # its sender has gone
            continue
        if now - piece.since > ANSWER_SECONDS:
            piece.safe.set_exception(ClusterBusy("Cụm NATS đang quá tải; hãy gửi lại sau vài giây."))
            continue
        pieces.append(piece)
        size += len(piece.frame)
        records += piece.records
    return pieces


class NatsSpool:
    """`append` and `sync` as SpoolWriter has them, for code that is not asynchronous: the files receiver."""

    def __init__(self, thread: LinkThread, cluster: Cluster, *, bulk: bool, committed: Committed) -> None:
        async def make() -> NatsCommitter:
            return NatsCommitter(thread.link, cluster, bulk=bulk, committed=committed)

        self._thread = thread
        self._committer = thread.call(make())
        self._batches: list[Batch] = []

    def append(self, batch: Batch) -> None:
        """Keep a batch for `sync`."""
        self._batches.append(batch)

    def sync(self) -> None:
        """Send what was appended, in order.

        Raises:
            SpoolFull, SpoolError: something of it was not acknowledged; nothing is kept.
        """
        batches, self._batches = self._batches, []

        async def commit() -> None:
            for batch in batches:
                await self._committer.commit(batch)

        self._thread.call(commit())

    def close(self) -> None:
        async def close() -> None:
            self._committer.close()

        self._thread.call(close())
