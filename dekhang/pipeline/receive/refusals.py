"""Counts what receivers refuse, into table `refusals`, so that the ledger of a source adds up; and what loud sources
sent, into `quota_hours`.

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


_UPSERT_LOUD = """
    INSERT INTO quota_hours (source_id, hour, bulk_records, bulk_bytes, peak_eps, quota_eps, since_ms, last_ms)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (source_id, hour) DO UPDATE SET
        bulk_records = quota_hours.bulk_records + excluded.bulk_records,
        bulk_bytes = quota_hours.bulk_bytes + excluded.bulk_bytes,
        peak_eps = CASE WHEN excluded.peak_eps > quota_hours.peak_eps THEN excluded.peak_eps ELSE quota_hours.peak_eps END,
        quota_eps = excluded.quota_eps,
        since_ms = CASE WHEN excluded.since_ms > quota_hours.since_ms THEN excluded.since_ms ELSE quota_hours.since_ms END,
        last_ms = CASE WHEN excluded.last_ms > quota_hours.last_ms THEN excluded.last_ms ELSE quota_hours.last_ms END
"""


@dataclass(slots=True)
class LoudTally:
    """What a loud source sent in the bulk lane, for `stores.quotas`; `since_ms`: when it became loud."""

    records: int = 0
    bulk_bytes: int = 0
    peak_eps: int = 0
    quota_eps: int = 0
    since_ms: int = 0
    last_ms: int = 0

    def add(self, other: LoudTally) -> None:
        self.records += other.records
        self.bulk_bytes += other.bulk_bytes
        self.peak_eps = max(self.peak_eps, other.peak_eps)
        self.quota_eps = other.quota_eps or self.quota_eps
        self.since_ms = max(self.since_ms, other.since_ms)
        self.last_ms = max(self.last_ms, other.last_ms)


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
        self._loud: dict[tuple[int, int], LoudTally] = {}
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
                tally.peer = peer[:200].encode("utf-8", "replace").decode()  # a file's name may be any bytes
            self.total += records

    def add_loud(self, source_id: int, more: LoudTally) -> None:
        """Count what a source above its quota sent in the bulk lane."""
        now_ms = wallclock.now_ms()
        with self._lock:
            tally = self._loud.setdefault((source_id, now_ms // schema.HOUR_MS), LoudTally())
            more.last_ms = now_ms
            tally.add(more)

    def flush(self) -> bool:
        """Write what was counted; False when the database was not available (the counts are kept for next time)."""
        with self._writing:
            with self._lock:
                tallies, self._tallies = self._tallies, {}
                loud, self._loud = self._loud, {}
            if not tallies and not loud:
                return True
            rows = [
                (source, hour, reason, t.records, t.size_bytes, t.last_ms, t.example, t.peer)
                for (source, hour, reason), t in sorted(tallies.items())  # one order: receivers do not wait in a ring
            ]
            loud_rows = [
                (source, hour, t.records, t.bulk_bytes, t.peak_eps, t.quota_eps, t.since_ms, t.last_ms)
                for (source, hour), t in sorted(loud.items())
            ]
            try:
                if self._connection is None:
                    self._connection = database.connect(self._data, durable=False)  # not worth an fsync each second
                with self._connection.transaction() as connection:
                    connection.executemany(_UPSERT, rows)
                    connection.executemany(_UPSERT_LOUD, loud_rows)
            except (database.Error, schema.SchemaTooNew, OSError) as error:
                logger.warning("Chưa ghi được số liệu từ chối: %s", error)
                self._put_back(tallies, loud)
                return False
            return True

    def _put_back(self, tallies: dict[tuple[int, int, str], _Tally], loud: dict[tuple[int, int], LoudTally]) -> None:
        with self._lock:
            for place, older in loud.items():
                self._loud.setdefault(place, LoudTally()).add(older)
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
