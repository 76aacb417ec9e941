"""A record that claims another unit's machine is stored under its own source, counted and shown."""

import json
from pathlib import Path

import pytest

from dekhang.pipeline.place import Place as Home
from dekhang.pipeline.sharing import Sharing
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores.foreign import foreign_hosts
from dekhang.pipeline.stores.intake import IntakeSource, publish
from dekhang.pipeline.stores.ledger import of_source
from dekhang.pipeline.worker import foreign
from dekhang.pipeline.worker.loop import Worker
from tests.postgres import Keep

RECEIVED = 1_575_943_200_000
OURS, THEIRS = (
    IntakeSource(7, 3, "windows", hosts=("dc01.xa-a.example.gov.vn",)),
    IntakeSource(8, 4, "windows", hosts=("DC01.huyen-b.example.gov.vn.", "chung.example.gov.vn")),
)
BOTH = IntakeSource(9, 3, "windows", hosts=("chung.example.gov.vn",))


def announce(place: "Place", *sources: IntakeSource) -> None:
    """Publish, and have the host's copy renewed as `pipeline.sharing` does; the map looks again at once."""
    publish(place.data, sources)
    if Home.of(place.data).database:
        sharing = Sharing(place.data, gives_settings=False)
        sharing.round()
        sharing.close()
    place.worker._observer._claims._intake._looked_at = -1e9


class Place:
    def __init__(self, folder: Path, keep: Keep) -> None:
        self.data = folder / "data"
        keep(self.data)
        (folder / "rules").mkdir()
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker = Worker(self.data, [folder / "rules"])
        self.worker.start()
        announce(self, OURS, THEIRS, BOTH)

    def send(self, *hosts: str, at: int = RECEIVED) -> None:
        """Windows events of source 7, unit 3, one a host."""
        records = [json.dumps({"EventID": 4624, "Channel": "Security", "Computer": host}).encode() for host in hosts]
        self.spool.append(Batch(7, 3, "windows", "http_bulk", at, "192.0.2.9", records))
        self.spool.sync()
        self.worker.drain()


@pytest.fixture
def place(tmp_path: Path, keep_records: Keep):
    made = Place(tmp_path, keep_records)
    yield made
    made.spool.close()
    made.worker.close()


def test_a_claim_is_stored_under_its_own_source_and_flagged_with_an_example(place: Place) -> None:
    place.send("dc01.xa-a.example.gov.vn", "dc01.huyen-b.example.gov.vn", "Dc01.Huyen-B.example.gov.vn", "pc-5")
    place.send("dc01.huyen-b.example.gov.vn", at=RECEIVED + 60_000)
    [found] = foreign_hosts(place.data, [7, 8, 9])
    assert (found.source_id, found.host, found.owner_unit) == (7, "dc01.huyen-b.example.gov.vn", 4)
    assert (found.records, found.first_ms, found.last_ms) == (3, RECEIVED, RECEIVED + 60_000)
    assert found.event_id >> 47 == 1
    ledger = of_source(place.data, 7)
    assert (ledger.stored, ledger.refused) == (5, 0)


def test_a_name_that_the_own_unit_registered_too_is_no_claim(place: Place) -> None:
    place.send("chung.example.gov.vn", "chua-ai-khai", "")
    assert foreign_hosts(place.data, [7]) == []


def test_a_name_registered_later_counts_from_then_on(place: Place) -> None:
    place.send("pc-5")
    announce(place, OURS, IntakeSource(8, 4, "windows", hosts=("PC-5",)))
    place.send("pc-5")
    assert [one.records for one in foreign_hosts(place.data, [7])] == [1]


def test_names_that_a_sender_invents_do_not_fill_the_disk(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "HOSTS_PER_SOURCE", 5)
    names = [f"pc-{n}" for n in range(20)]
    announce(place, IntakeSource(8, 4, "windows", hosts=tuple(names)))
    place.send(*names)
    assert len(foreign_hosts(place.data, [7])) == 5
    assert of_source(place.data, 7).stored == 20
