"""The writing side of the spool: append, one fsync for many batches, recovery after a crash."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import zstandard

from dekhang.pipeline.spool.layout import (
    CRC,
    MARK,
    SEGMENT,
    SEGMENT_HEAD,
    SEGMENT_MAGIC,
    START,
    VERSION,
    Batch,
    Position,
    SpoolBusy,
    SpoolError,
    SpoolFull,
    cut,
    encode,
    fsync_folder,
    next_head,
    payload_is_good,
    read_head,
    read_mark,
    read_salt,
    segment_path,
    segments,
    writer_folder,
)

SEGMENT_BYTES = 32 * 1024 * 1024  # a segment is closed when it reaches this
FREE_FLOOR_BYTES = 512 * 1024 * 1024  # keep this much of the disk free for the lake and the databases
FREE_CHECK_SECONDS = 0.5


@dataclass(slots=True)
class Recovery:
    """What the writer found when it opened the folder."""

    torn_bytes: int = 0  # cut from the end: a frame that was being written when the process died
    damaged: list[str] = field(default_factory=list)  # sentences: damage before good frames, left in place


class SpoolWriter:
    """Appends batches to `folder/<writer>/`. Thread-safe; one process per writer number, held by a lock file.

    Args:
        folder: the spool folder of the installation.
        writer: 1 to 65,535; upper bits of every event id.
        free_floor_bytes: with less free disk than this, `append` raises SpoolFull.
        first_seq: sequence number of the first record when the folder is new (at least 1). Receivers pass one
            derived from the clock, so that ids stay unique when somebody deletes the folder.
        gate: asked before each append; raises SpoolFull when the batch must not come in now.
    """

    def __init__(
        self,
        folder: Path,
        writer: int,
        *,
        free_floor_bytes: int = FREE_FLOOR_BYTES,
        segment_bytes: int = SEGMENT_BYTES,
        first_seq: int = 1,
        gate: Callable[[Batch], None] | None = None,
    ) -> None:
        if not 1 <= writer <= 0xFFFF:
            raise ValueError(f"Số của bộ ghi phải từ 1 đến 65535, không phải {writer}.")
        self.folder = writer_folder(folder, writer)
        self.writer = writer
        self.recovery = Recovery()
        self.generation = 0  # grows when unsynced batches were taken back: see `sync`
        self._free_floor_bytes = free_floor_bytes
        self._segment_bytes = segment_bytes
        self._first_seq = max(1, first_seq)
        self._gate = gate
        self._lock = threading.RLock()  # guards all state below
        self._sync_lock = threading.Lock()  # one fsync at a time
        self._compressor = zstandard.ZstdCompressor(level=1, write_checksum=False)
        self._closing: list[int] = []  # full segments not yet fsynced
        self._folder_dirty = False
        self._next_free_check = 0.0
        self._full = False
        self._fd = -1
        self._failed = False
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock_fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_fd)
            raise SpoolBusy(
                f"Thư mục {self.folder} đang được một tiến trình khác ghi. "
                "Hãy dừng tiến trình kia, hoặc chọn số khác bằng --writer."
            ) from error
        self._recover()

    # -- state: _segment, _fd, _salt, _offset, next_seq are the place of the next frame; _synced is safe on disk

    def _recover(self) -> None:
        known = read_mark(self.folder)
        # a number from the clock only where nothing says how far we were: readers take a jump for lost records
        self.next_seq = known.next_seq if known is not None else self._first_seq
        mark = known or START
        numbers = [number for number in segments(self.folder) if number >= mark.segment]
        for number in numbers[:-1]:  # the process may have died between filling them and the fsync
            fd = os.open(segment_path(self.folder, number), os.O_RDONLY)
            os.fsync(fd)
            os.close(fd)
        while numbers:
            number = numbers[-1]
            fd = os.open(segment_path(self.folder, number), os.O_RDWR)
            size = os.fstat(fd).st_size
            opened = read_salt(fd)
            if opened is None:  # died while creating it, before any frame could be acknowledged
                os.close(fd)
                if size > SEGMENT_HEAD:
                    self.recovery.damaged.append(f"Phần đầu của {number}.seg bị hỏng; bỏ qua {size} byte.")
                    break
                segment_path(self.folder, number).unlink()
                self.recovery.torn_bytes += size
                numbers.pop()
                continue
            salt, first_seq = opened
            self.next_seq = max(self.next_seq, first_seq)
            offset = self._good_end(fd, number, size, salt)
            if number == mark.segment and offset < mark.offset:
                # damage in what readers may have passed already: what is written there now they would never see
                self.recovery.damaged.append(f"{number}.seg hỏng từ byte {offset} đến {mark.offset}.")
                if size < mark.offset:
                    os.close(fd)
                    break
                offset = mark.offset
            if offset < size:
                self.recovery.torn_bytes += size - offset
                os.ftruncate(fd, offset)
            os.fsync(fd)
            self._segment, self._fd, self._salt, self._offset = number, fd, salt, offset
            break
        if self._fd < 0:
            last = max([mark.segment, *numbers], default=0)
            self._segment = last
            self._open_segment()
            os.fsync(self._fd)
        fsync_folder(self.folder)
        self._publish(Position(self._segment, self._offset, self.next_seq))

    def _good_end(self, fd: int, number: int, size: int, salt: bytes) -> int:
        """Where the last good frame ends. Damage before it stays in place: readers step over it and count it."""

        def read(count: int, at: int) -> bytes:
            return os.pread(fd, count, at)

        offset = good = SEGMENT_HEAD
        while offset < size:
            head = read_head(read, offset, size, salt)
            if head is None or not payload_is_good(read, head):
                head = next_head(read, offset, size, salt)
                if head is None:
                    break
                self.recovery.damaged.append(f"{number}.seg hỏng từ byte {offset} đến {head.offset}.")
                offset = head.offset
                continue
            offset = good = head.end
            self.next_seq = max(self.next_seq, head.first_seq + head.records)
        return good

    def _open_segment(self) -> None:
        number = self._segment + 1
        salt = os.urandom(8)
        head = SEGMENT.pack(SEGMENT_MAGIC, VERSION, self.writer, self.next_seq, salt)
        fd = os.open(segment_path(self.folder, number), os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o640)
        try:
            self._write_at(fd, head + CRC.pack(zlib.crc32(head)), 0)
        except BaseException:
            os.close(fd)
            raise
        if self._fd >= 0:
            self._closing.append(self._fd)
        self._segment, self._fd, self._salt, self._offset = number, fd, salt, SEGMENT_HEAD
        self._folder_dirty = True

    @staticmethod
    def _write_at(fd: int, data: bytes, offset: int) -> None:
        """Write all of `data` or cut the file back to `offset` and raise."""
        done = 0
        try:
            while done < len(data):
                done += os.pwrite(fd, memoryview(data)[done:], offset + done)
        except OSError as error:
            os.ftruncate(fd, offset)
            raise _as_spool_error(error) from error

    def _check_free(self) -> None:
        now = time.monotonic()
        if now >= self._next_free_check:
            self._next_free_check = now + FREE_CHECK_SECONDS
            disk = os.statvfs(self.folder)
            self._full = disk.f_bavail * disk.f_frsize < self._free_floor_bytes
        if self._full:
            raise SpoolFull(
                f"Ổ đĩa chứa {self.folder} còn trống dưới {self._free_floor_bytes // 1024 // 1024} MB nên tạm ngừng nhận "
                "nhật ký. Hãy giải phóng dung lượng; hệ thống tự nhận tiếp sau đó."
            )

    def append(self, batch: Batch) -> int:
        """Write a batch; returns the sequence number of its first record. It is acknowledged only after `sync`.

        Raises:
            SpoolFull: the disk is (nearly) full; nothing of the batch was kept.
            SpoolError: the disk refused; nothing of the batch was kept.
        """
        ids = batch.ids
        if ids is not None and len(ids) != len(batch.records):
            raise ValueError("Batch.ids phải dài bằng Batch.records.")
        if self._gate is not None:
            self._gate(batch)
        with self._lock:
            try:
                self._check_free()
                if self._failed:
                    self._roll_back()
            except OSError as error:
                raise _as_spool_error(error) from error
            first_seq = self.next_seq
            before = (self._segment, self._salt, self._offset, len(self._closing))
            try:
                for start, stop in cut(map(len, batch.records)):
                    self._append_frame(batch, start, stop)
            except BaseException as error:
                try:
                    self._take_back(*before)
                    self.next_seq = first_seq
                except OSError:
                    self._failed = True
                if isinstance(error, OSError):  # a new segment that could not be made, say
                    raise _as_spool_error(error) from error
                raise
            return first_seq

    def _take_back(self, segment: int, salt: bytes, offset: int, closing: int) -> None:
        """Undo the frames and segments that one failed append has added; other batches stay."""
        for number in range(self._segment, segment, -1):
            os.close(self._fd)
            segment_path(self.folder, number).unlink(missing_ok=True)
            self._fd = self._closing.pop()
        assert len(self._closing) == closing
        self._segment, self._salt, self._offset = segment, salt, offset
        os.ftruncate(self._fd, offset)

    def _append_frame(self, batch: Batch, start: int, stop: int) -> None:
        if self._offset >= max(self._segment_bytes, SEGMENT_HEAD + 1):
            self._open_segment()
        frame = encode(batch, start, stop, first_seq=self.next_seq, salt=self._salt, compressor=self._compressor)
        self._write_at(self._fd, frame, self._offset)
        self._offset += len(frame)
        self.next_seq += stop - start

    def sync(self) -> int:
        """Make everything appended so far safe on disk; returns the next sequence number that was safe then.

        One call serves all batches appended before it. When the disk refuses, everything appended since the last
        sync is taken back, `generation` grows and SpoolError is raised. With several threads a batch is safe only if
        `generation` was the same before its append and after its sync.
        """
        with self._sync_lock:
            try:
                return self._make_safe()
            except OSError as error:
                with self._lock:
                    self._failed = True
                    with suppress(OSError):  # the next append or sync tries again
                        self._roll_back()
                raise _as_spool_error(error) from error

    def _make_safe(self) -> int:
        with self._lock:
            if self._failed:
                self._roll_back()
                raise SpoolError("Lần ghi trước xuống đĩa không thành; dữ liệu chưa xác nhận đã được bỏ.")
            goal = Position(self._segment, self._offset, self.next_seq)
            if goal == self._synced:
                return goal.next_seq
            fd = os.dup(self._fd)  # survives a rotation while we wait for the disk
            closing, self._closing = self._closing, []
            folder_dirty, self._folder_dirty = self._folder_dirty, False
        try:
            for old in closing:
                os.fdatasync(old)
            os.fdatasync(fd)
            if folder_dirty:
                fsync_folder(self.folder)
        finally:
            os.close(fd)
            for old in closing:
                os.close(old)
        with self._lock:
            self._publish(goal)
        return goal.next_seq

    def _roll_back(self) -> None:
        """Forget what came after the last sync: after a failed fsync the kernel may have dropped it anyway."""
        self.generation += 1
        for fd in [*self._closing, self._fd]:
            if fd >= 0:
                os.close(fd)
        self._closing, self._fd = [], -1
        for number in segments(self.folder):
            if number > self._synced.segment:
                segment_path(self.folder, number).unlink()
        self._fd = os.open(segment_path(self.folder, self._synced.segment), os.O_RDWR)
        os.ftruncate(self._fd, self._synced.offset)
        opened = read_salt(self._fd)
        if opened is None:
            raise SpoolError(f"Phần đầu của {self._synced.segment}.seg không đọc lại được sau lỗi đĩa.")
        self._salt = opened[0]
        self._segment, self._offset, self.next_seq = (
            self._synced.segment,
            self._synced.offset,
            self._synced.next_seq,
        )
        self._failed = False

    def _publish(self, goal: Position) -> None:
        """Tell readers how far they may read. Written after the fsync, so it is never ahead of the disk."""
        raw = MARK.pack(goal.segment, goal.offset, goal.next_seq)
        fd = os.open(self.folder / "synced", os.O_WRONLY | os.O_CREAT, 0o640)
        try:
            os.pwrite(fd, raw + CRC.pack(zlib.crc32(raw)), 0)
        finally:
            os.close(fd)
        self._synced = goal

    def close(self) -> None:
        """Sync, then give the folder free for another process."""
        if self._lock_fd < 0:
            return
        try:
            self.sync()
        finally:
            with self._lock:
                os.close(self._fd)
                os.close(self._lock_fd)
                self._fd = self._lock_fd = -1

    def __enter__(self) -> SpoolWriter:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()


def _as_spool_error(error: OSError) -> SpoolError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return SpoolFull("Ổ đĩa đã đầy nên chưa nhận thêm nhật ký. Hãy giải phóng dung lượng.")
    return SpoolError(f"Không ghi được nhật ký xuống đĩa: {error.strerror}. Hãy kiểm tra ổ đĩa.")
