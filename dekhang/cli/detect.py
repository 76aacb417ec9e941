"""`dekhang detect PATH… --rules DIR`: which rules match in files. No server, no database, nothing is stored.

Standard output carries matches only; progress and statistics go to standard error.
Exit codes: 0 fine (matches or not) · 2 wrong usage, or nothing could be read.
"""

import argparse
import csv
import gc
import io
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from dekhang.engine import Detector, Match, Record
from dekhang.engine.rules import LEVELS
from dekhang.engine.text import scalars, text_of
from dekhang.pipeline.formats import RecordFile, open_records
from dekhang.pipeline.parse import parse
from dekhang.pipeline.rulebook import Rulebook, load_rules

BATCH_RECORDS = 1_000
VALUE_CHARS = 2_000  # of one field in the output; evidence for a reader, not a copy of the log
COLUMNS = ("time", "level", "title", "rule_id", "file", "index", "count", "fields")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def add_parser(subparsers: Any) -> None:
    about = "tìm dấu hiệu tấn công trong tệp log"
    parser = subparsers.add_parser(
        "detect",
        help=about,
        description=f"Đề Kháng: {about} (EVTX, JSONL, JSON, CSV, syslog, auditd, nhật ký web, Suricata EVE; cả tệp nén).",
    )
    parser.add_argument("paths", metavar="ĐƯỜNG_DẪN", nargs="+", type=Path, help="tệp hoặc thư mục log")
    parser.add_argument(
        "--rules", metavar="THƯ_MỤC", type=Path, action="append", help="thư mục luật Sigma (dùng được nhiều lần)"
    )
    parser.add_argument("--format", choices=("table", "jsonl", "csv"), default="table", help="cách in kết quả")
    parser.add_argument("--min-level", choices=LEVELS, default=LEVELS[0], help="chỉ in từ mức này trở lên")
    parser.add_argument("--stats", action="store_true", help="thêm số liệu đọc và luật vào stderr")
    parser.add_argument("--rules-cache", metavar="THƯ_MỤC", type=Path, help="nơi giữ luật đã đọc để lần sau chạy nhanh")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    folders = args.rules or [Path("rules")]
    missing = [folder for folder in folders if not folder.exists()]
    if missing:
        advice = "chỉ ra thư mục luật bằng --rules" if not args.rules else "kiểm tra lại đường dẫn"
        print(f"Không có thư mục luật {missing[0]}; hãy {advice}.", file=sys.stderr)
        return 2
    book = load_rules(folders, cache=args.rules_cache)
    if book.errors and not args.stats:
        print(
            f"{len(book.errors)} luật hỏng không được dùng; xem từng luật bằng: dekhang rules check "
            + " ".join(map(str, folders)),
            file=sys.stderr,
        )
    if not book.rules:
        print(f"Không có luật nào dùng được trong {', '.join(map(str, folders))}.", file=sys.stderr)
        return 2
    gc.collect()
    gc.freeze()  # rules stay; no need to look at them again at every collection
    writer: Writer = WRITERS[args.format]()
    scan = Scan(Detector(book.ruleset), LEVELS.index(args.min_level))
    started = time.monotonic()
    with progress(args.paths) as show:
        for path in log_files(args.paths, scan):
            for finding in scan.file(path, show):
                writer.write(finding)
    read_anything = any(counts.read for counts in scan.counts.values())
    if read_anything:
        writer.close()
    if args.stats:
        print_stats(scan, book, time.monotonic() - started)
    for problem in scan.unreadable:
        print(problem, file=sys.stderr)
    if not read_anything and not scan.unreadable:
        print(f"Không có bản ghi nào để đọc trong {', '.join(map(str, args.paths))}.", file=sys.stderr)
    return 0 if read_anything else 2


# -- reading -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Counts:
    """Records of one file: read = evaluated + unparsable."""

    read: int = 0
    unparsable: int = 0
    matches: int = 0
    problems: int = 0

    @property
    def evaluated(self) -> int:
        return self.read - self.unparsable


@dataclass(frozen=True, slots=True)
class Finding:
    """A match together with the place of its record."""

    match: Match
    file: str
    index: int
    time_ms: int

    def as_dict(self) -> dict[str, Any]:
        match, rule = self.match, self.match.rule
        found: dict[str, Any] = {
            "rule_id": rule.id,
            "title": rule.title,
            "level": rule.level,
            "file": self.file,
            "index": self.index,
            "time": iso(self.time_ms),
            "fields": {name: shortened(value) for name, value in match.fields.items()},
            "tags": list(rule.tags),
            "author": rule.author,
        }
        if rule.guidance is not None:
            found["title_vi"] = rule.guidance.title_vi
        if rule.correlation is not None:
            found["count"] = match.count
            found["first_time"] = iso(match.first_ms) if match.first_ms is not None else None
            found["group"] = dict(match.group)
            found["indexes"] = [key for key in match.keys if key >= 0]
        return found


class Show(Protocol):
    def __call__(self, path: Path, done: int, size: int) -> None: ...


@dataclass(slots=True)
class Scan:
    """Reads files one after another through one detector: a correlation may span files."""

    detector: Detector
    least_level: int
    counts: dict[str, Counts] = field(default_factory=dict)
    unreadable: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    levels: Counter[str] = field(default_factory=Counter)

    def file(self, path: Path, show: Show) -> Iterator[Finding]:
        """Yield the findings in a file, in order of its records."""
        counts = self.counts[str(path)] = Counts()
        try:
            records = open_records(path)
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

    def _batch(self, file: str, batch: list[tuple[int, Record]], counts: Counts) -> Iterator[Finding]:
        for match in self.detector.process([record for _, record in batch]):
            if LEVELS.index(match.rule.level) < self.least_level:
                continue
            index, record = batch[match.index]
            counts.matches += 1
            self.levels[match.rule.level] += 1
            yield Finding(match, file, index, record.time_ms or 0)


def batches(records: RecordFile, counts: Counts) -> Iterator[list[tuple[int, Record]]]:
    """Yield (record number, parsed record) in lists; count what could not be parsed."""
    batch: list[tuple[int, Record]] = []
    received_ms = int(records.path.stat().st_mtime * 1000)  # gives the year to times without one
    for index, raw in records:
        event = parse(raw, source_kind="", received_ms=received_ms, key=index)
        counts.read += 1
        if event.kind == "raw":
            counts.unparsable += 1
        batch.append((index, event.record))
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
        elif path.exists():
            yield path
        else:
            scan.unreadable.append(f"Không có tệp {path}; hãy kiểm tra lại đường dẫn.")


# -- writing -----------------------------------------------------------------------------------------------------


class Writer(Protocol):
    def write(self, finding: Finding) -> None: ...
    def close(self) -> None: ...


class JsonWriter:
    """One JSON object a line."""

    def write(self, finding: Finding) -> None:
        # lone surrogates of a hostile record would break the output of everything after it
        line = json.dumps(finding.as_dict(), ensure_ascii=False, default=str)
        sys.stdout.buffer.write(line.encode("utf-8", "replace") + b"\n")

    def close(self) -> None:
        sys.stdout.buffer.flush()


class CsvWriter:
    """A table for spreadsheets; no cell becomes a formula."""

    def __init__(self) -> None:
        self._head_written = False

    def write(self, finding: Finding) -> None:
        found = {"count": 1, **finding.as_dict()}
        found["fields"] = "; ".join(f"{name}={value}" for name, value in found["fields"].items())
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        if not self._head_written:
            rows.writerow(COLUMNS)
            self._head_written = True
        rows.writerow([guarded(found[column]) for column in COLUMNS])
        sys.stdout.buffer.write(text.getvalue().encode("utf-8", "replace"))

    def close(self) -> None:
        sys.stdout.buffer.flush()


class TableWriter:
    """For people: one entry per rule and file, worst first, with an example. Fits 80 columns."""

    ENTRIES_MAX = 200

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], list[Any]] = {}

    def write(self, finding: Finding) -> None:
        self._entries.setdefault((finding.match.rule.id, finding.file), [finding, 0])[1] += 1

    def close(self) -> None:
        # rich is slow to import, and only this writer needs it
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        console = Console(highlight=False)
        if not self._entries:
            console.print("Không luật nào khớp.")
            return
        table = Table(box=SIMPLE_HEAD, padding=(0, 1, 1, 0), header_style="bold")
        table.add_column("Mức", no_wrap=True)
        table.add_column("Lần", justify="right", no_wrap=True)
        table.add_column("Luật, nơi đầu tiên (giờ UTC), dấu vết", overflow="fold")
        entries = sorted(
            self._entries.values(), key=lambda entry: (-LEVELS.index(entry[0].match.rule.level), -entry[1])
        )
        for finding, times in entries[: self.ENTRIES_MAX]:
            match, rule = finding.match, finding.match.rule
            what = Text(printable(rule.title_vi), style="bold")
            moment = iso(finding.time_ms)[:19].replace("T", " ")
            what.append(f"\n{moment}  {printable(Path(finding.file).name)}, bản ghi {finding.index}", style="default")
            if rule.correlation is not None:
                what.append(f", {match.count} sự kiện")
            for name, value in list(match.fields.items())[:4]:
                what.append(f"\n{printable(name)}: {printable(str(shortened(value, 160)))}", style="dim")
            table.add_row(Text(LEVEL_NAMES[rule.level], style=LEVEL_STYLES[rule.level]), str(times), what)
        console.print(table)
        if len(entries) > self.ENTRIES_MAX:
            console.print(f"… và {len(entries) - self.ENTRIES_MAX} mục nữa; dùng --format jsonl để có tất cả.")


WRITERS: dict[str, type[Writer]] = {"table": TableWriter, "jsonl": JsonWriter, "csv": CsvWriter}

LEVEL_NAMES = {
    "informational": "thông tin",
    "low": "thấp",
    "medium": "vừa",
    "high": "cao",
    "critical": "nghiêm trọng",
}
LEVEL_STYLES = {"informational": "dim", "low": "", "medium": "yellow", "high": "red", "critical": "bold red"}


def iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time_ms % 1000:03d}Z"


def shortened(value: object, chars: int = VALUE_CHARS) -> Any:
    """Return a field's value for showing: numbers as they are, long texts cut."""
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = value if isinstance(value, str) else ", ".join(map(text_of, scalars(value)))
    return text if len(text) <= chars else text[:chars] + "…"


def printable(text: str) -> str:
    """Return text that cannot steer a terminal: what an attacker wrote is shown, not obeyed."""
    return "".join(one if one.isprintable() else "�" for one in text)


def guarded(cell: object) -> object:
    text = printable(str(cell)) if isinstance(cell, str) else cell
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULA) else text


# -- telling -----------------------------------------------------------------------------------------------------


class progress:
    """A progress bar on a terminal, nothing in a pipe."""

    def __init__(self, paths: list[Path]) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._path: Path | None = None
        self._on = sys.stderr.isatty()

    def __enter__(self) -> Show:
        if self._on:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._bar.start()
        return self._show

    def _show(self, path: Path, done: int, size: int) -> None:
        if self._bar is None:
            return
        if path != self._path:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(printable(path.name[-40:]), total=max(size, 1))
            self._path = path
        self._bar.update(self._task, completed=min(done, size))

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def print_stats(scan: Scan, book: Rulebook, seconds: float) -> None:
    def say(text: str) -> None:
        print(printable(text), file=sys.stderr)

    say(f"Luật: {len(book.rules)} dùng được, {len(book.skipped)} bỏ qua, {len(book.errors)} hỏng ({book.files} tệp).")
    for error in book.errors:
        say(f"  hỏng: {error}")
    for reason, count in Counter(skipped.reason for skipped in book.skipped).most_common():
        say(f"  bỏ qua {count}: {reason}")
    total = Counts()
    for file, counts in scan.counts.items():
        say(
            f"{file}: đọc {counts.read} = xét {counts.evaluated} + không hiểu {counts.unparsable}; "
            f"khớp {counts.matches}; chỗ hỏng trong tệp {counts.problems}."
        )
        total.read += counts.read
        total.unparsable += counts.unparsable
        total.matches += counts.matches
    for problem in scan.problems:
        say(f"  {problem}")
    levels = ", ".join(f"{LEVEL_NAMES[level]} {scan.levels[level]}" for level in reversed(LEVELS) if scan.levels[level])
    say(
        f"Tổng: đọc {total.read} = xét {total.evaluated} + không hiểu {total.unparsable}; "
        f"khớp {total.matches}{f' ({levels})' if levels else ''}; {seconds:.1f} giây, "
        f"{int(total.read / max(seconds, 1e-9))} bản ghi/giây."
    )
