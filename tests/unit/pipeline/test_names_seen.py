"""Names in the records of a source are counted and bounded; an attacker who invents names drives out only what was seen once."""

import json
from pathlib import Path

import pytest

from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores.names import MORE, SeenName, seen_names
from dekhang.pipeline.worker import names
from dekhang.pipeline.worker.loop import Worker
from tests.postgres import Keep

RECEIVED = 1_575_943_200_000
DAY = 86_400_000


class Place:
    def __init__(self, folder: Path, keep: Keep) -> None:
        self.data = folder / "data"
        keep(self.data)
        (folder / "rules").mkdir()
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker = Worker(self.data, [folder / "rules"])
        self.worker.start()

    def send(self, *records: bytes, at: int = RECEIVED, source: int = 7) -> None:
        self.spool.append(Batch(source, 3, "windows", "http_bulk", at, "192.0.2.9", records))
        self.spool.sync()
        self.worker.drain()
        for one in self.worker._observer._names._counts.values():
            one.written_ms = 0  # the minute until the next writing is over

    def seen(self, source: int = 7) -> dict[tuple[str, str], SeenName]:
        return {(one.kind, one.name): one for one in seen_names(self.data, [source])}


@pytest.fixture
def place(tmp_path: Path, keep_records: Keep):
    made = Place(tmp_path, keep_records)
    yield made
    made.spool.close()
    made.worker.close()


def windows(host: str) -> bytes:
    return json.dumps({"EventID": 4624, "Channel": "Security", "Computer": host}).encode()


def visit(site: str) -> bytes:
    return f'{site}:443 192.0.2.7 - - [10/Dec/2019:09:00:00 +0700] "GET / HTTP/1.1" 200 10 "-" "x"'.encode()


def test_machines_and_sites_are_counted_with_their_days(place):
    place.send(windows("DC01.xa-a.example.gov.vn."), windows("dc01.xa-a.example.gov.vn"), visit("Cong.example.gov.vn"))
    place.send(windows("dc01.xa-a.example.gov.vn"), at=RECEIVED + DAY)
    found = place.seen()
    machine = found["host", "dc01.xa-a.example.gov.vn"]
    assert (machine.records, machine.days, machine.first_ms, machine.last_ms) == (3, 2, RECEIVED, RECEIVED + DAY)
    assert found["domain", "cong.example.gov.vn"].records == 1


def test_names_that_are_none_are_not_listed(place):
    place.send(windows("localhost"), windows("-"), visit("192.0.2.1"), visit("intranet"))
    assert place.seen() == {}


def test_an_attacker_s_names_drive_out_only_names_of_one_day(place, monkeypatch):
    monkeypatch.setitem(names.NAMES_PER_KIND, "host", 5)
    place.send(windows("that"), windows("that"))
    place.send(windows("that"), at=RECEIVED + DAY)
    for number in range(40):
        place.send(windows(f"bia-{number}"), at=RECEIVED + DAY)
    found = place.seen()
    assert found["host", "that"].days == 2
    assert len([name for kind, name in found if name]) == 5
    assert found["host", MORE].records == 36  # 41 names, 5 have room
    place.send(*[windows("moi")] * 3, at=RECEIVED + DAY)
    assert ("host", "moi") in place.seen()  # a real new machine speaks more than once


def test_what_nobody_sees_for_three_months_is_forgotten(place):
    place.send(windows("cu"))
    with place.worker.connection.transaction():
        names.forget(place.worker.connection, now_ms=RECEIVED + 91 * DAY)
    assert place.seen() == {}


def test_thousands_of_invented_names_of_a_batch_cost_a_bounded_number_of_writes_and_are_all_counted(place, monkeypatch):
    monkeypatch.setitem(names.NAMES_PER_KIND, "host", 5)
    place.send(*[windows("may-that")] * 3)
    swaps = []
    make_room = names._make_room
    monkeypatch.setattr(names, "_make_room", lambda *args: swaps.append(1) or make_room(*args))
    place.send(*(windows(f"bia-{number}") for number in range(500)), windows("may-that"))
    found = place.seen()
    assert len(swaps) <= names.SWAPPED
    assert found["host", "may-that"].records == 4
    assert sum(one.records for (kind, _name), one in found.items() if kind == "host") == 504
    assert len([name for kind, name in found if kind == "host" and name != MORE]) == 5
