"""Counts what receivers refuse, into table `refusals`, so that the ledger of a source adds up.

Counting happens in memory and is written once a second: an attacker who sends nonsense costs one row per source, hour
and reason, not one transaction per packet. A kill -9 loses at most that second of counts.
"""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline import wallclock
from dekhang.pipeline.stores import database, schema
from dekhang.pipeline.stores.reasons import Reason

logger = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
EXAMPLE_BYTES = 400
UNKNOWN_SOURCE = 0

_UPSERT = """
    INSERT INTO refusals (source_id, hour, reason, records, bytes, last_at, example, peer)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source_id, hour, reason) DO UPDATE SET
        records = refusals.records + excluded.records, bytes = refusals.bytes + excluded.bytes,
        last_at = CASE WHEN refusals.last_at > excluded.last_at THEN refusals.last_at ELSE excluded.last_at END,
        example = CASE WHEN excluded.example = '' THEN refusals.example ELSE excluded.example END,
        peer = CASE WHEN excluded.peer = '' THEN refusals.peer ELSE excluded.peer END
"""


@dataclass(slots=True)
class _Tally:
    records: int = 0
    size_bytes: int = 0
    last_ms: int = 0
    example: str = ""
    peer: str = ""


class Refusals:
    """Thread-safe counter with a writing thread; `close` writes the rest."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._tallies: dict[tuple[int, int, str], _Tally] = {}
        self._connection: database.Connection | None = None
        self._stop = threading.Event()
        self.total = 0
        self._thread = threading.Thread(target=self._run, name="refusals", daemon=True)
        self._thread.start()

    def add(
        self,
        source_id: int,
        reason: Reason,
        records: int = 1,
        *,
        size_bytes: int = 0,
        example: bytes = b"",
        peer: str = "",
    ) -> None:
        """Count `records` refused for one reason. `example` is cut, `peer` is the sender's address."""
        if records <= 0 and size_bytes <= 0:
            return
        now_ms = wallclock.now_ms()
        with self._lock:
            tally = self._tallies.setdefault((source_id, now_ms // schema.HOUR_MS, str(reason)), _Tally())
            tally.records += records
            tally.size_bytes += size_bytes
            tally.last_ms = now_ms
            if example:
                tally.example = example[:EXAMPLE_BYTES].decode("utf-8", "replace").replace("\0", "\ufffd")
            if peer:
                tally.peer = peer[:200]
            self.total += records

    def flush(self) -> bool:
        """Write what was counted; False when the database was not available (the counts are kept for next time)."""
        with self._writing:
            with self._lock:
                tallies, self._tallies = self._tallies, {}
            if not tallies:
                return True
            rows = [
                (source, hour, reason, t.records, t.size_bytes, t.last_ms, t.example, t.peer)
                for (source, hour, reason), t in sorted(tallies.items())  # one order: receivers do not wait in a ring
            ]
            try:
                if self._connection is None:
                    self._connection = database.connect(self._data, durable=False)  # not worth an fsync each second
                with self._connection.transaction() as connection:
                    connection.executemany(_UPSERT, rows)
            except (database.Error, schema.SchemaTooNew, OSError) as error:
                logger.warning("Chưa ghi được số liệu từ chối: %s", error)
                self._put_back(tallies)
                return False
            return True

    def _put_back(self, tallies: dict[tuple[int, int, str], _Tally]) -> None:
        with self._lock:
            for key, old in tallies.items():
                new = self._tallies.setdefault(key, _Tally(0, 0, old.last_ms, old.example, old.peer))
                new.records += old.records
                new.size_bytes += old.size_bytes

    def _run(self) -> None:
        while not self._stop.wait(WRITE_SECONDS):
            self.flush()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(timeout=1.0)
        self.flush()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
