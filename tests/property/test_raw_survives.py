"""What was received is what the lake gives back, byte for byte, wherever it lies: in the database, in a file, merged."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dekhang.pipeline import lakefiles, lakewrite
from dekhang.pipeline.spool import Batch, SpoolReader, SpoolWriter, event_id
from dekhang.pipeline.spool.reader import START
from dekhang.pipeline.stores import database
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker.batch import prepare

NOON = 1_575_979_200_000  # 2019-12-10T12:00:00Z
SHAPES = [
    b'{"EventID":4624,"Channel":"Security","Computer":"pc","TargetUserName":"lan"}',
    b'{ "EventID" : 1.0, "Channel":"x", "a":"\\u1ea3\\ud800", "b":[1,{"c":null}] }  ',
    b"Dec 10 02:00:00 may-chu sshd[1]: Failed password for root from 192.0.2.7 port 4 ssh2\r",
    "Cảnh báo: tệp “độc hại”".encode(),
    "Cảnh báo".encode("utf-16"),
    b"type=EXECVE msg=audit(1575943200.1:7): argc=1 a0=2F62696E2F7368",
    b"\xff\x00\xfe",
    b"",
]
RECORDS = st.lists(
    st.binary(max_size=300) | st.sampled_from(SHAPES) | st.text(max_size=80).map(str.encode), max_size=25
)


class Way:
    """A receiver, and the part of the worker that stores."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.spool = SpoolWriter(data / "spool", 1)
        self.reader = SpoolReader(data / "spool", 1, START)
        self.connection = database.connect(data)
        self.files = lakefiles.of(data)

    def take(self, records: list[bytes], kind: str) -> list[int]:
        first = self.spool.append(Batch(7, 3, kind, "tail", NOON, "192.0.2.250", records))
        self.spool.sync()
        frames, _ = self.reader.read(10_000)
        work = prepare(self.connection, [(1, frame) for frame in frames])
        written = lakewrite.write_rows(self.files, work.rows(), created_ms=NOON)
        with self.connection.transaction():
            lakewrite.add_to_manifest(self.connection, written)
        return [event_id(1, first + number) for number in range(len(records))]

    def raws(self, ids: list[int]) -> list[bytes]:
        found = {event.event_id: event.raw for event in Lake(self.data).events(ids, unit_ids=[3])}
        return [found[one] for one in ids]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    made = Way(tmp_path_factory.mktemp("raw"))
    yield made
    made.reader.close()
    made.spool.close()
    made.connection.close()


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=RECORDS.filter(bool), kind=st.sampled_from(["windows", "linux", "web", "suricata", "syslog"]))
def test_every_byte_survives_the_way_through_the_lake(place: Way, records: list[bytes], kind: str) -> None:
    ids = place.take(records, kind)
    assert place.raws(ids) == records
    lakewrite.flush(place.files, place.connection, now_ms=NOON, least_rows=1)
    assert place.raws(ids) == records
    while lakewrite.compact_once(place.files, place.connection, now_ms=NOON + 90_000_000):
        pass
    assert place.raws(ids) == records
