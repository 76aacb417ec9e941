"""What was read, and with which rules."""

import sys
from collections import Counter

from dekhang.cli.detect.findings import Counts
from dekhang.cli.detect.scan import Scan
from dekhang.cli.detect.showing import printable
from dekhang.cli.detect.writers import LEVEL_NAMES
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.rulebook import Rulebook


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
