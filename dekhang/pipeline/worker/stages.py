"""Where a worker's processor time goes: told in its heartbeat, read by `./dk bench pipeline`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STAGES = ("spool", "parse", "detect", "rows", "lake", "commit")


class Stages:
    """Seconds of processor time by stage since the worker was made; helper threads of a stage count too."""

    def __init__(self) -> None:
        self.cpu_seconds = dict.fromkeys(STAGES, 0.0)

    @contextmanager
    def __call__(self, stage: str) -> Iterator[None]:
        """Count what the block takes."""
        began = time.process_time()
        try:
            yield
        finally:
            self.cpu_seconds[stage] += time.process_time() - began
