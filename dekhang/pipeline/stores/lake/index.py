"""What is known of a segment without opening it: the bounds of its row groups, and which text they cannot contain.

The index lies beside its segment (`….index` beside `….parquet`). A segment without one is as good, only slower: then
the bounds come from the Parquet file itself and nothing is known of its text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dekhang.pipeline.stores.lake.grams import may_hold

MAGIC = b"DKLIX1\0\0"
BOUNDS = (
    "rows", "min_unit", "max_unit", "min_time", "max_time", "min_received", "max_received", "min_event_id",
    "max_event_id", "bitmap_at", "bitmap_bytes",
)  # fmt: skip
_COLUMN = {name: number for number, name in enumerate(BOUNDS)}
_BOUNDED = {"unit": "unit_id", "time": "time", "received": "received_at", "event_id": "event_id"}


@dataclass(frozen=True, slots=True)
class SegmentIndex:
    """Bounds of a segment's row groups, one row a group in the columns of BOUNDS; times are epoch milliseconds.

    `bitmaps` has the bitmaps of the groups one after the other (grams.py).
    """

    groups: Any
    bitmaps: Any

    def __len__(self) -> int:
        return len(self.groups)

    def of(self, name: str) -> Any:
        """One bound of all groups."""
        return self.groups[:, _COLUMN[name]]

    def holding(self, places: Sequence[Any], candidates: Any) -> Any:
        """Those of `candidates` (numbers of groups) that may hold every needle, given as grams.places_of."""
        if not places:
            return candidates
        starts, sizes = self.of("bitmap_at"), self.of("bitmap_bytes")
        kept = [
            group
            for group in candidates.tolist()
            if all(may_hold(self.bitmaps[starts[group] : starts[group] + sizes[group]], one) for one in places)
        ]
        return np.array(kept, dtype=np.int64)

    def passing(self, sieve: Callable[[Any], bool], candidates: Any) -> Any:
        """Those of `candidates` whose bitmap a test lets through."""
        starts, sizes = self.of("bitmap_at"), self.of("bitmap_bytes")
        kept = [
            group for group in candidates.tolist() if sieve(self.bitmaps[starts[group] : starts[group] + sizes[group]])
        ]
        return np.array(kept, dtype=np.int64)

    def dump(self) -> bytes:
        head = np.array([len(self.groups)], dtype="<i8").tobytes()
        body: bytes = MAGIC + head + self.groups.astype("<i8").tobytes() + self.bitmaps.tobytes()
        return body

    @classmethod
    def load(cls, content: Any) -> SegmentIndex:
        """Read what `dump` has written, from bytes or a memory map.

        Raises:
            ValueError: it is something else.
        """
        view = memoryview(content)
        if bytes(view[: len(MAGIC)]) != MAGIC or len(view) < len(MAGIC) + 8:
            raise ValueError("not an index of the lake")
        count = int(np.frombuffer(view, "<i8", 1, len(MAGIC))[0])
        start = len(MAGIC) + 8
        end = start + count * len(BOUNDS) * 8
        if count < 0 or end > len(view):
            raise ValueError("an index of the lake that is cut off")
        groups = np.frombuffer(view, "<i8", count * len(BOUNDS), start).reshape(count, len(BOUNDS))
        bitmaps = np.frombuffer(view, np.uint8, len(view) - end, end)
        if count and int((groups[:, -2] + groups[:, -1]).max()) > len(bitmaps):
            raise ValueError("an index of the lake that is cut off")
        return cls(groups, bitmaps)

    @classmethod
    def of_tables(cls, tables: Sequence[Any], bitmaps: Sequence[Any] = ()) -> SegmentIndex:
        """The index of row groups that are at hand, with their bitmaps if there are any."""
        groups = np.zeros((len(tables), len(BOUNDS)), dtype=np.int64)
        at = 0
        for number, table in enumerate(tables):
            groups[number, 0] = len(table)
            for short, column in _BOUNDED.items():
                low, high = _bounds(table.column(column), in_ms=short in ("time", "received"))
                groups[number, _COLUMN[f"min_{short}"]] = low
                groups[number, _COLUMN[f"max_{short}"]] = high
            if bitmaps:
                groups[number, -2:] = at, len(bitmaps[number])
                at += len(bitmaps[number])
        return cls(groups, np.concatenate(bitmaps) if bitmaps else np.zeros(0, dtype=np.uint8))

    @classmethod
    def of_parquet(cls, metadata: Any) -> SegmentIndex:
        """The index of a Parquet file that has none beside it, from the statistics in the file."""
        groups = np.zeros((metadata.num_row_groups, len(BOUNDS)), dtype=np.int64)
        names = {metadata.schema.column(number).name: number for number in range(metadata.num_columns)}
        for number in range(metadata.num_row_groups):
            group = metadata.row_group(number)
            groups[number, 0] = group.num_rows
            for short, column in _BOUNDED.items():
                statistics = group.column(names[column]).statistics
                known = statistics is not None and statistics.has_min_max
                low, high = (statistics.min_raw, statistics.max_raw) if known else (-(1 << 62), 1 << 62)
                if short in ("time", "received") and known:
                    low, high = low // 1000, high // 1000
                groups[number, _COLUMN[f"min_{short}"]] = low
                groups[number, _COLUMN[f"max_{short}"]] = high
        return cls(groups, np.zeros(0, dtype=np.uint8))


def _bounds(column: Any, *, in_ms: bool) -> tuple[int, int]:
    both = pc.min_max(column.cast(pa.int64())).as_py()
    return (both["min"] // 1000, both["max"] // 1000) if in_ms else (both["min"], both["max"])
