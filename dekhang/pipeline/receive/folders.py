"""Drop folders (`IntakeSource.folders`): finished files are taken in once, like uploads; nothing there is changed.

A file is finished when it was not written for a while. One that grows all the same (its first bytes are what they were)
is taken in from where it was left; files that are meant to grow are better followed (`tail`).
"""

from __future__ import annotations

import hashlib
import logging
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.takein import Origin, TakeIn, printable
from dekhang.pipeline.receive.taken import DONE, FAILED, READING, Memory, Taken
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

LOOK_SECONDS = 2.0
QUIET_SECONDS = 10.0
FILES = 100_000  # of one folder; further ones wait until somebody clears it
UNFINISHED = (".part", ".tmp", ".swp", ".crdownload", ".filepart", "~")


class Folders:
    """Call `poll` again and again; one file at a time."""

    def __init__(self, intake: IntakeMap, take_in: TakeIn, memory: Memory, refusals: Refusals) -> None:
        self._intake = intake
        self._take_in = take_in
        self._memory = memory
        self._refusals = refusals
        self._next_look = 0.0
        self._known: dict[tuple[int, str], str] = {}  # what need not be looked up again
        self._queue: Iterator[tuple[IntakeSource, Path, os.stat_result]] = iter(())
        self._found: dict[str, str] = {}  # problems of the look that is under way
        self.problems: dict[str, str] = {}  # folder or file → sentence
        self.files = 0
        self.records = 0

    def poll(self) -> int:
        """Take in the next finished file, if any; returns how many were finished (0 or 1)."""
        for source, path, found in self._queue:
            if self._take(source, path, found):
                return 1
        if time.monotonic() >= self._next_look:
            self._next_look = time.monotonic() + LOOK_SECONDS
            self._queue = self._finished()
        return 0

    def _finished(self) -> Iterator[tuple[IntakeSource, Path, os.stat_result]]:
        now = time.time()
        problems = self._found = {}
        for source in self._intake.sources():
            if source.retired:
                continue
            for folder in source.folders:
                try:
                    with os.scandir(folder) as entries:
                        names = sorted(entry.name for _, entry in zip(range(FILES), entries, strict=False))
                except OSError as error:
                    problems[folder] = (
                        f"Không đọc được thư mục {folder}: {error.strerror}. Sửa đường dẫn hoặc quyền đọc."
                    )
                    continue
                if len(names) >= FILES:
                    problems[folder] = f"Thư mục {folder} có từ {FILES} tệp trở lên; chỉ đọc chừng ấy. Hãy dọn bớt."
                for name in names:
                    if name.startswith(".") or name.endswith(UNFINISHED):
                        continue
                    path = Path(folder, name)
                    try:
                        found = path.lstat()
                    except OSError:
                        continue
                    if stat.S_ISREG(found.st_mode) and now - found.st_mtime > QUIET_SECONDS:
                        yield source, path, found
        self.problems = problems

    def _take(self, source: IntakeSource, path: Path, found: os.stat_result) -> bool:
        look = _look_of(found)
        place = (source.source_id, printable(path))
        if self._known.get(place) == look:
            return False
        before = self._memory.find(*place)
        if before is not None and before.look == look and before.state in (DONE, FAILED):
            self._know(place, look)
            return False
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                if not os.path.samestat(os.fstat(descriptor), found):  # something else was put in its place
                    return False
                # by what is open, not by its name: who fills the folder could make that a link to any file of ours
                opened = Path(f"/proc/self/fd/{descriptor}")
                return self._read(source, opened, printable(Path(path.name)), place, found, before)
            finally:
                os.close(descriptor)
        except OSError as error:  # permission given changes nothing that `look` tells: it is tried at every look
            self._found[place[1]] = f"Không đọc được tệp {place[1]}: {error.strerror}. Hãy cấp quyền đọc."
            return False

    def _read(
        self,
        source: IntakeSource,
        path: Path,
        name: str,
        place: tuple[int, str],
        found: os.stat_result,
        before: Taken | None,
    ) -> bool:
        digests = self._take_in.digest(path, before.size_bytes if before is not None else 0, found.st_size)
        if digests is None:
            return False
        look = _look_of(found)
        whole, beginning = digests
        taken = Taken(*place, look, whole.hex(), whole, found.st_size, at_ms=wallclock.now_ms())
        if before is not None and beginning.hex() == before.version:  # the same, or grown since
            stem = before.stem
            if found.st_size > before.size_bytes and before.state != READING and stem.hex() == before.version:
                # until now known by what it held, which other files may have held as well (nothing, a heading)
                stem = hashlib.sha256(b"grown\0" + stem + place[1].encode()).digest()
            taken = replace(taken, stem=stem, records=before.records)
        self._memory.keep(taken)

        def progress(read_bytes: int, records: int, why: str) -> None:
            self._memory.keep(replace(taken, records=records))

        outcome = self._take_in.take(
            path, name, Origin(source, "folder", name, taken.stem), progress,
            skip=taken.records, every_batch=True,
        )  # fmt: skip
        self.records += outcome.records - taken.records
        if outcome.ended:
            return False
        if outcome.failed:
            self._refusals.add(
                source.source_id, Reason.UNREADABLE_FILE, size_bytes=found.st_size, example=name.encode(), peer=name,
            )  # fmt: skip
        state = FAILED if outcome.failed else DONE
        self._memory.keep(replace(taken, records=outcome.records, state=state, problem=outcome.problem))
        self._know(place, look)
        self.files += 1
        return True

    def _know(self, place: tuple[int, str], look: str) -> None:
        if len(self._known) > FILES:
            self._known.clear()
        self._known[place] = look

    def facts(self) -> dict[str, Any]:
        """For the heartbeat."""
        return {
            "folder_files": self.files,
            "folder_records": self.records,
            "folder_problems": list(self.problems.values())[:5],
        }


def _look_of(found: os.stat_result) -> str:
    return f"{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"
