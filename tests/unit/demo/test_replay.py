"""`--replay`: real logs of any folder arrive unchanged, at sources of their kind, also when the intake is away."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.apps.sources.models import LogSource
from dekhang.demo.feed import Feed
from dekhang.demo.province import UNITS
from dekhang.demo.replay import Replay, in_one_line
from dekhang.pipeline.stores.intake import IntakeSource, hash_token
from tests.receivers import Receiver

KINDS = ["windows", "windows", "linux", "linux", "web", "suricata"]
AUTH = b"Dec 10 01:00:0%d may-%s sshd[7]: Failed password for root from 192.0.2.7 port 4000%d ssh2"
ACCESS = b'192.0.2.%d - - [10/Dec/2019:01:00:00 +0000] "GET /tin-tuc HTTP/1.1" 200 512 "-" "Mozilla/5.0"'
EVE = b'{"timestamp":"2019-12-10T01:00:00.000000+0000","event_type":"alert","src_ip":"192.0.2.9","alert":{"signature":"x"}}'


def windows_event(computer: str, number: int) -> bytes:
    event = {"EventID": 7036, "Channel": "System", "Computer": computer, "RecordNumber": number}
    return json.dumps({**event, "@timestamp": "2019-12-10T01:00:00.000Z"}).encode()


class Intake:
    """A real HTTP and a real syslog receiver, with one source per entry of KINDS (ids from 1)."""

    def __init__(self, data: Path) -> None:
        sources = [
            IntakeSource(number, number, kind, hash_token(f"ma-{number}")) for number, kind in enumerate(KINDS, 1)
        ]
        self.http = Receiver(data, "http", sources=sources)
        self.syslog = Receiver(data, "syslog", sources=sources)

    def received(self) -> dict[int, list[bytes]]:
        """Source → records in the order they came."""
        found: dict[int, list[bytes]] = {}
        for receiver in (self.http, self.syslog):
            for frame in receiver.frames():
                found.setdefault(frame.source_id, []).extend(frame.records)
        return found

    def of_kind(self, kind: str) -> list[bytes]:
        return [raw for source, raws in self.received().items() if KINDS[source - 1] == kind for raw in raws]


@pytest.fixture
def intake(tmp_path: Path, settings) -> Iterator[Intake]:
    (tmp_path / "data" / "demo").mkdir(parents=True)
    running = Intake(tmp_path / "data")
    with running.http as http, running.syslog as syslog:
        settings.HTTP_INTAKE_PORT, settings.SYSLOG_TCP_PORT = http.http_port, syslog.syslog_port
        yield running


def replay(data: Path, folder: Path, *, speed: float = 100_000, token: str = "ma-{}") -> Replay:
    feeds = [
        Feed(LogSource(pk=number, name=f"nguồn {number}", kind=kind), token.format(number), UNITS[0])
        for number, kind in enumerate(KINDS, 1)
    ]
    return Replay(feeds, folder, speed, data=data)


def play(one: Replay) -> None:
    for _sent, pause in one.acts():
        time.sleep(pause)


def test_a_file_of_mixed_records_is_sent_record_by_record_to_sources_of_their_kind(intake, tmp_path):
    lines = [AUTH % (n, b"a", n) for n in range(3)] + [ACCESS % n for n in range(3)] + [EVE]
    lines += [windows_event("may-w", n) for n in range(3)]
    mixed = [line for n in range(4) for line in lines[n::4]]
    (tmp_path / "hon-hop.log").write_bytes(b"\n".join(mixed) + b"\n")
    one = replay(tmp_path / "data", tmp_path / "hon-hop.log")
    play(one)

    intake.syslog.wait_for(lambda: len(intake.of_kind("linux")) == 3, what="the syslog lines")
    assert intake.of_kind("linux") == [line for line in mixed if b"sshd" in line]
    assert intake.of_kind("web") == [line for line in mixed if b"GET" in line]
    assert intake.of_kind("windows") == [line for line in mixed if b"EventID" in line]
    assert intake.of_kind("suricata") == [EVE]
    assert (one.sent, one.refused, one.facts()["finished"]) == (len(mixed), 0, True)
    assert f"{len(mixed)} bản ghi từ 1 tệp" in one.news


def test_one_machine_is_one_source_and_many_machines_are_several(intake, tmp_path):
    records = [windows_event(f"may-{n % 10}", n) for n in range(100)]
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "1.jsonl").write_bytes(b"\n".join(records[:50]))
    (tmp_path / "logs" / "2.jsonl").write_bytes(b"\n".join(records[50:]))
    (tmp_path / "logs" / ".DS_Store").write_bytes(b"rac")
    play(replay(tmp_path / "data", tmp_path / "logs"))

    sources: dict[str, set[int]] = {}
    for source, raws in intake.received().items():
        for raw in raws:
            sources.setdefault(json.loads(raw)["Computer"], set()).add(source)
    assert len(sources) == 10
    assert all(len(of_machine) == 1 for of_machine in sources.values())
    assert set.union(*sources.values()) == {1, 2}
    assert sorted(intake.of_kind("windows")) == sorted(records)


def test_an_intake_that_is_away_gets_everything_once_when_it_is_back(intake, tmp_path):
    records = [ACCESS % (n % 250) + b" %d" % n for n in range(300)]
    (tmp_path / "access.log").write_bytes(b"\n".join(records))
    one = replay(tmp_path / "data", tmp_path / "access.log", speed=1_000)
    waited = 0.0
    for number, (_sent, pause) in enumerate(one.acts()):
        if number == 1:
            intake.http.kill()
        if pause >= 1 and not waited:
            waited = pause
            intake.http.start()
    assert waited
    assert intake.of_kind("web") == records
    assert one.sent == 300


def test_a_killed_replay_goes_on_under_the_same_up_and_begins_anew_under_another(intake, tmp_path, monkeypatch):
    records = [ACCESS % (n % 250) + b" %d" % n for n in range(100)]
    (tmp_path / "access.log").write_bytes(b"\n".join(records))
    data = tmp_path / "data"
    acts = replay(data, tmp_path / "access.log", speed=100).acts()
    for _ in range(12):  # six rounds of ten: one act for the sending, one for the rest of the time
        next(acts)
    acts.close()
    play(replay(data, tmp_path / "access.log"))
    assert intake.of_kind("web") == records

    monkeypatch.setattr(os, "getppid", lambda: 1)
    play(replay(data, tmp_path / "access.log"))
    assert intake.of_kind("web") == records * 2


def test_what_the_intake_will_never_take_is_counted_and_does_not_stop_the_rest(intake, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "access.log").write_bytes(ACCESS % 1)
    (tmp_path / "logs" / "zz.bin").write_bytes(bytes(range(256)) * 40)
    one = replay(tmp_path / "data", tmp_path / "logs", token="sai-{}")
    play(one)
    assert (one.sent, one.refused, one.unreadable) == (0, 1, 1)
    assert "1 bị từ chối, 1 chỗ không đọc được" in one.news


def test_records_later_than_the_province_s_present_are_told(intake, tmp_path, frozen_now):
    (tmp_path / "moi.log").write_bytes((ACCESS % 1).replace(b"2019", b"2024"))
    one = replay(tmp_path / "data", tmp_path / "moi.log")
    play(one)
    assert "1 có giờ sau ngày của tỉnh mẫu" in one.news
    assert intake.of_kind("web") == [(ACCESS % 1).replace(b"2019", b"2024")], "sent unchanged all the same"


def test_the_asked_pace_is_kept(intake, tmp_path):
    (tmp_path / "access.log").write_bytes(b"\n".join([ACCESS % 1] * 20))
    pauses = [pause for _sent, pause in replay(tmp_path / "data", tmp_path / "access.log", speed=50).acts() if pause]
    assert pauses[-1] == pytest.approx(20 / 50, abs=0.2), "without waiting, the last record is 0.4 seconds early"


def test_a_record_over_several_lines_is_sent_in_one():
    assert in_one_line(b'{\n  "EventID": 1\n}') == b'{"EventID":1}'
    assert in_one_line(b"a\nb") == b"a b"
    assert in_one_line(b'{"EventID": 1}') == b'{"EventID": 1}'


def test_an_empty_folder_says_so(tmp_path):
    (tmp_path / "rong").mkdir()
    (tmp_path / "demo").mkdir()
    one = replay(tmp_path, tmp_path / "rong")
    play(one)
    assert "Không có tệp nào" in one.news
