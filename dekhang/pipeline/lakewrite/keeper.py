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

from dekhang.pipeline import lakefiles, wallclock
from dekhang.pipeline.lakefiles import LakeFileDamaged, LakeFiles
from dekhang.pipeline.lakewrite.batches import flush
from dekhang.pipeline.lakewrite.expire import candidates, expire, outlook
from dekhang.pipeline.lakewrite.manifest import KEEPER, Superseded, empty_garbage, remove_orphans
from dekhang.pipeline.lakewrite.merge import Damaged, checked_file, compact_once
from dekhang.pipeline.lakewrite.trustedclock import TrustedClock
from dekhang.pipeline.partitions import ALL
from dekhang.pipeline.stores import database, retention
from dekhang.pipeline.stores.lake.pieces import ALWAYS_MS
from dekhang.pipeline.stores.retention import Policy

logger = logging.getLogger(__name__)

EXPIRY_SECONDS = 900.0  # between looks for what has been kept long enough
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
        self._next_orphans = self._next_garbage = self._next_expiry = 0.0
        self._clock = TrustedClock(data / "run" / "lake.clock")
        self._policy: Policy | None = None
        self._next_look: dict[str, int] = {}  # segment → when something in it may expire, under this policy
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
            self._disconnect()
            raise
        return steps

    def step(self, connection: database.Connection) -> bool:
        """One bounded thing of each kind that is due; False: nothing was."""
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
        done = bool(flush(files, connection, now_ms=now_ms))
        try:
            if compact_once(files, connection, now_ms=now_ms, without=self._damaged, stopped=lambda: self.stopping):
                done = True
            if not done and now >= self._next_expiry:
                done = self._expire(files, connection, created_ms=now_ms)
            return done
        except Damaged as fault:
            logger.error("%s", fault)
            self._damaged.add(fault.path)
            return True

    def _expire(self, files: LakeFiles, connection: database.Connection, *, created_ms: int) -> bool:
        """Replace one segment in which something expires; False: there is none for now."""
        policy = retention.published(self._data)
        if policy is None:
            self._next_expiry = time.monotonic() + EXPIRY_SECONDS
            return False
        if policy != self._policy:
            self._policy, self._next_look = policy, {}
        now_ms = wallclock.now_ms()
        if not self._clock.believe(now_ms, time.monotonic()):
            self._next_expiry = time.monotonic() + EXPIRY_SECONDS
            return False
        old = [one for one in candidates(connection, policy, now_ms=now_ms) if one.path not in self._damaged]
        self._next_look = {one.path: self._next_look[one.path] for one in old if one.path in self._next_look}
        for source in old:
            if self._next_look.get(source.path, 0) > now_ms:
                continue
            try:
                found = outlook(files, connection, source, policy, now_ms=now_ms)
            except (FileNotFoundError, LakeFileDamaged):
                checked_file(files, source)  # says so
                raise
            if found.gone:
                expire(files, connection, source, found, policy, now_ms=now_ms, created_ms=created_ms,
                       stopped=lambda: self.stopping)  # fmt: skip
                return True
            self._next_look[source.path] = ALWAYS_MS if found.next_ms is None else found.next_ms
        self._next_expiry = time.monotonic() + EXPIRY_SECONDS
        return False

    def close(self) -> None:
        """Let another one keep the lake."""
        self._disconnect()
        if self._lock is not None:
            self._lock.close()
        self._lock = None

    def _disconnect(self) -> None:
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
