"""Sorted Arrow tables → Parquet segments, with an index beside them when there is time to make one."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.stores.lake.columns import SCHEMA, WRITER_SHIFT
from dekhang.pipeline.stores.lake.grams import bitmap_of
from dekhang.pipeline.stores.lake.index import SegmentIndex
from dekhang.pipeline.stores.lake.pieces import index_path

SORTED_BY = [("unit_id", "ascending"), ("time", "ascending"), ("event_id", "ascending")]
GROUP_ROWS = 1_024  # a unit with as many rows has row groups of its own, so that reading it reads nothing else …
GROUP_ROWS_MAX = 8_192  # … and one with more has several, a stretch of time each
PLAIN_GROUP_ROWS = 1_024  # without an index, until it is merged: a merge holds one or two row groups of every file
GROUP_BYTES = 8 << 20  # in memory; a sender of huge records must not make a row group that nobody can hold
BITMAP_SHARE = 0.045  # of the row group's own size

_DICTIONARIES = ["unit_id", "source_id", "kind", "host", "product", "service", "category", "event_code", "user", "src_ip",
                 "problem"]  # fmt: skip
_BOUNDED = ["event_id", "unit_id", "source_id", "time", "received_at"]  # of text they would only take room


@dataclass(frozen=True, slots=True)
class Segment:
    """A manifest row; `path` is relative to the lake, times are epoch milliseconds.

    Attributes:
        content: digest of its rows (content.py); empty: not computed yet.
        writers: (writer, lowest, highest event id).
    """

    day: str
    path: str
    rows: int
    bytes: int
    min_time: int
    max_time: int
    min_received: int
    max_received: int
    min_event_id: int
    max_event_id: int
    min_unit: int
    max_unit: int
    sha256: str
    created: int
    writers: tuple[tuple[int, int, int], ...]
    index_bytes: int = 0
    index_sha256: str = ""
    content: str = ""


def day_of(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms // 1000, UTC).strftime("%Y-%m-%d")


def write_segment(files: LakeFiles, day: str, table: Any, *, created_ms: int, holder: int) -> Segment:
    """Write a batch as it came, quickly: sorted, without an index."""
    draft = Draft(day, level=1)
    table = table.sort_by(SORTED_BY)
    for start in range(0, len(table), PLAIN_GROUP_ROWS):
        for group in bounded(table[start : start + PLAIN_GROUP_ROWS]):
            draft.add(group)
    return draft.keep(files, created_ms=created_ms, holder=holder)


class Draft:
    """A segment that grows by row groups, in memory until it is kept.

    Args:
        level: of zstd.
        with_index: make bitmaps of its text.
    """

    def __init__(self, day: str, *, level: int, with_index: bool = False) -> None:
        self.day = day
        self.rows = 0
        self._sink = pa.BufferOutputStream()
        self._with_index = with_index
        self._writer = pq.ParquetWriter(
            self._sink, SCHEMA, compression="zstd", compression_level=level, use_dictionary=_DICTIONARIES,
            write_statistics=_BOUNDED,
        )  # fmt: skip
        self._bounds: list[SegmentIndex] = []
        self._bitmaps: list[Any] = []
        self._ranges: dict[int, tuple[int, int]] = {}

    @property
    def size_bytes(self) -> int:
        return int(self._sink.tell())

    def add(self, group: Any) -> None:
        """One row group; sorted, and after what was added before."""
        before = self.size_bytes
        self._writer.write_table(group, row_group_size=len(group))
        self._bounds.append(SegmentIndex.of_tables([group]))
        if self._with_index:
            self._bitmaps.append(bitmap_of(group, budget_bytes=int((self.size_bytes - before) * BITMAP_SHARE)))
        ids = group.column("event_id").to_numpy()
        for writer in np.unique(ids >> WRITER_SHIFT).tolist():
            own = ids[ids >> WRITER_SHIFT == writer]
            low, high = self._ranges.get(writer, (int(own[0]), int(own[0])))
            self._ranges[writer] = (min(low, int(own.min())), max(high, int(own.max())))
        self.rows += len(group)

    def finish(self) -> Any:
        """The file's content. Nothing can be added any more."""
        self._writer.close()
        return self._sink.getvalue()

    def keep(self, files: LakeFiles, *, created_ms: int, content: Any = None, digest: str = "", holder: int) -> Segment:
        """On disk when this returns.

        Args:
            content: what `finish` has returned, if it was called.
            digest: of its rows.
            holder: a partition of the process, or KEEPER.
        """
        content = self.finish() if content is None else content
        path = f"day={self.day}/{holder:02d}-{uuid.uuid4().hex}.parquet"
        files.keep(path, memoryview(content))
        index_bytes, index_sha256 = 0, ""
        groups = np.concatenate([one.groups for one in self._bounds])
        if self._with_index:
            sizes = np.array([len(one) for one in self._bitmaps], dtype=np.int64)
            groups[:, -2], groups[:, -1] = np.cumsum(sizes) - sizes, sizes
            index = SegmentIndex(groups, np.concatenate(self._bitmaps)).dump()
            files.keep(index_path(path), index)
            index_bytes, index_sha256 = len(index), hashlib.sha256(index).hexdigest()
        bounds = SegmentIndex(groups, groups[:0])
        return Segment(
            day=self.day,
            path=path,
            rows=self.rows,
            bytes=content.size,
            min_time=int(bounds.of("min_time").min()),
            max_time=int(bounds.of("max_time").max()),
            min_received=int(bounds.of("min_received").min()),
            max_received=int(bounds.of("max_received").max()),
            min_event_id=int(bounds.of("min_event_id").min()),
            max_event_id=int(bounds.of("max_event_id").max()),
            min_unit=int(bounds.of("min_unit").min()),
            max_unit=int(bounds.of("max_unit").max()),
            sha256=hashlib.sha256(content).hexdigest(),
            created=created_ms,
            writers=tuple((writer, low, high) for writer, (low, high) in sorted(self._ranges.items())),
            index_bytes=index_bytes,
            index_sha256=index_sha256,
            content=digest,
        )


def bounded(group: Any) -> Iterator[Any]:
    """A row group in parts of GROUP_BYTES at most, as far as single rows allow."""
    if len(group) > 1 and group.nbytes > GROUP_BYTES:
        middle = len(group) // 2
        yield from bounded(group[:middle])
        yield from bounded(group[middle:])
    else:
        yield group


def unit_groups(units: Sequence[int] | Any) -> Iterator[tuple[int, int]]:
    """Cut rows sorted by unit into row groups: (start, end) pairs, in order.

    Small units share a group until it has GROUP_ROWS; a unit with as many begins its own; none is above GROUP_ROWS_MAX.
    """
    units = np.asarray(units)
    starts = [0, *(np.flatnonzero(units[1:] != units[:-1]) + 1).tolist(), len(units)]
    begin = 0
    for start, end in pairwise(starts):
        if start > begin and (start - begin >= GROUP_ROWS or end - start >= GROUP_ROWS):
            yield begin, start
            begin = start
        while end - begin > GROUP_ROWS_MAX:
            yield begin, begin + GROUP_ROWS_MAX
            begin += GROUP_ROWS_MAX
    if begin < len(units):
        yield begin, len(units)
