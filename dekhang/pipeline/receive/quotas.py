"""Which lane? A leaky bucket per source: full while the source is above its quota, and it has to run half empty again.

Each receiver process measures for itself. What was loud is added up in memory and written by `Refusals`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from dekhang.pipeline import wallclock
from dekhang.pipeline.receive.refusals import LoudTally, Refusals
from dekhang.pipeline.spool import Batch
from dekhang.pipeline.stores.intake import IntakeMap
from dekhang.pipeline.stores.quotas import BURST_SECONDS, QUOTA_EPS

CALM_SHARE = 0.5  # of the burst: below it a loud source is calm again
CAP_SHARE = 1.5  # the bucket holds no more, so that calm is at most this many bursts away
RATE_SECONDS = 1.0  # the fastest second is remembered
FORGET_SECONDS = 600.0
SOURCES = 50_000


@dataclass(slots=True)
class _Bucket:
    level: float = 0.0
    at: float = 0.0
    loud: bool = False
    since_ms: int = 0
    second: float = 0.0
    in_second: int = 0


class Quotas:
    """For one event loop."""

    def __init__(self, intake: IntakeMap, refusals: Refusals) -> None:
        self._intake = intake
        self._refusals = refusals
        self._buckets: dict[int, _Bucket] = {}

    def is_loud(self, batch: Batch, now: float | None = None) -> bool:
        """Does this batch belong into the bulk lane? Counts nothing: `count` does, once the batch is on disk."""
        now = time.monotonic() if now is None else now
        quota = self._quota_of(batch.source_id)
        bucket = self._bucket_of(batch.source_id, now)
        bucket.level = max(0.0, bucket.level - (now - bucket.at) * quota)
        bucket.at = now
        burst = quota * BURST_SECONDS
        if bucket.level + len(batch.records) > burst:
            if not bucket.loud:
                bucket.loud, bucket.since_ms = True, wallclock.now_ms()
        elif bucket.loud and bucket.level <= burst * CALM_SHARE:
            bucket.loud = False
        return bucket.loud

    def count(self, batch: Batch, *, bulk: bool, now: float | None = None) -> None:
        """The batch was taken, in the bulk lane or not."""
        now = time.monotonic() if now is None else now
        records = len(batch.records)
        quota = self._quota_of(batch.source_id)
        bucket = self._bucket_of(batch.source_id, now)
        bucket.level = min(bucket.level + records, quota * BURST_SECONDS * CAP_SHARE)
        if now - bucket.second >= RATE_SECONDS:
            bucket.second, bucket.in_second = now, 0
        bucket.in_second += records
        if bulk:
            self._refusals.add_loud(
                batch.source_id,
                LoudTally(
                    records=records,
                    bulk_bytes=sum(map(len, batch.records)),
                    peak_eps=bucket.in_second,
                    quota_eps=quota,
                    since_ms=bucket.since_ms,
                ),
            )

    def _quota_of(self, source_id: int) -> int:
        source = self._intake.by_id(source_id)
        return (source.quota_eps if source is not None else 0) or QUOTA_EPS

    def _bucket_of(self, source_id: int, now: float) -> _Bucket:
        bucket = self._buckets.get(source_id)
        if bucket is None:
            if len(self._buckets) >= SOURCES:
                self._buckets = {k: one for k, one in self._buckets.items() if now - one.at < FORGET_SECONDS}
            bucket = self._buckets[source_id] = _Bucket(at=now, second=now)
        return bucket
