"""The command at work: rules loaded, files read, findings written."""

import argparse
import gc
import os
import sys
import time
from pathlib import Path
from typing import BinaryIO

import dekhang
from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.output import opened
from dekhang.cli.detect.progress import Progress
from dekhang.cli.detect.scan import Scan, log_files
from dekhang.cli.detect.stats import as_json, print_stats
from dekhang.cli.detect.summary import Summary
from dekhang.cli.detect.table import TableWriter
from dekhang.cli.detect.words import Words
from dekhang.cli.detect.writers import CsvWriter, JsonWriter, Writer
from dekhang.engine import Detector
from dekhang.engine.indicators import IndicatorSet
from dekhang.engine.logsources import MappingError
from dekhang.engine.rules import LEVELS
from dekhang.engine.ruleset import rules_over_budget
from dekhang.pipeline.codecache import compiled
from dekhang.pipeline.indicatorbook import load_indicators
from dekhang.pipeline.mappingfile import load_mapping
from dekhang.pipeline.rulebook import PlaceholderError, Rulebook, load_rules, read_placeholders

PROBLEMS_SAID = 20  # of indicator files
OWN_RULES = Path(dekhang.__file__).parents[1] / "rules"
SUFFIXES = {".html": "html", ".htm": "html", ".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl"}


class Refused(Exception):
    """The command cannot do what is asked; the message is a sentence for the person who typed it. Exit code 2."""


def run(args: argparse.Namespace) -> int:
    words = Words(args.lang)
    try:
        _detect(args, words)
    except Refused as refusal:
        print(refusal, file=sys.stderr)
        return 2
    return 0


def _detect(args: argparse.Namespace, words: Words) -> None:
    form = args.format or (SUFFIXES.get(args.output.suffix.lower(), "table") if args.output else "table")
    if form == "html" and args.output is None and sys.stdout.isatty():
        raise Refused(words("Báo cáo HTML cần một tệp để ghi vào; hãy thêm -o bao-cao.html."))
    book = _rules(args, words)
    indicators = _indicators(args, words)
    if indicators is not None and indicators.rules:
        book = book.with_rules(indicators.rules)
    code = compiled(book, cache=args.rules_cache or default_cache(), indicators=indicators is not None)
    gc.freeze()  # rules stay; no need to look at them again at every collection
    gc.enable()
    detector = Detector(book.ruleset, code=code, indicators=indicators)
    scan = Scan(detector, LEVELS.index(args.min_level), args.input_format, args.workers)
    try:
        with opened(args.output) as out:
            outcome = _write(args, words, book, scan, _writer(form, out, args, words))
    except BrokenPipeError:  # whoever reads standard output has seen enough
        raise
    except OSError as error:
        if args.output is None:
            raise
        raise Refused(
            words("Không ghi được {file}: {reason}.", file=args.output, reason=error.strerror or error)
        ) from None
    _tell(args, words, outcome)


def _rules(args: argparse.Namespace, words: Words) -> Rulebook:
    folders: list[Path] = args.rules or [OWN_RULES]
    for folder in folders:
        if not folder.exists():
            raise Refused(
                words("Không có thư mục luật {folder}; hãy kiểm tra lại đường dẫn sau --rules.", folder=folder)
            )
    try:
        mapping = load_mapping(args.mapping)
    except MappingError as error:
        raise Refused("\n".join(error.problems)) from None
    try:
        placeholders = read_placeholders(args.placeholders) if args.placeholders is not None else {}
    except PlaceholderError as error:
        raise Refused(str(error)) from None
    book = load_rules(folders, cache=args.rules_cache or default_cache(), mapping=mapping, placeholders=placeholders)
    said = " ".join(map(str, folders))
    if not book.rules:
        raise Refused(words("Không có luật nào dùng được trong {folders}.", folders=said))
    if book.errors and not args.stats and not args.quiet:
        told = words(
            "{n} luật hỏng không được dùng; xem từng luật bằng: dekhang rules check {folders}",
            n=words.number(len(book.errors)),
            folders=said,
        )
        print(told, file=sys.stderr)
    return book


def _indicators(args: argparse.Namespace, words: Words) -> IndicatorSet | None:
    """Return the indicators to look for, None without --indicators."""
    if not args.indicators:
        return None
    book = load_indicators(args.indicators, warning_lists=args.warning_list, cache=args.rules_cache or default_cache())
    if not args.quiet:
        for problem in book.errors[:PROBLEMS_SAID]:
            print(problem, file=sys.stderr)
        left = book.counts["errors"] - min(len(book.errors), PROBLEMS_SAID)
        if left > 0:
            print(words("… và {n} dòng chỉ dấu nữa không đọc được.", n=words.number(left)), file=sys.stderr)
    if not len(book.set):
        said = " ".join(map(str, args.indicators))
        raise Refused(words("Không có chỉ dấu nào dùng được trong {paths}.", paths=said))
    if args.stats:
        told = words(
            "Chỉ dấu: {used} dùng được trong {files} tệp, {suppressed} bỏ hoặc hạ mức vì có trong danh sách quen thuộc, "
            "{faulty} hỏng.",
            used=words.number(len(book.set)),
            files=words.number(book.files),
            suppressed=words.number(book.counts.get("suppressed", 0) + book.counts.get("lowered", 0)),
            faulty=words.number(book.counts["errors"]),
        )
        print(told, file=sys.stderr)
    return book.set


def default_cache() -> Path:
    """Return where parsed rules are kept between runs: the person's own cache folder."""
    base = os.environ.get("XDG_CACHE_HOME") or os.environ.get("LOCALAPPDATA") or str(Path.home() / ".cache")
    return Path(base) / "dekhang" / "rules"


def _writer(form: str, out: BinaryIO, args: argparse.Namespace, words: Words) -> Writer:
    if form == "jsonl":
        return JsonWriter(out)
    if form == "html":
        # the report's templates are slow to load, and only this writer needs them
        from dekhang.cli.detect.report import ReportWriter

        return ReportWriter(out, words)
    if form == "csv":
        return CsvWriter(out, words, mark=args.output is not None)
    return TableWriter(out, words)


def _write(args: argparse.Namespace, words: Words, book: Rulebook, scan: Scan, writer: Writer) -> Outcome:
    """Read everything, write what was found.

    Raises:
        Refused: there was nothing to read.
    """
    summary = Summary()
    outside = 0
    since, until = args.since, args.until
    files = list(log_files(args.paths, scan))
    started = time.monotonic()
    with Progress(files, scan.counts, words, wanted=not args.quiet) as show:
        for finding in scan.files(files, show):
            at = finding.known_ms
            if at is not None and ((since is not None and at < since) or (until is not None and at >= until)):
                outside += 1
                continue
            summary.add(finding)
            writer.write(finding)
    outcome = Outcome(
        counts=scan.counts,
        unreadable=scan.unreadable,
        problems=scan.problems,
        book=book,
        summary=summary,
        seconds=time.monotonic() - started,
        least_level=args.min_level,
        since_ms=since,
        until_ms=until,
        outside=outside,
        seen=scan.seen,
        notes=_over_budget(book, words),
    )
    if not outcome.files_read:
        if args.stats:
            print_stats(outcome, words)
        nothing = words("Không có bản ghi nào để đọc trong {paths}.", paths=", ".join(map(str, args.paths)))
        raise Refused("\n".join(scan.unreadable) or nothing)
    writer.close(outcome)
    return outcome


def _over_budget(book: Rulebook, words: Words) -> list[str]:
    """Name the rules whose expressions took too long on some value: they may have missed something there."""
    return [
        words(
            "Luật {id} ({title}): bỏ {n} giá trị vì biểu thức chính quy chạy quá lâu.",
            id=rule_id,
            title=rule.title if (rule := book.find(rule_id)) else "?",
            n=words.number(times),
        )
        for rule_id, times in rules_over_budget(book.ruleset).items()
    ]


def _tell(args: argparse.Namespace, words: Words, outcome: Outcome) -> None:
    """Say on standard error what the findings themselves do not."""
    if args.stats:
        print_stats(outcome, words)
    for problem in outcome.unreadable:
        print(problem, file=sys.stderr)
    if args.stats_json is not None:
        try:
            with opened(args.stats_json) as file:
                file.write(as_json(outcome))
        except OSError as error:
            reason = error.strerror or error
            raise Refused(words("Không ghi được {file}: {reason}.", file=args.stats_json, reason=reason)) from None
    if args.output is not None and not args.quiet:
        print(words("Đã ghi kết quả vào {file}.", file=args.output), file=sys.stderr)
