"""How far the reading is: on a terminal percent and records a second; in a pipe nothing."""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from dekhang.cli.detect.findings import Counts
from dekhang.cli.detect.showing import printable
from dekhang.cli.detect.words import Words

REFRESH_SECONDS = 0.2
NAME_CHARS = 28


class Show(Protocol):
    """Called while a file is read: `done` of its `size` bytes. Cheap to call often."""

    def __call__(self, path: Path, done: int, size: int) -> None: ...


class Progress:
    """with Progress(files, counts, words, wanted=True) as show: …

    Args:
        files: all that will be read.
        counts: what was read so far, by file; the same mapping that the scan fills.
        wanted: False (`--quiet`) shows nothing, even on a terminal.
    """

    def __init__(self, files: list[Path], counts: Mapping[str, Counts], words: Words, *, wanted: bool) -> None:
        self._counts = counts
        self._words = words
        self._on = wanted and sys.stderr.isatty()
        self._total = sum(size_of(path) for path in files) if self._on else 0
        self._done: dict[Path, int] = {}
        self._done_bytes = 0
        self._started = time.monotonic()
        self._shown = 0.0
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Show:
        if self._on:
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

            name = TextColumn("{task.description}", markup=False)
            rate = TextColumn("{task.fields[rate]}", markup=False)
            columns = (name, BarColumn(bar_width=None), TaskProgressColumn(), rate, TimeRemainingColumn())
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("", total=max(self._total, 1), rate="")
            self._bar.start()
        return self._show

    def _show(self, path: Path, done: int, size: int) -> None:
        if self._bar is None:
            return
        done = min(done, size)
        self._done_bytes += done - self._done.get(path, 0)
        self._done[path] = done
        now = time.monotonic()
        if now - self._shown < REFRESH_SECONDS:
            return
        self._shown = now
        read = sum(counts.read for counts in self._counts.values())
        rate = self._words.number(int(read / max(now - self._started, 1e-9)))
        self._bar.update(
            self._task,
            completed=self._done_bytes,
            description=printable(path.name[-NAME_CHARS:]),
            rate=self._words("{n} bản ghi/giây", n=rate),
        )

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
