"""Reads log files through one detector."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from dekhang.cli.detect.findings import Counts, Finding
from dekhang.cli.detect.progress import Show
from dekhang.engine import Detector, Match, Record
from dekhang.engine.indicators import IndicatorSet
from dekhang.engine.logsources import Place
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.formats import RecordFile, open_records, open_stream
from dekhang.pipeline.parse import ParsedEvent, parse

BATCH_RECORDS = 1_000
PLACES_KEPT = 10_000  # log sources told apart; attackers may invent channels
STDIN = Path("-")


@dataclass(slots=True)
class Scan:
    """Reads files one after another through one detector: a correlation may span files.

    Args:
        indicators: looked for in every record besides the rules; their patterns are rules of the detector already.
        input_format: one of pipeline.formats.FORMATS; None = the content decides.
        seen: records by the facts that tell which rules read them.
    """

    detector: Detector
    least_level: int
    input_format: str | None = None
    indicators: IndicatorSet | None = None
    seen: Counter[Place] = field(default_factory=Counter)
    counts: dict[str, Counts] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)

    def file(self, path: Path, show: Show) -> Iterator[Finding]:
        """Yield the findings in a file, in order of its records."""
        counts = self.counts[str(path)] = Counts()
        try:
            if path == STDIN:
                records = open_stream(sys.stdin.buffer, format=self.input_format)
            else:
                records = open_records(path, format=self.input_format)
            for batch in batches(records, counts):
                show(path, records.read_bytes, records.size_bytes)
                yield from self._batch(str(path), batch, counts)
        except OSError as error:
            self.unreadable.append(f"Không đọc được {path}: {error.strerror or error}.")
            return
        counts.problems = len(records.problems) + records.problems.left_out
        for position, problem in list(records.problems)[:5]:
            where = f"{path}, bản ghi {position}" if position >= 0 else str(path)
            self.problems.append(f"{where}: {problem}")
            if not counts.read:
                self.unreadable.append(f"{path}: {problem}")

    def _batch(self, file: str, batch: list[tuple[int, ParsedEvent]], counts: Counts) -> Iterator[Finding]:
        for _, event in batch:
            place = self.detector.ruleset.mapping.place_of(event.record)
            if place in self.seen or len(self.seen) < PLACES_KEPT:
                self.seen[place] += 1
        for match in self._matches([event.record for _, event in batch]):
            if LEVELS.index(match.rule.level) < self.least_level:
                continue
            index, event = batch[match.index]
            counts.matches += 1
            self.levels[match.rule.level] += 1
            yield Finding(match, file, index, event.time_ms, event.time_from_event, event.host, event.record)

    def _matches(self, records: list[Record]) -> list[Match]:
        """Return what rules and indicators tell of the records, in their order."""
        matches = self.detector.process(records)
        indicators = self.indicators
        if indicators is None:
            return matches
        matches = [one for one in matches if indicators.in_force(one.rule, records[one.index].time_ms)]
        for index, record in enumerate(records):
            for rule, fields in indicators.tell(record.fields, record.time_ms):
                matches.append(Match(rule, index, fields, (record.key,), 1, record.time_ms, ()))
        matches.sort(key=lambda one: one.index)
        return matches


def batches(records: RecordFile, counts: Counts) -> Iterator[list[tuple[int, ParsedEvent]]]:
    """Yield (record number, parsed record) in lists; count what could not be parsed."""
    batch: list[tuple[int, ParsedEvent]] = []
    # gives the year to times without one
    received_ms = int((time.time() if records.path == STDIN else records.path.stat().st_mtime) * 1000)
    for index, raw in records:
        event = parse(raw, source_kind="", received_ms=received_ms, key=index)
        counts.read += 1
        if event.kind == "raw":
            counts.unparsable += 1
        batch.append((index, event))
        if len(batch) == BATCH_RECORDS:
            yield batch
            batch = []
    if batch:
        yield batch


def log_files(paths: list[Path], scan: Scan) -> Iterator[Path]:
    """Yield the files below the paths in order; say what is not there."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.is_file())
        elif path.exists() or path == STDIN:
            yield path
        else:
            scan.unreadable.append(f"Không có tệp {path}; hãy kiểm tra lại đường dẫn.")
