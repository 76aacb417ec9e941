"""Lists and log sources of an installation in the worker, and what it tells an administrator of its rules."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.cli import doctor
from dekhang.pipeline.rulesettings import read_settings
from dekhang.pipeline.spool import Batch, SpoolWriter
from dekhang.pipeline.stores import detections, heartbeat, ledger
from dekhang.pipeline.worker.loop import Worker

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
BY_LIST = """
title: A server's own account logged in
id: 3f2f1f0a-0000-4000-8000-00000000001a
level: low
logsource: {product: linux, service: auth}
detection:
  good: {action: login_ok, user|expand: '%ServiceAccounts%'}
  condition: good
"""
BY_SOURCE = """
title: The document system refused somebody
id: 3f2f1f0a-0000-4000-8000-00000000001b
level: low
logsource: {product: qlvb}
detection:
  bad: {action: sai}
  condition: bad
"""
EXPLODING = """
title: An expression that explodes
id: 3f2f1f0a-0000-4000-8000-00000000001c
level: low
logsource: {product: linux, service: auth}
detection:
  bad: {user|re: '(q|qq)+(?=y)$'}
  condition: bad
"""
SOURCES = "others:\n  - {rule: {product: qlvb}, record: unrecognised, where: {app: qlvb}, aliases: {action: [viec]}}\n"


class Place:
    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.settings = self.data / "settings"
        self.settings.mkdir(parents=True)
        self.rules = folder / "rules"
        self.rules.mkdir()
        for name, text in (("list", BY_LIST), ("source", BY_SOURCE)):
            (self.rules / f"{name}.yml").write_text(text)
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker: Worker | None = None

    def start(self) -> None:
        if self.worker is not None:
            self.worker.close()
        self.worker = Worker(self.data, [self.rules])
        self.worker.start()

    def say(self, name: str, text: str) -> None:
        (self.settings / name).write_text(text)

    def send(self, *records: bytes) -> list[str]:
        """Spool records, let the worker step; return the titles of all detections so far."""
        assert self.worker is not None
        self.spool.append(Batch(7, 3, "linux", "tail", RECEIVED, "192.0.2.250", records))
        self.spool.sync()
        deadline = time.monotonic() + 20
        while not self.worker.step() and time.monotonic() < deadline:
            time.sleep(0.01)
        return [one.title for one in detections.after(self.data, 0)]

    def problems(self) -> list[tuple[str, int]]:
        return [(Path(one.path).name, one.line) for one in ledger.rule_problems(self.data)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr("dekhang.pipeline.worker.rules.SCAN_SECONDS", 0.0)
    made = Place(tmp_path)
    yield made
    made.spool.close()
    if made.worker is not None:
        made.worker.close()


def login(user: str) -> bytes:
    return f"Dec 10 02:00:00 may-chu sshd[1]: Accepted password for {user} from 192.0.2.7 port 4000 ssh2".encode()


OTHERS_RECORD = json.dumps({"app": "qlvb", "viec": "sai"}).encode()
LISTED, REFUSED = "A server's own account logged in", "The document system refused somebody"


def test_lists_and_log_sources_of_the_data_folder_are_in_force_from_the_next_batch_on(place: Place) -> None:
    place.start()
    assert place.send(login("sao-luu"), OTHERS_RECORD) == []
    place.say("placeholders.yml", "ServiceAccounts: [sao-*]\n")
    place.say("logsources.yml", SOURCES)
    assert place.send(login("sao-luu"), OTHERS_RECORD, login("an")) == [LISTED, REFUSED]
    assert place.problems() == []


def test_a_faulty_settings_file_is_named_and_what_was_good_stays(place: Place) -> None:
    place.say("placeholders.yml", "ServiceAccounts: [sao-luu]\n")
    place.say("logsources.yml", SOURCES)
    place.start()
    place.say("placeholders.yml", "A: [x]\nServiceAccounts: [sao-luu\n")
    place.say("logsources.yml", "others: [\n")
    assert place.send(login("sao-luu"), OTHERS_RECORD) == [LISTED, REFUSED]
    assert place.problems() == [("logsources.yml", 2), ("placeholders.yml", 3)]
    assert all("Cho đến khi tệp được sửa" in one.reason for one in ledger.rule_problems(place.data))

    place.say("placeholders.yml", "ServiceAccounts: [an]\n")
    (place.settings / "logsources.yml").unlink()
    assert place.send(login("an"), OTHERS_RECORD) == [LISTED, REFUSED, LISTED]
    assert place.problems() == []


def test_a_start_with_faulty_settings_is_a_start_without_them(place: Place) -> None:
    place.say("placeholders.yml", "ServiceAccounts: {a: b}\n")
    place.say("logsources.yml", "others: [{rule: {product: qlvb}, lạ: 1}]\n")
    (place.rules / "plain.yml").write_text(
        BY_LIST.replace("user|expand: '%ServiceAccounts%'", "user: an").replace("1a", "1d")
    )
    place.start()
    assert place.send(login("an"), login("sao-luu"), OTHERS_RECORD) == [LISTED]
    assert {name for name, _ in place.problems()} == {"placeholders.yml", "logsources.yml"}


def test_settings_that_cannot_be_read_at_all_are_a_fault_not_an_end(tmp_path: Path) -> None:
    (tmp_path / "settings" / "placeholders.yml").mkdir(parents=True)
    (fault,) = read_settings(tmp_path).faults
    assert fault.path.endswith("placeholders.yml") and fault.line == 1


def test_a_rule_over_its_budget_is_named_to_the_administrator(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dekhang.pipeline.worker.loop.BUDGET_LOOK_SECONDS", 0.0)
    (place.rules / "exploding.yml").write_text(EXPLODING)
    place.start()
    assert place.problems() == []
    place.send(login("q" * 20_000))
    assert place.worker is not None and place.worker.facts()["over_budget"] == 1
    assert [name for name, _ in place.problems()] == ["exploding.yml"]


def test_doctor_says_what_correlations_could_not_count(tmp_path: Path) -> None:
    heartbeat.beat(tmp_path, "worker", ready=True, correlation_late=4, correlation_forgotten=0, undetected=0)
    calm = list(doctor.detection(tmp_path))
    heartbeat.beat(tmp_path, "worker", ready=True, correlation_late=0, correlation_forgotten=9, undetected=2)
    wrong = list(doctor.detection(tmp_path))

    assert [ok for ok, _ in calm] == [True, True] and calm[0][1].startswith("4 sự kiện đến quá trễ")
    assert [ok for ok, _ in wrong] == [False, False] and wrong[0][1].startswith("9 sự kiện bị quên")


def test_late_events_reach_the_heartbeat_also_after_the_rules_changed(place: Place) -> None:
    (place.rules / "few.yml").write_text(
        BY_LIST.replace("user|expand: '%ServiceAccounts%'", "user: an").replace("1a", "1e")
        + "name: seen\n---\ntitle: few\nid: 3f2f1f0a-0000-4000-8000-00000000001f\ncorrelation:\n  type: event_count\n"
        "  rules: [seen]\n  group-by: [user]\n  timespan: 1m\n  condition: {lt: 3}\n"
    )
    place.start()
    early = login("an").replace(b"02:00:00", b"01:00:00")
    assert place.send(early, login("binh")) == ["few"]
    place.send(early)
    (place.rules / "list.yml").unlink()
    place.send(login("binh"))

    assert place.worker is not None and place.worker.facts()["correlation_late"] == 1
