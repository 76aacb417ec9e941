"""How far the reading is, on a terminal."""

import sys
from pathlib import Path
from typing import Any, Protocol

from dekhang.cli.detect.showing import printable


class Show(Protocol):
    def __call__(self, path: Path, done: int, size: int) -> None: ...


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
