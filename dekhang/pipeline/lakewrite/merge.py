"""Merges the small segments of a day into few big ones, sorted by unit and time, with an index each.

One merge takes bounded memory whatever the size of the files: all are read side by side in their common order, a row
group of each at a time. It happens beside the worker and touches the database only at its end, for milliseconds.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFileDamaged, LakeFiles
from dekhang.pipeline.lakewrite import chain, content
from dekhang.pipeline.lakewrite.manifest import KEEPER, forget_segments, insert_segments
from dekhang.pipeline.lakewrite.segments import GROUP_BYTES, SORTED_BY, Draft, Segment, bounded, unit_groups
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake.columns import SCHEMA

logger = logging.getLogger(__name__)

FULL_ROWS = 200_000  # a segment with as many is not merged again
TIERS = (2_500, 40_000, FULL_ROWS)  # rows; only segments of one tier are merged with each other …
MERGE_FILES = 24  # … when a day has this many of them
MERGE_ROWS = 1_000_000  # in one merge: some twenty seconds of a processor
MERGE_SOURCES = 32  # × 2 row groups × ~2 MB ≈ 130 MB
SETTLED_SECONDS = 3_600  # a day that nothing has come for is merged whatever it has
CUT_ROWS = 262_144  # a new segment begins after so many rows
CHUNK_ROWS = 8_192  # sorted at once …
CHUNK_BYTES = 32 << 20  # … or fewer, if rows are big


@dataclass(frozen=True, slots=True)
class Source:
    """A segment that is to be replaced, as the manifest has it."""

    segment_id: int
    path: str
    rows: int
    bytes: int
    sha256: str
    content: str
    index_bytes: int
    day: str
    min_time: int
    max_time: int


class Damaged(OSError):
    """A file that is to be replaced is missing or not what the manifest says; the text is a sentence for people."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(text)
        self.path = path


def compact_once(
    files: LakeFiles,
    connection: Connection,
    *,
    now_ms: int,
    min_files: int = MERGE_FILES,
    without: Collection[str] = (),
    stopped: Callable[[], bool] = lambda: False,
) -> int:
    """Merge segments of one day; returns how many were merged, 0 when there is nothing to do.

    Due is a day with `min_files` segments of about the same size, so that no row is rewritten more often than there
    are TIERS; or with anything small or without an index, once nothing has come for it for SETTLED_SECONDS.

    Args:
        without: paths of segments that are damaged and stay as they are.
        stopped: asked now and then; True gives up, and nothing has happened.
    """
    for day, low, high in _due(connection, now_ms, min_files):
        sources = _sources(connection, day, low, high, without)
        if len(sources) > 1 or any(not one.index_bytes for one in sources):
            break
    else:
        return 0
    merged = _merge(files, day, sources, now_ms, stopped)
    if merged is None:
        return 0
    segments, replaced = merged
    with connection.transaction():
        insert_segments(connection, segments)
        forget_segments(connection, [(one.segment_id, one.path) for one in sources], now_ms=now_ms)
        chain.append(connection, day, chain.merged(segments, replaced, at_ms=now_ms))
    pa.default_memory_pool().release_unused()
    return len(sources)


def _due(connection: Connection, now_ms: int, min_files: int) -> Iterator[tuple[str, int, int]]:
    """(day, fewest rows, rows below) of segments to merge, the most urgent first."""
    low = 0
    for high in TIERS:
        for (day,) in connection.execute(
            "SELECT day FROM segments WHERE rows >= ? AND rows < ? GROUP BY day HAVING count(*) >= ?"
            " ORDER BY count(*) DESC",
            (low, high, max(2, min_files)),
        ):
            yield day, low, high
        low = high
    for (day,) in connection.execute(
        "SELECT day FROM segments WHERE rows < ? OR index_bytes = 0 GROUP BY day"
        " HAVING (count(*) >= 2 OR min(index_bytes) = 0) AND max(created) < ? ORDER BY day DESC",
        (FULL_ROWS, now_ms - SETTLED_SECONDS * 1000),
    ):
        yield day, 0, FULL_ROWS


def _sources(connection: Connection, day: str, low: int, high: int, without: Collection[str]) -> list[Source]:
    sources: list[Source] = []
    rows = 0
    for row in connection.execute(
        "SELECT id, path, rows, bytes, sha256, content, index_bytes, day, min_time, max_time FROM segments"
        " WHERE day = ? AND ((rows >= ? AND rows < ?) OR (? = 0 AND index_bytes = 0)) ORDER BY id",
        (day, low, high, low),
    ):
        source = Source(*row)
        if source.path in without:
            continue
        if len(sources) == MERGE_SOURCES or (sources and rows + source.rows > MERGE_ROWS):
            break
        sources.append(source)
        rows += source.rows
    return sources


def _merge(
    files: LakeFiles, day: str, sources: Sequence[Source], now_ms: int, stopped: Callable[[], bool]
) -> tuple[list[Segment], list[dict[str, Any]]] | None:
    opened = [_Sorted(pq.ParquetFile(checked_file(files, one), memory_map=True), one.content) for one in sources]
    segments: list[Segment] = []
    total = 0
    draft: Draft | None = None
    for group in _row_groups(opened):
        if stopped():
            for segment in segments:
                files.forget(segment.path)
            return None
        draft = draft or Draft(day, level=3, with_index=True)
        draft.add(group)
        if draft.rows >= CUT_ROWS:
            total = content.added(total, _keep(files, draft, segments, now_ms))
            draft = None
    if draft is not None:
        total = content.added(total, _keep(files, draft, segments, now_ms))
    before = 0
    replaced = []
    for source, reader in zip(sources, opened, strict=True):
        digest = reader.digest
        before = content.added(before, digest)
        replaced.append(
            {"path": source.path, "rows": source.rows, "sha256": source.sha256, "content": content.shown(digest)}
        )
    if before != total or sum(one.rows for one in segments) != sum(one.rows for one in sources):
        raise AssertionError(f"merging {day} would have lost or changed rows")
    return segments, replaced


def _keep(files: LakeFiles, draft: Draft, segments: list[Segment], now_ms: int) -> int:
    """Write a segment; returns the digest of its rows, computed from what the file really says."""
    body = draft.finish()
    digest = 0
    with pq.ParquetFile(pa.BufferReader(body)) as file:
        for number in range(file.num_row_groups):
            digest = content.added(digest, content.digest_of(file.read_row_group(number, list(content.COLUMNS))))
    segments.append(draft.keep(files, created_ms=now_ms, content=body, digest=content.shown(digest), holder=KEEPER))
    return digest


class _Sorted:
    """A segment that is read once from its first row to its last."""

    def __init__(self, file: Any, known_digest: str) -> None:
        self._file = file
        self._known = int(known_digest, 16) if known_digest else None
        self._digest = 0
        self._group = 0
        self._left: Any = SCHEMA.empty_table()
        groups = range(file.metadata.num_row_groups)
        self.bytes_in_memory = sum(file.metadata.row_group(group).total_byte_size for group in groups)
        keys = file.read(["unit_id", "time", "event_id"])
        self.units = keys.column("unit_id").to_numpy()
        self.times = keys.column("time").cast(pa.int64()).to_numpy()
        self.ids = keys.column("event_id").to_numpy()

    @property
    def digest(self) -> int:
        return self._digest if self._known is None else self._known

    def take(self, count: int) -> Any:
        """The next `count` rows."""
        while len(self._left) < count:
            group = self._file.read_row_group(self._group)
            self._group += 1
            if self._known is None:
                self._digest = content.added(self._digest, content.digest_of(group))
            self._left = pa.concat_tables([self._left, group]) if len(self._left) else group
        taken, self._left = self._left[:count], self._left[count:]
        return taken


def checked_file(files: LakeFiles, source: Source) -> Path:
    """The segment's file of this machine, which is what was written: a change must not be laundered by rewriting it.

    Raises:
        Damaged: it is not.
    """
    try:
        path = files.local(source.path, size_bytes=source.bytes, sha256=source.sha256)
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
    except (FileNotFoundError, LakeFileDamaged):
        found = ""
    if found != source.sha256:
        raise Damaged(
            source.path,
            f"Tệp {source.path} trong kho bị mất hoặc đã bị thay đổi so với lúc ghi (mã SHA-256 khác) nên không được "
            "thay. Hãy chạy `dekhang lake verify`.",
        )
    return path


def _row_groups(opened: Sequence[_Sorted]) -> Iterator[Any]:
    """All rows of all files in their common order, cut into row groups."""
    owners = np.repeat(np.arange(len(opened)), [len(one.units) for one in opened])
    order = np.lexsort(
        (
            np.concatenate([one.ids for one in opened]),
            np.concatenate([one.times for one in opened]),
            np.concatenate([one.units for one in opened]),
        )
    )
    owners = owners[order]
    pending = SCHEMA.empty_table()
    row_bytes = sum(one.bytes_in_memory for one in opened) / max(1, len(order))
    chunk_rows = max(64, min(CHUNK_ROWS, int(CHUNK_BYTES / max(1.0, row_bytes))))
    for start in range(0, len(order), chunk_rows):
        # each file is sorted itself, so its part of the next rows is the next of its own
        counts = np.bincount(owners[start : start + chunk_rows], minlength=len(opened))
        parts = [one.take(int(count)) for one, count in zip(opened, counts, strict=True) if count]
        pending = pa.concat_tables([pending, pa.concat_tables(parts).sort_by(SORTED_BY)]).combine_chunks()
        groups = list(unit_groups(pending.column("unit_id").to_numpy()))
        for begin, end in groups[:-1]:  # the last may go on
            yield from bounded(pending[begin:end])
        pending = pending[groups[-1][0] :]
        if pending.nbytes > GROUP_BYTES:
            yield from bounded(pending)
            pending = pending[:0]
    if len(pending):
        yield pending
