"""How much of the disk what waits for the worker may take, and who has to stop first when it becomes tight.

Nothing is dropped here: a writer's gate says no, the receiver says so to the sender, and takes up again by itself as soon
as the worker has caught up. A loud source is stopped first (its own share of the bulk lane), then all loud sources, then
everybody. Sizes are those of full segments on disk, compressed: each writer's last segment (32 MB) comes on top.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from dekhang.pipeline.lanes import is_bulk
from dekhang.pipeline.spool import Batch, SpoolFull
from dekhang.pipeline.spool.layout import SEGMENT_HEAD, read_head, read_mark, read_salt, segment_path, segments
from dekhang.pipeline.stores.reasons import Reason

SHARE_OF_DISK = 0.5  # of what the disk has for it, when nobody chose: the lake and the databases need the rest
BULK_SHARE = 0.75  # of the maximum, for the bulk lanes: what is urgent keeps a quarter for itself
SOURCE_SHARE = 0.25  # of the maximum, for one source in a bulk lane
ALARM_SHARE = 0.5  # people are told from here on
LOOK_SECONDS = 0.5

# `spool_level` → what the person at the terminal should know; the same words as long as it is the same
NEWS = {
    "alarm": "Log chờ xử lý đã quá nửa chỗ dành cho nó; xem phần phân tích (worker) có chạy và kịp không.",
    "full": "Hết chỗ cho log chờ xử lý: các cổng nhận đang bảo máy gửi chờ; xem phần phân tích (worker).",
}


class NoRoom(SpoolFull):
    """The spool has reached its bound; `reason` says whose."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class Room:
    """Watches the spool of one data folder; thread-safe. Every receiver process has one and measures the same files.

    Args:
        maximum_bytes: 0: SHARE_OF_DISK of what the spool holds and the disk has free above `free_floor_bytes`.

    Attributes:
        waiting_bytes, bulk_bytes: on disk now, in all lanes and in the bulk lanes.
        maximum_bytes: the bound in force.
    """

    def __init__(self, spool: Path, *, maximum_bytes: int = 0, free_floor_bytes: int = 0) -> None:
        self._spool = spool
        self._chosen_bytes = maximum_bytes
        self._floor_bytes = free_floor_bytes
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._shares: dict[int, _Shares] = {}
        self.waiting_bytes = 0
        self.bulk_bytes = 0
        self.maximum_bytes = maximum_bytes
        self.look()

    def gate(self, writer: int) -> Callable[[Batch], None]:
        """What `SpoolWriter` asks before it appends: raises NoRoom when the batch must wait outside."""
        if not is_bulk(writer):
            return lambda batch: self._check_all()
        shares = self._shares[writer] = _Shares(self._spool / str(writer))
        shares.look()

        def check(batch: Batch) -> None:
            self._check_all()
            self._check_bulk(shares, batch.source_id)

        return check

    def _check_all(self) -> None:
        if self.is_full():
            raise NoRoom(
                Reason.SPOOL_FULL,
                f"Log chờ xử lý đã chiếm {_mb(self.waiting_bytes)} MB, hết chỗ dành cho nó, nên tạm ngừng nhận. Hệ thống "
                "tự nhận tiếp khi xử lý kịp; hãy gửi lại sau.",
            )

    def _check_bulk(self, shares: _Shares, source_id: int) -> None:
        if shares.by_source.get(source_id, 0) >= self.maximum_bytes * SOURCE_SHARE:
            raise NoRoom(
                Reason.SOURCE_FULL,
                "Nguồn này gửi nhanh hơn mức xử lý và phần chờ của riêng nó đã đầy. Hệ thống tự nhận tiếp khi xử lý kịp; "
                "hãy gửi chậm lại.",
            )
        if self.bulk_bytes >= self.maximum_bytes * BULK_SHARE:
            raise NoRoom(
                Reason.SPOOL_FULL,
                f"Log chờ của các nguồn gửi quá nhanh đã chiếm {_mb(self.bulk_bytes)} MB, hết chỗ dành cho chúng. Hệ thống "
                "tự nhận tiếp khi xử lý kịp; hãy gửi lại sau.",
            )

    def _look_when_due(self) -> None:
        if time.monotonic() >= self._next_look and self._lock.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._lock.release()

    def look(self) -> None:
        """Measure now."""
        with self._lock:
            self._look()

    def _look(self) -> None:
        self._next_look = time.monotonic() + LOOK_SECONDS
        waiting = bulk = 0
        with suppress(OSError):  # a folder that is just being made, a segment that is just being pruned
            for folder in self._spool.iterdir():
                if folder.name.isdigit():
                    size = _size_of(folder)
                    waiting += size
                    bulk += size if is_bulk(int(folder.name)) else 0
        self.waiting_bytes, self.bulk_bytes = waiting, bulk
        self.maximum_bytes = self._chosen_bytes or self._share_of_disk(waiting)
        for shares in self._shares.values():
            with suppress(OSError):  # no descriptor left just now: the figures of the last look hold
                shares.look()

    def _share_of_disk(self, waiting: int) -> int:
        try:
            disk = os.statvfs(self._spool if self._spool.exists() else self._spool.parent)
        except OSError:
            return max(self.maximum_bytes, 1)
        free = disk.f_bavail * disk.f_frsize - self._floor_bytes
        return max(int((waiting + free) * SHARE_OF_DISK), 1)

    def is_full(self) -> bool:
        """Must everybody wait?"""
        self._look_when_due()
        return self.waiting_bytes >= self.maximum_bytes

    def facts(self) -> dict[str, Any]:
        """For the heartbeat. `spool_level`: ok, alarm or full; `spool_problem`: a sentence, empty when it is ok."""
        level = "ok"
        if self.is_full() or self.bulk_bytes >= self.maximum_bytes * BULK_SHARE:
            level = "full"
        elif self.waiting_bytes >= self.maximum_bytes * ALARM_SHARE:
            level = "alarm"
        facts: dict[str, Any] = {
            "spool_bytes": self.waiting_bytes,
            "spool_max_bytes": self.maximum_bytes,
            "spool_level": level,
            "spool_problem": "",
        }
        if level != "ok":
            told = f"log chờ xử lý chiếm {_mb(self.waiting_bytes)} trên {_mb(self.maximum_bytes)} MB dành cho nó"
            facts["spool_problem"] = (
                f"{told}. Các cổng nhận đang bảo máy gửi chờ; xem phần phân tích (worker) có chạy và kịp không."
                if level == "full"
                else f"{told}. Đến mức ấy các cổng nhận sẽ bảo máy gửi chờ; xem phần phân tích (worker) có chạy và kịp không."
            )
        return facts


class _Shares:
    """Bytes per source in one writer's full segments, counted from frame headers; a restart counts them again."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._segments: dict[int, dict[int, int]] = {}
        self.by_source: dict[int, int] = {}

    def look(self) -> None:
        mark = read_mark(self._folder)
        present = {number for number in segments(self._folder) if mark is not None and number < mark.segment}
        if present == self._segments.keys():
            return
        self._segments = {number: self._segments.get(number) or self._count(number) for number in present}
        total: dict[int, int] = {}
        for counts in self._segments.values():
            for source_id, size in counts.items():
                total[source_id] = total.get(source_id, 0) + size
        self.by_source = total

    def _count(self, number: int) -> dict[int, int]:
        counts: dict[int, int] = {}
        try:
            fd = os.open(segment_path(self._folder, number), os.O_RDONLY)
        except FileNotFoundError:  # pruned just now
            return counts
        try:
            opened = read_salt(fd)
            offset, end = SEGMENT_HEAD, os.fstat(fd).st_size
            while opened is not None and offset < end:
                head = read_head(lambda size, at: os.pread(fd, size, at), offset, end, opened[0])
                if head is None:  # damaged: what follows in this segment is nobody's
                    break
                counts[head.source_id] = counts.get(head.source_id, 0) + head.end - offset
                offset = head.end
        finally:
            os.close(fd)
        return counts


def _size_of(folder: Path) -> int:
    """Of the full segments; the last one always stays (spool.prune), also when the worker has read all of it."""
    size = 0
    for number in segments(folder)[:-1]:
        with suppress(FileNotFoundError):
            size += segment_path(folder, number).stat().st_size
    return size


def _mb(size: int) -> str:
    return f"{size // 1024 // 1024:,}".replace(",", ".")
