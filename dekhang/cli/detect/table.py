"""Findings for people at a terminal: one entry per rule and file, worst first, with an example. Fits 80 columns."""

import io
import sys
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from dekhang.cli.detect.findings import Finding
from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.showing import printable, shortened
from dekhang.cli.detect.verdict import judge
from dekhang.cli.detect.words import Words
from dekhang.engine import Rule

ENTRIES_SHOWN = 200
ENTRIES_KEPT = 10_000  # × ≤ 1.5 kB ≈ 15 MB
FIELDS_SHOWN = 4
VALUE_CHARS = 160
LEVEL_STYLES = {"informational": "dim", "low": "", "medium": "yellow", "high": "red", "critical": "bold red"}


@dataclass(slots=True)
class Entry:
    """A rule in a file. Texts, not the finding itself: a record may be large, and these stay until the end."""

    rule: Rule
    level: int
    place: str
    fields: tuple[tuple[str, str], ...]
    times: int = 1


class TableWriter:
    """Holds one example per rule and file; everything is written at the end, when the worst is known."""

    def __init__(self, out: BinaryIO, words: Words) -> None:
        self._out = out
        self._words = words
        self._entries: dict[tuple[str, str], Entry] = {}

    def write(self, finding: Finding) -> None:
        key = finding.match.rule.id, finding.file
        if key in self._entries:
            self._entries[key].times += 1
        elif len(self._entries) < ENTRIES_KEPT:
            fields = tuple(
                (printable(name[:80]), printable(str(shortened(value, VALUE_CHARS))))
                for name, value in islice(finding.match.fields.items(), FIELDS_SHOWN)
            )
            self._entries[key] = Entry(finding.match.rule, finding.level, self._place(finding), fields)

    def close(self, outcome: Outcome) -> None:
        # rich is slow to import, and only this writer needs it
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        words = self._words
        on_screen = self._out is sys.stdout.buffer
        text = io.StringIO()
        console = Console(highlight=False) if on_screen else Console(file=text, width=80, highlight=False)
        if self._entries:
            table = Table(box=SIMPLE_HEAD, padding=(0, 1, 1, 0), header_style="bold")
            table.add_column(words("Mức"), no_wrap=True)
            table.add_column(words("Lần"), justify="right", no_wrap=True)
            table.add_column(words("Luật, nơi đầu tiên (giờ UTC), dấu vết"), overflow="fold")
            entries = sorted(self._entries.values(), key=lambda one: (-one.level, -one.times))
            for entry in entries[:ENTRIES_SHOWN]:
                rule = entry.rule
                what = Text(printable(rule.title_vi if words.language == "vi" else rule.title), style="bold")
                what.append(f"\n{entry.place}", style="default")
                for name, value in entry.fields:
                    what.append(f"\n{name}: {value}", style="dim")
                level = Text(words.level(rule.level), style=LEVEL_STYLES[rule.level])
                table.add_row(level, words.number(entry.times), what)
            console.print(table)
            if len(entries) > ENTRIES_SHOWN:
                left = words.number(len(entries) - ENTRIES_SHOWN)
                console.print(words("… và {n} mục nữa; dùng --format jsonl để có tất cả.", n=left), markup=False)
        for line in closing_lines(outcome, words):
            console.print(printable(line), markup=False)
        self._out.write(text.getvalue().encode("utf-8", "replace"))

    def _place(self, finding: Finding) -> str:
        words, match = self._words, finding.match
        moment = words.moment(finding.time_ms) if finding.time_known else words("không rõ giờ")
        place = f"{moment}  {printable(Path(finding.file).name)}"
        if finding.index >= 0:
            place += ", " + words("bản ghi {n}", n=finding.index)
        if finding.machine:
            place += f", {printable(finding.machine)}"
        if match.rule.correlation is not None:
            place += ", " + words("{n} sự kiện", n=words.number(match.count))
        return place


def closing_lines(outcome: Outcome, words: Words) -> list[str]:
    """Say how much was found in how much, and what to do next."""
    summary, verdict = outcome.summary, judge(outcome, words)
    found = words(
        "{n} lần khớp của {rules} luật, trong {records} bản ghi của {files} tệp.",
        n=words.number(summary.total.total),
        rules=words.number(len(summary.rules)),
        records=words.number(outcome.total.read),
        files=words.number(outcome.files_read),
    )
    lines = [found, verdict.sentence]
    if verdict.steps:
        lines.append(words("Làm trước hết: {step}", step=verdict.steps[0]))
    if summary.total.total:
        lines.append(words("Báo cáo đầy đủ, kèm việc cần làm: thêm `-o bao-cao.html` vào lệnh vừa chạy."))
    return lines
