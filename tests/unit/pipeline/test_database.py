"""One SQL on two databases: what both promise, and what PostgreSQL needs besides."""

import threading
from pathlib import Path

import pytest

from dekhang.pipeline import place
from dekhang.pipeline.place import Place, PlaceError
from dekhang.pipeline.stores import database, schema
from dekhang.pipeline.stores.database.postgres import close_idle
from tests.postgres import Keep, PostgresServer

PROBLEM = "INSERT INTO rule_problems (path, line, reason, seen_at) VALUES (?, ?, ?, ?)"
DETECTION = (
    "INSERT INTO detections (rule_id, rule_level, family, title, unit_id, source_id, event_id, event_ms, received_ms,"
    " entity, host, fields, event_ids, count, first_ms, created_at)"
    " VALUES (?, 'high', 'f', 't', 1, 1, ?, 1, 1, '', '', '{}', '[]', 1, 1, 1)"
)


def reasons(data: Path) -> list[str]:
    with database.reading(data) as connection:
        assert connection is not None
        return [reason for (reason,) in connection.execute("SELECT reason FROM rule_problems ORDER BY line")]


def test_nothing_is_read_before_somebody_has_made_the_tables(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    with database.reading(tmp_path) as connection:
        assert connection is None


def test_a_transaction_happens_wholly_or_not_at_all(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    connection = database.connect(tmp_path)
    with connection.transaction():
        connection.execute(PROBLEM, ("a.yml", 1, "stays", 0))
    with pytest.raises(ZeroDivisionError), connection.transaction():
        connection.execute(PROBLEM, ("a.yml", 2, "goes", 0))
        raise ZeroDivisionError
    with pytest.raises(database.Error), connection.transaction():
        connection.execute(PROBLEM, ("a.yml", 3, "goes too", 0))
        connection.execute("INSERT INTO no_such_table VALUES (1)")
    assert not connection.in_transaction
    connection.close()

    assert reasons(tmp_path) == ["stays"]


def test_values_come_back_as_they_were_put_in(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    connection = database.connect(tmp_path)
    connection.execute(PROBLEM, ("100 % đúng?", 1, "dòng 'trích' \"kép\" ?", 1 << 62))
    connection.executemany(
        "INSERT INTO seen_ids (source_id, digest, day) VALUES (?, ?, ?)", [(1, b"\x00\xff", 1), (2, b"", 1)]
    )
    (row,) = connection.execute("SELECT path, reason, seen_at, '%' FROM rule_problems WHERE path LIKE '100 %'")
    (total, digest) = connection.execute(
        "SELECT sum(source_id), max(digest) FROM seen_ids WHERE day = ?", (1,)
    ).fetchone()
    connection.close()

    assert row == ("100 % đúng?", "dòng 'trích' \"kép\" ?", 1 << 62, "%")
    assert (total, type(total), bytes(digest)) == (3, int, b"\x00\xff")


def test_inserted_rows_have_growing_ids(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    connection = database.connect(tmp_path)
    ids = [connection.insert(DETECTION, ("r", number)) for number in range(3)]
    connection.close()

    assert ids == [1, 2, 3]


def test_a_reading_connection_cannot_write(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    database.connect(tmp_path).close()
    with database.reading(tmp_path) as connection:
        assert connection is not None
        with pytest.raises(database.Error):
            connection.execute(PROBLEM, ("a.yml", 1, "no", 0))
    assert reasons(tmp_path) == []


def test_a_snapshot_does_not_see_what_is_written_meanwhile(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    writer = database.connect(tmp_path)
    with database.reading(tmp_path) as reader:
        assert reader is not None
        with reader.snapshot():
            before = reader.execute("SELECT count(*) FROM rule_problems").fetchone()
            writer.execute(PROBLEM, ("a.yml", 1, "new", 0))
            during = reader.execute("SELECT count(*) FROM rule_problems").fetchone()
        after = reader.execute("SELECT count(*) FROM rule_problems").fetchone()
    writer.close()

    assert (before, during, after) == ((0,), (0,), (1,))


def test_processes_that_start_together_make_the_tables_once(tmp_path: Path, keep_records: Keep) -> None:
    keep_records(tmp_path)
    faults: list[BaseException] = []
    start = threading.Barrier(6)

    def open_it() -> None:
        start.wait(30)
        try:
            database.connect(tmp_path).close()
        except BaseException as fault:
            faults.append(fault)

    threads = [threading.Thread(target=open_it) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert faults == []
    with database.reading(tmp_path) as connection:
        assert connection is not None and connection.version() == len(schema.MIGRATIONS)


def test_detections_become_visible_in_the_order_of_their_ids(tmp_path: Path, keep_records: Keep) -> None:
    """Who reads them remembers the last id: one that appeared later with a lower id would never be seen."""
    keep_records(tmp_path)
    database.connect(tmp_path).close()
    written = threading.Event()
    second_done = threading.Event()

    def slow() -> None:
        connection = database.connect(tmp_path)
        with connection.transaction():
            connection.one_at_a_time("detections")
            connection.insert(DETECTION, ("r", 1))
            written.set()
            second_done.wait(0.5)  # the other may not overtake us
        connection.close()

    def quick() -> None:
        connection = database.connect(tmp_path)
        assert written.wait(30)
        with connection.transaction():
            connection.one_at_a_time("detections")
            connection.insert(DETECTION, ("r", 2))
        second_done.set()
        connection.close()

    threads = [threading.Thread(target=work) for work in (slow, quick)]
    for thread in threads:
        thread.start()
    seen: list[list[int]] = []
    while not seen or len(seen[-1]) < 2:
        with database.reading(tmp_path) as connection:
            assert connection is not None
            seen.append([event for (event,) in connection.execute("SELECT event_id FROM detections ORDER BY id")])
    for thread in threads:
        thread.join(30)

    assert all(events == [1, 2][: len(events)] for events in seen)


def test_text_that_postgresql_cannot_keep_is_kept_without_it(tmp_path: Path, postgres: PostgresServer) -> None:
    place.write(Place(tmp_path, "may-1", postgres.new_database()))
    connection = database.connect(tmp_path)
    connection.execute(PROBLEM, ("a\0b", 1, "\ud800 lạ", 0))
    (row,) = connection.execute("SELECT path, reason FROM rule_problems")
    connection.close()

    assert row == ("a\ufffdb", "? lạ")


def test_a_server_that_comes_back_is_used_again(tmp_path: Path) -> None:
    server = PostgresServer().start()
    try:
        place.write(Place(tmp_path, "may-1", server.new_database()))
        connection = database.connect(tmp_path)
        connection.execute(PROBLEM, ("a.yml", 1, "before", 0))
        assert reasons(tmp_path) == ["before"]
        server.stop()
        with pytest.raises(database.Error):
            connection.execute(PROBLEM, ("a.yml", 2, "meanwhile", 0))
        with pytest.raises(database.Error):
            reasons(tmp_path)
        server.start()
        with connection.transaction():
            connection.execute(PROBLEM, ("a.yml", 3, "after", 0))
        assert reasons(tmp_path) == ["before", "after"]
        with pytest.raises(database.Error), connection.transaction():
            connection.execute(PROBLEM, ("a.yml", 4, "lost with the connection", 0))
            server.stop()
            server.start()
            connection.execute(PROBLEM, ("a.yml", 5, "must not be written alone", 0))
        assert reasons(tmp_path) == ["before", "after"]
        connection.close()
    finally:
        close_idle()
        server.remove()


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    place.write(Place(tmp_path, "may-1", "postgresql://dk:bi-mat@127.0.0.1:1/dekhang"))
    with pytest.raises(database.Error) as told:
        database.connect(tmp_path)
    assert "postgresql://dk@127.0.0.1:1/dekhang" in str(told.value) and "bi-mat" not in str(told.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "không đúng"),
        ('{"databse": "x"}', "databse"),
        ('{"database": "mysql://x"}', "database phải bắt đầu bằng postgresql://"),
        ('{"transport": "amqp://x"}', "transport phải bắt đầu bằng nats://"),
        ('{"objects": 3}', "không đúng"),
    ],
)
def test_a_faulty_place_is_told_in_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    place.path_of(tmp_path).write_text(text)
    with pytest.raises(PlaceError, match=sentence):
        Place.of(tmp_path)


def test_a_place_is_read_again_when_it_changes_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    assert Place.of(tmp_path).database == ""
    place.write(Place(tmp_path, "may-1", "postgresql://192.0.2.1/a"))
    first = Place.of(tmp_path)
    place.write(Place(tmp_path, "may-2", "postgresql://192.0.2.1/bb"))

    assert (first.host, Place.of(tmp_path).host) == ("may-1", "may-2")
    assert place.path_of(tmp_path).stat().st_mode & 0o077 == 0
