"""Fair shares: who goes to the bulk lane, when back, and what the officer is told."""

from pathlib import Path

from dekhang.pipeline.receive.quotas import Quotas
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.spool import Batch
from dekhang.pipeline.stores.intake import IntakeMap, IntakeSource, publish
from dekhang.pipeline.stores.quotas import BURST_SECONDS, QUOTA_EPS, loud_hours, loud_now


def batch(records: int, source_id: int = 7) -> Batch:
    return Batch(source_id, 3, "linux", "http_bulk", 0, "192.0.2.1", [b"abcd"] * records)


class Sender:
    """One source on a clock of its own; `send` says whether it was sent to the bulk lane."""

    def __init__(self, data: Path, quota_eps: int = 0) -> None:
        publish(data, [IntakeSource(7, 3, "linux", quota_eps=quota_eps), IntakeSource(8, 4, "linux")])
        self.refusals = Refusals(data)
        self.quotas = Quotas(IntakeMap(data), self.refusals)
        self.now = 1_000.0

    def send(self, records: int, *, after_seconds: float = 0.0, source_id: int = 7) -> bool:
        self.now += after_seconds
        one = batch(records, source_id)
        bulk = self.quotas.is_loud(one, self.now)
        self.quotas.count(one, bulk=bulk, now=self.now)
        return bulk


def test_a_source_within_its_quota_stays_in_the_express_lane_for_ever(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    assert not any(sender.send(QUOTA_EPS, after_seconds=1.0) for _ in range(500))
    assert loud_hours(tmp_path, [7], 0) == []


def test_a_burst_of_what_was_kept_offline_is_express_and_more_is_bulk(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    assert not sender.send(QUOTA_EPS * BURST_SECONDS)
    assert sender.send(1)


def test_one_huge_batch_of_a_calm_source_is_bulk_at_once(tmp_path: Path) -> None:
    assert Sender(tmp_path).send(QUOTA_EPS * BURST_SECONDS + 1)


def test_a_loud_source_returns_only_after_it_has_been_calm(tmp_path: Path) -> None:
    sender = Sender(tmp_path, quota_eps=10)
    assert not sender.send(300)
    assert sender.send(300)
    assert sender.send(10, after_seconds=1.0)  # a short breath is not calm
    assert all(
        sender.send(10, after_seconds=1.0) for _ in range(50)
    )  # exactly its quota: the bucket does not run empty
    assert sender.send(5, after_seconds=1.0)
    assert not sender.send(5, after_seconds=31.0)


def test_a_loud_source_changes_nothing_for_another(tmp_path: Path) -> None:
    sender = Sender(tmp_path)
    assert sender.send(QUOTA_EPS * BURST_SECONDS * 2)
    assert not sender.send(100, source_id=8)


def test_the_officer_reads_since_when_how_fast_and_how_much(tmp_path: Path) -> None:
    sender = Sender(tmp_path, quota_eps=10)
    assert sender.send(500)
    assert sender.send(20, after_seconds=0.5)
    assert sender.send(7, after_seconds=5.0)
    sender.refusals.close()
    [hour] = loud_hours(tmp_path, [7, 8], 0)
    assert (hour.source_id, hour.bulk_records, hour.bulk_bytes, hour.peak_eps, hour.quota_eps) == (
        7,
        527,
        2108,
        520,
        10,
    )
    assert 0 < hour.since_ms <= hour.last_ms
    assert hour.is_loud(hour.last_ms + 1_000)
    assert loud_now(tmp_path, hour.last_ms + 1_000) == [hour]
    assert loud_now(tmp_path, hour.last_ms + 3_600_000) == []
