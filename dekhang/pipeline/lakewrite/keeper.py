"""Keeps the lake in order beside the workers: flushes, merges, deletes. One per installation, in the jobs process.

What it does at once is bounded in memory, and touches the database only in short transactions; so workers wait for
milliseconds, and whatever it was doing when the process ends has simply not happened.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO

from dekhang.pipeline import lakefiles
from dekhang.pipeline.lakewrite.batches import flush
from dekhang.pipeline.lakewrite.manifest import KEEPER, Superseded, empty_garbage, remove_orphans
from dekhang.pipeline.lakewrite.merge import Damaged, compact_once
from dekhang.pipeline.partitions import ALL
from dekhang.pipeline.stores import database

logger = logging.getLogger(__name__)

ORPHANS_SECONDS = 3_600.0  # between looks for files that nothing names …
ORPHAN_AGE_SECONDS = 7_200.0  # … and have been lying there so long: nobody is still about to commit them
GARBAGE_SECONDS = 10.0
AT_ONCE_SECONDS = 20.0  # of work, then the caller has a turn
NICENESS = 10  # whoever waits for an alert comes first


class Keeper:
    """Housekeeping of one data folder's lake. `work` is called every few seconds, always by the same thread."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._connection: database.Connection | None = None
        self._lock: IO[str] | None = None
        self._damaged: set[str] = set()
        self._next_orphans = self._next_garbage = 0.0
        self.stopping = False

    def work(self) -> int:
        """Do what is due, for AT_ONCE_SECONDS at most; returns how many steps that was."""
        if not self._is_ours():
            return 0
        until = time.monotonic() + AT_ONCE_SECONDS
        steps = 0
        try:
            if self._connection is None:
                self._connection = database.connect(self._data)
            while self.step(self._connection) and not self.stopping and time.monotonic() < until:
                steps += 1
        except Superseded as other:
            logger.info("%s was replaced by somebody else meanwhile", other)
        except database.Error:
            self.close()
            raise
        return steps

    def step(self, connection: database.Connection) -> bool:
        """The most urgent thing; False: nothing is due."""
        files = lakefiles.of(self._data)
        now, now_ms = time.monotonic(), time.time_ns() // 1_000_000
        if now >= self._next_garbage:
            self._next_garbage = now + GARBAGE_SECONDS
            empty_garbage(files, connection, now_ms=now_ms)
        if now >= self._next_orphans:
            self._next_orphans = now + ORPHANS_SECONDS
            # of every holder: one that never comes back must not leave its files for ever
            old = time.time() - ORPHAN_AGE_SECONDS
            removed = remove_orphans(files, connection, {*ALL, KEEPER}, before_seconds=old)
            if removed:
                logger.warning("removed %d lake files that nothing names", removed)
        if flush(files, connection, now_ms=now_ms):
            return True
        try:
            return bool(
                compact_once(files, connection, now_ms=now_ms, without=self._damaged, stopped=lambda: self.stopping)
            )
        except Damaged as fault:
            logger.error("%s", fault)
            self._damaged.add(fault.path)
            return True

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _is_ours(self) -> bool:
        """Two would do everything twice and throw half of it away."""
        if self._lock is None:
            (self._data / "run").mkdir(parents=True, exist_ok=True)
            file = (self._data / "run" / "lake.lock").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.close()
                return False
            self._lock = file
            if sys.platform == "linux":  # there a thread has a niceness of its own
                os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
        return True
