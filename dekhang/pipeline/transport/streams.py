"""The streams of a JetStream cluster: one per partition and lane, so that a number missing in a stream is a loss.

A stream keeps what it was given until the workers have committed it (`purge`); when it is full it refuses new messages
instead of dropping old ones, and receivers slow their senders.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass

from nats.js import JetStreamContext
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import APIError, NotFoundError

from dekhang.pipeline.lanes import BULK, CLUSTER
from dekhang.pipeline.partitions import PARTITIONS

logger = logging.getLogger(__name__)

Committed = Callable[[], Awaitable[Mapping[int, int]]]

DUPLICATES_SECONDS = 120.0  # a repeated message is recognised as long; receivers repeat for at most 30 s
ASK_SECONDS = 5.0
REMADE_AHEAD = 1 << 20  # a stream made again leaves out so many numbers: readers see that it was, and mistake none
IN_USE = 10058  # JetStream: the stream is there, differently configured


@dataclass(frozen=True, slots=True)
class Stream:
    """One lane of one partition."""

    partition: int
    bulk: bool

    @property
    def name(self) -> str:
        return f"DK_{'BULK' if self.bulk else 'IN'}_{self.partition}"

    @property
    def subject(self) -> str:
        return f"dk.{'bulk' if self.bulk else 'in'}.{self.partition}"

    @property
    def writer(self) -> int:
        """The number that event ids and positions know it by."""
        return CLUSTER + self.partition + (BULK if self.bulk else 0)


def all_streams() -> Iterator[Stream]:
    for bulk in (False, True):
        for partition in range(PARTITIONS):
            yield Stream(partition, bulk)


BY_WRITER: Mapping[int, Stream] = {stream.writer: stream for stream in all_streams()}


async def prepare(
    jetstream: JetStreamContext,
    *,
    replicas: int,
    room_bytes: int,
    committed: Committed,
) -> None:
    """Create the streams that are missing. Several processes may do so at once.

    Args:
        room_bytes: of all streams together, on each server that holds a copy.
        committed: asked only when streams are missing: writer → last sequence number that is in the lake. A new stream
            starts well behind it, so that numbers stay unique when somebody has deleted the old one.

    Raises:
        nats.errors.Error, TimeoutError: the cluster did not answer or refused.
    """
    streams = list(all_streams())
    there = await asyncio.gather(*(_exists(jetstream, stream) for stream in streams))
    missing = [stream for stream, is_there in zip(streams, there, strict=True) if not is_there]
    if not missing:
        return
    behind = await committed()

    async def create(stream: Stream) -> None:
        config = StreamConfig(
            name=stream.name,
            subjects=[stream.subject],
            retention=RetentionPolicy.LIMITS,
            storage=StorageType.FILE,
            num_replicas=replicas,
            discard=DiscardPolicy.NEW,
            max_bytes=max(1 << 20, room_bytes // (2 * PARTITIONS)),
            duplicate_window=DUPLICATES_SECONDS,
            deny_delete=True,
            first_seq=behind[stream.writer] + REMADE_AHEAD if stream.writer in behind else 1,
        )
        try:
            await jetstream.add_stream(config)
        except APIError as error:
            if error.err_code != IN_USE:  # else another process was faster
                raise

    await asyncio.gather(*map(create, missing))
    logger.info("created %d streams", len(missing))


async def _exists(jetstream: JetStreamContext, stream: Stream) -> bool:
    try:
        await jetstream.stream_info(stream.name)
    except NotFoundError:
        return False
    return True


async def purge(jetstream: JetStreamContext, stream: Stream, up_to: int) -> None:
    """Let go of the messages up to and with number `up_to`: they are in the lake."""
    await jetstream.purge_stream(stream.name, seq=up_to + 1)
