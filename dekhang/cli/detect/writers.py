"""Findings written for people (table), programs (jsonl) and spreadsheets (csv)."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any, Protocol

from dekhang.cli.detect.findings import Finding
from dekhang.cli.detect.showing import guarded, iso, printable, shortened
from dekhang.engine.rules import LEVELS

COLUMNS = ("time", "level", "title", "rule_id", "file", "index", "count", "fields")


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
