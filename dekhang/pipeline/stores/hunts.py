"""Hunts: searches through history that take their time. Each has a folder, which is all that is known of it.

<data>/hunts/<id>/request.json   what is looked for, where; never changes
                  rules/ indicators/   copies of the files given, so that a resumed hunt looks for the same
                  installed/     copies of the installed rules that were chosen, for the same reason
                  state.json     how far it is; written whole after every slice
                  engine.<n>     what correlations have counted in the first n slices
                  hits.jsonl     what was found, in order of slices; only the first `hits_bytes` count
                  cancel         somebody wants it to stop
                  lock           held by the process that works on it
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec
import orjson

ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}")
COPY_BYTES_MOST = 512 << 20  # of rules or indicators that a hunt keeps
COPY_FILES_MOST = 20_000
HUNTS_LISTED = 200

Kind = Literal["query", "rules", "indicators"]
Status = Literal["waiting", "running", "stopped", "done", "cancelled", "failed"]
ENDED = ("done", "cancelled", "failed")


class Request(msgspec.Struct, frozen=True):
    """What a hunt looks for, and where.

    Args:
        title: for people: the query, or the names of rules and files.
        query: of kind "query"; unit_names, source_names: what its names mean, number → name.
        rule_ids: installed rules; besides, everything in the folder `rules`.
        since_ms, until_ms: event time, [since, until). Only what had been received before `snapshot_ms` is looked at.
        by: who wanted it, for people.
    """

    kind: Kind
    title: str
    unit_ids: tuple[int, ...]
    since_ms: int
    until_ms: int
    snapshot_ms: int
    by: str
    query: str = ""
    rule_ids: tuple[str, ...] = ()
    min_level: str = "informational"
    unit_names: dict[int, str] = {}
    source_names: dict[int, str] = {}


class State(msgspec.Struct):
    """How far a hunt is.

    Args:
        slices, done: of the history, and how many are finished: all up to `position`.
        groups, groups_read: row groups of the lake, and those of them that had to be read.
        hits, hits_bytes: lines of hits.jsonl that count, and their length.
        left_out: matches that were too many to keep.
        told: hits handed over as detections; None = nobody wanted it.
        problem: why it failed, or what it had to pass over; a sentence.
    """

    status: Status = "waiting"
    slices: int = 0
    done: int = 0
    position: tuple[int, int] | None = None
    records: int = 0
    groups: int = 0
    groups_read: int = 0
    hits: int = 0
    hits_bytes: int = 0
    left_out: int = 0
    told: int | None = None
    problem: str = ""
    updated_ms: int = 0


class Hunt:
    """One hunt under a data folder."""

    def __init__(self, data: Path, hunt_id: str) -> None:
        self.id = hunt_id
        self.folder = folder_of(data) / hunt_id

    @property
    def request(self) -> Request:
        return msgspec.json.decode((self.folder / "request.json").read_bytes(), type=Request)

    @property
    def state(self) -> State:
        try:
            return msgspec.json.decode((self.folder / "state.json").read_bytes(), type=State)
        except FileNotFoundError:
            return State()

    @property
    def created_at(self) -> datetime:
        return datetime.strptime(self.id[:15], "%Y%m%d-%H%M%S").replace(tzinfo=UTC)

    @property
    def is_running(self) -> bool:
        """Whether some process works on it just now."""
        with self.claimed() as mine:
            return not mine

    @property
    def wants_stop(self) -> bool:
        return (self.folder / "cancel").exists()

    @property
    def hits_path(self) -> Path:
        return self.folder / "hits.jsonl"

    def save(self, state: State) -> None:
        _write(self.folder / "state.json", msgspec.json.encode(state))

    def cancel(self) -> None:
        (self.folder / "cancel").touch()

    @property
    def wants_alerts(self) -> bool:
        return (self.folder / "to-alerts").exists()

    def want_alerts(self) -> None:
        (self.folder / "to-alerts").touch()

    def drop_alerts(self) -> None:
        (self.folder / "to-alerts").unlink(missing_ok=True)

    def wait(self) -> None:
        """Have it begun, or begun again, by whoever starts hunts."""
        (self.folder / "cancel").unlink(missing_ok=True)
        state = self.state
        state.status = "waiting"
        self.save(state)

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Hold the hunt for this process; False: another one works on it."""
        with (self.folder / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield False
                return
            yield True

    def hits(self, *, start: int = 0, limit: int | None = None) -> Iterator[dict[str, Any]]:
        """What was found so far, in order, from number `start`."""
        left = self.state.hits_bytes
        try:
            file = self.hits_path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for number, line in enumerate(file):
                left -= len(line)
                if left < 0 or (limit is not None and number >= start + limit):
                    return
                if number >= start:
                    yield orjson.loads(line)


def folder_of(data: Path) -> Path:
    return Path(data) / "hunts"


def create(
    data: Path,
    request: Request,
    *,
    now_ms: int,
    rules: Sequence[Path] = (),
    indicators: Sequence[Path] = (),
) -> Hunt:
    """Keep a new hunt, waiting to be begun.

    Raises:
        ValueError: the files given are too many; a sentence.
        OSError: they cannot be read, or the data folder not written.
    """
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y%m%d-%H%M%S")
    hunt = Hunt(data, f"{stamp}-{secrets.token_hex(2)}")
    draft = hunt.folder.with_name(f".{hunt.id}")
    draft.mkdir(parents=True)
    try:
        for name, paths in (("rules", rules), ("indicators", indicators)):
            if paths:
                _copy(paths, draft / name)
        _write(draft / "request.json", msgspec.json.encode(request))
        draft.rename(hunt.folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return hunt


def get(data: Path, hunt_id: str) -> Hunt | None:
    hunt = Hunt(data, hunt_id)
    return hunt if ID.fullmatch(hunt_id) and (hunt.folder / "request.json").exists() else None


def listing(data: Path) -> list[Hunt]:
    """The hunts, newest first."""
    try:
        names = sorted((one.name for one in folder_of(data).iterdir() if ID.fullmatch(one.name)), reverse=True)
    except FileNotFoundError:
        return []
    return [Hunt(data, name) for name in names[:HUNTS_LISTED]]


def _copy(paths: Sequence[Path], target: Path) -> None:
    """Copy files, and all files below folders, each path into a folder of its own."""
    files, size = 0, 0
    for number, path in enumerate(paths):
        below = sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]
        for file in below:
            files, size = files + 1, size + file.stat().st_size
            if files > COPY_FILES_MOST or size > COPY_BYTES_MOST:
                raise ValueError(
                    f"Các tệp luật hoặc chỉ dấu nhiều hơn {COPY_FILES_MOST} tệp hoặc {COPY_BYTES_MOST >> 20} MB;"
                    " hãy chọn ít hơn."
                )
            name = file.relative_to(path) if path.is_dir() else Path(file.name)
            place = target / str(number) / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)


def _write(path: Path, content: bytes) -> None:
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
