import time
from pathlib import Path

from dekhang.cli.doctor import lake
from dekhang.pipeline import lakewrite
from tests.unit.pipeline.test_lake_write import Writer


def test_the_lake_is_fine_until_nobody_writes_its_small_batches(tmp_path: Path) -> None:
    assert list(lake(tmp_path)) == []  # nothing stored yet
    writer = Writer(tmp_path)
    writer.write(5)
    now_ms = int(time.time() * 1000)
    writer.connection.execute("UPDATE fresh SET created = ?", (now_ms,))
    assert [ok for ok, _ in lake(tmp_path)] == [True]
    writer.connection.execute("UPDATE fresh SET created = ?", (now_ms - 20 * 60_000,))

    ((ok, said),) = lake(tmp_path)
    assert not ok and "5 sự kiện chưa thành tệp (cũ nhất 20 phút)" in said
    lakewrite.flush(writer.files, writer.connection, now_ms=now_ms)
    assert [ok for ok, _ in lake(tmp_path)] == [True]
    writer.connection.close()
