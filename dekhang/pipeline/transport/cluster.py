"""The cluster as an installation's processes use it: one connection per process, streams prepared when they are missing."""

from __future__ import annotations

import asyncio
import atexit
import logging
import threading
import time
from collections.abc import Collection, Mapping
from pathlib import Path

from dekhang.pipeline.place import Place
from dekhang.pipeline.spool import START, Position
from dekhang.pipeline.stores import database
from dekhang.pipeline.transport import streams
from dekhang.pipeline.transport.address import Cluster
from dekhang.pipeline.transport.link import PASSING, Link, LinkThread
from dekhang.pipeline.transport.message import Account
from dekhang.pipeline.transport.nats_reader import Counter, NatsReader, Purger
from dekhang.pipeline.transport.nats_writer import NatsCommitter, NatsSpool
from dekhang.pipeline.transport.room import ClusterRoom
from dekhang.pipeline.transport.streams import BY_WRITER, Stream, all_streams

logger = logging.getLogger(__name__)

PREPARE_SECONDS = 15.0  # between attempts, while the cluster does not answer
COUNT_SECONDS = 3.0
SILENT_SECONDS = 10.0  # after the cluster gave no count

_lock = threading.Lock()
_known: dict[tuple[Path, str], Transport] = {}


class Transport:
    """For code that is not asynchronous: workers, the files receiver, pages. See `of`."""

    def __init__(self, data: Path, cluster: Cluster, name: str) -> None:
        self._data = data
        self._cluster = cluster
        self._thread = LinkThread(cluster, name)
        self._purger = Purger(self._thread)
        self._counters = {stream.writer: self._thread.call(_counter(stream)) for stream in all_streams()}
        self._is_prepared = False
        self._silent_until = 0.0

    def readers(
        self,
        partitions: Collection[int],
        committed: Mapping[tuple[int, int], Position],
        *,
        without: Collection[int] = (),
    ) -> list[NatsReader]:
        """A reader for each lane of the partitions, except those of the writers in `without`."""
        self._prepare()
        return [
            NatsReader(self._thread, stream, committed.get((stream.partition, stream.writer), START))
            for stream in all_streams()
            if stream.partition in partitions and stream.writer not in without
        ]

    def prune(self, behind: Mapping[int, Position]) -> None:
        """Let go of what is in the lake. `behind`: writer → committed position."""
        now = time.monotonic()
        for writer, position in behind.items():
            if writer in BY_WRITER:
                self._purger.purge(writer, position.offset, now=now)

    def waiting(self, committed: Mapping[tuple[int, int], Position]) -> dict[Account, int]:
        """(source, hour of receipt) → records that are acknowledged and not yet in the lake.

        While the cluster does not answer, nothing: who asks is a page that people wait for.
        """
        if time.monotonic() < self._silent_until:
            return {}

        async def count() -> list[dict[Account, int]]:
            return await asyncio.gather(
                *(
                    self._counters[one.writer].count(
                        self._thread.link, committed.get((one.partition, one.writer), START).offset
                    )
                    for one in all_streams()
                )
            )

        try:
            counted = self._thread.call(count(), seconds=COUNT_SECONDS)
        except PASSING as error:
            logger.warning("what waits in the NATS cluster could not be counted: %r", error)
            self._silent_until = time.monotonic() + SILENT_SECONDS
            return {}
        total: dict[Account, int] = {}
        for counts in counted:
            for account, records in counts.items():
                total[account] = total.get(account, 0) + records
        return total

    def spool(self) -> NatsSpool:
        """What the files receiver writes to: files are bulk by nature."""
        return NatsSpool(self._thread, self._cluster, bulk=True, committed=_committed_of(self._data))

    def _prepare(self) -> None:
        if self._is_prepared:
            return

        async def prepare() -> None:
            await streams.prepare(
                await self._thread.link.jetstream(),
                replicas=self._cluster.replicas,
                room_bytes=self._cluster.room_bytes,
                committed=_committed_of(self._data),
            )

        try:
            self._thread.call(prepare(), seconds=PREPARE_SECONDS)
            self._is_prepared = True
        except PASSING as error:  # receivers prepare too; readers wait for their streams
            logger.warning("the NATS cluster does not answer yet: %r", error)

    def close(self) -> None:
        self._thread.close()


async def _counter(stream: Stream) -> Counter:
    return Counter(stream)


def of(data: Path) -> Transport:
    """The transport of a data folder whose place names a cluster: one for the whole process."""
    place = Place.of(data)
    with _lock:
        known = _known.get((data, place.transport))
        if known is None:
            known = Transport(data, Cluster.of(place.transport), f"dekhang {place.host}")
            _known[data, place.transport] = known
            atexit.register(known.close)
        return known


def committers(data: Path, part: str) -> tuple[NatsCommitter, NatsCommitter]:
    """The express and the bulk lane of a receiver, for the running event loop."""
    place = Place.of(data)
    cluster = Cluster.of(place.transport)
    link = Link(cluster, f"dekhang {place.host} {part}")
    express, bulk = (NatsCommitter(link, cluster, bulk=bulk, committed=_committed_of(data)) for bulk in (False, True))
    return express, bulk


def room(data: Path, part: str) -> ClusterRoom:
    """How full the streams are, for the running event loop."""
    place = Place.of(data)
    return ClusterRoom(Link(Cluster.of(place.transport), f"dekhang {place.host} {part} room"))


def _committed_of(data: Path) -> streams.Committed:
    """How far the lake is, from the database: writer → last sequence number in it."""

    def read() -> dict[int, int]:
        with database.reading(data) as connection:
            if connection is None:
                return {}
            return {
                writer: sequence
                for writer, sequence in connection.execute(
                    'SELECT writer, max("offset") FROM positions GROUP BY writer'
                )
                if writer in BY_WRITER
            }

    async def committed() -> Mapping[int, int]:
        return await asyncio.get_running_loop().run_in_executor(None, read)

    return committed
