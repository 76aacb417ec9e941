"""The command at work: rules loaded, files read, findings written."""

import argparse
import gc
import sys
import time
from pathlib import Path

from dekhang.cli.detect.progress import progress
from dekhang.cli.detect.scan import Scan, log_files
from dekhang.cli.detect.stats import print_stats
from dekhang.cli.detect.writers import WRITERS, Writer
from dekhang.engine import Detector
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.rulebook import load_rules


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
