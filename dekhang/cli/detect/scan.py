"""Reads log files through one detector, with several processes if asked; correlations may span files."""

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing.pool import Pool
from pathlib import Path

from dekhang.cli.detect.findings import Counts, Finding
from dekhang.cli.detect.progress import Show
from dekhang.cli.detect.reading import STDIN, Part, Piece, Reader, Sighting, pieces
from dekhang.engine import Detector, Match, Record
from dekhang.engine.logsources import Place
from dekhang.engine.rules import LEVELS
from dekhang.pipeline import formats


@dataclass(slots=True)
class Scan:
    """One run over files, in their order.

    Args:
        input_format: one of pipeline.formats.FORMATS; None = the content decides.
        workers: processes that read; 1 = this one alone.
        seen: records by the facts that tell which rules read them.
    """

    detector: Detector
    least_level: int
    input_format: str | None = None
    workers: int = 1
    counts: dict[str, Counts] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)
    seen: Counter[Place] = field(default_factory=Counter)

    def files(self, paths: list[Path], show: Show) -> Iterator[Finding]:
        """Yield the findings in files, in order of files and records; at last those of windows that end with them."""
        reader = Reader(self.detector.finder, self.input_format, clock=self.detector.waits)
        work = [piece for path in paths for piece in pieces(path, self.input_format, cut=self.workers > 1)]
        if self.workers > 1 and len(work) > 1:
            with _pool(self.workers, reader) as pool:
                parts = pool.imap(_read_piece, work)
                for piece, (found, seen) in zip(work, parts, strict=True):
                    self.seen.update(seen)
                    yield from self._piece(piece, iter(found), show)
        else:
            for piece in work:
                yield from self._piece(piece, reader.read(piece), show)
            self.seen.update(self.detector.finder.seen)
        last = str(work[-1].path) if work else ""
        yield from self._findings(self.detector.close(), last, {}, Counts())

    def _piece(self, piece: Piece, parts: Iterator[Part], show: Show) -> Iterator[Finding]:
        file = str(piece.path)
        if not piece.start:
            self.counts[file] = Counts()
        counts = self.counts[file]
        before = counts.read
        problems: list[tuple[int, str]] = []
        for part in parts:
            if part.unreadable:
                self.unreadable.append(part.unreadable)
                return
            counts.read += part.records
            counts.unparsable += part.unparsable
            counts.problems += part.problem_count
            problems.extend(part.problems)
            show(piece.path, piece.start + part.done_bytes, max(piece.stop, part.done_bytes))
            sightings = {one.found.index: one for one in part.sightings}
            matches = self.detector.tell(one.found for one in part.sightings)
            if part.last is not None:
                self.detector.pass_time(part.last, -1, matches)
            yield from self._findings(matches, file, sightings, counts, before)
        for position, problem in problems:
            where = f"{piece.path}, bản ghi {before + position}" if position >= 0 else str(piece.path)
            self.problems.append(f"{where}: {problem}")
            if not counts.read:
                self.unreadable.append(f"{piece.path}: {problem}")

    def _findings(
        self, matches: list[Match], file: str, sightings: dict[int, Sighting], counts: Counts, before: int = 0
    ) -> Iterator[Finding]:
        for match in matches:
            if LEVELS.index(match.rule.level) < self.least_level:
                continue
            counts.matches += 1
            self.levels[match.rule.level] += 1
            sighting = None if match.ended else sightings.get(match.index)
            if sighting is None:  # a window is over: no record of its own
                yield Finding(match, file, -1, match.last_ms or 0, match.last_ms is not None, "", Record(match.fields))
                continue
            record = sighting.found.record
            yield Finding(
                match, file, before + match.index, record.time_ms or 0, sighting.time_known, sighting.host, record
            )


def _pool(workers: int, reader: Reader) -> Pool:
    """Start the processes. They are copies of this one: what was compiled and loaded is theirs without a second copy."""
    return multiprocessing.get_context("fork").Pool(workers, _begin, (reader,))


_reader: Reader | None = None


def _begin(reader: Reader) -> None:
    global _reader
    _reader = reader


def _read_piece(piece: Piece) -> tuple[list[Part], Counter[Place]]:
    assert _reader is not None
    before = _reader.seen
    found = list(_reader.read(piece))
    return found, _reader.seen - before


def log_files(paths: list[Path], scan: Scan) -> Iterator[Path]:
    """Yield the files below the paths in order; say what is not there and what was passed over."""
    for path in paths:
        if path == STDIN:
            yield path
        elif path.exists():
            skipped = formats.Skipped()
            yield from formats.log_files(path, skipped)
            scan.problems.extend(skipped.sentences())
        else:
            scan.unreadable.append(f"Không có tệp {path}; hãy kiểm tra lại đường dẫn.")
