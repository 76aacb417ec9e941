"""Which partitions this worker works off, and that nobody else does."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO, Protocol

from dekhang.pipeline import partitions
from dekhang.pipeline.stores.database import Connection


class Ownership(Protocol):
    """Partitions held. What is held may change between batches; the worker asks before each.

    Attributes:
        problem: a sentence while nothing can be held, else empty.
    """

    problem: str

    def partitions(self) -> frozenset[int]:
        """What is held now."""
        ...

    def confirm(self, connection: Connection) -> None:
        """Make sure, inside the transaction of a batch, that what the batch was made of is still held.

        Raises:
            OwnershipLost: it is not; the transaction has to be rolled back.
        """
        ...

    def close(self) -> None:
        """Let go of everything."""
        ...


class OwnershipLost(Exception):
    """Somebody else works these partitions off now."""


class PartitionsTaken(Exception):
    """Another process holds a partition that we were told to take; the text is a sentence for people."""


class FileOwnership:
    """A fixed share of the partitions of a data folder, one file lock each: for workers of one machine.

    Args:
        share: (k, n): we are worker k of n, counted from 1.

    Raises:
        PartitionsTaken: another worker holds one of them. Two workers on one partition would store everything twice.
    """

    def __init__(self, data: Path, share: tuple[int, int] = (1, 1)) -> None:
        self.problem = ""
        number, of = share
        self._held = partitions.share(number, of)
        self._locks: list[IO[str]] = []
        folder = data / "run"
        folder.mkdir(parents=True, exist_ok=True)
        for partition in sorted(self._held):
            lock = (folder / f"partition-{partition:02d}.lock").open("w")
            self._locks.append(lock)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.close()
                raise PartitionsTaken(
                    f"Một worker khác đang làm việc với {data} (phần {partition}). Mỗi phần chỉ một worker xử lý:"
                    " dừng worker kia, hoặc chia phần khác bằng --share."
                ) from None

    def partitions(self) -> frozenset[int]:
        return self._held

    def confirm(self, connection: Connection) -> None:
        """The locks are ours until `close`: nothing to ask."""

    def close(self) -> None:
        for lock in self._locks:
            lock.close()
        self._locks = []
