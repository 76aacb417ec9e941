"""From spool to lake, detections and ledger: what comes out, what is counted, what survives faults."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from dekhang.cli import doctor
from dekhang.pipeline import lakewrite, wallclock
from dekhang.pipeline.lakewrite.batches import SMALL_ROWS
from dekhang.pipeline.spool import Batch, SpoolWriter, event_id
from dekhang.pipeline.stores import database, detections, ledger, schema
from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.worker import loop as loop_module
from dekhang.pipeline.worker.loop import Worker
from tests.postgres import Keep

RECEIVED = 1_575_943_200_000  # 2019-12-10T02:00:00Z
RULE = """
title: Root logged in
id: 3f2f1f0a-0000-4000-8000-000000000003
logsource: {product: linux, service: auth}
detection:
  good: {action: login_ok, user: root}
  condition: good
level: high
dekhang:
  title_vi: "Đăng nhập bằng root"
  meaning_vi: "Có người đăng nhập bằng tài khoản root."
  first_actions_vi: ["Hỏi người quản trị máy."]
  family: root_login
  entity: [src_ip]
  incident_kind: intrusion
"""


def ok(user: str = "root", ip: str = "192.0.2.7", stamp: str = "Dec 10 02:00:00") -> bytes:
    return f"{stamp} may-chu sshd[1]: Accepted password for {user} from {ip} port 4000 ssh2".encode()


def batch(records: list[bytes], *, source: int = 7, unit: int = 3, kind: str = "linux", **more: Any) -> Batch:
    facts: dict[str, Any] = {"transport": "tail", "received_ms": RECEIVED, "peer": "192.0.2.250", **more}
    return Batch(source, unit, kind, records=records, **facts)


class Place:
    """A data folder with a rule folder and a receiver."""

    def __init__(self, folder: Path, keep: Keep) -> None:
        self.data = folder / "data"
        keep(self.data)
        self.rules = folder / "rules"
        self.rules.mkdir()
        (self.rules / "root.yml").write_text(RULE)
        self.spool = SpoolWriter(self.data / "spool", 1)
        self.worker = self.new_worker()

    def new_worker(self) -> Worker:
        worker = Worker(self.data, [self.rules])
        worker.start()
        return worker

    def send(self, *batches: Batch) -> list[int]:
        first = [event_id(1, self.spool.append(one)) for one in batches]
        self.spool.sync()
        return first

    def flush(self) -> int:
        """Small batches become files."""
        return lakewrite.flush(self.worker.lake, self.worker.connection, now_ms=1_000, least_rows=1)


@pytest.fixture
def place(tmp_path: Path, keep_records: Keep):
    made = Place(tmp_path, keep_records)
    yield made
    made.spool.close()
    made.worker.close()


def test_an_event_can_be_read_back_with_its_facts_and_exact_bytes(place: Place) -> None:
    raw = ok() + b" \xff\x00"
    (number,) = place.send(batch([raw]))
    place.worker.drain()

    (event,) = Lake(place.data).events([number], unit_ids=[3])

    assert event.raw == raw
    assert (event.kind, event.user, event.src_ip, event.event_code) == ("linux_auth", "root", "192.0.2.7", "login_ok")
    assert (event.host, event.time_ms, event.received_ms) == ("may-chu", RECEIVED, RECEIVED)
    assert event.fields["program"] == "sshd" and "Accepted password" in event.fields["message"]


def test_a_flat_windows_event_keeps_its_fields_once(place: Place) -> None:
    flat = b'{"EventID":4624,"Channel":"Security","Computer":"pc","SystemTime":"2019-12-10T02:00:00Z","TargetUserName":"lan"}'
    nested = b'{"@timestamp":"2019-12-10T02:00:00Z","winlog":{"channel":"Security","event_id":4624,"event_data":{"TargetUserName":"lan"}}}'
    place.send(batch([flat, nested], kind="windows"))
    place.worker.drain()

    events = Lake(place.data).recent([3])

    assert {event.fields["TargetUserName"] for event in events} == {"lan"}
    assert {event.event_code for event in events} == {"4624"}


def test_no_question_is_answered_with_another_units_events(place: Place) -> None:
    mine, other = place.send(batch([ok()], source=7, unit=3), batch([ok()], source=8, unit=4))
    place.worker.drain()
    lake = Lake(place.data)

    assert [event.unit_id for event in lake.recent([3])] == [3]
    assert lake.recent([3], source_id=8) == []
    assert [event.event_id for event in lake.events([mine, other], unit_ids=[4])] == [other]
    assert lake.count([3], 0) == 1
    assert lake.histogram(8, 0, 60, unit_ids=[3]) == []
    assert lake.recent([]) == [] and lake.events([mine], unit_ids=[]) == [] and lake.count([], 0) == 0
    assert [one.unit_id for one in detections.of_units(place.data, [4])] == [4]


def test_a_match_becomes_a_detection_about_its_entity(place: Place) -> None:
    (number,) = place.send(batch([ok(user="lan"), ok(ip="192.0.2.9")]))
    place.worker.drain()

    (found,) = detections.after(place.data, 0)

    assert (found.rule_id[:8], found.rule_level, found.family, found.title) == (
        "3f2f1f0a",
        "high",
        "root_login",
        "Đăng nhập bằng root",
    )
    assert (found.unit_id, found.source_id, found.event_id, found.entity) == (3, 7, number + 1, "192.0.2.9")
    assert (found.event_ids, found.count, found.first_ms) == ((number + 1,), 1, RECEIVED)
    assert found.fields["action"] == "login_ok" and found.fields["src_ip"] == "192.0.2.9"
    assert detections.get(place.data, found.id) == found
    assert detections.after(place.data, found.id) == []


def test_the_account_of_a_source_adds_up_before_and_after(place: Place) -> None:
    place.send(batch([ok()] * 3, ids=[b"a", b"b", b"a"]), batch([ok(), b"noise"], ids=[b"b", None]))
    connection = database.connect(place.data)
    with connection.transaction():
        connection.execute(
            "INSERT INTO refusals VALUES (7, ?, 'oversize', 4, 400, ?, 'x', '192.0.2.1')",
            (RECEIVED // 3_600_000, RECEIVED),
        )
    connection.close()
    before = ledger.of_source(place.data, 7)
    place.worker.drain()
    after = ledger.of_source(place.data, 7)

    assert (before.received, before.waiting, before.refused, before.stored) == (9, 5, 4, 0)
    assert (after.received, after.waiting, after.refused, after.stored, after.duplicate) == (9, 0, 4, 3, 2)
    assert (after.unparsable, after.last_received_ms, after.first_event_ms) == (1, RECEIVED, RECEIVED)
    pulse = ledger.pulses(place.data, [7, 99], refused_since=RECEIVED)
    assert pulse == {7: ledger.Pulse(RECEIVED, 0, True), 99: ledger.Pulse()}
    assert not ledger.pulses(place.data, [7], refused_since=RECEIVED + 3_600_000)[7].refused
    assert after.samples[0].raw == "noise" and after.samples[0].problem.endswith(".")
    assert after.refusals["oversize"].records == 4
    (hour,) = ledger.hourly(place.data, 7, 0)
    assert (hour.stored, hour.duplicate, hour.refused, hour.unparsable) == (3, 2, 4, 1)


def test_a_repeated_delivery_is_a_duplicate_also_after_a_restart_but_not_for_another_source(place: Place) -> None:
    place.send(batch([ok()], ids=[b"id-1"]))
    place.worker.drain()
    place.worker.close()
    place.worker = place.new_worker()
    place.send(batch([ok()], ids=[b"id-1"]), batch([ok()], source=8, ids=[b"id-1"]))
    place.worker.drain()

    assert (ledger.of_source(place.data, 7).stored, ledger.of_source(place.data, 7).duplicate) == (1, 1)
    assert ledger.of_source(place.data, 8).stored == 1


def test_only_the_five_newest_unreadable_records_are_kept_as_examples(place: Place) -> None:
    for number in range(8):
        place.send(batch([f"noise {number}".encode()], received_ms=RECEIVED + number))
        place.worker.drain()

    account = ledger.of_source(place.data, 7)

    assert [sample.raw for sample in account.samples] == [f"noise {number}" for number in (7, 6, 5, 4, 3)]
    assert account.unparsable == 8


def test_late_events_are_counted_and_lie_under_their_own_day(place: Place) -> None:
    place.send(batch([ok(stamp="Dec  8 23:00:00"), ok()]))
    place.worker.drain()
    place.flush()

    assert ledger.of_source(place.data, 7).late == 1
    assert sorted(path.name for path in (place.data / "lake").iterdir()) == ["day=2019-12-08", "day=2019-12-10"]
    buckets = Lake(place.data).histogram(7, 0, 86_400, unit_ids=[3])
    assert [(bucket.start_ms // 86_400_000, bucket.count) for bucket in buckets] == [(18_238, 1), (18_240, 1)]


def test_unknown_senders_are_listed_latest_first(place: Place) -> None:
    connection = database.connect(place.data)
    with connection.transaction():
        for hour, peer in ((1, "192.0.2.1"), (2, "192.0.2.2"), (3, "192.0.2.1")):
            connection.execute("INSERT INTO refusals VALUES (0, ?, 'wrong_token', 1, 1, ?, 'x', ?)", (hour, hour, peer))
    connection.close()

    senders = ledger.unknown_senders(place.data)

    assert [(one.peer, one.records, one.last_at) for one in senders] == [("192.0.2.1", 2, 3), ("192.0.2.2", 1, 2)]


def test_an_installation_without_anything_answers_with_nothing(tmp_path: Path) -> None:
    assert ledger.of_source(tmp_path, 1).received == 0
    assert detections.after(tmp_path, 0) == []
    assert Lake(tmp_path).recent([1]) == []
    assert ledger.hourly(tmp_path, 1, 0) == [] and ledger.unknown_senders(tmp_path) == []
    assert list(tmp_path.iterdir()) == []  # and reading creates nothing


def test_merging_changes_no_answer_and_leaves_old_files_for_their_readers(place: Place) -> None:
    for number in range(6):
        place.send(batch([ok(user=f"u{number}")], received_ms=RECEIVED + number))
        place.worker.drain()
        place.flush()
    lake = Lake(place.data)
    before = lake.recent([3])
    merged = lakewrite.compact_once(place.worker.lake, place.worker.connection, now_ms=1_000, min_files=2)

    assert merged == 6
    assert lake.recent([3]) == before
    assert lake.events([event.event_id for event in before], unit_ids=[3]) == sorted(
        before, key=lambda one: one.event_id
    )
    files = sorted((place.data / "lake").rglob("*.parquet"))
    assert len(files) == 7
    assert lakewrite.remove_orphans(place.worker.lake, place.worker.connection) == 0
    gone_ms = 1_000 + lakewrite.KEEP_SECONDS * 1000
    assert lakewrite.empty_garbage(place.worker.lake, place.worker.connection, now_ms=gone_ms - 1) == 0
    assert lakewrite.empty_garbage(place.worker.lake, place.worker.connection, now_ms=gone_ms) == 12  # with indexes
    assert len(list((place.data / "lake").rglob("*.parquet"))) == 1
    assert lake.recent([3]) == before


def test_a_batch_costs_a_file_for_a_day_that_is_worth_it_and_none_for_the_others(place: Place) -> None:
    """As of a machine that sends what it kept for weeks together with what happens now."""
    today, earlier = (
        [ok(user=f"u{n}") for n in range(SMALL_ROWS)],
        [ok(stamp=f"Nov {n:2} 02:00:00") for n in range(1, 29)],
    )
    place.send(batch(earlier[:14] + today + earlier[14:]))
    place.worker.drain()

    assert [path.parent.name for path in (place.data / "lake").rglob("*.parquet")] == ["day=2019-12-10"]
    assert Lake(place.data).count([3], 0) == SMALL_ROWS + 28
    assert ledger.of_source(place.data, 7).stored == SMALL_ROWS + 28
    place.flush()
    assert Lake(place.data).count([3], 0) == SMALL_ROWS + 28


def test_invented_dates_do_not_cost_a_file_each(place: Place) -> None:
    days = [
        f'{{"EventID":1,"Channel":"x","SystemTime":"20{n // 12 + 10:02}-{n % 12 + 1:02}-05T00:00:00Z"}}'.encode()
        for n in range(110)
    ]
    place.send(batch(days, kind="windows"))
    place.worker.drain()
    assert Lake(place.data).count([3], 0) == 110
    place.flush()

    assert len(list((place.data / "lake").rglob("*.parquet"))) == lakewrite.DAYS_PER_BATCH + 1
    assert Lake(place.data).count([3], 0) == 110


def test_files_that_no_transaction_finished_are_removed_at_start(place: Place) -> None:
    place.send(batch([ok()]))
    place.worker.drain()
    place.flush()
    orphan = next((place.data / "lake").rglob("*.parquet")).with_name("orphan.parquet")
    orphan.write_bytes(b"half")
    draft = orphan.with_name(".draft.parquet.tmp")
    draft.write_bytes(b"half")
    place.worker.close()
    place.worker = place.new_worker()

    assert not orphan.exists() and not draft.exists()
    assert Lake(place.data).count([3], 0) == 1


def test_a_failed_transaction_is_repeated_and_counts_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.send(batch([ok()], ids=[b"a"]))
    real = loop_module.commit
    failures = [database.Error("database or disk is full"), RuntimeError("a bug"), OSError("no space")]

    def failing(*args: Any, **kwargs: Any) -> None:
        if failures:
            raise failures.pop()
        real(*args, **kwargs)
        place.worker.stopping = True

    monkeypatch.setattr(loop_module, "commit", failing)
    monkeypatch.setattr(loop_module, "RETRY_SECONDS", 0.01)
    place.worker.run()

    account = ledger.of_source(place.data, 7)
    assert (account.stored, account.duplicate, account.waiting) == (1, 0, 0)
    place.worker = place.new_worker()
    assert place.flush() == 1
    assert Lake(place.data).count([3], 0) == 1  # the failed attempts left nothing
    assert len(detections.after(place.data, 0)) == 1


def test_an_engine_fault_costs_one_record_its_verdict_and_nothing_else(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dekhang.engine import Detector

    real = Detector.process

    def failing(self: Detector, records: Any) -> Any:
        if any("poison" in str(record.fields.get("user")) for record in records):
            raise RecursionError("a bug")
        return real(self, records)

    monkeypatch.setattr(Detector, "process", failing)
    place.send(batch([ok(), ok(user="poison"), ok()]))
    place.worker.drain()

    assert Lake(place.data).count([3], 0) == 3
    assert len(detections.after(place.data, 0)) == 2
    assert place.worker.facts()["undetected"] == 1


def test_a_changed_rule_counts_from_the_next_batch_and_a_faulty_one_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dekhang.pipeline.worker.rules.SCAN_SECONDS", 0.0)
    (place.rules / "root.yml").write_text(RULE.replace("user: root", "user: lan"))
    (place.rules / "broken.yml").write_text("title: broken\nlogsource: {product: linux}\ndetection: 7\n")
    place.send(batch([ok(), ok(user="lan")]))
    deadline = time.monotonic() + 10
    while not place.worker.step() and time.monotonic() < deadline:
        pass

    assert [one.fields["user"] for one in detections.after(place.data, 0)] == ["lan"]
    (problem,) = ledger.rule_problems(place.data)
    assert problem.path.endswith("broken.yml") and problem.reason


def test_the_doctor_holds_the_ledger_against_the_lake(place: Place) -> None:
    place.send(batch([ok()] * 3), batch([ok(), ok()], ids=[b"a", b"a"]))
    place.worker.drain()
    ((fine, said),) = doctor.ledger(place.data)
    assert fine and "ghi 4 bản ghi đã lưu, kho có 4" in said
    place.flush()
    assert [fine for fine, _ in doctor.ledger(place.data)] == [True]

    place.worker.connection.execute("UPDATE segments SET rows = rows - 1")

    ((fine, said),) = doctor.ledger(place.data)
    assert not fine and "ghi 4 bản ghi đã lưu, kho có 3" in said


def test_old_sender_ids_are_forgotten_after_two_days(place: Place) -> None:
    from dekhang.pipeline.worker.commit import forget_old_ids

    place.send(batch([ok()], ids=[b"a"]))
    place.worker.drain()
    now_ms = wallclock.now_ms()

    assert forget_old_ids(place.worker.connection, now_ms=now_ms + 2 * 86_400_000) == 0
    assert forget_old_ids(place.worker.connection, now_ms=now_ms + 3 * 86_400_000) == 1


def test_a_repeated_delivery_is_a_duplicate_also_when_both_have_waited_for_days(place: Place) -> None:
    for _ in range(2):
        place.send(batch([ok()], ids=[b"a"]))
        place.worker.drain()
        place.worker._keep_house()

    account = ledger.of_source(place.data, 7)
    assert (account.stored, account.duplicate) == (1, 1)


def test_consumed_spool_segments_are_deleted(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.mkdir()
    with SpoolWriter(tmp_path / "data" / "spool", 1, segment_bytes=2_000) as spool:
        for number in range(40):
            spool.append(batch([ok(user=f"u{number}-{one}") for one in range(20)]))
    before = len(list((tmp_path / "data" / "spool" / "1").glob("*.seg")))
    worker = Worker(tmp_path / "data", [rules])
    worker.start()
    worker.drain()
    worker.close()

    assert before >= 4
    assert len(list((tmp_path / "data" / "spool" / "1").glob("*.seg"))) == 1
    assert ledger.of_source(tmp_path / "data", 7).received == 800


def test_a_database_of_a_newer_program_is_refused_with_a_sentence(tmp_path: Path) -> None:
    database.connect(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "pipeline.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(schema.SchemaTooNew, match="mới hơn"):
        database.connect(tmp_path)


def test_a_trickle_of_events_ends_in_few_files_and_rewrites_each_row_seldom(place: Place) -> None:
    written = 0
    for number in range(120):
        place.send(batch([ok(user=f"u{number}")], received_ms=RECEIVED + number))
        place.worker.drain()
        place.flush()
        while merged := lakewrite.compact_once(place.worker.lake, place.worker.connection, now_ms=0, min_files=5):
            written += merged
    (files,) = place.worker.connection.execute("SELECT count(*) FROM segments").fetchone()

    assert files <= 8
    assert written <= 120 * 3
    assert Lake(place.data).count([3], 0) == 120


def test_a_day_that_has_settled_becomes_one_file(place: Place) -> None:
    for number in range(3):
        place.send(batch([ok(user=f"u{number}")]))
        place.worker.drain()
        lakewrite.flush(place.worker.lake, place.worker.connection, now_ms=int(time.time() * 1000), least_rows=1)
    later = int(time.time() * 1000) + 3_700_000

    assert lakewrite.compact_once(place.worker.lake, place.worker.connection, now_ms=int(time.time() * 1000)) == 0
    assert lakewrite.compact_once(place.worker.lake, place.worker.connection, now_ms=later) == 3
    assert lakewrite.compact_once(place.worker.lake, place.worker.connection, now_ms=later + 9_000_000) == 0
