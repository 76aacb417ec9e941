"""The reading side of the spool: follow, count what waits, delete what is done."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dekhang.pipeline.partitions import ALL, partition_of
from dekhang.pipeline.spool.layout import (
    SEGMENT_HEAD,
    START,
    Frame,
    Head,
    Position,
    Window,
    decode,
    next_head,
    read_head,
    read_mark,
    read_salt,
    segment_path,
    segments,
    writer_folder,
)


def prune(folder: Path, writer: int, position: Position) -> int:
    """Delete the segments that lie wholly before `position`; returns how many. The last segment always stays."""
    numbers = segments(writer_folder(folder, writer))
    gone = [number for number in numbers[:-1] if number < position.segment]
    for number in gone:
        segment_path(writer_folder(folder, writer), number).unlink(missing_ok=True)
    return len(gone)


HOUR_MS = 3_600_000
SCAN_FRAMES = 20_000  # frames of other partitions that one call passes over at most: × ~5 µs = 0.1 s


def waiting(folder: Path, writer: int, positions: Position | Mapping[int, Position]) -> dict[tuple[int, int], int]:
    """(source, epoch hour of receipt) → records after their partitions' positions, from frame headers alone."""
    with SpoolReader(folder, writer, positions) as reader:
        return reader.waiting()


def _account(head: Head) -> tuple[int, int]:
    return head.source_id, head.received_ms // HOUR_MS


class SpoolReader:
    """Reads frames of `folder/<writer>/` in order, following the writer as it grows.

    Args:
        positions: of each partition whose frames are wanted, how far it has been worked off. Frames of other partitions,
            and those before their partition's position, are passed over unread. One position: all partitions, from there.

    Attributes:
        position: behind the last frame returned or passed over.
        lost_records, lost_bytes: what damage on disk has cost so far. A damaged frame is a loss of its partition; where
            it cannot be told whose frames are gone, the reader of partition 0 counts them.
        problems: a sentence per damage, the last 20.
    """

    def __init__(self, folder: Path, writer: int, positions: Position | Mapping[int, Position] = START) -> None:
        if isinstance(positions, Position):
            positions = dict.fromkeys(ALL, positions)
        self.writer = writer
        self.folder = writer_folder(folder, writer)
        self._from = dict(positions)
        self._counts_gaps = 0 in self._from
        self._level = max(self._from.values())  # from here on no partition is further than the reader
        self.position = position = min(self._from.values())
        self.lost_records = 0
        self.lost_bytes = 0
        self.problems: list[str] = []
        self._fd = -1
        self._fd_segment = -1
        self._salt = b""
        self._window = Window(-1)
        self._counted = position  # `waiting` has counted up to here …
        self._ahead: dict[tuple[int, int], int] = {}  # … and found this after `position`

    def read(self, max_records: int = 10_000, max_bytes: int = 32 * 1024 * 1024) -> tuple[list[Frame], Position]:
        """The next frames (whole ones; at least one if there is any) and the position behind them."""
        frames: list[Frame] = []
        records = size = passed_over = 0
        mark = read_mark(self.folder)
        while mark is not None and records < max_records and size < max_bytes and passed_over < SCAN_FRAMES:
            head = self._advance(mark)
            if head is None:
                break
            wanted = self._is_wanted(head)
            frame = decode(self._window, head) if wanted else None
            self._pass(head, wanted=wanted)
            if frame is None:
                passed_over += 1
                if wanted:
                    self._lose(head)
                continue
            frames.append(frame)
            records += head.records
            size += head.raw_bytes
        return frames, self.position

    @property
    def positions(self) -> dict[int, Position]:
        """Of each partition wanted, how far it has been read: what to commit when all frames returned are worked off."""
        return {partition: max(start, self.position) for partition, start in self._from.items()}

    def _is_wanted(self, head: Head) -> bool:
        start = self._from.get(partition_of(head.unit_id))
        return start is not None and (
            self.position >= self._level or (self._fd_segment, head.offset) >= (start.segment, start.offset)
        )

    def waiting(self) -> dict[tuple[int, int], int]:
        """(source, epoch hour of receipt) → records not read yet. Counts on from the last call: cheap to ask often."""
        if self._counted < self.position:
            self._counted, self._ahead = self.position, {}
        mark = read_mark(self.folder)
        if mark is not None:
            with SpoolReader(self.folder.parent, self.writer, self._from) as scout:
                scout.position = self._counted
                while (head := scout._advance(mark)) is not None:
                    if scout._is_wanted(head):
                        account = _account(head)
                        self._ahead[account] = self._ahead.get(account, 0) + head.records
                    scout._pass(head, wanted=False)
                self._counted = scout.position
        return {account: count for account, count in self._ahead.items() if count > 0}

    def _pass(self, head: Head, *, wanted: bool) -> None:
        """Step behind a frame; a jump in sequence numbers is a loss, and is counted as one."""
        expected = self.position.next_seq
        if expected and head.first_seq > expected and self._counts_gaps:
            self.lost_records += head.first_seq - expected
            self._report(f"Thiếu {head.first_seq - expected} bản ghi trước số {head.first_seq}.")
        self.position = Position(self._fd_segment, head.end, head.first_seq + head.records)
        if wanted and self._ahead and self.position <= self._counted and (account := _account(head)) in self._ahead:
            self._ahead[account] -= head.records

    def _advance(self, mark: Position) -> Head | None:
        """The next frame header before `mark`, stepping over ends of segments and damaged parts."""
        while self._open(mark):
            here = self.position
            end = mark.offset if here.segment == mark.segment else os.fstat(self._fd).st_size
            if here.offset >= end:
                if here.segment >= mark.segment:
                    return None
                self.position = Position(here.segment + 1, 0, here.next_seq)
                continue
            self._window.end = end
            head = read_head(self._window, here.offset, end, self._salt)
            if head is not None and head.first_seq >= here.next_seq:
                return head
            self._skip_damage(here.offset, mark)
        return None

    def _lose(self, head: Head) -> None:
        """Count a frame whose header is good and whose records are not."""
        self.lost_records += head.records
        self.lost_bytes += head.end - head.offset
        self._report(f"{self._fd_segment}.seg hỏng từ byte {head.offset} đến {head.end}; mất {head.records} bản ghi.")

    def _skip_damage(self, offset: int, mark: Position) -> None:
        segment = self.position.segment
        end = mark.offset if segment == mark.segment else os.fstat(self._fd).st_size
        head = next_head(self._window, offset, end, self._salt)
        until = head.offset if head is not None else end
        if self._counts_gaps:
            self.lost_bytes += until - offset
            self._report(f"{segment}.seg hỏng từ byte {offset} đến {until}; đã bỏ qua.")
        self.position = Position(segment, until, self.position.next_seq)

    def _open(self, mark: Position) -> bool:
        """Have the segment of `position` open, moving on to the next existing one; False when there is none yet."""
        while self.position.segment <= mark.segment:
            segment = self.position.segment
            if self._fd_segment == segment:
                return True
            self._close_fd()
            try:
                self._fd = os.open(segment_path(self.folder, segment), os.O_RDONLY)
            except FileNotFoundError:
                later = [number for number in segments(self.folder) if segment < number <= mark.segment]
                if not later:
                    return False
                self.position = Position(later[0], 0, self.position.next_seq)
                continue
            self._fd_segment = segment
            self._window = Window(self._fd)
            opened = read_salt(self._fd)
            if opened is None:
                size = os.fstat(self._fd).st_size
                if segment == mark.segment:
                    return False
                if self._counts_gaps:
                    self.lost_bytes += size
                    self._report(f"Phần đầu của {segment}.seg bị hỏng; bỏ qua {size} byte.")
                self.position = Position(segment + 1, 0, self.position.next_seq)
                continue
            self._salt = opened[0]
            if self.position.offset < SEGMENT_HEAD:
                self.position = Position(segment, SEGMENT_HEAD, self.position.next_seq)
            return True
        return False

    def _report(self, sentence: str) -> None:
        self.problems = [*self.problems[-19:], sentence]

    def _close_fd(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = self._fd_segment = -1

    def close(self) -> None:
        self._close_fd()

    def __enter__(self) -> SpoolReader:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()
