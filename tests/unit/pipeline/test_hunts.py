"""Hunts over a real lake: the same result whoever does the work, however often it stops, whatever is merged meanwhile."""

import os
import signal
import threading
from pathlib import Path

import pytest

from dekhang.engine import Detector
from dekhang.pipeline import place
from dekhang.pipeline.hunt import executors
from dekhang.pipeline.hunt import run as hunting
from dekhang.pipeline.hunt.executors import Here, Processes, Unavailable
from dekhang.pipeline.hunt.handover import MARK, NotFindings, hand_over
from dekhang.pipeline.hunt.scan import Scanner
from dekhang.pipeline.hunt.slices import Slice
from dekhang.pipeline.hunt.target import NothingToHunt
from dekhang.pipeline.parse import parse
from dekhang.pipeline.place import Place
from dekhang.pipeline.rulesettings import load_installed_rules
from dekhang.pipeline.stores import database, detections, hunts
from dekhang.pipeline.stores.database.postgres import close_idle
from dekhang.pipeline.stores.hunts import Hunt, Request
from dekhang.pipeline.stores.search import Everything
from tests.stored import DAY, HOUR, NOON, settle, store

PROJECT = Path(__file__).resolve().parents[3]
RULES = PROJECT / "rules" / "linux"


def line(time_ms: int, user: str, address: str) -> str:
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(time_ms / 1000, UTC)
    return (
        f"<38>{at:%b} {at.day:2d} {at:%H:%M:%S} may-chu sshd[1291]: "
        f"Failed password for {user} from {address} port 40000 ssh2"
    )


def event(number: int, unit: int, time_ms: int, raw: str | dict, kind: str = "linux_auth") -> dict:
    return {"event_id": number, "unit_id": unit, "source_id": unit, "time": time_ms, "kind": kind, "raw": raw,
            "received_at": NOON}  # fmt: skip


@pytest.fixture
def lake(tmp_path) -> Path:
    """Three units, four days: guessing at units 1 and 2, across midnight, in segments that overlap; a few others."""
    found = []
    for unit, start in ((1, NOON - 2 * DAY), (2, NOON - DAY - 12 * HOUR - 20_000), (3, NOON - DAY)):
        many = 40 if unit < 3 else 3
        found += [
            event(1000 * unit + n, unit, start + 2000 * n, line(start + 2000 * n, "root", f"192.0.2.{unit}"))
            for n in range(many)
        ]
    found += [event(9000 + n, 3, NOON - n * DAY, f"một dòng thường {n}", "syslog") for n in range(4)]
    windows = {
        "Channel": "Security",
        "EventID": 1102,
        "Computer": "may-1",
        "Provider_Name": "Microsoft-Windows-Eventlog",
    }
    found.append(event(9100, 3, NOON - 3 * DAY, windows, "windows"))
    for start in range(3):
        store(tmp_path, found[start::3])
    return tmp_path


def wanted(data: Path, **more) -> Hunt:
    given = {"kind": "rules", "title": "thử", "unit_ids": (1, 2, 3), "since_ms": NOON - 10 * DAY, "until_ms": NOON + DAY,
             "snapshot_ms": NOON + 1, "by": "thử"}  # fmt: skip
    files = {name: more.pop(name) for name in ("rules", "indicators") if name in more}
    return hunts.create(data, Request(**{**given, **more}), now_ms=NOON, **files)


def go(data: Path, hunt: Hunt, executor=None, progress=lambda state: None) -> hunts.State:
    return hunting.run(
        data, hunt, rule_folders=[RULES], executor=executor or Here(), now_ms=lambda: NOON, progress=progress
    )


def found(hunt: Hunt) -> list[tuple[str, int, int]]:
    return [(hit["rule_id"], hit["unit_id"], hit["event_id"]) for hit in hunt.hits()]


@pytest.fixture
def whole(lake) -> list[tuple[str, int, int]]:
    """What a hunt with all rules finds when nothing disturbs it."""
    hunt = wanted(lake, rules=[RULES])
    assert go(lake, hunt).status == "done"
    return found(hunt)


def test_a_hunt_finds_what_the_detector_finds_on_the_same_records_in_event_time(lake, whole):
    book = load_installed_rules([RULES], lake)
    records = []
    for unit, start in ((1, NOON - 2 * DAY), (2, NOON - DAY - 12 * HOUR - 20_000), (3, NOON - DAY)):
        for n in range(40 if unit < 3 else 3):
            raw = line(start + 2000 * n, "root", f"192.0.2.{unit}").encode()
            records.append(parse(raw, source_kind="", received_ms=NOON, scope=unit, key=1000 * unit + n).record)
    records.sort(key=lambda record: record.time_ms)
    detector = Detector(book.ruleset)
    matches = [*detector.process(records), *detector.close()]
    assert {unit for _, unit, _ in whole} == {1, 2}
    assert sorted(whole) == sorted((match.rule.id, match.scope, match.keys[-1]) for match in matches)


def test_several_processes_give_the_same_bytes(lake):
    alone, shared = wanted(lake, rules=[RULES]), wanted(lake, rules=[RULES])
    go(lake, alone)
    go(lake, shared, Processes(3))
    assert shared.hits_path.read_bytes() == alone.hits_path.read_bytes()
    assert alone.state.records == shared.state.records > 0


def test_a_process_that_is_killed_ends_the_hunt_with_a_sentence_and_it_can_be_resumed(lake, whole, monkeypatch):
    look, own = Scanner.__call__, os.getpid()

    def dying(self, one):
        if os.getpid() != own and one.position >= (NOON // DAY * DAY - DAY, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        return look(self, one)

    hunt = wanted(lake, rules=[RULES])
    with monkeypatch.context() as patched:
        patched.setattr(Scanner, "__call__", dying)
        with pytest.raises(Unavailable, match="--resume"):
            go(lake, hunt, Processes(2))
    assert hunt.state.status == "failed" and "hết bộ nhớ" in hunt.state.problem
    assert go(lake, hunt).status == "done"
    assert found(hunt) == whole


def test_processes_are_not_further_ahead_than_results_are_taken(lake):
    begun = []
    days = [Slice(NOON + n * DAY, NOON + n * DAY + DAY, 0, (1,)) for n in range(40)]
    results = Processes(2).map(Scanner(lake, Everything(), NOON), (begun.append(one) or one for one in days))
    for _ in range(3):
        next(results)
    assert len(begun) <= 3 + 2 * executors.AHEAD + 1
    results.close()


def test_stopped_anywhere_and_resumed_it_finds_the_same_even_when_segments_are_merged_meanwhile(lake, whole):
    for stop_after in (1, 4, 7):
        hunt = wanted(lake, rules=[RULES])

        def interrupt(state, after=stop_after):
            if state.done == after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            go(lake, hunt, progress=interrupt)
        assert (hunt.state.status, hunt.state.done) == ("stopped", stop_after)
        with hunt.hits_path.open("ab") as file:
            file.write(b'{"half a li')  # a crash in the middle of a slice leaves this
        settle(lake)
        store(lake, [event(99_000, 1, NOON - 9 * DAY, "đến sau", "syslog") | {"received_at": NOON + 5}])
        assert go(lake, hunt).status == "done"
        assert found(hunt) == whole


def test_what_is_not_finished_of_a_slice_does_not_count(lake, whole, monkeypatch):
    hunt = wanted(lake, rules=[RULES])
    keep, times = hunting._Work._keep, iter(range(100))

    def failing(self, hits):
        keep(self, hits)
        if hits and next(times) == 0:
            raise KeyboardInterrupt

    monkeypatch.setattr(hunting._Work, "_keep", failing)
    with pytest.raises(KeyboardInterrupt):
        go(lake, hunt)
    assert hunt.state.hits == len(found(hunt)) == 0
    assert go(lake, hunt).status == "done"
    assert found(hunt) == whole


def test_a_cancelled_hunt_stops_and_stays_so(lake):
    hunt = wanted(lake, rules=[RULES])
    state = go(lake, hunt, progress=lambda state: hunt.cancel())
    assert (state.status, hunt.state.status, state.done) == ("cancelled", "cancelled", 1)
    assert go(lake, hunt).status == "cancelled"


def test_two_processes_never_work_on_one_hunt(lake):
    hunt = wanted(lake, rules=[RULES])
    with hunt.claimed() as mine:
        assert mine
        assert hunt.is_running
        with pytest.raises(hunting.Busy):
            go(lake, hunt)


def test_one_installed_rule_by_its_id_brings_the_rules_it_counts(lake, whole):
    rule_id = whole[0][0]
    hunt = wanted(lake, rule_ids=(rule_id,))
    go(lake, hunt)
    assert found(hunt) == [one for one in whole if one[0] == rule_id]
    with pytest.raises(NothingToHunt, match="Không có luật khong-co"):
        go(lake, wanted(lake, rule_ids=("khong-co",)))


def test_a_resumed_hunt_looks_for_the_rules_of_its_beginning_though_they_were_removed(lake, whole):
    rule_id = whole[0][0]
    hunt = wanted(lake, rule_ids=(rule_id,))

    def interrupt(state):
        if state.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go(lake, hunt, progress=interrupt)
    hunting.run(lake, hunt, rule_folders=[], executor=Here(), now_ms=lambda: NOON)
    assert found(hunt) == [one for one in whole if one[0] == rule_id]


def test_indicators_are_found_in_every_kind_of_record(lake, tmp_path_factory):
    file = tmp_path_factory.mktemp("chi-dau") / "dia-chi.txt"
    file.write_text("192.0.2.3\n198.51.100.1\n")
    hunt = wanted(lake, kind="indicators", indicators=[file])
    assert go(lake, hunt).hits == 3
    assert {hit["unit_id"] for hit in hunt.hits()} == {3}
    assert [hit["event_id"] for hit in hunt.hits()] == [3000, 3001, 3002]


def test_a_query_is_hunted_within_the_units_and_the_time_asked_for(lake):
    hunt = wanted(lake, kind="query", query="khong-co OR dong thuong", since_ms=NOON - 2 * DAY - 1)
    go(lake, hunt)
    assert [hit["event_id"] for hit in hunt.hits()] == [9002, 9001, 9000]
    other = wanted(lake, kind="query", query="dong thuong", unit_ids=(1, 2))
    assert go(lake, other).hits == 0
    named = wanted(lake, kind="query", query="unit:mau root", unit_names={1: "Xã Mẫu", 2: "Xã Khác"})
    assert go(lake, named).hits == 40


def test_windows_events_are_read_by_the_engine_itself(lake, tmp_path_factory):
    rule = tmp_path_factory.mktemp("luat") / "xoa.yml"
    rule.write_text(
        "title: Xóa nhật ký\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\n"
        "logsource: {product: windows, service: security}\ndetection: {a: {EventID: 1102}, condition: a}\n"
    )
    hunt = wanted(lake, rules=[rule])
    assert go(lake, hunt).hits == 1
    hit = next(hunt.hits())
    assert (hit["event_id"], hit["host"], hit["fields"]["Channel"]) == (9100, "", "Security")


@pytest.mark.parametrize(
    ("kind", "text", "hits"),
    [
        ("indicators", "198.51.100.77\nxau.example.net\n", 2),
        ("rules", "*\\\\mimikatz.exe", 1),
        ("query", "mimikatz", 1),
    ],
)
def test_what_surely_is_not_there_is_not_read_and_that_is_said(tmp_path, tmp_path_factory, kind, text, hits):
    for day in range(6):
        words = [f"một dòng thường {n} từ 192.0.2.{n % 200}" for n in range(400)]
        found = [event(1000 * day + n, 1, NOON - day * DAY, word, "syslog") for n, word in enumerate(words)]
        if day == 3:
            windows = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\\\tmp\\\\Mimikatz.exe"}
            found.append(event(3900, 1, NOON - day * DAY, windows, "windows"))
            found.append(event(3901, 1, NOON - day * DAY, "gọi tới 198.51.100.77 và www.xau.example.net", "syslog"))
        store(tmp_path, found[::2])
        store(tmp_path, found[1::2])
    settle(tmp_path)
    if kind == "query":
        hunt = wanted(tmp_path, kind=kind, query=text)
    else:
        file = tmp_path_factory.mktemp("do") / ("do.txt" if kind == "indicators" else "do.yml")
        file.write_text(
            text
            if kind == "indicators"
            else "title: x\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\nlogsource: {product: windows, category: "
            f"process_creation}}\ndetection: {{a: {{Image: '{text}'}}, condition: a}}\n"
        )
        hunt = wanted(tmp_path, kind=kind, **{kind: [file]})
    state = go(tmp_path, hunt)
    assert state.hits == hits
    assert state.groups_read == 1 < state.groups


@pytest.mark.parametrize("test", ["Image|contains: u20190001", r"Image|endswith: '\u20190001.exe'"])
def test_a_rule_about_a_name_that_reads_like_a_letter_in_json_finds_it_after_a_merge(tmp_path, tmp_path_factory, test):
    windows = {"Channel": "Security", "EventID": 4688, "NewProcessName": "C:\\tmp\\u20190001.exe"}
    store(tmp_path, [event(1, 1, NOON, windows, "windows")])
    settle(tmp_path)
    rule = tmp_path_factory.mktemp("luat") / "do.yml"
    rule.write_text(
        "title: x\nid: 11111111-1111-4111-8111-111111111111\nlevel: high\nlogsource: {product: windows, category: "
        f"process_creation}}\ndetection: {{a: {{{test}}}, condition: a}}\n"
    )
    assert go(tmp_path, wanted(tmp_path, rules=[rule])).hits == 1


@pytest.mark.parametrize("written", ["192.0.2.7", "::ffff:192.0.2.7", "::ffff:c000:207", "0:0:0:0:0:FFFF:C000:0207"])
def test_an_address_is_hunted_however_it_is_written_after_a_merge_too(tmp_path, tmp_path_factory, written):
    store(tmp_path, [event(1, 1, NOON, f"ket noi tu {written} bi tu choi", "syslog")])
    settle(tmp_path)
    file = tmp_path_factory.mktemp("do") / "do.txt"
    file.write_text("192.0.2.7\n")
    assert go(tmp_path, wanted(tmp_path, kind="indicators", indicators=[file])).hits == 1


def test_a_hunt_that_finds_everything_leaves_the_disk_to_others_and_says_what_it_left_out(lake, monkeypatch):
    monkeypatch.setattr(hunting, "HITS_BYTES_MOST", 5_000)
    hunt = wanted(lake, kind="query", query="a OR e OR o")
    state = go(lake, hunt)
    assert hunt.hits_path.stat().st_size == state.hits_bytes <= 5_000
    assert state.hits == len(list(hunt.hits())) > 0
    assert state.hits + state.left_out == 88


def test_findings_become_detections_once_marked_with_their_hunt(lake, whole):
    first, second = wanted(lake, rules=[RULES]), wanted(lake, rules=[RULES])
    for hunt in (first, second):
        go(lake, hunt)
    assert hand_over(lake, first, now_ms=NOON) == len(whole)
    assert hand_over(lake, first, now_ms=NOON) == hand_over(lake, second, now_ms=NOON) == 0
    told = detections.after(lake, 0)
    assert [(one.rule_id, one.unit_id, one.event_id) for one in told] == whole
    assert {one.fields[MARK] for one in told} == {first.id}
    assert first.state.told == len(whole)
    with pytest.raises(NotFindings):
        hand_over(lake, wanted(lake, kind="query", query="a"), now_ms=NOON)


def test_findings_wait_for_detections_that_a_worker_is_writing(lake, postgres):
    """Who reads detections remembers the last id: one that appeared later with a lower id would never be an alert."""
    hunt = wanted(lake, rules=[RULES])
    go(lake, hunt)
    place.write(Place(lake, "may-1", postgres.new_database()))
    worker = database.connect(lake)
    telling = threading.Thread(target=hand_over, args=(lake, hunt), kwargs={"now_ms": NOON})
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with worker.transaction():
        worker.one_at_a_time("detections")
        telling.start()
        while telling.is_alive() and worker.execute(waits).fetchone() == (0,):
            telling.join(0.01)
        assert telling.is_alive() and not detections.after(lake, 0)
    telling.join(30)
    worker.close()

    assert len(detections.after(lake, 0)) == hunt.state.told > 0
    close_idle()


def test_history_without_anything_is_done_at_once(tmp_path):
    hunt = wanted(tmp_path, kind="query", query="a")
    assert (go(tmp_path, hunt).status, list(hunt.hits())) == ("done", [])


def test_faulty_rules_are_named_with_their_line(tmp_path):
    (tmp_path / "hong.yml").write_text("title: x\ndetection: [\n")
    hunt = wanted(tmp_path, rules=[tmp_path / "hong.yml"])
    with pytest.raises(NothingToHunt, match=r"hong\.yml:"):
        go(tmp_path, hunt)
    assert hunt.state.status == "failed"
    assert "hong.yml" in hunt.state.problem
