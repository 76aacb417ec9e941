"""Workers' side of the cluster: a stream is read ahead in the background, in order, and every missing number is a loss.

The consumer is a passing one without acknowledgements: what has been read is the position in the database and nothing
else. When the server that holds the consumer dies, a new one starts behind the last message that arrived.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

import nats.errors
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import FetchTimeoutError, NotFoundError

from dekhang.pipeline.spool import START, Frame, Position
from dekhang.pipeline.transport import message, streams
from dekhang.pipeline.transport.link import PASSING, Link, LinkThread
from dekhang.pipeline.transport.message import Account
from dekhang.pipeline.transport.streams import Stream

logger = logging.getLogger(__name__)

AHEAD_BYTES = 2 << 20  # packed, per stream: × 32 streams = 64 MB when one worker has all partitions
FETCH_MESSAGES = 8
WAIT_SECONDS = 3.0  # for messages, in one request …
HEARTBEAT_SECONDS = 1.0  # … during which the server says so often that it is there
PAUSE_SECONDS = 0.25
MAKE_SECONDS = 2.0  # for a consumer; without a leader nobody answers, and the next try may meet one
LEFT_SECONDS = 60.0  # a consumer whose reader died goes after this
COUNT_MESSAGES = 500
COUNT_SECONDS = 5.0
COUNTED_SINGLY = 2_000  # of a stream: × ~300 B × 32 streams ≈ 20 MB; of a backlog of hours the rest is counted …
COUNTED_TOGETHER = 1_000  # … in blocks, and a block again when the lake is in the midst of it
PURGE_SECONDS = 5.0
PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class _Arrived:
    sequence: int
    data: bytes
    counts: dict[Account, int]


class NatsReader:
    """Frames of one lane of one partition; see `readers.Reader`.

    Args:
        position: how far the partition has been worked off; START: from the oldest message.

    Attributes:
        lost_records: at least; the size of a missing message is not known, so it counts as one record.
        problems: a sentence per damage, the last 20.
    """

    def __init__(self, thread: LinkThread, stream: Stream, position: Position) -> None:
        self.writer = stream.writer
        self.stream = stream
        self.position = position
        self.lost_records = 0
        self.problems: list[str] = []
        self._thread = thread
        self._lock = threading.Lock()  # guards _ahead, _ahead_bytes, lost_records, problems
        self._ahead: deque[_Arrived] = deque()
        self._ahead_bytes = 0
        self._last = position.offset  # number of the message that arrived last; 0: none yet
        self._counter = Counter(stream)
        self._room = thread.call(_event())
        self._task = thread.call(self._start())

    async def _start(self) -> asyncio.Task[None]:
        return asyncio.get_running_loop().create_task(self._follow())

    @property
    def positions(self) -> dict[int, Position]:
        """Partition → how far it has been read."""
        return {self.stream.partition: self.position} if self.position != START else {}

    def read(self, max_records: int = 10_000, max_bytes: int = 32 << 20) -> tuple[list[Frame], Position]:
        """The next frames (of whole messages; at least one message if there is any) and the position behind them."""
        frames: list[Frame] = []
        records = size = 0
        before = self.position
        while records < max_records and size < max_bytes:
            with self._lock:
                if not self._ahead:
                    break
                arrived = self._ahead.popleft()
                self._ahead_bytes -= len(arrived.data)
            read = self._unpack(arrived)
            frames.extend(read)
            count = sum(len(frame.records) for frame in read)
            records += count
            size += sum(sum(map(len, frame.records)) for frame in read)
            self.position = Position(0, arrived.sequence, (arrived.sequence << message.RECORDS_SHIFT) + count)
        if self.position != before:  # also when all of it was damaged
            self._thread.loop.call_soon_threadsafe(self._room.set)
        return frames, self.position

    def _unpack(self, arrived: _Arrived) -> list[Frame]:
        try:
            return message.unpack(arrived.data, arrived.sequence)
        except message.MessageDamaged:
            lost = sum(arrived.counts.values()) or 1
            self._lose(lost, f"Gói {arrived.sequence} của luồng {self.stream.name} bị hỏng; mất {lost} bản ghi.")
            return []

    def waiting(self) -> dict[Account, int]:
        """Records per source and hour of receipt after `position`. Counts on from the last call."""
        return self._thread.call(self._counter.count(self._thread.link, self.position.offset), seconds=COUNT_SECONDS)

    def close(self) -> None:
        async def stop() -> None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

        self._thread.call(stop())

    # -- in the link's event loop

    async def _follow(self) -> None:
        """Read ahead for ever."""
        while True:
            try:
                await self._read_ahead(await self._thread.link.jetstream())
            except PASSING as error:
                logger.debug("%s: %r", self.stream.name, error)
            except Exception:  # a bug must not leave a partition unread without a word
                logger.exception("reading %s failed, will be repeated", self.stream.name)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _read_ahead(self, jetstream: JetStreamContext) -> None:
        async with consumer(jetstream, self.stream, self._last) as subscription:
            while True:
                while self._ahead_bytes >= AHEAD_BYTES:
                    self._room.clear()
                    await self._room.wait()
                try:
                    messages = await subscription.fetch(FETCH_MESSAGES, WAIT_SECONDS, HEARTBEAT_SECONDS)
                except FetchTimeoutError:  # alive, and nothing came
                    continue
                for one in messages:
                    self._arrive(one.metadata.sequence.stream, one.data, message.counts_of(one.headers))

    def _arrive(self, sequence: int, data: bytes, counts: dict[Account, int]) -> None:
        if self._last and sequence <= self._last:  # a new consumer told it again
            return
        if self._last and sequence > self._last + 1:
            lost = sequence - self._last - 1
            if lost >= streams.REMADE_AHEAD // 2:  # we may have read further than was committed when it was made again
                self._lose(1, f"Luồng {self.stream.name} đã bị xóa và tạo lại; những gói chưa xử lý trong đó đã mất.")
            else:
                self._lose(lost, f"Thiếu {lost} gói trước gói {sequence} của luồng {self.stream.name}.")
        self._last = sequence
        with self._lock:
            self._ahead.append(_Arrived(sequence, data, counts))
            self._ahead_bytes += len(data)

    def _lose(self, records: int, sentence: str) -> None:
        logger.error("%s", sentence)
        with self._lock:
            self.lost_records += records
            self.problems = [*self.problems[1 - PROBLEMS :], sentence]


async def _event() -> asyncio.Event:
    return asyncio.Event()


@contextlib.asynccontextmanager
async def consumer(
    jetstream: JetStreamContext, stream: Stream, behind: int, *, headers_only: bool = False
) -> AsyncIterator[JetStreamContext.PullSubscription]:
    """A pull subscription of the messages after number `behind`; 0: all."""
    config = ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_SEQUENCE if behind else DeliverPolicy.ALL,
        opt_start_seq=behind + 1 if behind else None,
        ack_policy=AckPolicy.NONE,
        inactive_threshold=LEFT_SECONDS,
        headers_only=headers_only or None,
        mem_storage=True,
        num_replicas=1,
    )
    made = await jetstream.add_consumer(stream.name, config, timeout=MAKE_SECONDS)
    subscription = await jetstream.pull_subscribe_bind(consumer=made.name, stream=stream.name)
    try:
        yield subscription
    finally:
        with contextlib.suppress(*PASSING):
            await subscription.unsubscribe()
        with contextlib.suppress(*PASSING):
            await jetstream.delete_consumer(stream.name, made.name)


@dataclass(slots=True)
class _Counted:
    """Messages from number `first` to `last`, and their records together."""

    first: int
    last: int
    records: dict[Account, int]
    messages: int = 1


class Counter:
    """Counts what waits in a stream, by source, from the messages' headers; counts on from the last time."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._until = 0
        self._counted: deque[_Counted] = deque()
        self._lock = asyncio.Lock()

    async def count(self, link: Link, behind: int) -> dict[Account, int]:
        """(source, hour of receipt) → records in messages after number `behind`.

        Raises: one of PASSING when the cluster does not answer.
        """
        async with self._lock:
            jetstream = await link.jetstream()
            try:
                state = (await jetstream.stream_info(self._stream.name)).state
            except NotFoundError:
                return {}
            self._until = max(self._until, behind)
            if self._until < state.last_seq and state.messages:
                async for one in self._read(jetstream, self._until, state.last_seq):
                    self._add(one)
            while self._counted and self._counted[0].last <= behind:
                self._counted.popleft()
            if self._counted and self._counted[0].first <= behind:
                rest = [one async for one in self._read(jetstream, behind, self._counted[0].last)]
                self._counted.popleft()
                self._counted.extendleft(reversed(rest))
            total: dict[Account, int] = {}
            for part in self._counted:
                _add_up(total, part.records)
            return total

    def _add(self, one: _Counted) -> None:
        self._until = one.last
        newest = self._counted[-1] if len(self._counted) > COUNTED_SINGLY else None
        if newest is None or newest.messages >= COUNTED_TOGETHER:
            self._counted.append(one)
            return
        newest.last = one.last
        newest.messages += 1
        _add_up(newest.records, one.records)

    async def _read(self, jetstream: JetStreamContext, behind: int, until: int) -> AsyncIterator[_Counted]:
        """The messages after number `behind`, up to number `until`."""
        async with consumer(jetstream, self._stream, behind, headers_only=True) as subscription:
            while behind < until:
                try:
                    messages = await subscription.fetch(COUNT_MESSAGES, HEARTBEAT_SECONDS)
                except nats.errors.TimeoutError:  # the last ones were purged meanwhile
                    return
                for one in messages:
                    behind = one.metadata.sequence.stream
                    if behind > until:
                        return
                    yield _Counted(behind, behind, message.counts_of(one.headers))


def _add_up(total: dict[Account, int], records: Mapping[Account, int]) -> None:
    for account, count in records.items():
        total[account] = total.get(account, 0) + count


class Purger:
    """Lets go of what is in the lake, now and then."""

    def __init__(self, thread: LinkThread) -> None:
        self._thread = thread
        self._done: dict[int, tuple[int, float]] = {}  # writer → (up to which number, when)

    def purge(self, writer: int, up_to: int, *, now: float) -> None:
        """Let go of the messages up to number `up_to`; asks the cluster every PURGE_SECONDS at most. Never fails."""
        done, moment = self._done.get(writer, (0, 0.0))
        if up_to <= done or now - moment < PURGE_SECONDS:
            return
        self._done[writer] = (up_to, now)
        self._thread.start(self._purge(streams.BY_WRITER[writer], up_to))

    async def _purge(self, stream: Stream, up_to: int) -> None:
        try:
            await streams.purge(await self._thread.link.jetstream(), stream, up_to)
        except PASSING as error:  # the next one takes these messages along
            logger.debug("%s: not purged: %r", stream.name, error)
