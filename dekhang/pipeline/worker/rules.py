"""The rules in force: loaded at start, loaded again when a rule folder changes."""

from __future__ import annotations

import logging
import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from dekhang.engine import Detector
from dekhang.pipeline.rulebook import Rulebook, load_rules
from dekhang.pipeline.stores.schema import transaction

logger = logging.getLogger(__name__)

SCAN_SECONDS = 10.0
_FILES = 50_000  # per scan; a folder with more is not a rule folder


class RuleWatch:
    """Holds the rulebook and notices changes of its folders."""

    def __init__(self, folders: Sequence[Path], cache: Path | None) -> None:
        self.folders = list(folders)
        self._cache = cache
        self._stamp: int | None = None
        self._next_scan = 0.0
        self.book: Rulebook | None = None

    def load(self) -> Rulebook:
        """Read and compile the folders. Faulty rules are in `.errors`; the others load."""
        self._stamp = self._fingerprint()
        started = time.monotonic()
        book = load_rules(self.folders, cache=self._cache)
        logger.info(
            "rules loaded: %d in force, %d faulty, %.1f s",
            len(book.ruleset.rules),
            len(book.errors),
            time.monotonic() - started,
        )
        self.book = book
        return book

    def changed(self) -> bool:
        """Has a rule file come, gone or changed since `load`? Looks at most every SCAN_SECONDS."""
        now = time.monotonic()
        if now < self._next_scan:
            return False
        self._next_scan = now + SCAN_SECONDS
        return self._fingerprint() != self._stamp

    def _fingerprint(self) -> int:
        return hash(tuple(sorted(self._files())))

    def _files(self) -> Iterator[tuple[str, int, int]]:
        count = 0
        waiting = [str(folder) for folder in self.folders]
        while waiting:
            try:
                with os.scandir(waiting.pop()) as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            waiting.append(entry.path)
                        elif entry.name.endswith((".yml", ".yaml")):
                            facts = entry.stat()
                            yield entry.path, facts.st_mtime_ns, facts.st_size
                            count += 1
                            if count >= _FILES:
                                return
            except OSError:  # a folder that vanishes while we look; the next scan sees it
                continue


def new_detector(book: Rulebook, state: bytes) -> Detector:
    detector = Detector(book.ruleset, state=state)
    if detector.state_problem:
        logger.warning("correlation state discarded: %s", detector.state_problem)
    return detector


def publish_problems(connection: sqlite3.Connection, book: Rulebook, *, now_ms: int) -> None:
    """Put the faulty rules where people's pages find them (stores.ledger.rule_problems)."""
    with transaction(connection):
        connection.execute("DELETE FROM rule_problems")
        connection.executemany(
            "INSERT OR IGNORE INTO rule_problems (path, line, reason, seen_at) VALUES (?, ?, ?, ?)",
            [(str(error.path), error.line or 0, error.reason, now_ms) for error in book.errors],
        )
