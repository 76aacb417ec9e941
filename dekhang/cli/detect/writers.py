"""Findings written for programs (jsonl) and spreadsheets (csv). For people: table.py, report/."""

import csv
import io
import json
from typing import BinaryIO, Protocol

from dekhang.cli.detect.findings import Finding
from dekhang.cli.detect.outcome import Outcome
from dekhang.cli.detect.showing import guarded
from dekhang.cli.detect.words import Words

COLUMNS = (
    "time", "level", "title", "rule_id", "host", "account", "file", "index", "count", "fields", "author", "license",
)  # fmt: skip
BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes Vietnamese for a Western European alphabet


class Writer(Protocol):
    """Takes findings in the order of their records; `close` once everything was read."""

    def write(self, finding: Finding) -> None: ...
    def close(self, outcome: Outcome) -> None: ...


class JsonWriter:
    """One JSON object a line."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def write(self, finding: Finding) -> None:
        # lone surrogates of a hostile record would break the output of everything after it
        line = json.dumps(finding.as_dict(), ensure_ascii=False, default=str)
        self._out.write(line.encode("utf-8", "replace") + b"\n")

    def close(self, outcome: Outcome) -> None:
        pass


class CsvWriter:
    """A table for spreadsheets; no cell becomes a formula.

    Args:
        mark: begin with a byte order mark, for a file that a spreadsheet opens; a pipe is better off without.
    """

    def __init__(self, out: BinaryIO, words: Words, *, mark: bool) -> None:
        self._out = out
        self._words = words
        self._row(list(COLUMNS), before=BYTE_ORDER_MARK if mark else "")

    def write(self, finding: Finding) -> None:
        rule = finding.match.rule
        found = {"count": 1, **finding.as_dict()}
        found["title"] = rule.title_vi if self._words.language == "vi" else rule.title
        found["fields"] = "; ".join(f"{name}={value}" for name, value in found["fields"].items())
        self._row([guarded(found[column]) for column in COLUMNS])

    def close(self, outcome: Outcome) -> None:
        pass

    def _row(self, cells: list[object], before: str = "") -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        self._out.write((before + text.getvalue()).encode("utf-8", "replace"))
