"""Files on their way into the spool: what happens beside them decides nothing about them."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pyarrow import fs

from dekhang.pipeline.receive import pull, takein
from dekhang.pipeline.receive.folders import Folders
from dekhang.pipeline.receive.pull import Pulls, _Fetched
from dekhang.pipeline.receive.refusals import Refusals
from dekhang.pipeline.receive.room import NoRoom
from dekhang.pipeline.receive.tail import Tails
from dekhang.pipeline.receive.takein import Origin, TakeIn
from dekhang.pipeline.receive.taken import READING, Memory, Taken
from dekhang.pipeline.spool import Batch, SpoolReader, SpoolWriter
from dekhang.pipeline.stores.intake import Bucket, IntakeMap, publish
from dekhang.pipeline.stores.reasons import Reason
from tests.receivers import source


@dataclass
class Part:
    """What the files receiver is made of, without its process."""

    data: Path
    spool: SpoolWriter
    refusals: Refusals
    memory: Memory
    ending: threading.Event
    take_in: TakeIn

    def records(self) -> list[bytes]:
        with SpoolReader(self.data / "spool", 3) as reader:
            return [record for frame in reader.read(1_000_000)[0] for record in frame.records]


@pytest.fixture
def part(tmp_path: Path) -> Iterator[Part]:
    publish(tmp_path, [source(7, folders=(str(tmp_path / "tha"),))])
    (tmp_path / "tha").mkdir()
    spool = SpoolWriter(tmp_path / "spool", 3, free_floor_bytes=0)
    ending = threading.Event()
    one = Part(tmp_path, spool, Refusals(tmp_path), Memory(tmp_path), ending, TakeIn(spool, ending, bool))
    yield one
    one.refusals.close()
    one.memory.close()
    spool.close()


def folders_of(part: Part) -> Folders:
    return Folders(IntakeMap(part.data), part.take_in, part.memory, part.refusals)


def drop(part: Part, name: str, content: bytes) -> Path:
    path = part.data / "tha" / name
    path.write_bytes(content)
    os.utime(path, (time.time() - 60, time.time() - 60))
    return path


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), sqlite3.OperationalError("disk is full")])
def test_a_progress_that_cannot_be_noted_says_nothing_against_the_file(
    part: Part, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takein, "BATCH_RECORDS", 2)
    path = drop(part, "a.log", b"mot\nhai\nba\n")

    def progress(read_bytes: int, records: int, why: str) -> None:
        raise error

    origin = Origin(source(7), "upload", "a.log", b"stem")
    outcome = part.take_in.take(path, "a.log", origin, progress, every_batch=True)
    assert (outcome.records, outcome.failed, outcome.problem) == (3, False, "")
    assert part.records() == [b"mot", b"hai", b"ba"]


def test_a_dropped_file_that_becomes_a_link_while_it_is_looked_at_leads_nowhere(part: Part) -> None:
    secret = part.data / "secrets.json"
    secret.write_bytes(b"khoa bi mat\n")
    path = drop(part, "a.log", b"mot\n")
    folders = folders_of(part)
    [(owner, found_path, found)] = folders._finished()
    path.unlink()
    path.symlink_to(secret)
    assert not folders._take(owner, found_path, found)
    assert part.records() == []


def test_a_file_that_grows_between_look_and_reading_is_not_taken_for_another_one(part: Part) -> None:
    path = drop(part, "a.log", b"mot\n")
    folders = folders_of(part)
    [(owner, found_path, found)] = folders._finished()
    for line in (b"hai\n", b"ba\n"):
        with path.open("ab") as file:
            file.write(line)
        os.utime(path, (time.time() - 50, time.time() - 50))
        assert folders._take(owner, found_path, found)
        [(owner, found_path, found)] = folders._finished()
    assert folders._take(owner, found_path, found)
    assert part.records() == [b"mot", b"hai", b"ba"]


def test_an_object_whose_file_goes_because_we_end_is_fetched_again(part: Part) -> None:
    pulls = Pulls(part.data, IntakeMap(part.data), part.take_in, part.memory, part.refusals, part.ending)
    taken = Taken(7, "kho/a.log", "4:1", "etag", b"stem", 4)
    part.memory.keep(taken)
    pulls._fetched = _Fetched(source(7), part.data / "gone.object", "a.log", taken)
    part.ending.set()
    assert pulls.take()
    kept = part.memory.find(7, "kho/a.log")
    assert kept is not None
    assert kept.state == READING


class OneForbidden:
    """A folder as a bucket in which one object may not be read."""

    def __init__(self) -> None:
        self._files = fs.LocalFileSystem()

    def get_file_info(self, selector: Any) -> Any:
        return self._files.get_file_info(selector)

    def open_input_stream(self, path: str) -> Any:
        if path.endswith("cam.log"):
            raise OSError("AWS Error ACCESS_DENIED during GetObject operation")
        return self._files.open_input_stream(path)


def test_an_object_that_may_not_be_read_keeps_none_of_the_others(part: Part, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a.log", "cam.log", "x.log"):
        drop(part, name, name.encode() + b"\n")
    publish(part.data, [source(7, bucket=Bucket(str(part.data / "tha")))])
    monkeypatch.setattr(pull, "_filesystem", lambda bucket, secret: OneForbidden())
    monkeypatch.setattr(pull, "FREE_BYTES", 0)
    memory = Memory(part.data)
    pulls = Pulls(part.data, IntakeMap(part.data), part.take_in, memory, part.refusals, part.ending)
    pulls.start()
    end = time.monotonic() + 20
    while len(part.records()) < 2 and time.monotonic() < end:
        pulls.take()
        time.sleep(0.01)
    assert sorted(part.records()) == [b"a.log", b"x.log"]
    assert "cam.log" in pulls.facts()["pulls"][0]["problem"]
    part.ending.set()
    pulls.close()
    memory.close()


def test_a_peer_that_is_no_text_stops_no_counting(part: Part) -> None:
    part.refusals.add(7, "unreadable_file", peer=os.fsdecode(b"\xff.log"))
    assert part.refusals.flush()


def test_a_followed_source_without_room_waits_alone_and_nothing_of_others_is_spooled_twice(tmp_path: Path) -> None:
    full = {7}

    def gate(batch: Batch) -> None:
        if batch.source_id in full:
            raise NoRoom(Reason.SOURCE_FULL, "đầy")

    logs = {number: tmp_path / f"{number}.log" for number in (6, 7, 8)}
    publish(tmp_path, [source(number, tail_paths=(str(path),)) for number, path in logs.items()])
    for number, path in logs.items():
        path.write_bytes(b"%d mot\n" % number)
    with SpoolWriter(tmp_path / "spool", 3, free_floor_bytes=0, gate=gate) as spool:
        refusals = Refusals(tmp_path)
        tails = Tails(tmp_path, IntakeMap(tmp_path), spool, refusals)
        assert tails.poll() == 2
        for _ in range(3):
            with pytest.raises(NoRoom):
                tails.poll()
        full.clear()
        assert tails.poll() == 1
        assert tails.poll() == 0
        tails.close()
        refusals.close()
    with SpoolReader(tmp_path / "spool", 3) as reader:
        assert [frame.records for frame in reader.read()[0]] == [[b"6 mot"], [b"8 mot"], [b"7 mot"]]


def test_while_one_file_waits_for_room_other_work_goes_on(part: Part) -> None:
    path = drop(part, "a.log", b"mot\n")
    part.spool._free_floor_bytes = 1 << 60
    between: list[float] = []

    def meanwhile() -> None:
        between.append(time.monotonic())
        part.spool._free_floor_bytes, part.spool._next_free_check = 0, 0.0

    waiting = TakeIn(part.spool, part.ending, meanwhile)
    outcome = waiting.take(path, "a.log", Origin(source(7), "upload", "a.log", b"stem"), lambda *_: None)
    assert (outcome.records, part.records()) == (1, [b"mot"])
    assert len(between) == 2  # while it waited, and after the batch
