"""Which files count: the manifest in pipeline.db, and the deletion of files that do not count (any more)."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.lakewrite import chain
from dekhang.pipeline.lakewrite.segments import Segment
from dekhang.pipeline.partitions import ALL
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake.pieces import index_path

KEEPER = 99  # in the names of the keeper's files, where a worker's have a partition of its own
KEEP_SECONDS = 900  # replaced files stay this long for readers that have read the manifest before


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows that are no file yet: a row of table `fresh`."""

    rows: int
    bytes_in_memory: int
    body: bytes
    min_time: int
    max_time: int
    min_received: int
    max_received: int
    min_unit: int
    max_unit: int
    created: int


Written = Segment | Batch


def add_to_manifest(connection: Connection, written: Iterable[Written]) -> None:
    """Make what was written visible to readers; inside the caller's transaction."""
    segments = []
    for one in written:
        if isinstance(one, Segment):
            segments.append(one)
        else:
            connection.execute(
                "INSERT INTO fresh (rows, bytes, min_time, max_time, min_received, max_received, min_unit, max_unit,"
                " created, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    one.rows, one.bytes_in_memory, one.min_time, one.max_time, one.min_received, one.max_received,
                    one.min_unit, one.max_unit, one.created, one.body,
                ),
            )  # fmt: skip
    insert_segments(connection, segments)
    for segment in segments:
        chain.append(connection, segment.day, chain.added(segment))


def insert_segments(connection: Connection, segments: Iterable[Segment]) -> None:
    """Manifest rows alone; whoever calls this has told the chain."""
    for segment in segments:
        segment_id = connection.insert(
            "INSERT INTO segments (day, path, rows, bytes, min_time, max_time, min_received, max_received,"
            " min_event_id, max_event_id, min_unit, max_unit, sha256, created, index_bytes, index_sha256, content)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                segment.day, segment.path, segment.rows, segment.bytes, segment.min_time, segment.max_time,
                segment.min_received, segment.max_received, segment.min_event_id, segment.max_event_id,
                segment.min_unit, segment.max_unit, segment.sha256, segment.created, segment.index_bytes,
                segment.index_sha256, segment.content,
            ),
        )  # fmt: skip
        connection.executemany(
            "INSERT INTO segment_writers (segment_id, writer, min_event_id, max_event_id) VALUES (?, ?, ?, ?)",
            [(segment_id, *one) for one in segment.writers],
        )


def forget_segments(connection: Connection, segments: Sequence[tuple[int, str]], *, now_ms: int) -> None:
    """Take (id, path) out of the manifest; the files go when no reader can need them any more.

    Raises:
        Superseded: another process has taken one out before.
    """
    for segment_id, path in segments:
        connection.execute("DELETE FROM segment_writers WHERE segment_id = ?", (segment_id,))
        if connection.execute("DELETE FROM segments WHERE id = ?", (segment_id,)).rowcount != 1:
            raise Superseded(path)
        for one in (path, index_path(path)):
            connection.execute(
                "INSERT INTO garbage (path, delete_after) VALUES (?, ?)"
                " ON CONFLICT (path) DO UPDATE SET delete_after = excluded.delete_after",
                (one, now_ms + KEEP_SECONDS * 1000),
            )


class Superseded(Exception):
    """What was to be replaced has been replaced meanwhile: the transaction must not happen."""


def remove_orphans(
    files: LakeFiles, connection: Connection, held: Collection[int] = ALL, *, before_seconds: float = math.inf
) -> int:
    """Delete files that nothing names: left by a crash between writing and committing. Returns how many.

    Args:
        held: partitions of the caller (or KEEPER); files of their former holders are looked at.
        before_seconds: files changed later (UTC) may still be in somebody's hands.
    """
    listed = [
        file
        for file in files.listing()
        if is_of_a_day(file.path) and file.modified < before_seconds and _holder(file.path) in held
    ]
    known = {path for (path,) in connection.execute("SELECT path FROM segments UNION SELECT path FROM garbage")}
    known |= {index_path(path) for (path,) in connection.execute("SELECT path FROM segments WHERE index_bytes > 0")}
    orphans = [file.path for file in listed if file.path not in known]
    for path in orphans:
        files.forget(path)
    return len(orphans)


def is_of_a_day(path: str) -> bool:
    """Beside the days lie other things, such as the metadata of the Iceberg table, which are not the lake's to judge."""
    return path.startswith("day=")


def _holder(path: str) -> int:
    """The partition in the name of a file or of its draft; what is not named so is everybody's, so the first one's."""
    prefix, dash, _ = path.rpartition("/")[2].removeprefix(".").partition("-")
    return int(prefix) if dash and prefix.isdecimal() else 0


def empty_garbage(files: LakeFiles, connection: Connection, *, now_ms: int) -> int:
    """Delete files that were replaced long enough ago; returns how many."""
    due = [path for (path,) in connection.execute("SELECT path FROM garbage WHERE delete_after <= ?", (now_ms,))]
    for path in due:
        files.forget(path)
    if due:
        with connection.transaction():
            connection.executemany("DELETE FROM garbage WHERE path = ?", [(path,) for path in due])
    return len(due)
