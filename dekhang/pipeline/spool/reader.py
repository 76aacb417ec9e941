"""The reading side of the spool: follow, count what waits, delete what is done."""

from __future__ import annotations

import os
from pathlib import Path

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


def waiting(folder: Path, writer: int, position: Position) -> dict[tuple[int, int], int]:
    """(source, epoch hour of receipt) → records after `position`, from frame headers without reading payloads."""
    with SpoolReader(folder, writer, position) as reader:
        return reader.waiting()


def _account(head: Head) -> tuple[int, int]:
    return head.source_id, head.received_ms // HOUR_MS


class SpoolReader:
    """Reads frames of `folder/<writer>/` in order from `position`, following the writer as it grows.

    Attributes:
        position: behind the last frame returned.
        lost_records, lost_bytes: what damage on disk has cost so far.
        problems: a sentence per damage, the last 20.
    """

    def __init__(self, folder: Path, writer: int, position: Position = START) -> None:
        self.folder = writer_folder(folder, writer)
        self.position = position
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
        records = size = 0
        mark = read_mark(self.folder)
        while mark is not None and records < max_records and size < max_bytes:
            head = self._advance(mark)
            if head is None:
                break
            frame = decode(self._window, head)
            if frame is None:
                self._skip_damage(head.offset, mark)
                continue
            self._pass(head)
            frames.append(frame)
            records += head.records
            size += head.raw_bytes
        return frames, self.position

    def waiting(self) -> dict[tuple[int, int], int]:
        """(source, epoch hour of receipt) → records after `position`. Counts on from the last call: cheap to ask often."""
        if self._counted < self.position:
            self._counted, self._ahead = self.position, {}
        mark = read_mark(self.folder)
        if mark is not None:
            with SpoolReader(self.folder.parent, int(self.folder.name), self._counted) as scout:
                while (head := scout._advance(mark)) is not None:
                    scout._pass(head)
                    account = _account(head)
                    self._ahead[account] = self._ahead.get(account, 0) + head.records
                self._counted = scout.position
        return {account: count for account, count in self._ahead.items() if count > 0}

    def _pass(self, head: Head) -> None:
        """Step behind a good frame; a jump in sequence numbers is a loss, and is counted as one."""
        expected = self.position.next_seq
        if expected and head.first_seq > expected:
            self.lost_records += head.first_seq - expected
            self._report(f"Thiếu {head.first_seq - expected} bản ghi trước số {head.first_seq}.")
        self.position = Position(self._fd_segment, head.end, head.first_seq + head.records)
        if self._ahead and self.position <= self._counted and (account := _account(head)) in self._ahead:
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

    def _skip_damage(self, offset: int, mark: Position) -> None:
        segment = self.position.segment
        end = mark.offset if segment == mark.segment else os.fstat(self._fd).st_size
        head = next_head(self._window, offset, end, self._salt)
        until = head.offset if head is not None else end
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
