"""What a hunt found, as detections: alerts are made of them as of any other, marked with the hunt.

Nothing is doubled: a rule has one detection at an event (unique in the database), and a correlation that has told of the
same stretch of time at the same unit already is not told again, though it may have been completed by another event.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.database import Connection
from dekhang.pipeline.stores.hunts import Hunt
from dekhang.pipeline.worker.commit import INSERT_DETECTION

MARK = "dekhang.hunt"  # field of a detection that a hunt has made: the hunt's id
AT_ONCE = 200
MOST = 20_000  # of a hunt: what is more is no news but a rule that matches everything


class NotFindings(ValueError):
    """What was found are no findings of rules; the text is a sentence."""


def hand_over(data: Path, hunt: Hunt, *, now_ms: int) -> int:
    """Write the hunt's findings as detections, those that are not there yet; returns how many.

    Raises:
        NotFindings: the hunt was for a query.
    """
    if hunt.request.kind == "query":
        raise NotFindings("Chỉ kết quả của luật hoặc chỉ dấu mới thành cảnh báo được; câu tìm thì không.")
    connection = database.connect(data)
    written = 0
    try:
        hits = hunt.hits(limit=MOST)
        while batch := list(islice(hits, AT_ONCE)):
            with connection.transaction():
                connection.one_at_a_time("detections")  # as the workers do: who reads them remembers the last id
                rows = list(_new(connection, hunt, batch, now_ms))
                connection.executemany(INSERT_DETECTION, rows)
            written += len(rows)
    finally:
        connection.close()
    state = hunt.state
    state.told = (state.told or 0) + written
    hunt.save(state)
    return written


def _new(connection: Connection, hunt: Hunt, hits: list[dict[str, Any]], now_ms: int) -> Iterator[tuple[Any, ...]]:
    seen: set[tuple[str, int]] = set()
    for hit in hits:
        key = hit["rule_id"], hit["event_id"]
        if key in seen or _known(connection, hit):
            continue
        seen.add(key)
        yield (
            hit["rule_id"],
            hit["level"],
            hit["family"],
            hit["title"],
            hit["unit_id"],
            hit["source_id"],
            hit["event_id"],
            hit["event_ms"],
            hit["received_ms"],
            hit["entity"],
            hit["host"],
            orjson.dumps({MARK: hunt.id, **hit["fields"]}).decode(),
            orjson.dumps(hit["event_ids"]).decode(),
            hit["count"],
            hit["first_ms"],
            now_ms,
        )


def _known(connection: Connection, hit: dict[str, Any]) -> bool:
    same_event = "SELECT 1 FROM detections WHERE rule_id = ? AND event_id = ?"
    if connection.execute(same_event, (hit["rule_id"], hit["event_id"])).fetchone() is not None:
        return True
    if len(hit["event_ids"]) < 2:
        return False
    same_time = (
        "SELECT 1 FROM detections WHERE rule_id = ? AND unit_id = ? AND entity = ? AND first_ms <= ? AND event_ms >= ?"
        " LIMIT 1"
    )
    values = (hit["rule_id"], hit["unit_id"], hit["entity"], hit["event_ms"], hit["first_ms"])
    return connection.execute(same_time, values).fetchone() is not None
