"""The rules in force: loaded at start, loaded again when a rule folder or the installation's settings change."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from dekhang.engine import Detector
from dekhang.engine.sieve import Code
from dekhang.pipeline.codecache import compiled
from dekhang.pipeline.partitions import partition_of
from dekhang.pipeline.rulebook import Rulebook
from dekhang.pipeline.rulesettings import RuleSettings, folder_of, load_installed_rules, read_settings
from dekhang.pipeline.stores.database import Connection

logger = logging.getLogger(__name__)

SCAN_SECONDS = 10.0
_FILES = 50_000  # per scan; a folder with more is not a rule folder


class RuleWatch:
    """Holds the rulebook of a data folder and notices changes of its rule folders and settings."""

    def __init__(self, folders: Sequence[Path], data: Path) -> None:
        self.folders = list(folders)
        self.data = data
        self._settings: RuleSettings | None = None
        self._stamp: int | None = None
        self._next_scan = 0.0
        self.book: Rulebook | None = None
        self._code: Code | None = None

    def load(self) -> Rulebook:
        """Read and compile the folders. Faulty rules and settings are in `.errors`; the others load.

        A faulty settings file leaves in force what stood there before.
        """
        self._stamp = self._fingerprint()
        started = time.monotonic()
        self._settings = read_settings(self.data, self._settings)
        book = load_installed_rules(self.folders, self.data, self._settings)
        code = compiled(book, cache=self.data / "rules-cache", indicators=False)
        logger.info(
            "rules loaded: %d in force, %d faulty, %.1f s",
            len(book.ruleset.rules),
            len(book.errors),
            time.monotonic() - started,
        )
        self.book = book
        self._code = code
        return book

    def new_detector(self, states: Mapping[int, bytes]) -> Detector:
        """Return a detector of the rules loaded last, with the correlation state of partitions."""
        assert self.book is not None and self._code is not None
        detector = Detector(self.book.ruleset, code=self._code)
        for number, state in states.items():
            # the state of before there were partitions stands in each of them, whole
            detector.load(state, lambda unit, own=number: partition_of(unit) == own)  # type: ignore[misc]
        if detector.state_problem:
            logger.warning("correlation state discarded: %s", detector.state_problem)
        return detector

    def changed(self) -> bool:
        """Has a file come, gone or changed since `load`? Looks at most every SCAN_SECONDS."""
        now = time.monotonic()
        if now < self._next_scan:
            return False
        self._next_scan = now + SCAN_SECONDS
        return self._fingerprint() != self._stamp

    def _fingerprint(self) -> int:
        return hash(tuple(sorted(self._files())))

    def _files(self) -> Iterator[tuple[str, int, int]]:
        count = 0
        waiting = [str(folder) for folder in (*self.folders, folder_of(self.data))]
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


OVER_BUDGET = (
    "Biểu thức chính quy của luật này mất quá nhiều thời gian với một số giá trị; các giá trị ấy được coi là không khớp. "
    "Hãy viết lại biểu thức: bỏ phần lặp lồng nhau, bỏ nhìn trước, nhìn sau và tham chiếu ngược."
)


def publish_faulty(connection: Connection, book: Rulebook, *, now_ms: int) -> None:
    """Put the faulty rules of a book just loaded where people's pages find them (stores.ledger.rule_problems)."""
    with connection.transaction():
        connection.execute("DELETE FROM rule_problems")
        _publish(connection, [(str(error.path), error.line or 0, error.reason, now_ms) for error in book.errors])


def publish_slow(connection: Connection, book: Rulebook, slow: Collection[str], *, now_ms: int) -> None:
    """Add rules with a regular expression that took too long to the problems.

    Args:
        slow: ids of them (engine.ruleset.rules_over_budget).
    """
    found = [rule for rule_id in slow if (rule := book.find(rule_id)) is not None]
    with connection.transaction():
        _publish(connection, [(rule.path, rule.line, OVER_BUDGET, now_ms) for rule in found])


def _publish(connection: Connection, problems: Sequence[tuple[str, int, str, int]]) -> None:
    connection.executemany(
        "INSERT INTO rule_problems (path, line, reason, seen_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", problems
    )
