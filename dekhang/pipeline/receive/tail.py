"""Follows files on this machine (`tail_paths` of a source) over rotation and restart.

`intake/tails.json` remembers, per source and inode, how far the spool has the file. Each record's id is made of a
random word for that file and its byte offset; so when a crash falls between spool and tails.json, what is read again
is recognised by the worker as a duplicate.
"""

from __future__ import annotations

import logging
import os
import secrets
import stat
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dekhang.pipeline import wallclock
from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.commit import Appends
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.takein import printable
from dekhang.pipeline.spool import Batch, SpoolError
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

READ_BYTES = 2 * 1024 * 1024  # per file and round, so that one busy file does not starve the others
HEAD_BYTES = 256  # by which a file that was cut and written anew is recognised
ROTATED_SECONDS = 5.0  # a renamed file may still be written to until its writer reopens
ROTATED_LOOK_SECONDS = 10.0
FORGET_SECONDS = 30 * 86400.0
FILES = 200  # per source


class _Place(msgspec.Struct):
    """How far one file has been spooled."""

    path: str
    source_id: int
    word: str  # random; ids of this file's records start with it
    offset: int = 0
    skip_line: bool = False  # in the middle of a line that was too long
    head_crc: int = 0
    head_bytes: int = 0
    seen_at: float = 0.0  # epoch seconds when the file was last found


class _State(msgspec.Struct):
    version: int = 1
    files: dict[str, _Place] = {}


@dataclass(slots=True)
class _File:
    key: str
    fd: int
    place: _Place
    at_path: bool = True


class Tails:
    """Call `poll` a few times a second."""

    def __init__(self, data: Path, intake: IntakeMap, spool: Appends, refusals: Refusals) -> None:
        self._path = data / "intake" / "tails.json"
        self._intake = intake
        self._spool = spool
        self._refusals = refusals
        self._open: dict[str, _File] = {}
        self._complained: set[str] = set()
        self._next_rotated_look = 0.0
        self.records = 0
        try:
            self._state = msgspec.json.decode(self._path.read_bytes(), type=_State)
        except FileNotFoundError:
            self._state = _State()
        except msgspec.DecodeError as error:
            logger.error("%s không đọc được (%s); các tệp theo dõi được đọc lại từ đầu.", self._path, error)
            self._state = _State()

    def poll(self) -> int:
        """Read what is new in every followed file and get it onto the disk; returns the number of records.

        A source for which there is no room waits; the others go on.

        Raises:
            SpoolError: nothing of this round counts; the same is read again next time.
        """
        self._look()
        before = {key: (f.place.offset, f.place.skip_line) for key, f in self._open.items()}
        count = 0
        refused: dict[int, SpoolError] = {}
        try:
            for file in list(self._open.values()):
                source = self._intake.by_id(file.place.source_id)
                if source is None or source.retired:
                    self._close(file)
                    continue
                if source.source_id in refused:  # its lines stay in order
                    continue
                skipping = file.place.skip_line
                try:
                    count += self._read(file, source)
                except SpoolError as error:
                    file.place.skip_line = skipping
                    refused[source.source_id] = error
            if count:
                self._spool.sync()
        except SpoolError:
            for key, (offset, skip_line) in before.items():
                if key in self._open:
                    place = self._open[key].place
                    place.offset, place.skip_line = offset, skip_line
            raise
        if any(f.place.offset != before.get(key, (-1,))[0] for key, f in self._open.items()):
            self._save()
        self._let_go()
        self.records += count
        if refused and not count:
            raise next(iter(refused.values()))
        return count

    def _look(self) -> None:
        """Open files that are new at their path, and rotated ones that are not read to the end."""
        now = time.time()
        fresh = False
        look_for_rotated = time.monotonic() >= self._next_rotated_look
        if look_for_rotated:
            self._next_rotated_look = time.monotonic() + ROTATED_LOOK_SECONDS
        for file in self._open.values():
            file.at_path = False
        for source in self._intake.sources():
            if source.retired:
                continue
            for path in _expand(source.tail_paths):
                if look_for_rotated:
                    self._meet_rotated(path, source)
                fresh |= self._meet(path, source, now)
        if fresh:
            self._save()  # the word of a new file must be known before its first record is spooled

    def _meet(self, path: Path, source: IntakeSource, now: float) -> bool:
        """Have the file at `path` open; True when it was not known before."""
        try:
            found = path.stat()
        except OSError:
            found = None
        key = f"{source.source_id}:{found.st_dev}:{found.st_ino}" if found else ""
        if key in self._open:
            file = self._open[key]
            file.at_path = True
            file.place.path, file.place.seen_at = printable(path), now
            return self._cut_anew(file)
        if not found or not stat.S_ISREG(found.st_mode):
            return False
        file_or_none = self._open_file(key, path, source, now)
        return file_or_none is not None and (file_or_none.place.offset == 0 or self._cut_anew(file_or_none))

    def _meet_rotated(self, path: Path, source: IntakeSource) -> None:
        """Files that were at `path` when we last looked and have another name now: read them to the end."""
        owed = {
            key: place
            for key, place in self._state.files.items()
            if place.path == printable(path) and place.source_id == source.source_id and key not in self._open
        }
        if not owed:
            return
        try:
            siblings = [one for one in path.parent.iterdir() if one.name.startswith(path.name) and one != path]
        except OSError:
            return
        for sibling in siblings:
            try:
                found = sibling.stat()
            except OSError:
                continue
            key = f"{source.source_id}:{found.st_dev}:{found.st_ino}"
            if key in owed and found.st_size > owed[key].offset:
                file = self._open_file(key, sibling, source, owed[key].seen_at)
                if file is not None:
                    file.at_path = False

    def _open_file(self, key: str, path: Path, source: IntakeSource, now: float) -> _File | None:
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if str(path) not in self._complained:
                self._complained.add(str(path))
                logger.error("Không mở được tệp theo dõi %s: %s. Hãy cấp quyền đọc.", path, error.strerror)
            return None
        opened = os.fstat(fd)
        if f"{source.source_id}:{opened.st_dev}:{opened.st_ino}" != key:  # rotated just now; next round
            os.close(fd)
            return None
        place = self._state.files.get(key)
        if place is None:
            place = self._state.files[key] = _Place(printable(path), source.source_id, secrets.token_hex(6))
        place.seen_at = now
        self._open[key] = file = _File(key, fd, place)
        return file

    def _cut_anew(self, file: _File) -> bool:
        """The same inode, but emptied and written again (copytruncate): start over under a new word."""
        place = file.place
        size = os.fstat(file.fd).st_size
        head = os.pread(file.fd, place.head_bytes, 0)
        if size >= place.offset and zlib.crc32(head) == place.head_crc:
            return False
        place.word, place.offset, place.skip_line = secrets.token_hex(6), 0, False
        place.head_crc = place.head_bytes = 0
        return True

    def _read(self, file: _File, source: IntakeSource) -> int:
        place = file.place
        data = os.pread(file.fd, READ_BYTES, place.offset)
        if not data:
            return 0
        if place.head_bytes < HEAD_BYTES:
            head = os.pread(file.fd, HEAD_BYTES, 0)
            place.head_crc, place.head_bytes = zlib.crc32(head), len(head)
        final = not file.at_path and _is_quiet(file.fd)  # then a last line without newline counts as well
        records: list[bytes] = []
        ids: list[bytes | None] = []
        at = cut = cut_bytes = 0
        while at < len(data):
            newline = data.find(b"\n", at)
            stop = newline if newline >= 0 else len(data)
            if place.skip_line:
                cut_bytes += stop - at
                place.skip_line = newline < 0
            elif newline < 0 and stop - at <= RECORD_BYTES and not final:
                break  # the rest of the line is still to come
            else:
                record = data[at : min(stop, at + RECORD_BYTES)].rstrip(b"\r\0")
                if stop - at > RECORD_BYTES:
                    cut += 1
                    cut_bytes += stop - at - RECORD_BYTES
                    place.skip_line = newline < 0
                if record:
                    records.append(record)
                    ids.append(f"tail:{place.word}:{place.offset + at}".encode())
            at = stop + (newline >= 0)
        if records:
            now_ms = wallclock.now_ms()
            self._spool.append(
                Batch(source.source_id, source.unit_id, source.kind, "tail", now_ms, place.path, records, ids)
            )
        # counted only now: while the disk is full the same lines are read again and again
        self._refusals.add(source.source_id, Reason.OVERSIZE, cut, size_bytes=cut_bytes, peer=place.path)
        place.offset += at
        return len(records)

    def _let_go(self) -> None:
        """Close rotated files that are read and quiet; forget those that are gone from the disk."""
        for file in list(self._open.values()):
            if not file.at_path and _is_quiet(file.fd) and os.fstat(file.fd).st_size <= file.place.offset:
                self._close(file)
        limit = time.time() - FORGET_SECONDS
        for key, place in list(self._state.files.items()):
            if key not in self._open and place.seen_at < limit:
                del self._state.files[key]

    def _close(self, file: _File) -> None:
        os.close(file.fd)
        del self._open[file.key]

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        draft = self._path.with_name(f".tails.{os.getpid()}.tmp")
        with draft.open("wb") as out:
            out.write(msgspec.json.encode(self._state))
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._path)

    def close(self) -> None:
        for file in list(self._open.values()):
            self._close(file)


def _is_quiet(fd: int) -> bool:
    """Nobody has written to the file for a while."""
    return time.time() - os.fstat(fd).st_mtime > ROTATED_SECONDS


def _expand(patterns: tuple[str, ...]) -> list[Path]:
    """Paths of a source; `*` and `?` are allowed in the last part."""
    paths: list[Path] = []
    for pattern in patterns:
        path = Path(pattern)
        if any(sign in path.name for sign in "*?["):
            try:
                paths += sorted(path.parent.glob(path.name))
            except OSError:
                continue
        else:
            paths.append(path)
    return paths[:FILES]
