"""The pipeline's account of what sources sent, hour by hour: constant where lines are only played again."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from dekhang.pipeline.stores import database, schema
from dekhang.simulate.conduct import Conduct
from dekhang.simulate.size import ZONE, Size
from dekhang.simulate.tree import SimUnit

RECORD_BYTES = 310
CONSTANT_RECORDS = 240  # an hour, of a loop that plays a file again and again


def keep_accounts(data: Path, units: list[SimUnit], conducts: dict[int, dict[str, Conduct]], size: Size) -> int:
    """Write the counters of the last days; returns how many hours."""
    connection = database.connect(data, durable=False)
    written = 0
    try:
        for unit in units:
            recording = conducts[unit.id].get("record_attacks")
            if recording is not None and recording.looks_done:
                rows = [row for source, kind in unit.sources for row in _hours(source, kind, recording, size)]
                with connection.transaction():
                    connection.executemany(
                        "INSERT INTO counters (source_id, hour, stored, bytes, first_event_ms, last_event_ms,"
                        " first_received_ms, last_received_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                        rows,
                    )
                written += len(rows)
    finally:
        connection.close()
    return written


def _hours(source: int, kind: str, recording: Conduct, size: Size) -> Iterator[tuple[int, ...]]:
    dice = random.Random(f"{size.seed}/{source}")  # noqa: S311 - made-up data
    last = int(size.end.timestamp() * 1000) // schema.HOUR_MS
    for hour in range(last - 24 * size.ledger_days, last):
        if recording.strategy == "canary_theatre" or (recording.truth == "lapsed" and hour > last - 240):
            continue
        local = datetime.fromtimestamp(hour * 3600, UTC).astimezone(ZONE)
        usual = (400 if 7 <= local.hour < 18 else 60) * (1.0 if local.weekday() < 5 else 0.4)
        records = CONSTANT_RECORDS
        if recording.strategy != "replayed_lines":
            records = max(1, int(dice.gauss(usual, usual / 5)))
        begin = hour * schema.HOUR_MS
        yield source, hour, records, records * RECORD_BYTES, begin, begin + 3_599_000, begin, begin + 3_599_000
