"""The lake's files: small batches, merges, indexes; nothing lost, nothing twice, and whom a merge must not disturb."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dekhang.pipeline import lakefiles, lakewrite
from dekhang.pipeline.lakewrite import batches, merge, segments
from dekhang.pipeline.lakewrite.segments import unit_groups
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.lake.pieces import index_path
from tests.postgres import Keep

DAY = 86_400_000
NOON = 1_575_979_200_000  # 2019-12-10T12:00:00Z


def rows_of(events: Iterable[tuple[int, int, int, str]]) -> lakewrite.Rows:
    """Rows of (event id, unit, time in ms, raw)."""
    rows = lakewrite.Rows()
    for event_id, unit, time_ms, raw in events:
        row: dict[str, Any] = dict.fromkeys(rows.columns, "")
        row |= {
            "event_id": 1 << 47 | event_id, "unit_id": unit, "source_id": unit * 10, "time": time_ms,
            "received_at": time_ms + 5, "kind": "syslog", "fields": "{}", "raw": raw, "raw_base64": False,
            "problem": None,
        }  # fmt: skip
        for name, column in rows.columns.items():
            column.append(row[name])
    return rows


class Writer:
    """Writes as the worker does."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.files = lakefiles.of(data)
        self.connection = database.connect(data)
        self.number = 0

    def write(self, count: int, *, units: int = 3, at_ms: int = NOON, word: str = "ordinary") -> list[int]:
        events = [
            (self.number + one, 1 + one % units, at_ms + one, f"line {self.number + one} {word}")
            for one in range(count)
        ]
        self.number += count
        written = lakewrite.write_rows(self.files, rows_of(events), created_ms=NOON)
        with self.connection.transaction():
            lakewrite.add_to_manifest(self.connection, written)
        return [1 << 47 | one[0] for one in events]

    def merge(self, **more: Any) -> int:
        return lakewrite.compact_once(self.files, self.connection, now_ms=NOON + 2 * DAY, **more)

    def flush(self) -> int:
        return lakewrite.flush(self.files, self.connection, now_ms=NOON, least_rows=1)

    def all(self) -> Counter[tuple[int, int, bytes]]:
        table = Lake(self.data).scan(range(1, 100)).table()
        if table is None:
            return Counter()
        columns = (table.column(name).to_pylist() for name in ("event_id", "unit_id", "raw"))
        return Counter(zip(*columns, strict=True))

    def counts(self) -> tuple[int, int]:
        return (
            self.connection.execute("SELECT count(*) FROM fresh").fetchone()[0],
            self.connection.execute("SELECT count(*) FROM segments").fetchone()[0],
        )


@pytest.fixture
def writer(tmp_path: Path, keep_records: Keep) -> Iterator[Writer]:
    keep_records(tmp_path)
    made = Writer(tmp_path)
    yield made
    made.connection.close()


def test_small_batches_cost_no_file_and_are_read_like_all_others(writer: Writer) -> None:
    ids = writer.write(10) + writer.write(5, at_ms=NOON + DAY)
    lake = Lake(writer.data)

    assert writer.counts() == (2, 0) and not (writer.data / "lake").exists()
    assert {event.event_id for event in lake.recent([1, 2, 3])} == set(ids)
    assert [event.event_id for event in lake.events(ids[-2:], unit_ids=[1, 2, 3])] == ids[-2:]
    assert lake.count([1], NOON + DAY) == 2 and lake.count([1, 2, 3], 0) == 15
    assert sum(bucket.count for bucket in lake.histogram(10, 0, 60, unit_ids=[1])) == 4 + 2


def test_a_batch_that_is_worth_it_goes_straight_into_a_file(writer: Writer) -> None:
    writer.write(batches.SMALL_ROWS)

    assert writer.counts() == (0, 1)


def test_flushing_waits_for_many_or_old_batches_and_changes_no_answer(writer: Writer) -> None:
    writer.write(20)
    writer.write(20, at_ms=NOON + DAY)
    before = writer.all()
    soon, late = NOON + 1_000, NOON + batches.FLUSH_SECONDS * 1000

    assert lakewrite.flush(writer.files, writer.connection, now_ms=soon) == 0
    assert lakewrite.flush(writer.files, writer.connection, now_ms=late) == 2
    assert writer.counts() == (0, 2) and writer.all() == before
    writer.write(20)
    assert lakewrite.flush(writer.files, writer.connection, now_ms=soon, least_rows=21) == 0
    writer.write(20)
    assert lakewrite.flush(writer.files, writer.connection, now_ms=soon, least_rows=21) == 2
    assert sum(writer.all().values()) == 80


def test_a_crash_before_the_flush_is_committed_leaves_every_row_once(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.write(20)
    before = writer.all()

    def crash(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(batches, "add_to_manifest", crash)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()

    assert writer.counts() == (1, 0) and writer.all() == before
    assert lakewrite.remove_orphans(writer.files, writer.connection) == 0  # a worker leaves the keeper's alone
    assert lakewrite.remove_orphans(writer.files, writer.connection, {lakewrite.KEEPER}, before_seconds=0) == 0
    assert lakewrite.remove_orphans(writer.files, writer.connection, {lakewrite.KEEPER}) == 1
    assert writer.flush() == 1 and writer.all() == before


def test_two_that_flush_the_same_batches_write_them_once(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.write(20)
    before = writer.all()
    real = batches._write_days

    def slow(*args: Any, **more: Any) -> Any:
        written = real(*args, **more)
        monkeypatch.setattr(batches, "_write_days", real)
        writer.flush()  # another process is faster
        return written

    monkeypatch.setattr(batches, "_write_days", slow)
    with pytest.raises(lakewrite.Superseded):
        lakewrite.flush(writer.files, writer.connection, now_ms=NOON, least_rows=1)

    assert writer.all() == before and writer.counts() == (0, 1)


def test_a_merge_keeps_every_row_sorts_them_and_gives_units_their_own_row_groups(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", 30)
    monkeypatch.setattr(segments, "GROUP_ROWS_MAX", 50)
    monkeypatch.setattr(segments, "PLAIN_GROUP_ROWS", 16)
    monkeypatch.setattr(merge, "CHUNK_ROWS", 70)
    monkeypatch.setattr(merge, "CUT_ROWS", 250)
    for number in range(4):
        writer.write(90, at_ms=NOON + number * 7, units=3 + number)
        writer.flush()
    before = writer.all()

    assert writer.merge() == 4
    assert writer.all() == before
    paths = [path for (path,) in writer.connection.execute("SELECT path FROM segments ORDER BY id")]
    assert len(paths) == 2  # cut at a row group's end
    keys = []
    for path in paths:
        import pyarrow.parquet as pq

        with pq.ParquetFile(writer.data / "lake" / path) as file:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                assert len(table) <= 50 + 30
                keys += list(zip(table.column("unit_id").to_pylist(), table.column("time").to_pylist(), strict=True))
    assert keys == sorted(keys)


def test_small_units_share_row_groups_and_big_ones_have_their_own() -> None:
    limit, most = segments.GROUP_ROWS, segments.GROUP_ROWS_MAX
    units = [1] * 10 + [2] * limit + [3] * 10 + [4] * (most + 5) + [5] * 10

    groups = list(unit_groups(units))

    assert groups[0] == (0, 10) and groups[1] == (10, 10 + limit) and groups[2] == (10 + limit, 20 + limit)
    assert [end - start for start, end in groups[3:]] == [most, 15]
    assert list(unit_groups([])) == []


def test_huge_records_make_small_row_groups_and_are_not_small_batches(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyarrow.parquet as pq

    monkeypatch.setattr(segments, "GROUP_BYTES", 100_000)
    monkeypatch.setattr(merge, "GROUP_BYTES", 100_000)
    monkeypatch.setattr(merge, "CHUNK_BYTES", 500_000)
    monkeypatch.setattr(batches, "SMALL_BYTES", 300_000)
    for _ in range(3):
        writer.write(200, units=2, word="x" * 5_000)
    assert writer.counts() == (0, 3)
    before = writer.all()
    assert writer.merge() == 3
    assert writer.all() == before
    (path,) = writer.connection.execute("SELECT path FROM segments").fetchone()
    with pq.ParquetFile(writer.data / "lake" / path) as file:
        sizes = [file.read_row_group(group).nbytes for group in range(file.num_row_groups)]
    assert max(sizes) <= 100_000
    writer.write(20, word="y" * 5_000)
    assert lakewrite.flush(writer.files, writer.connection, now_ms=NOON) == 0
    assert lakewrite.flush(writer.files, writer.connection, now_ms=NOON, least_bytes=90_000) == 1


def test_a_merge_that_is_stopped_has_not_happened(writer: Writer) -> None:
    for _ in range(3):
        writer.write(10)
        writer.flush()
    before, files = writer.all(), set((writer.data / "lake").rglob("*.*"))

    assert writer.merge(stopped=lambda: True) == 0
    assert writer.all() == before and set((writer.data / "lake").rglob("*.*")) == files


def test_a_file_that_was_changed_is_not_laundered_by_a_merge(writer: Writer) -> None:
    for _ in range(2):
        writer.write(10)
        writer.flush()
    (path,) = writer.connection.execute("SELECT path FROM segments LIMIT 1").fetchone()
    with (writer.data / "lake" / path).open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"X")

    with pytest.raises(merge.Damaged, match="đã bị thay đổi"):
        writer.merge()
    assert writer.counts() == (0, 2)


def test_a_merge_that_another_was_faster_with_changes_nothing(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        writer.write(10)
        writer.flush()
    before = writer.all()
    real = merge._merge

    def slow(*args: Any) -> Any:
        done = real(*args)
        monkeypatch.setattr(merge, "_merge", real)
        writer.merge()
        return done

    monkeypatch.setattr(merge, "_merge", slow)
    with pytest.raises(lakewrite.Superseded):
        writer.merge()

    assert writer.all() == before and writer.counts() == (0, 1)


def test_a_question_reads_one_units_row_groups_and_of_them_only_those_with_the_word(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "GROUP_ROWS", 100)
    for number in range(5):
        writer.write(900, at_ms=NOON + number * DAY, word="mimikatz" if number == 3 else "ordinary")
        writer.flush()
        writer.merge()
    lake = Lake(writer.data)

    plain = lake.scan([2])
    assert sum(len(table) for table in plain) == 1_500
    assert (plain.pruning.segments, plain.pruning.rows_read) == (5, 1_500)
    sought = lake.scan([2], needles=["MimiKatz"], columns=["raw"])
    assert sum(len(table) for table in sought) == 300
    assert (sought.pruning.segments, sought.pruning.segments_read, sought.pruning.rows_read) == (5, 1, 300)
    missed = lake.scan([2], needles=["198.51.100.200"])
    assert list(missed) == [] and missed.pruning.rows_read == 0
    newest = lake.scan([1, 2], order="newest", limit=3, columns=["time"])
    (table,) = newest
    assert len(table) == 3 and newest.pruning.segments_read == 1


def test_a_segment_without_its_index_answers_the_same(writer: Writer) -> None:
    writer.write(500, word="mimikatz")
    writer.flush()
    writer.merge()
    asked = {"needles": ["mimikatz"], "columns": ["event_id"]}
    before = Lake(writer.data).scan([1, 2], **asked).table()
    writer.connection.execute("UPDATE segments SET index_bytes = 0, index_sha256 = ''")

    assert Lake(writer.data).scan([1, 2], **asked).table().sort_by("event_id") == before.sort_by("event_id")


def test_a_condition_and_an_order_go_together(writer: Writer) -> None:
    ids = writer.write(60)
    writer.flush()
    lake = Lake(writer.data)

    found = lake.scan(
        [1, 2, 3], where_sql="raw LIKE ? AND event_id % 2 = 0", values=["line 1%"], order="newest", limit=4,
        columns=["event_id", "raw"],
    )  # fmt: skip
    (table,) = found
    named = lake.scan([1], where_sql="raw = $line", values={"line": "line 3 ordinary"}, columns=["event_id"]).table()

    assert lake.recent([1], limit=0) == [] and list(lake.scan([1], limit=0)) == []
    assert table.column("event_id").to_pylist() == [ids[18], ids[16], ids[14], ids[12]]
    assert table.column_names == ["event_id", "raw"]
    assert named.column("event_id").to_pylist() == [ids[3]]


def test_a_damaged_segment_is_an_error_or_named_and_passed_over(writer: Writer) -> None:
    writer.write(10)
    writer.flush()
    writer.write(10, at_ms=NOON + DAY)
    writer.flush()
    (path,) = writer.connection.execute("SELECT path FROM segments ORDER BY id LIMIT 1").fetchone()
    (writer.data / "lake" / path).write_bytes(b"PAR1 no more")
    lake = Lake(writer.data)

    with pytest.raises((OSError, ValueError)):
        lake.count([1], 0) and lake.scan([1]).table()
    passed = lake.scan([1, 2, 3], pass_damaged=True)
    assert sum(len(table) for table in passed) == 10
    assert passed.pruning.unreadable == [path]


def test_the_index_lies_beside_its_segment_and_goes_with_it(writer: Writer) -> None:
    for _ in range(2):
        writer.write(10)
        writer.flush()
    writer.merge()
    (path,) = writer.connection.execute("SELECT path FROM segments").fetchone()
    assert (writer.data / "lake" / index_path(path)).exists()
    assert lakewrite.remove_orphans(writer.files, writer.connection) == 0

    lakewrite.empty_garbage(writer.files, writer.connection, now_ms=NOON + 9 * DAY)
    assert {file.name for file in (writer.data / "lake").rglob("*.*")} == {
        Path(path).name, Path(index_path(path)).name
    }  # fmt: skip
