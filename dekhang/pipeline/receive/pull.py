"""Fetches objects of S3-compatible buckets (`IntakeSource.bucket`) and has them taken in like files.

A thread of its own lists and downloads, because a bucket may be slow or away; what it has fetched is spooled by the
thread of the files receiver. Records are known by object, ETag and number, so nothing is stored twice; how far an object
is, is remembered after every batch.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.takein import Origin, TakeIn
from dekhang.pipeline.receive.taken import DONE, FAILED, Memory, Taken
from dekhang.pipeline.stores.intake import Bucket, IntakeMap, IntakeSource, secret_of
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0  # between looks at which buckets are due
OBJECT_BYTES = 2 << 30  # of one object as it lies there; unpacking has its own bounds (formats.limits)
OBJECTS = 200_000  # looked at in one round of one bucket
UNREADABLE = 10  # objects in one round: then it is the bucket that cannot be read
FREE_BYTES = 1 << 30  # left on the disk while an object is being fetched
CONNECT_SECONDS = 10.0
REQUEST_SECONDS = 30.0
CHUNK_BYTES = 1 << 20


@dataclass(slots=True)
class _Fetched:
    """An object that lies here as a file and waits to be spooled."""

    source: IntakeSource
    path: Path
    name: str
    taken: Taken


@dataclass(slots=True)
class _State:
    """What is told of one bucket."""

    objects: int = 0
    waiting: int = 0
    current: str = ""
    records: int = 0
    problem: str = ""


class Pulls:
    """`start` begins to look; `take` spools what was fetched, in the caller's thread."""

    def __init__(
        self,
        data: Path,
        intake: IntakeMap,
        take_in: TakeIn,
        memory: Memory,
        refusals: Refusals,
        ending: threading.Event,
    ) -> None:
        self._data = data
        self._folder = data / "intake" / "pull"
        self._intake = intake
        self._take_in = take_in
        self._memory = memory
        self._refusals = refusals
        self._ending = ending
        self._states: dict[int, _State] = {}
        self._next_looks: dict[int, float] = {}
        self._fetched: _Fetched | None = None
        self._spooled = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pull", daemon=True)

    def start(self) -> None:
        self._thread.start()

    # -- the thread that talks to buckets

    def _run(self) -> None:
        for left in self._folder.glob("*.object") if self._folder.is_dir() else ():
            left.unlink(missing_ok=True)  # of a fetch that was interrupted; it begins again
        while not self._ending.is_set():
            sources = [one for one in self._intake.sources() if one.bucket is not None and not one.retired]
            for gone in self._states.keys() - {one.source_id for one in sources}:
                self._states.pop(gone, None)
            for source in sources:
                due = self._next_looks.get(source.source_id, 0.0)
                if source.bucket is not None and time.monotonic() >= due and not self._ending.is_set():
                    self._look(source, source.bucket)
                    self._next_looks[source.source_id] = time.monotonic() + max(1, source.bucket.every_seconds)
            self._ending.wait(PAUSE_SECONDS)

    def _look(self, source: IntakeSource, bucket: Bucket) -> None:
        state = self._states.setdefault(source.source_id, _State())
        try:
            files = _filesystem(bucket, secret_of(self._data, source.source_id))
            found = []
            for number, info in enumerate(_objects(files, bucket)):
                if number >= OBJECTS:
                    state.problem = f"Kho {bucket.name} có hơn {OBJECTS} đối tượng; hãy đặt tiền tố hẹp hơn."
                    break
                if self._ending.is_set():
                    return
                if not self._is_done(source, info):
                    found.append(info)
            else:
                state.problem = self._memory.latest_problem(source.source_id)
            found.sort(key=lambda info: (info.mtime_ns or 0, info.path))
            state.waiting = len(found)
            unreadable = 0
            for info in found:
                if self._ending.is_set() or self._intake.by_id(source.source_id) != source:
                    return  # the source was changed meanwhile: look again
                try:
                    self._fetch(files, source, bucket, info, state)
                except OSError as error:  # one that may not be read must not keep those behind it
                    unreadable += 1
                    if unreadable >= UNREADABLE:
                        raise
                    state.problem = f"Không đọc được {info.path}: {_short(error)}. Sẽ thử lại."
                    logger.warning("%s", state.problem)
                state.waiting -= 1
        except OSError as error:  # pyarrow's network and permission errors
            problem = f"Không đọc được kho {bucket.name}: {_short(error)}. Sẽ thử lại."
            if problem != state.problem:  # said once, not at every look
                logger.warning("%s", problem)
            state.problem = problem
        except Exception:
            state.problem = f"Lỗi khi đọc kho {bucket.name}; sẽ thử lại."
            logger.exception("%s", state.problem)
        finally:
            state.current = ""

    def _is_done(self, source: IntakeSource, info: Any) -> bool:
        before = self._memory.find(source.source_id, info.path)
        return before is not None and before.look == _look_of(info) and before.state in (DONE, FAILED)

    def _fetch(self, files: Any, source: IntakeSource, bucket: Bucket, info: Any, state: _State) -> None:
        """Download one object and wait until it is spooled."""
        state.current = info.path
        taken = Taken(source.source_id, info.path, _look_of(info), "", b"", info.size, at_ms=wallclock.now_ms())
        if info.size > OBJECT_BYTES:
            self._give_up(taken, f"Đối tượng dài {info.size} byte, quá giới hạn {OBJECT_BYTES}.", Reason.OVERSIZE)
            return
        while _free_bytes(self._data) < info.size + FREE_BYTES:
            state.problem = f"Ổ đĩa không đủ chỗ để tải {info.path} ({info.size} byte); đang chờ."
            if self._ending.wait(5.0):
                return
        path = self._folder / f"{source.source_id}.object"
        try:
            with files.open_input_stream(info.path) as stream:
                etag = _etag_of(stream) or taken.look
                before = self._memory.find(source.source_id, info.path)
                if before is not None and before.version == etag:
                    taken = replace(before, look=taken.look, at_ms=taken.at_ms)
                    if before.state in (DONE, FAILED):  # only its date is new
                        self._memory.keep(taken)
                        return
                else:
                    name = "\0".join((bucket.endpoint, info.path, etag)).encode()
                    taken = replace(taken, version=etag, stem=hashlib.sha256(b"s3\0" + name).digest())
                self._folder.mkdir(parents=True, exist_ok=True)
                size = 0
                with path.open("wb") as out:
                    while chunk := stream.read(CHUNK_BYTES):
                        size += len(chunk)
                        if size > OBJECT_BYTES:
                            self._give_up(taken, f"Đối tượng dài quá {OBJECT_BYTES} byte.", Reason.OVERSIZE)
                            return
                        out.write(chunk)
                        if self._ending.is_set():
                            return
            self._memory.keep(taken)
            self._spooled.clear()
            self._fetched = _Fetched(source, path, info.path.rpartition("/")[2], taken)
            while not self._spooled.wait(0.2):
                if self._ending.is_set():
                    return
        finally:
            self._fetched = None
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)

    def _give_up(self, taken: Taken, problem: str, reason: Reason) -> None:
        logger.warning("%s: %s", taken.key, problem)
        self._refusals.add(
            taken.source_id, reason, size_bytes=taken.size_bytes, example=taken.key.encode(), peer=taken.key
        )
        self._memory.keep(replace(taken, state=FAILED, problem=problem))

    # -- the thread that owns the spool

    def take(self) -> bool:
        """Spool the object that was fetched, if there is one; True when there was."""
        fetched = self._fetched
        if fetched is None or self._spooled.is_set():
            return False
        taken = fetched.taken
        state = self._states.setdefault(taken.source_id, _State())

        def progress(read_bytes: int, records: int, why: str) -> None:
            state.problem = why
            self._memory.keep(replace(taken, records=records))

        origin = Origin(fetched.source, "pull", taken.key, taken.stem)
        outcome = self._take_in.take(fetched.path, fetched.name, origin, progress, skip=taken.records, every_batch=True)
        state.records += outcome.records - taken.records
        if outcome.ended or (outcome.failed and self._ending.is_set()):  # the file may be gone from under us
            return True
        if outcome.failed:
            self._give_up(replace(taken, records=outcome.records), outcome.problem, Reason.UNREADABLE_FILE)
            state.problem = f"{taken.key}: {outcome.problem}"
        else:
            self._memory.keep(replace(taken, records=outcome.records, state=DONE, problem=outcome.problem))
        state.objects += 1
        self._spooled.set()
        return True

    def facts(self) -> dict[str, Any]:
        """For the heartbeat: per bucket what was taken since start, what waits, and what is wrong."""
        return {
            "pulls": [
                {
                    "source_id": source_id, "objects": one.objects, "waiting": one.waiting, "current": one.current,
                    "records": one.records, "problem": one.problem,
                }
                for source_id, one in list(self._states.items())[:50]
            ]
        }  # fmt: skip

    def close(self) -> None:
        if self._thread.is_alive():
            self._thread.join(timeout=1.0)


def _filesystem(bucket: Bucket, secret: str) -> Any:
    from pyarrow import fs  # 40 MB that only those pay who read buckets

    options: dict[str, Any] = {
        "region": bucket.region,
        "connect_timeout": CONNECT_SECONDS,
        "request_timeout": REQUEST_SECONDS,
    }
    if bucket.endpoint:
        address = urlsplit(bucket.endpoint if "://" in bucket.endpoint else f"https://{bucket.endpoint}")
        options |= {"endpoint_override": address.netloc, "scheme": address.scheme}
    if bucket.access_key:
        options |= {"access_key": bucket.access_key, "secret_key": secret}
    else:
        options["anonymous"] = True
    return fs.S3FileSystem(**options)


def _objects(files: Any, bucket: Bucket) -> Iterator[Any]:
    """Objects under the prefix, folder after folder: a large bucket is never listed as a whole."""
    from pyarrow import fs

    folder, _, start = bucket.prefix.lstrip("/").rpartition("/")
    base = f"{bucket.name}/{folder}" if folder else bucket.name
    waiting = [(base, start)]
    while waiting:
        place, beginning = waiting.pop()
        infos = sorted(files.get_file_info(fs.FileSelector(place, allow_not_found=True)), key=lambda info: info.path)
        for info in infos:
            if not info.base_name.startswith(beginning):
                continue
            if info.type == fs.FileType.Directory:
                waiting.append((info.path, ""))
            elif info.type == fs.FileType.File and info.size:
                yield info


def _etag_of(stream: Any) -> str:
    found: bytes = (stream.metadata() or {}).get("ETag", b"")
    return found.decode("utf-8", "replace").strip('"')


def _look_of(info: Any) -> str:
    return f"{info.size}:{info.mtime_ns}"


def _free_bytes(folder: Path) -> int:
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize


def _short(error: OSError) -> str:
    """What S3 said, without the code addresses and request ids around it."""
    return str(error).split(" Detail:")[0][:300]
