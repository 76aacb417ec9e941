"""Readers of an installation's transport: one per writer, whatever carries the frames (decision 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dekhang.pipeline import spool
from dekhang.pipeline.partitions import ALL, PARTITIONS
from dekhang.pipeline.place import Place
from dekhang.pipeline.spool import START, Frame, Position, SpoolReader

if TYPE_CHECKING:
    from dekhang.pipeline.transport.cluster import Transport


class Reader(Protocol):
    """Frames of one writer, in order, of the partitions it was opened for."""

    writer: int
    lost_records: int
    problems: list[str]

    def read(self, max_records: int, max_bytes: int) -> tuple[list[Frame], Position]:
        """The next frames (whole ones; at least one if there is any) and the position behind them."""
        ...

    @property
    def positions(self) -> dict[int, Position]:
        """Partition → how far it has been read: what a transaction commits with the frames returned so far."""
        ...

    def waiting(self) -> dict[tuple[int, int], int]:
        """(source, epoch hour of receipt) → records that have not been read yet."""
        ...

    def close(self) -> None: ...


def open_readers(
    data: Path,
    partitions: Collection[int],
    committed: Mapping[tuple[int, int], Position],
    *,
    without: Collection[int] = (),
) -> list[Reader]:
    """Open a reader for each writer there is, except those in `without`; ask again for writers that come later.

    Args:
        committed: (partition, writer) → how far the partition has been worked off; nothing yet when absent.
    """
    if Place.of(data).transport:
        return [*_cluster(data).readers(partitions, committed, without=without)]
    folder = data / "spool"
    return [
        SpoolReader(folder, writer, {one: committed.get((one, writer), START) for one in partitions})
        for writer in spool.writers(folder)
        if writer not in without
    ]


def prune(data: Path, committed: Mapping[tuple[int, int], Position]) -> None:
    """Let go of what is in the lake. `committed`: (partition, writer) → how far it has been worked off, of all partitions."""
    if Place.of(data).transport:
        _cluster(data).prune({writer: position for (_, writer), position in committed.items()})
        return
    of_writers: dict[int, list[Position]] = {}
    for (_, writer), position in committed.items():
        of_writers.setdefault(writer, []).append(position)
    for writer, positions in of_writers.items():
        if len(positions) == PARTITIONS:  # else some partition has not begun with this writer
            spool.prune(data / "spool", writer, min(positions))


def waiting(data: Path, committed: Mapping[tuple[int, int], Position]) -> dict[tuple[int, int], int]:
    """(source, epoch hour of receipt) → records that are acknowledged and not yet in the lake."""
    if Place.of(data).transport:
        return _cluster(data).waiting(committed)
    folder = data / "spool"
    total: dict[tuple[int, int], int] = {}
    for writer in spool.writers(folder):
        of_writer = {partition: committed.get((partition, writer), START) for partition in ALL}
        for account, count in spool.waiting(folder, writer, of_writer).items():
            total[account] = total.get(account, 0) + count
    return total


def _cluster(data: Path) -> Transport:
    from dekhang.pipeline.transport import cluster  # one machine does without the NATS library

    return cluster.of(data)
