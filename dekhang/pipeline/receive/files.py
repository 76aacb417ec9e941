"""Uploads: `inbox/<source_id>/<name>` into the spool, with `<name>.json` telling how far.

The web process writes `<name>.part`, fsyncs and renames. A record's id is the file's SHA-256 and the record's number,
so the same file sent twice, or read twice because of a crash, is stored once.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import orjson

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.takein import Origin, TakeIn
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

STATUS_BYTES = 64 * 1024
KEEP_STATUS_SECONDS = 30 * 86400.0


class Inbox:
    """Call `poll` again and again; one file at a time, oldest first over all sources."""

    def __init__(
        self,
        data: Path,
        intake: IntakeMap,
        take_in: TakeIn,
        refusals: Refusals,
    ) -> None:
        self._folder = data / "inbox"
        self._intake = intake
        self._take_in = take_in
        self._refusals = refusals
        self._statuses: dict[Path, float] = {}
        self.records = 0
        self.files = 0

    def poll(self) -> int:
        """Take in the oldest waiting file, if any; returns how many files were finished (0 or 1)."""
        for path, source in self._waiting():
            if source is None:
                write_status(path, state="waiting", problem="Nguồn nhật ký này chưa có hiệu lực ở máy nhận; đang chờ.")
                continue
            if source.retired:
                self._fail(path, source.source_id, "Nguồn nhật ký này đã ngừng sử dụng nên tệp không được nhận.", 0)
                return 1
            self._take(path, source)
            return 1
        return 0

    def _waiting(self) -> list[tuple[Path, IntakeSource | None]]:
        found: list[tuple[float, Path, IntakeSource | None]] = []
        try:
            folders = [one for one in self._folder.iterdir() if one.name.isdigit() and one.is_dir()]
        except FileNotFoundError:
            return []
        known, self._statuses = self._statuses, {}
        for folder in folders:
            source = self._intake.by_id(int(folder.name))
            for path in folder.iterdir():
                try:
                    changed = path.stat().st_mtime
                except FileNotFoundError:
                    continue
                if known.get(path) == changed or not _is_upload(path):
                    self._keep_status(path, changed)
                else:
                    found.append((changed, path, source))
        found.sort(key=lambda one: (one[2] is None, one[0], one[1].name))
        return [(path, source) for _, path, source in found]

    def _keep_status(self, path: Path, changed: float) -> None:
        """Remember what is only a status, so that it is not opened at every poll; old ones go."""
        if not path.name.endswith(".json"):
            return
        if time.time() - changed > KEEP_STATUS_SECONDS:
            path.unlink(missing_ok=True)
        else:
            self._statuses[path] = changed

    def _take(self, path: Path, source: IntakeSource) -> None:
        size = path.stat().st_size
        name = str(read_status(path).get("name") or path.name)
        write_status(path, state="reading", read=0, size=size, records=0, problem="")
        digests = self._take_in.digest(path)
        if digests is None:
            return  # asked to end; the file waits for the next start

        def progress(read_bytes: int, records: int, why: str) -> None:
            if why:
                write_status(path, state="waiting", problem=why)
            else:
                write_status(path, state="reading", read=read_bytes, size=size, records=records, problem="")

        outcome = self._take_in.take(path, name, Origin(source, "upload", path.name, digests[0]), progress)
        self.records += outcome.records
        if outcome.ended:
            return
        if outcome.failed:
            self._fail(path, source.source_id, outcome.problem, outcome.records)
            return
        write_status(path, state="done", read=size, size=size, records=outcome.records, problem=outcome.problem)
        path.unlink()
        self.files += 1

    def _fail(self, path: Path, source_id: int, problem: str, count: int) -> None:
        size = path.stat().st_size
        self._refusals.add(
            source_id, Reason.UNREADABLE_FILE, size_bytes=size, example=path.name.encode(), peer=path.name
        )
        write_status(path, state="failed", size=size, records=count, problem=problem)
        path.unlink()
        self.files += 1


def status_path(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def read_status(path: Path) -> dict[str, Any]:
    """What `<name>.json` says about the upload `path`; empty when there is none."""
    try:
        status = orjson.loads(status_path(path).read_bytes()[:STATUS_BYTES])
    except (OSError, orjson.JSONDecodeError):
        return {}
    return status if isinstance(status, dict) else {}


def write_status(path: Path, **changes: Any) -> None:
    """Change fields of `<name>.json` in one step: state, read, size, records, problem; others (name) stay."""
    status = {"state": "waiting", "read": 0, "size": 0, "records": 0, "problem": "", **read_status(path)}
    if all(status.get(key) == value for key, value in changes.items()) and status_path(path).exists():
        return
    status |= changes
    status["at_ms"] = wallclock.now_ms()
    draft = path.with_name(f".{path.name[:100]}.{os.getpid()}.tmp")
    draft.write_bytes(orjson.dumps(status))
    draft.replace(status_path(path))


def _is_upload(path: Path) -> bool:
    """A complete upload: not being written (`.part`), not hidden, and not the status of one."""
    name = path.name
    if name.startswith(".") or name.endswith((".part", ".tmp")) or not path.is_file() or path.is_symlink():
        return False
    if not name.endswith(".json"):
        return True
    try:
        if path.stat().st_size > STATUS_BYTES:
            return True
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return True
    return not (isinstance(content, dict) and {"state", "records"} <= content.keys())
