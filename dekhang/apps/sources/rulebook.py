"""The rules of this installation, read once per process and again when their files changed."""

import hashlib
import time
from collections.abc import Sequence
from pathlib import Path
from threading import Lock
from typing import TypeAlias

from django.conf import settings

from dekhang.engine.visibility import Visibility
from dekhang.pipeline.rulebook import Rulebook
from dekhang.pipeline.rulesettings import folder_of, load_installed_rules

LOOK_AGAIN_SECONDS = 30.0
Stamp: TypeAlias = tuple[tuple[str, int, int], ...]

_lock = Lock()
_book: Rulebook | None = None
_visibility: Visibility | None = None
_stamp: Stamp | None = None
_looked_at = float("-inf")


def installed() -> Rulebook:
    """What the worker detects with. Looks for changed files at most every 30 seconds."""
    global _book, _visibility, _stamp, _looked_at
    with _lock:
        if _book is None or time.monotonic() - _looked_at >= LOOK_AGAIN_SECONDS:
            folders = [Path(folder) for folder in settings.RULE_FOLDERS if Path(folder).is_dir()]
            stamp = (*_stamp_of([*folders, folder_of(Path(settings.DATA))]), (str(settings.DATA), 0, 0))
            if _book is None or stamp != _stamp:
                _book = load_installed_rules(folders, Path(settings.DATA))
                _visibility = None
                _stamp = stamp
            _looked_at = time.monotonic()
        return _book


def visibility() -> Visibility:
    """Which of the installed rules could speak about what arrives."""
    global _visibility
    ruleset = installed().ruleset
    found = _visibility  # another thread may read new rules meanwhile and forget it
    if found is None or found.ruleset is not ruleset:
        found = _visibility = Visibility(ruleset)
    return found


def edition() -> str:
    """Differs when the rules do."""
    installed()
    return hashlib.sha256(repr(_stamp).encode()).hexdigest()[:16]


def _stamp_of(folders: Sequence[Path]) -> Stamp:
    """Folder, number of files, newest change: differs when a rule file appears, goes or changes."""
    stamp = []
    for folder in folders:
        changes = [path.stat().st_mtime_ns for path in folder.rglob("*.yml")]
        stamp.append((str(folder), len(changes), max(changes, default=0)))
    return tuple(stamp)
