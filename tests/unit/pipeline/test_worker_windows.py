"""Windows that are over: what the worker tells of them, about which event, and when."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dekhang.pipeline import lakewrite
from dekhang.pipeline.spool import Batch, SpoolWriter, event_id
from dekhang.pipeline.stores import detections
from dekhang.pipeline.stores.detections import Detection
from dekhang.pipeline.worker.loop import Worker

TWO = 1_575_943_200_000  # 2019-12-10T02:00:00Z
RECEIVED = TWO + 3_600_000
FEW = "3f2f1f0a-0000-4000-8000-00000000000b"
AVERAGE = "3f2f1f0a-0000-4000-8000-00000000000c"
SUPPLIER = """
title: SSH login failed
id: 3f2f1f0a-0000-4000-8000-00000000000a
name: failed
logsource: {product: linux, service: auth}
detection:
  bad: {action: login_failed}
  condition: bad
"""
CORRELATION = """
title: %s
id: %s
correlation:
  type: %s
  rules: [failed]
  group-by: [src_ip]
  timespan: 5m
  condition: {%s}
level: low
dekhang:
  title_vi: "Đăng nhập sai lác đác"
  meaning_vi: "Có người gõ sai mật khẩu vài lần."
  first_actions_vi: ["Hỏi người dùng."]
  family: few_failures
  entity: [src_ip]
  incident_kind: intrusion
"""


def failed(stamp: str, ip: str, *, host: str = "may-chu", port: int = 4000) -> bytes:
    return f"Dec 10 {stamp} {host} sshd[1]: Failed password for root from {ip} port {port} ssh2".encode()


def other(stamp: str) -> bytes:
    return f"Dec 10 {stamp} may-khac cron[1]: (root) CMD (true)".encode()


class Place:
    """A data folder with a receiver and a worker."""

    def __init__(self, folder: Path) -> None:
        self.data = folder / "data"
        self.rules = folder / "rules"
        self.rules.mkdir()
        (self.rules / "failed.yml").write_text(SUPPLIER)
        (self.rules / "few.yml").write_text(CORRELATION % ("A few failures", FEW, "event_count", "lt: 3"))
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker = self.new_worker()

    def new_worker(self) -> Worker:
        worker = Worker(self.data, [self.rules])
        worker.start()
        return worker

    def restart(self) -> None:
        self.worker.close()
        self.worker = self.new_worker()

    def send(self, *records: bytes, unit: int = 3, source: int = 7) -> int:
        """Spool records; return the event id of the first."""
        batch = Batch(
            source, unit, "linux", records=records, transport="tail", received_ms=RECEIVED, peer="192.0.2.250"
        )
        first = event_id(1, self.spool.append(batch))
        self.spool.sync()
        return first

    def found(self) -> list[Detection]:
        return detections.after(self.data, 0)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.spool.close()
    made.worker.close()


def test_windows_ended_by_one_record_are_each_told_about_their_own_last_event(place: Place) -> None:
    first = place.send(
        failed("02:00:00", "192.0.2.1"), failed("02:00:01", "192.0.2.2"), failed("02:00:02", "192.0.2.1")
    )
    place.worker.drain()
    place.restart()
    place.send(other("02:30:00"), source=8)
    place.worker.drain()

    found = {one.entity: one for one in place.found()}

    assert {entity: one.event_id for entity, one in found.items()} == {"192.0.2.1": first + 2, "192.0.2.2": first + 1}
    one = found["192.0.2.1"]
    assert (one.rule_id, one.unit_id, one.source_id, one.host, one.received_ms) == (FEW, 3, 7, "may-chu", RECEIVED)
    assert (one.count, one.event_ids, one.first_ms, one.event_ms) == (2, (first, first + 2), TWO, TWO + 2_000)
    assert one.fields["src_ip"] == "192.0.2.1" and "Failed password" in one.fields["message"]


def test_windows_that_end_within_their_own_batch_are_told_as_well(place: Place) -> None:
    first = place.send(failed("02:00:00", "192.0.2.1"), other("02:30:00"))
    place.worker.drain()

    assert [(one.event_id, one.host) for one in place.found()] == [(first, "may-chu")]


def test_a_window_belongs_to_its_own_unit_whoever_shares_the_batch_in_which_it_ends(place: Place) -> None:
    of_three = place.send(failed("02:00:00", "192.0.2.1"))
    of_four = place.send(failed("02:00:00", "192.0.2.1"), unit=4, source=9)
    place.worker.drain()
    place.send(other("02:30:00"))
    place.send(other("02:30:00"), unit=4, source=9)
    place.send(other("02:30:00"), unit=5, source=10)
    place.worker.drain()

    assert {(one.unit_id, one.source_id, one.event_id) for one in place.found()} == {(3, 7, of_three), (4, 9, of_four)}


def test_an_average_is_told_with_its_number(place: Place) -> None:
    rule = CORRELATION % ("High ports", AVERAGE, "value_avg", "gte: 5000, field: src_port")
    (place.rules / "few.yml").write_text(rule)
    place.restart()
    place.send(
        failed("02:00:00", "192.0.2.1", port=4000), failed("02:01:00", "192.0.2.1", port=8000), other("02:30:00")
    )
    place.worker.drain()

    (one,) = place.found()
    assert (one.rule_id, one.count, one.fields["value_avg(src_port)"]) == (AVERAGE, 2, 6000.0)


def test_a_window_whose_events_are_gone_from_the_lake_is_told_with_what_it_knows(place: Place) -> None:
    first = place.send(failed("02:00:00", "192.0.2.1"))
    place.worker.drain()
    lakewrite.flush(place.worker.lake, place.worker.connection, now_ms=RECEIVED, least_rows=1)
    files = list((place.data / "lake").rglob("*.parquet"))
    assert files
    for path in files:
        path.write_bytes(b"damaged")
    place.send(other("02:30:00"))
    place.worker.drain()

    (one,) = place.found()
    assert (one.event_id, one.unit_id, one.source_id, one.entity) == (first, 3, 0, "192.0.2.1")


# -- when nothing more comes ---------------------------------------------------------------------------------------


def pass_minutes(place: Place, start: float, minutes: int) -> None:
    """What the idle worker does meanwhile, a minute at a time."""
    for minute in range(minutes + 1):
        place.worker.let_time_pass(start + minute * 60)


def test_a_window_of_a_unit_that_falls_silent_is_told_once_also_over_restarts(place: Place) -> None:
    first = place.send(failed("02:00:00", "192.0.2.1"))
    place.worker.drain()
    pass_minutes(place, 0, 19)  # five of the window, five for late events, ten of margin: not quite
    assert place.found() == []
    pass_minutes(place, 0, 21)
    assert [one.event_id for one in place.found()] == [first]

    place.restart()
    pass_minutes(place, 0, 60)
    place.send(other("02:50:00"))
    place.worker.drain()
    assert [one.event_id for one in place.found()] == [first]


def test_how_far_time_has_come_in_silence_is_remembered_over_a_restart(place: Place) -> None:
    place.send(failed("02:00:00", "192.0.2.1"))
    place.worker.drain()
    pass_minutes(place, 0, 16)  # ten of margin, six of time; five of them are remembered
    place.restart()
    pass_minutes(place, 0, 16)

    assert len(place.found()) == 1


def test_a_unit_that_goes_on_sending_has_only_its_own_time(place: Place) -> None:
    place.send(failed("02:00:00", "192.0.2.1"))
    place.worker.drain()
    for minute in range(0, 90, 5):
        pass_minutes(place, minute * 60, 5)
        place.send(other("02:00:01"))
        place.worker.drain()

    assert place.found() == []


def test_the_last_windows_of_an_uploaded_old_log_are_told_when_it_is_through(place: Place) -> None:
    place.send(other("02:50:00"))
    place.worker.drain()
    old = place.send(failed("01:00:00", "192.0.2.1"))
    place.worker.drain()
    pass_minutes(place, 0, 9)
    more = place.send(failed("01:20:00", "192.0.2.1"))  # ends the first window, and begins one
    place.worker.drain()
    assert [one.event_id for one in place.found()] == [old]
    pass_minutes(place, 600, 11)

    assert [one.event_id for one in place.found()] == [old, more]


def test_while_much_is_waiting_in_the_spool_nobody_is_silent(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dekhang.pipeline.worker.loop.BATCH_SECONDS", 0.0)
    place.send(failed("02:00:00", "192.0.2.1"))
    place.worker.drain()
    place.worker.batch_records = 1
    for minute in range(60):
        place.worker.let_time_pass(minute * 60)
        if minute % 5 == 0:
            place.send(other("02:00:01"), other("02:00:02"), unit=4, source=9)
            while place.worker.step():
                pass

    assert place.found() == []
