"""Readers of an installation's transport: one per writer, whatever carries the frames (decision 8)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from dekhang.pipeline import spool
from dekhang.pipeline.spool import START, Frame, Position, SpoolReader


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
    folder = data / "spool"
    return [
        SpoolReader(folder, writer, {one: committed.get((one, writer), START) for one in partitions})
        for writer in spool.writers(folder)
        if writer not in without
    ]


def prune(data: Path, behind: Mapping[int, Position]) -> None:
    """Let go of what every partition has worked off. `behind`: writer → the least position of all partitions."""
    for writer, position in behind.items():
        spool.prune(data / "spool", writer, position)
