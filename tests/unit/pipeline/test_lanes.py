"""Lanes: who is loud waits behind himself; who is quiet comes in the very next batch."""

from pathlib import Path

import pytest

from dekhang.pipeline.lanes import BULK, FILES, is_bulk
from dekhang.pipeline.partitions import ALL
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.worker.reading import Reading

LOUD, QUIET = 5, 6
MANY = 1 << 30


def fill(folder: Path, writer: int, source: int, records: int, frame: int = 50) -> None:
    with SpoolWriter(folder / "spool", writer) as spool:
        for start in range(0, records, frame):
            texts = [b"%d" % number for number in range(start, min(start + frame, records))]
            spool.append(Batch(source, source, "syslog", "syslog_tcp", 1, "192.0.2.1", texts))


def batches(folder: Path, records: int, *, count: int, size_bytes: int = MANY) -> list[dict[int, int]]:
    """Source → records of each of the next batches."""
    reading = Reading(folder, ALL, {})
    found = []
    for _ in range(count):
        of_source: dict[int, int] = {}
        for _, frame in reading.read(records, size_bytes, now=0.0):
            of_source[frame.source_id] = of_source.get(frame.source_id, 0) + len(frame.records)
        found.append(of_source)
    reading.close()
    return found


@pytest.mark.parametrize(
    ("writer", "bulk"), [(1, False), (2, False), (FILES, True), (BULK + 1, True), (BULK + 2, True), (1_000, False)]
)
def test_the_number_of_a_writer_tells_its_lane(writer: int, bulk: bool) -> None:
    assert is_bulk(writer) is bulk


def test_the_quiet_source_is_in_the_next_batch_whatever_the_loud_one_has_sent(tmp_path: Path) -> None:
    fill(tmp_path, BULK + 1, LOUD, 20_000)
    fill(tmp_path, 1, QUIET, 150)

    first, second = batches(tmp_path, 1_000, count=2)

    assert first[QUIET] == 150 and 850 <= first[LOUD] <= 900
    assert second.keys() == {LOUD} and second[LOUD] >= 1_000  # what the express lane does not need is not wasted


def test_the_bulk_lanes_get_a_tenth_though_the_express_lanes_have_enough(tmp_path: Path) -> None:
    fill(tmp_path, BULK + 2, LOUD, 20_000, frame=10)
    fill(tmp_path, 2, QUIET, 20_000, frame=10)

    found = batches(tmp_path, 1_000, count=10)

    assert all(90 <= one[LOUD] <= 120 and 880 <= one[QUIET] <= 920 for one in found)


def test_the_bulk_lanes_get_a_tenth_of_the_bytes_too(tmp_path: Path) -> None:
    for writer, source in ((1, QUIET), (BULK + 1, LOUD)):
        with SpoolWriter(tmp_path / "spool", writer) as spool:
            for _ in range(200):
                spool.append(Batch(source, source, "syslog", "syslog_tcp", 1, "192.0.2.1", [b"x" * 1_000] * 10))

    (found,) = batches(tmp_path, 100_000, count=1, size_bytes=1_000_000)

    assert 80 <= found[LOUD] <= 130 and 850 <= found[QUIET] <= 950


def test_writers_of_a_lane_have_equal_shares_and_give_what_they_do_not_need(tmp_path: Path) -> None:
    for writer, source, records in ((1, 1, 5_000), (2, 2, 5_000), (7, 3, 100)):
        fill(tmp_path, writer, source, records)

    (found,) = batches(tmp_path, 1_000, count=1)

    assert found[3] == 100 and 400 <= found[1] <= 500 and 400 <= found[2] <= 500
    assert sum(found.values()) >= 950


def test_uploads_do_not_delay_what_arrives_now(tmp_path: Path) -> None:
    fill(tmp_path, FILES, LOUD, 50_000, frame=500)
    fill(tmp_path, 2, QUIET, 30)

    (found,) = batches(tmp_path, 1_000, count=1)

    assert found[QUIET] == 30
