"""What goes into a batch: the express lanes first, each writer its fair share, and always some of the bulk lanes."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from dekhang.pipeline.lanes import BULK_SHARE, is_bulk
from dekhang.pipeline.readers import Reader, open_readers
from dekhang.pipeline.spool import Frame, Position

LOOK_FOR_WRITERS_SECONDS = 1.0


class Reading:
    """The readers of the partitions that a worker holds.

    Args:
        committed: (partition, writer) → how far it has been worked off.
    """

    def __init__(self, data: Path, partitions: Collection[int], committed: Mapping[tuple[int, int], Position]) -> None:
        self._data = data
        self._partitions = partitions
        self._committed = committed
        self._next_look = 0.0
        self.readers: dict[int, Reader] = {}

    def read(self, max_records: int, max_bytes: int, *, now: float) -> list[tuple[int, Frame]]:
        """The next frames with their writers, about as many as asked for: a frame is never divided.

        Args:
            now: of time.monotonic(): new writers are looked for once a second.
        """
        if now >= self._next_look:
            self._next_look = now + LOOK_FOR_WRITERS_SECONDS
            self._open_new()
        express = [reader for writer, reader in self.readers.items() if not is_bulk(writer)]
        bulk = [reader for writer, reader in self.readers.items() if is_bulk(writer)]
        batch = _Batch(max_records, max_bytes)
        if bulk:
            batch.fill(express, 1 - BULK_SHARE)
            batch.fill(bulk, 1.0)
        batch.fill(express, 1.0)
        return batch.frames

    def look_again(self) -> None:
        """Look for new writers at the next read, without waiting for the second to pass."""
        self._next_look = 0.0

    def _open_new(self) -> None:
        for reader in open_readers(self._data, self._partitions, self._committed, without=self.readers):
            self.readers[reader.writer] = reader

    def positions(self) -> dict[tuple[int, int], Position]:
        """(partition, writer) → how far it has been read."""
        return {
            (partition, writer): position
            for writer, reader in self.readers.items()
            for partition, position in reader.positions.items()
        }

    @property
    def lost_records(self) -> int:
        return sum(reader.lost_records for reader in list(self.readers.values()))

    @property
    def problems(self) -> list[str]:
        return [text for reader in list(self.readers.values()) for text in reader.problems]

    def close(self) -> None:
        for reader in self.readers.values():
            reader.close()
        self.readers = {}


class _Batch:
    """Frames read so far, and how many records and bytes there may be."""

    def __init__(self, max_records: int, max_bytes: int) -> None:
        self.frames: list[tuple[int, Frame]] = []
        self._limits = (max_records, max_bytes)
        self._records = self._bytes = 0

    def fill(self, readers: Sequence[Reader], part: float) -> None:
        """Read until this part of the batch is full: equal shares, and what one does not need is for the others."""
        max_records, max_bytes = (max(1, int(limit * part)) for limit in self._limits)
        hungry = list(readers)
        while hungry and self._records < max_records and self._bytes < max_bytes:
            share = max(1, (max_records - self._records) // len(hungry))
            share_bytes = max(1, (max_bytes - self._bytes) // len(hungry))
            hungry = [reader for reader in hungry if self._take(reader, share, share_bytes)]

    def _take(self, reader: Reader, records: int, size: int) -> bool:
        """Read a share; returns whether the reader may have more."""
        frames, _ = reader.read(records, size)
        got = sum(len(frame.records) for frame in frames)
        got_bytes = sum(sum(map(len, frame.records)) for frame in frames)
        self.frames.extend((reader.writer, frame) for frame in frames)
        self._records += got
        self._bytes += got_bytes
        return bool(frames) and (got >= records or got_bytes >= size)
