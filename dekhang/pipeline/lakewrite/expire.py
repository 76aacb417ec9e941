"""Takes out of the lake what has been kept long enough, and frees the disk.

A source's events of a segment expire together, so many days after the day on which the last of them was received; so a
segment is rewritten once for each length of time that its sources have, and at last deleted. Legal holds keep what they
name; events that a detection refers to stay as long as it does.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from dekhang.pipeline.lakefiles import LakeFiles
from dekhang.pipeline.lakewrite import chain, content
from dekhang.pipeline.lakewrite.manifest import KEEPER, forget_segments, insert_segments
from dekhang.pipeline.lakewrite.merge import Source, checked_file
from dekhang.pipeline.lakewrite.segments import Draft, Segment, bounded, unit_groups
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.lake.columns import SCHEMA
from dekhang.pipeline.stores.retention import Policy
from dekhang.pipeline.stores.schema import DAY_MS

LOOK_AGAIN_MS = DAY_MS  # at a segment that holds or detections alone keep
_JUDGED = ["event_id", "unit_id", "source_id", "time", "received_at"]


@dataclass(slots=True)
class Outlook:
    """What of a segment goes now, and why the rest stays.

    Attributes:
        going: a boolean a row, True: goes.
        gone: source → rows that go. `held`: hold → rows that only it keeps. `spared`: rows that only a detection keeps.
        next_ms: when it is worth looking again; None: never under this policy.
    """

    going: Any
    gone: Counter[int] = field(default_factory=Counter)
    held: Counter[int] = field(default_factory=Counter)
    spared: int = 0
    next_ms: int | None = None


def candidates(connection: Connection, policy: Policy, *, now_ms: int) -> list[Source]:
    """Segments old enough that something in them may go, the oldest first."""
    shortest = min([policy.default_days, *(one.days for one in policy.sources)])
    return [
        Source(*row)
        for row in connection.execute(
            "SELECT id, path, rows, bytes, sha256, content, index_bytes, day, min_time, max_time FROM segments"
            " WHERE min_received < ? ORDER BY min_received",
            (now_ms - shortest * DAY_MS,),
        )
    ]


def outlook(files: LakeFiles, connection: Connection, source: Source, policy: Policy, *, now_ms: int) -> Outlook:
    """Judge every row of a segment. Reads its numbers only."""
    with pq.ParquetFile(files.local(source.path, size_bytes=source.bytes, sha256=source.sha256)) as file:
        table = file.read(_JUDGED)
    ids, units, sources = (table.column(name).to_numpy() for name in _JUDGED[:3])
    times, received = (table.column(name).cast(pa.int64()).to_numpy() // 1000 for name in _JUDGED[3:])
    days = {one.source_id: one.days for one in policy.sources}
    found = Outlook(np.zeros(len(ids), dtype=bool))
    waits: list[int] = []
    for source_id in np.unique(sources).tolist():
        own = sources == source_id
        last_day = int(received[own].max()) // DAY_MS
        due_ms = (last_day + 1 + days.get(source_id, policy.default_days)) * DAY_MS
        if due_ms <= now_ms:
            found.going |= own
        else:
            waits.append(due_ms)
    for hold in policy.holds:
        kept = found.going.copy()
        for wanted, column in ((hold.unit_id, units), (hold.source_id, sources)):
            if wanted is not None:
                kept &= column == wanted
        if hold.since_ms is not None:
            kept &= times >= hold.since_ms
        if hold.until_ms is not None:
            kept &= times < hold.until_ms
        if kept.any():
            found.held[hold.hold_id] += int(kept.sum())
            found.going &= ~kept
    if found.going.any():
        spared = found.going & np.isin(ids, _referred(connection, source))
        found.spared = int(spared.sum())
        found.going &= ~spared
    found.gone.update(
        dict(zip(*(one.tolist() for one in np.unique(sources[found.going], return_counts=True)), strict=True))
    )
    if found.held or found.spared:
        waits.append(now_ms + LOOK_AGAIN_MS)
    found.next_ms = min(waits, default=None)
    return found


def expire(
    files: LakeFiles,
    connection: Connection,
    source: Source,
    found: Outlook,
    policy: Policy,
    *,
    now_ms: int,
    created_ms: int,
    stopped: Callable[[], bool] = lambda: False,
) -> Segment | None:
    """Replace a segment by one without the rows that go; None: nothing is left of it, or `stopped`.

    Args:
        now_ms: in whose time things expire. `created_ms`: the machine's own, for how long the old file stays.

    Raises:
        Damaged: the file is not what was written; it stays as it is.
    """
    before = dropped = 0
    draft: Draft | None = None
    for group, going in _groups(files, source, found.going):
        if stopped():
            return None
        digest_of_going = content.digest_of(group.filter(pa.array(going)))
        kept = group.filter(pa.array(~going))
        before = content.added(before, content.added(digest_of_going, content.digest_of(kept)))
        dropped = content.added(dropped, digest_of_going)
        for start, end in unit_groups(kept.column("unit_id").to_numpy()):
            draft = draft or Draft(source.day, level=3, with_index=True)
            for part in bounded(kept[start:end]):
                draft.add(part)
    left = []
    if draft is not None:
        rest = content.added(before, -dropped)
        left = [draft.keep(files, created_ms=created_ms, digest=content.shown(rest), holder=KEEPER)]
    days = {one.source_id: one.days for one in policy.sources}
    body = chain.expired(
        left,
        {"path": source.path, "rows": source.rows, "sha256": source.sha256, "content": content.shown(before)},
        at_ms=now_ms,
        rows=int(found.going.sum()),
        content=content.shown(dropped),
        sources={str(one): count for one, count in sorted(found.gone.items())},
        days={str(one): days.get(one, policy.default_days) for one in sorted(found.gone)},
    )
    with connection.transaction():
        insert_segments(connection, left)
        forget_segments(connection, [(source.segment_id, source.path)], now_ms=created_ms)
        chain.append(connection, source.day, body)
    return left[0] if left else None


def _groups(files: LakeFiles, source: Source, going: Any) -> Iterator[tuple[Any, Any]]:
    with pq.ParquetFile(checked_file(files, source), memory_map=True) as file:
        at = 0
        for number in range(file.num_row_groups):
            group = file.read_row_group(number, SCHEMA.names)
            yield group, going[at : at + len(group)]
            at += len(group)


def _referred(connection: Connection, source: Source) -> Any:
    """Ids of events that detections of this stretch of time refer to."""
    ids: set[int] = set()
    for event_id, event_ids in connection.execute(
        "SELECT event_id, event_ids FROM detections WHERE event_ms >= ? AND first_ms <= ?",
        (source.min_time, source.max_time),
    ):
        ids.add(event_id)
        ids.update(orjson.loads(event_ids))
    return np.fromiter(ids, dtype=np.int64, count=len(ids))
