"""The lake as an Iceberg table: another engine reads the same rows from the same files."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dekhang.cli import main
from dekhang.pipeline import catalog, lakefiles, lakewrite, place
from dekhang.pipeline.lakewrite.manifest import forget_segments
from dekhang.pipeline.lakewrite.segments import write_segment
from dekhang.pipeline.place import Place
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake.columns import SCHEMA
from tests.cluster import S3Server
from tests.postgres import PostgresServer

DAY_MS = 86_400_000
START_MS = 1_575_936_000_000  # 10 December 2019


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    server = S3Server(tmp_path_factory.mktemp("s3") / "server").start()
    yield server
    server.close()


@pytest.fixture(params=["one machine", "cluster"])
def data(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A data folder: of one machine, and of a place with PostgreSQL and S3."""
    if request.param == "cluster":
        s3: S3Server = request.getfixturevalue("s3")
        postgres: PostgresServer = request.getfixturevalue("postgres")
        address = s3.bucket("kho-nhat-ky", request.node.name.replace("[", "-").replace("]", "").replace(" ", "-"))
        place.write(Place(tmp_path, "may-1", database=postgres.new_database(), objects=address))
    return tmp_path


def events(first: int, count: int, *, day: int = 0) -> pa.Table:
    numbers = range(first, first + count)
    times = [(START_MS + day * DAY_MS + number) * 1000 for number in numbers]
    texts = {name: [f"{name} ế {number}" for number in numbers] for name in SCHEMA.names}
    columns = texts | {
        "event_id": [1 << 47 | number for number in numbers],
        "unit_id": [number % 5 for number in numbers],
        "source_id": [7] * count,
        "time": times,
        "received_at": times,
        "raw_base64": [False] * count,
        "problem": [None] * count,
    }
    return pa.table(columns, schema=SCHEMA)


def add(data: Path, *tables: pa.Table, day: str = "2019-12-10") -> None:
    files, connection = lakefiles.of(data), database.connect(data)
    segments = [write_segment(files, day, table, created_ms=0, holder=0) for table in tables]
    with connection.transaction():
        lakewrite.add_to_manifest(connection, segments)
    connection.close()


def in_iceberg(data: Path) -> pa.Table:
    """What pyiceberg's own scan says, in order of event ids."""
    opened = catalog.open_catalog(data)
    try:
        return opened.load_table(catalog.TABLE).scan().to_arrow().cast(SCHEMA).sort_by("event_id")
    finally:
        opened.engine.dispose()


def in_lake(data: Path) -> pa.Table:
    """What the manifest's files say, in order of event ids."""
    files = lakefiles.of(data)
    with database.reading(data) as connection:
        assert connection is not None
        paths = [files.local(path) for (path,) in connection.execute("SELECT path FROM segments")]
    return pa.concat_tables([pq.ParquetFile(path).read() for path in paths]).sort_by("event_id")


def test_another_reader_sees_the_same_rows_in_the_same_files(data: Path) -> None:
    add(data, events(0, 300), events(300, 50))
    add(data, events(350, 20, day=1), day="2019-12-11")

    done = catalog.register(data)

    assert (done.added, done.removed, done.files, done.rows) == (3, 0, 3, 370)
    assert in_iceberg(data).equals(in_lake(data))
    kept = {file.path for file in lakefiles.of(data).listing()}
    assert len(kept) == 3, "nothing was copied, and what Iceberg keeps is not taken for files of the lake"


def test_registering_again_changes_nothing_until_the_lake_has_changed(data: Path) -> None:
    add(data, events(0, 10))
    catalog.register(data)

    assert (catalog.register(data).added, catalog.register(data).removed) == (0, 0)
    opened = catalog.open_catalog(data)
    assert len(opened.load_table(catalog.TABLE).metadata.snapshots) == 1
    opened.engine.dispose()

    add(data, events(10, 10))
    assert catalog.register(data).added == 1
    assert in_iceberg(data).equals(in_lake(data))


def test_merged_files_leave_in_the_step_in_which_the_merged_one_comes(data: Path) -> None:
    add(data, *(events(number * 40, 40) for number in range(6)))
    catalog.register(data)
    files, connection = lakefiles.of(data), database.connect(data)
    assert lakewrite.compact_once(files, connection, now_ms=1_000, min_files=2) == 6

    done = catalog.register(data)

    assert (done.added, done.removed, done.files, done.rows) == (1, 6, 1, 240)
    lakewrite.empty_garbage(files, connection, now_ms=1 << 50)
    connection.close()
    assert in_iceberg(data).equals(in_lake(data))


def test_expired_files_leave_the_table(data: Path) -> None:
    add(data, events(0, 10), events(10, 10))
    catalog.register(data)
    connection = database.connect(data)
    gone = connection.execute("SELECT id, path FROM segments ORDER BY id LIMIT 1").fetchall()
    with connection.transaction():
        forget_segments(connection, gone, now_ms=0)
    connection.close()

    assert catalog.register(data).removed == 1

    assert in_iceberg(data).column("event_id").to_pylist() == [1 << 47 | number for number in range(10, 20)]


def test_files_that_cannot_hold_what_is_asked_for_are_not_opened(data: Path) -> None:
    add(data, *(events(number * 100, 100) for number in range(4)))
    catalog.register(data)

    opened = catalog.open_catalog(data)
    scan = opened.load_table(catalog.TABLE).scan(f"event_id = {1 << 47 | 250}")
    assert len(list(scan.plan_files())) == 1
    opened.engine.dispose()


def test_an_empty_lake_is_an_empty_table(data: Path) -> None:
    assert catalog.register(data).files == 0
    assert len(in_iceberg(data)) == 0


def test_several_register_at_once(data: Path) -> None:
    catalog.register(data)
    faults: list[BaseException] = []

    def register() -> None:
        try:
            catalog.register(data)
        except BaseException as fault:
            faults.append(fault)

    add(data, *(events(number * 10, 10) for number in range(5)))
    threads = [threading.Thread(target=register) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert faults == []
    assert in_iceberg(data).equals(in_lake(data))


def test_metadata_that_no_snapshot_names_is_deleted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "KEPT_SECONDS", -60)
    monkeypatch.setattr(catalog, "MANY_MANIFESTS", 3)
    for number in range(8):
        add(tmp_path, events(number * 10, 10))
        catalog.register(tmp_path)

    assert in_iceberg(tmp_path).equals(in_lake(tmp_path))
    opened = catalog.open_catalog(tmp_path)
    table = opened.load_table(catalog.TABLE)
    assert len(table.metadata.snapshots) == 1
    manifests = table.current_snapshot().manifests(table.io)
    assert len(manifests) <= 4
    assert len(list((tmp_path / "lake" / "iceberg").rglob("*.avro"))) == len(manifests) + 1
    opened.engine.dispose()


def test_the_command_registers_and_says_what_the_table_has(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["lake", "register", "--data", str(tmp_path)]) == 2
    assert "Chưa có kho sự kiện" in capsys.readouterr().err

    add(tmp_path, events(0, 1_200))
    assert main(["lake", "register", "--data", str(tmp_path)]) == 0

    assert "Bảng dekhang.events: thêm 1 tệp, bỏ 0 tệp; nay có 1.200 sự kiện trong 1 tệp." in capsys.readouterr().out
    assert len(in_iceberg(tmp_path)) == 1_200
