"""One finished file into the spool, record by record: what uploads, drop folders and pulled objects have in common."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline import wallclock
from dekhang.pipeline.formats import RecordFile, open_records
from dekhang.pipeline.formats.limits import RECORD_BYTES
from dekhang.pipeline.receive.commit import Appends
from dekhang.pipeline.spool import Batch, SpoolError
from dekhang.pipeline.stores.intake import IntakeSource

logger = logging.getLogger(__name__)

BATCH_RECORDS = 2000
BATCH_BYTES = 4 * 1024 * 1024
PROGRESS_SECONDS = 0.5
RETRY_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose file it is and how its records are known.

    `peer`: shown as where they came from; `stem`: the sender's id of record n is `stem` and n.
    """

    source: IntakeSource
    transport: str
    peer: str
    stem: bytes


@dataclass(slots=True)
class Outcome:
    """`records`: of the whole file, those of earlier readings too; `problem`: a sentence, "" when all went well;
    `ended`: we were asked to end in the middle."""

    records: int = 0
    problem: str = ""
    failed: bool = False
    ended: bool = False


Progress = Callable[[int, int, str], None]  # (bytes of the file read, records spooled, why we wait or "")


def printable(path: Path) -> str:
    """The path as text that can be stored, also when its bytes are not UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()


class TakeIn:
    """Spools files. `between` is called after every batch and while one waits, so that a huge file does not hold up other work."""

    def __init__(self, spool: Appends, ending: threading.Event, between: Callable[[], object]) -> None:
        self._spool = spool
        self._ending = ending
        self._between = between

    def take(
        self, path: Path, name: str, origin: Origin, progress: Progress, *, skip: int = 0, every_batch: bool = False
    ) -> Outcome:
        """Read `path` and spool its records from number `skip` on. Waits while the disk is full.

        Args:
            progress: told now and then, or after every batch: what it was told of is safe on disk.
        """
        outcome = Outcome(skip)
        file: RecordFile | None = None
        try:
            file = open_records(path, name=name, record_bytes=RECORD_BYTES)
            records: list[bytes] = []
            first = skip
            held = 0
            told_at = time.monotonic()
            for index, raw in file:
                if index < skip:
                    continue
                if not records:
                    first = index
                records.append(raw)
                held += len(raw)
                if len(records) >= BATCH_RECORDS or held >= BATCH_BYTES:
                    if not self._store(origin, first, records, file, outcome, progress):
                        return outcome
                    records, held = [], 0
                    if every_batch or time.monotonic() - told_at > PROGRESS_SECONDS:
                        told_at = time.monotonic()
                        _tell(progress, file.read_bytes, outcome.records, "")
            if records and not self._store(origin, first, records, file, outcome, progress):
                return outcome
        except Exception as error:
            logger.exception("Lỗi khi đọc %s", path)
            outcome.failed, outcome.problem = True, f"Không đọc được tệp: {error}"
            return outcome
        outcome.problem = _sum_up(file)
        if outcome.records == 0:
            outcome.failed, outcome.problem = True, outcome.problem or "Tệp không có bản ghi nào."
        return outcome

    def _store(
        self, origin: Origin, first: int, records: list[bytes], file: RecordFile, outcome: Outcome, progress: Progress
    ) -> bool:
        """Get one batch onto the disk, waiting while it is full; False when asked to end."""
        ids: list[bytes | None] = [origin.stem + (first + n).to_bytes(5, "big") for n in range(len(records))]
        source = origin.source
        batch = Batch(
            source.source_id,
            source.unit_id,
            source.kind,
            origin.transport,
            wallclock.now_ms(),
            origin.peer,
            records,
            ids,
        )
        while not self._ending.is_set():
            try:
                self._spool.append(batch)
                self._spool.sync()
            except SpoolError as error:
                _tell(progress, file.read_bytes, outcome.records, str(error))
                self._ending.wait(RETRY_SECONDS)
                self._between()  # it may be this source alone that has no room
                continue
            outcome.records = first + len(records)
            self._between()
            return True
        outcome.ended = True
        return False

    def digest(self, path: Path, first_bytes: int = 0, end_bytes: int = 1 << 62) -> tuple[bytes, bytes] | None:
        """SHA-256 of the file up to `end_bytes`, and of its first bytes; None when asked to end."""
        digest = hashlib.sha256()
        beginning = digest.digest()
        left = first_bytes
        with path.open("rb") as file:
            while chunk := file.read(min(left or 1 << 20, 1 << 20, end_bytes)):
                end_bytes -= len(chunk)
                digest.update(chunk)
                if left:
                    left -= len(chunk)
                    beginning = digest.digest() if not left else beginning
                if self._ending.is_set():
                    return None
        return digest.digest(), beginning


def _tell(progress: Progress, read_bytes: int, records: int, why: str) -> None:
    """A disk too full to note how far we are says nothing against the file: what is read twice has the same ids."""
    try:
        progress(read_bytes, records, why)
    except (OSError, sqlite3.Error) as error:
        logger.warning("Chưa ghi được tiến độ đọc tệp: %s", error)


def _sum_up(file: RecordFile) -> str:
    sentences = [sentence for _, sentence in file.problems[:3]]
    more = len(file.problems) + file.problems.left_out - len(sentences)
    if more > 0:
        sentences.append(f"Còn {more} chỗ khác không đọc được.")
    return " ".join(sentences)
