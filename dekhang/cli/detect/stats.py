"""What was read, and with which rules: for people (`--stats`) and for programs (`--stats-json`)."""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.showing import printable
from dekhang.cli.detect.words import Words
from dekhang.engine.coverage import unmapped_sources
from dekhang.engine.rules import LEVELS

REASONS_SHOWN = 30
UNREAD_SHOWN = 20


def print_stats(outcome: Outcome, words: Words) -> None:
    for line in lines(outcome, words):
        print(printable(line), file=sys.stderr)


def lines(outcome: Outcome, words: Words) -> Iterator[str]:
    """Yield the statistics as sentences: rules first, then each file, then the sum."""
    number = words.number
    book = outcome.book
    yield words(
        "Luật: {used} dùng được, {skipped} bỏ qua, {faulty} hỏng ({files} tệp).",
        used=number(len(book.rules)),
        skipped=number(len(book.skipped)),
        faulty=number(len(book.errors)),
        files=number(book.files),
    )
    for error in book.errors:
        yield words("  hỏng: {error}", error=error)
    reasons = Counter(skipped.reason for skipped in book.skipped).most_common()
    for reason, count in reasons[:REASONS_SHOWN]:
        yield words("  bỏ qua {n}: {reason}", n=number(count), reason=reason)
    if len(reasons) > REASONS_SHOWN:
        rest = sum(count for _, count in reasons[REASONS_SHOWN:])
        yield words("  bỏ qua {n} vì lý do khác; xem `dekhang rules check --verbose`.", n=number(rest))
    if book.cache_problem:
        yield book.cache_problem
    yield from outcome.notes
    for file, counts in outcome.counts.items():
        yield words(
            "{file}: đọc {read} = xét {evaluated} + không hiểu {unparsable}; khớp {matches}; chỗ hỏng trong tệp {problems}.",
            file=file,
            read=number(counts.read),
            evaluated=number(counts.evaluated),
            unparsable=number(counts.unparsable),
            matches=number(counts.matches),
            problems=number(counts.problems),
        )
    for problem in outcome.problems:
        yield f"  {problem}"
    total = outcome.total
    unread = outcome.unread
    for one in unread[:UNREAD_SHOWN]:
        yield words("  chưa luật nào xét {n} bản ghi của nguồn log ({source}).", n=number(one.records), source=one)
    if len(unread) > UNREAD_SHOWN:
        rest = sum(one.records for one in unread[UNREAD_SHOWN:])
        yield words("  chưa luật nào xét {n} bản ghi của các nguồn log khác.", n=number(rest))
    levels = ", ".join(
        f"{words.level(level)} {number(count)}"
        for level, count in reversed(list(zip(LEVELS, outcome.summary.total.levels, strict=True)))
        if count
    )
    yield words(
        "Tổng: đọc {read} = xét {evaluated} + không hiểu {unparsable}; khớp {matches}{levels}; {seconds} giây, {rate} bản ghi/giây.",
        read=number(total.read),
        evaluated=number(total.evaluated),
        unparsable=number(total.unparsable),
        matches=number(total.matches),
        levels=f" ({levels})" if levels else "",
        seconds=words.decimal(outcome.seconds),
        rate=number(int(total.read / max(outcome.seconds, 1e-9))),
    )
    if outcome.outside:
        yield words("{n} lần khớp nằm ngoài khoảng thời gian đã chọn, không kể ở đây.", n=number(outcome.outside))


def as_json(outcome: Outcome) -> bytes:
    """Return the statistics as docs/reference/detect.md describes them."""
    book, total = outcome.book, outcome.total
    told: dict[str, Any] = {
        "files": {
            file: {
                "read": counts.read,
                "evaluated": counts.evaluated,
                "unparsable": counts.unparsable,
                "matches": counts.matches,
                "problems": counts.problems,
            }
            for file, counts in outcome.counts.items()
        },
        "unreadable": list(outcome.unreadable),
        "problems": list(outcome.problems),
        "rules": {
            "used": len(book.rules),
            "skipped": dict(Counter(skipped.reason for skipped in book.skipped)),
            "unmapped": {str(one.logsource): one.rules for one in unmapped_sources(book.ruleset)},
            "faulty": [{"path": one.path, "line": one.line, "reason": one.reason} for one in book.errors],
            "files": book.files,
            "notes": list(outcome.notes),
        },
        "total": {
            "read": total.read,
            "evaluated": total.evaluated,
            "unparsable": total.unparsable,
            "matches": total.matches,
            "matches_outside_period": outcome.outside,
            "unread": {str(one): one.records for one in outcome.unread},
            "levels": dict(zip(LEVELS, outcome.summary.total.levels, strict=True)),
            "seconds": round(outcome.seconds, 3),
            "records_per_second": int(total.read / max(outcome.seconds, 1e-9)),
        },
    }
    return json.dumps(told, ensure_ascii=False, indent=1).encode("utf-8", "replace") + b"\n"
