"""What the lake consists of at one moment: the segments that the manifest names, and fresh batches."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake.columns import WRITER_SHIFT
from dekhang.pipeline.stores.lake.fresh import unpacked
from dekhang.pipeline.stores.lake.index import BOUNDS, MAGIC, SegmentIndex

INDEX_SUFFIX = ".index"
KNOWN_INDEXES = 2_000  # that a process remembers; × ~10 kB ≈ 20 MB
KNOWN_FOOTERS = 200  # × ~100 kB
ALWAYS_MS = 1 << 62


def index_path(path: str) -> str:
    """Where the index of the segment at `path` lies."""
    return path.removesuffix(".parquet") + INDEX_SUFFIX


Axis = Literal["time", "received_at"]


@dataclass(frozen=True, slots=True)
class Reach:
    """What a question is about; a piece of the lake outside it need not be looked at.

    Attributes:
        units: sorted.
        since_ms, until_ms: [since, until) of the time that `axis` names.
        event_ids: sorted; empty: any.
    """

    units: Sequence[int]
    since_ms: int = -ALWAYS_MS
    until_ms: int = ALWAYS_MS
    axis: Axis = "time"
    event_ids: Sequence[int] = ()

    @property
    def bound(self) -> str:
        """The ending of `min_…` and `max_…` that bound this axis."""
        return "time" if self.axis == "time" else "received"


class Segment:
    """A Parquet file of the lake, opened as late as possible."""

    def __init__(self, files: LakeFiles, row: tuple[Any, ...]) -> None:
        (
            self.path, self.rows, self._bytes, self._sha256, self._index_bytes, self._index_sha256,
            self.min_time, self.max_time, self.min_received, self.max_received,
        ) = row  # fmt: skip
        self._files = files

    def groups(self) -> SegmentIndex:
        """Bounds of the row groups, without bitmaps."""
        known: SegmentIndex | None = _indexes.get(self.path)
        if known is None:
            known = self._head() if self._index_bytes else SegmentIndex.of_parquet(self._footer())
            _indexes.put(self.path, known)
        return known

    def index(self) -> SegmentIndex:
        """With bitmaps, if there are any."""
        if not self._index_bytes:
            return self.groups()
        return SegmentIndex.load(self._index_file().read_bytes())

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> Any:
        """These row groups as an Arrow table."""
        path = self._local()
        # ParquetFile, not read_table: that would take day=… in the path for a column
        with pq.ParquetFile(path, metadata=self._footer(path), memory_map=True) as file:
            return file.read_row_groups(list(groups), columns=list(columns))

    def _head(self) -> SegmentIndex:
        with self._index_file().open("rb") as file:
            start = file.read(len(MAGIC) + 8)
            count = int.from_bytes(start[-8:], "little")
            if start[:-8] != MAGIC or not 0 <= count <= self.rows:
                raise OSError(f"{index_path(self.path)}: không phải tệp chỉ mục của kho")
            groups = np.frombuffer(file.read(count * len(BOUNDS) * 8), "<i8").reshape(count, len(BOUNDS))
        return SegmentIndex(groups, np.zeros(0, dtype=np.uint8))

    def _index_file(self) -> Path:
        return self._files.local(index_path(self.path), size_bytes=self._index_bytes, sha256=self._index_sha256)

    def _local(self) -> Path:
        return self._files.local(self.path, size_bytes=self._bytes, sha256=self._sha256)

    def _footer(self, path: Path | None = None) -> Any:
        known = _footers.get(self.path)
        if known is None:
            known = pq.read_metadata(path or self._local())
            _footers.put(self.path, known)
        return known


class Fresh:
    """A batch that is still in the database: one row group."""

    def __init__(self, table: Any) -> None:
        self.path = ""
        self._table = table
        self._index = SegmentIndex.of_tables([table])
        self.rows = len(table)
        bounds = ("min_time", "max_time", "min_received", "max_received")
        self.min_time, self.max_time, self.min_received, self.max_received = (
            int(self._index.of(name)[0]) for name in bounds
        )

    def groups(self) -> SegmentIndex:
        return self._index

    def index(self) -> SegmentIndex:
        return self._index

    def read(self, groups: Sequence[int], columns: Sequence[str]) -> Any:
        return self._table.select(list(columns))


Piece = Segment | Fresh

_SEGMENT = (
    "path, rows, bytes, sha256, index_bytes, index_sha256, segments.min_time, segments.max_time,"
    " segments.min_received, segments.max_received"
)


def pieces(connection: Connection, files: LakeFiles, place: str, reach: Reach) -> list[Piece]:
    """The pieces that may hold what `reach` describes. Call inside one read transaction.

    Args:
        place: names the database among those that this process reads.
    """
    bounds = (reach.units[-1], reach.units[0], reach.since_ms, reach.until_ms)
    inside = f"min_unit <= ? AND max_unit >= ? AND max_{reach.bound} >= ? AND min_{reach.bound} < ?"
    if reach.event_ids:
        found = {}
        for event_id in reach.event_ids:
            for row in connection.execute(
                f"SELECT {_SEGMENT} FROM segment_writers JOIN segments ON segments.id = segment_id"  # noqa: S608
                " WHERE writer = ? AND segment_writers.max_event_id >= ? AND segment_writers.min_event_id <= ?"
                f" AND {inside}",
                (event_id >> WRITER_SHIFT, event_id, event_id, *bounds),
            ):
                found[row[0]] = row
        rows = list(found.values())
    else:
        rows = connection.execute(f"SELECT {_SEGMENT} FROM segments WHERE {inside} ORDER BY id", bounds).fetchall()  # noqa: S608
    chosen: list[Piece] = [Segment(files, row) for row in rows]
    for (fresh_id,) in connection.execute(f"SELECT id FROM fresh WHERE {inside} ORDER BY id", bounds).fetchall():  # noqa: S608
        chosen.append(Fresh(unpacked(place, fresh_id, partial(_body, connection, fresh_id))))
    return chosen


def _body(connection: Connection, fresh_id: int) -> bytes:
    return bytes(connection.execute("SELECT body FROM fresh WHERE id = ?", (fresh_id,)).fetchone()[0])


class _Remembered:
    """The last things looked up, by path: what a path names never changes."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Any] = OrderedDict()

    def get(self, path: str) -> Any:
        with self._lock:
            if path in self._known:
                self._known.move_to_end(path)
            return self._known.get(path)

    def put(self, path: str, value: Any) -> None:
        with self._lock:
            self._known[path] = value
            if len(self._known) > self._count:
                self._known.popitem(last=False)


_indexes = _Remembered(KNOWN_INDEXES)
_footers = _Remembered(KNOWN_FOOTERS)
