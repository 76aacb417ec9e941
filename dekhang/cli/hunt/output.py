"""What a hunt found, for people (table), programs (jsonl) and spreadsheets (csv); and how far it is."""

import csv
import io
import sys
from collections.abc import Callable, Sequence
from typing import Any, BinaryIO

from dekhang.cli.detect.showing import guarded, printable
from dekhang.cli.detect.words import Words
from dekhang.cli.detect.writers import BYTE_ORDER_MARK
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.stores.hunts import Hunt, State

ROWS_SHOWN = 200
TEXT_SHOWN = 160
COLUMNS = (
    "time", "level", "title", "rule_id", "unit_id", "source_id", "event_id", "host", "entity", "count", "fields", "text",
    "author", "license",
)  # fmt: skip
STATUS_WORDS = {
    "waiting": "chờ làm",
    "running": "đang làm",
    "stopped": "đã dừng",
    "done": "xong",
    "cancelled": "đã hủy",
    "failed": "hỏng",
}


def _jsonl(hunt: Hunt, out: BinaryIO, *, with_mark: bool) -> None:
    left = hunt.state.hits_bytes
    with hunt.hits_path.open("rb") as file:
        while left > 0 and (chunk := file.read(min(left, 1 << 20))):
            out.write(chunk)
            left -= len(chunk)


def _csv(hunt: Hunt, out: BinaryIO, *, with_mark: bool) -> None:
    def row(cells: list[object], before: str = "") -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerow(cells)
        out.write((before + text.getvalue()).encode("utf-8", "replace"))

    row(list(COLUMNS), BYTE_ORDER_MARK if with_mark else "")
    for hit in hunt.hits():
        fields = "; ".join(f"{name}={value}" for name, value in hit.get("fields", {}).items())
        row([guarded({**hit, "fields": fields}.get(column, "")) for column in COLUMNS])


def _table(hunt: Hunt, out: BinaryIO, *, with_mark: bool) -> None:
    """One entry per rule, unit and entity, worst first; events of a query one by one."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    text = io.TextIOWrapper(out, "utf-8", errors="replace", write_through=True)
    console = Console(file=text, width=None if sys.stdout.isatty() else 120)
    table = Table(box=SIMPLE_HEAD)
    if hunt.request.kind == "query":
        for name in ("Lúc (UTC)", "Máy", "Bản ghi"):
            table.add_column(name, overflow="fold")
        rows = [
            (hit["time"], hit["host"], hit["text"].replace("\n", " ")[:TEXT_SHOWN])
            for hit in hunt.hits(limit=ROWS_SHOWN)
        ]
    else:
        for name in ("Mức", "Lần", "Luật", "Về", "Lần đầu (UTC)"):
            table.add_column(name, overflow="fold")
        rows = _entries(hunt)
    for cells in rows[:ROWS_SHOWN]:
        table.add_row(*(Text(printable(cell)) for cell in cells))
    if rows:
        console.print(table)
    else:
        console.print("Không tìm thấy gì.")
    shown = ROWS_SHOWN if hunt.request.kind != "query" else hunt.state.hits
    if len(rows) > shown or (hunt.request.kind == "query" and hunt.state.hits > ROWS_SHOWN):
        console.print(Text("… còn nữa; dùng --format jsonl để có tất cả."))
    text.detach()


def _entries(hunt: Hunt) -> list[tuple[str, ...]]:
    found: dict[tuple[str, int, str], list[Any]] = {}
    for hit in hunt.hits():
        key = hit["rule_id"], hit["unit_id"], hit["entity"]
        entry = found.setdefault(key, [hit, 0])
        entry[1] += 1
    words = Words("vi")
    ordered = sorted(found.values(), key=lambda entry: (-LEVELS.index(entry[0]["level"]), -entry[1]))
    return [(words.level(hit["level"]), str(times), hit["title"], hit["entity"], hit["time"]) for hit, times in ordered]


WRITERS: dict[str, Callable[..., None]] = {"table": _table, "jsonl": _jsonl, "csv": _csv}


def listed(hunts: Sequence[Hunt]) -> str:
    if not hunts:
        return "Chưa có lần lùng nào."
    lines = []
    for hunt in hunts:
        state, request = hunt.state, hunt.request
        share = f"{state.done}/{state.slices}" if state.slices else "–"
        status = STATUS_WORDS[state.status]
        lines.append(f"{hunt.id}  {status:<9} {share:>9}  {state.hits:>7} kết quả  {printable(request.title)[:60]}")
    return "\n".join(lines)


class Progress:
    """On a terminal how far the hunt is; in a pipe nothing."""

    def __init__(self, *, wanted: bool) -> None:
        self._on = wanted and sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> "Progress":
        if self._on:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            found = TextColumn("{task.fields[found]} kết quả", markup=False)
            columns = (BarColumn(bar_width=None), TaskProgressColumn(), found, TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=1, found=0)
            self._bar.start()
        return self

    def __call__(self, state: State) -> None:
        if self._bar is not None:
            self._bar.update(self._task, total=max(state.slices, 1), completed=state.done, found=state.hits)

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was. May be called twice: Ctrl-C can fall between the bar's start and the block."""
        if self._bar is not None:
            self._bar.stop()
