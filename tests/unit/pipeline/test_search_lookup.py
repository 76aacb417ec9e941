"""Asking a real lake: newest first, over pages, counted over time, bounded, and never beyond the units named."""

import threading
from pathlib import Path

import pytest

from dekhang.pipeline.stores.lake import Lake
from dekhang.pipeline.stores.search import Answer, Axis, Bars, Everything, Range, TooBusy, look_up, lookup, parse
from tests.stored import DAY, HOUR, NOON, settle, store

ALL = Range(NOON - 30 * DAY, NOON + DAY)


def ask(data: Path, typed: str = "", within: Range = ALL, *, units=(1,), limit: int = 50, **more) -> Answer:
    return look_up(data, parse(typed), within, unit_ids=units, limit=limit, **{"budget_seconds": 60.0, **more})


def ids(answer: Answer) -> list[int]:
    return [position.event_id for position in answer.positions]


def test_without_accents_finds_with_accents(tmp_path):
    store(tmp_path, [{"event_id": 1, "raw": "Đăng nhập không thành công"}, {"event_id": 2, "raw": "đăng xuất"}])
    assert ids(ask(tmp_path, "dang nhap KHONG")) == [1]
    assert ids(ask(tmp_path, "DANG")) == [2, 1]


def test_fields_of_json_kept_once_are_found_by_any_spelling(tmp_path):
    event = {"EventID": 4625, "TargetUserName": "Quản trị", "Keywords": ["a", "b"]}
    store(tmp_path, [{"event_id": 1, "kind": "windows", "raw": event}, {"event_id": 2, "raw": "4625"}])
    assert ids(ask(tmp_path, "eventid:4625 targetusername:quan*")) == [1]
    assert ids(ask(tmp_path, "Keywords:b")) == [1]
    assert ids(ask(tmp_path, "-EventID:4625")) == [2]


def test_a_damaged_json_record_does_not_break_the_search(tmp_path):
    store(tmp_path, [{"event_id": 1, "raw": '{"a": NaN', "fields": None}, {"event_id": 2, "raw": {"a": "x"}}])
    assert ids(ask(tmp_path, "a:x")) == [2]
    assert ids(ask(tmp_path, "-a:x")) == [1]


def test_other_units_events_are_not_found_whatever_is_asked(tmp_path):
    store(tmp_path, [{"event_id": n, "unit_id": n, "raw": "bí mật"} for n in (1, 2, 3)])
    assert ids(ask(tmp_path, "id:2 OR bi", units=[1, 3])) == [3, 1]
    counted = ask(tmp_path, units=[1, 3], bars=Bars(HOUR))
    assert (counted.total, counted.facets["unit_id"]) == (2, [(1, 1), (3, 1)])
    assert ids(ask(tmp_path, units=[])) == []


def test_newest_first_over_segments_and_pages(tmp_path):
    for day in range(6):  # segments overlap in time
        store(tmp_path, [{"event_id": 10 * day + n, "time": NOON - n * DAY} for n in range(6)])
    seen, before = [], None
    while True:
        answer = ask(tmp_path, limit=5, before=before)
        seen += answer.positions
        if not answer.more:
            break
        before = answer.positions[-1]
    assert len(seen) == 36
    assert seen == sorted(seen, reverse=True)


def test_a_range_is_of_event_time_or_of_receipt(tmp_path):
    store(tmp_path, [{"event_id": 1, "time": NOON - 5 * DAY, "received_at": NOON}, {"event_id": 2, "time": NOON}])
    hour = Range(NOON - HOUR, NOON + 1)
    assert ids(ask(tmp_path, within=hour)) == [2]
    assert ids(ask(tmp_path, within=Range(hour.since_ms, hour.until_ms, Axis.RECEIPT))) == [2, 1]
    assert ids(ask(tmp_path, within=Range(hour.since_ms, NOON))) == []


def test_counts_bars_of_local_days_and_the_commonest_values(tmp_path):
    store(tmp_path, [{"event_id": n, "time": NOON + n * HOUR, "host": f"may-{n % 3}"} for n in range(24)])
    counted = ask(tmp_path, limit=1, bars=Bars(DAY, offset_ms=7 * HOUR))
    assert counted.total == 24
    assert counted.counts == {NOON - 12 * HOUR: 12, NOON + 12 * HOUR: 12}  # from midnight in Tây Ninh
    assert counted.facets["host"] == [("may-0", 8), ("may-1", 8), ("may-2", 8)]
    assert counted.facets["user"] == []


def test_when_the_time_is_over_the_newest_part_is_complete_and_it_goes_on_from_there(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "LIGHT_ROWS_AT_ONCE", 1)
    for day in range(4):
        store(tmp_path, [{"event_id": day, "time": NOON - day * DAY}])
    look_at, late = lookup._Search._look_at, iter([False, False, True])

    def slow(self, *given):
        if next(late, False):
            raise lookup.duckdb.InterruptException
        return look_at(self, *given)

    monkeypatch.setattr(lookup._Search, "_look_at", slow)
    part = ask(tmp_path, bars=Bars(DAY))
    assert (ids(part), part.total, part.read) == ([0, 1], 2, 2)
    assert part.complete_from_ms == NOON - 2 * DAY + 1
    rest = ask(tmp_path, within=Range(ALL.since_ms, part.complete_from_ms), bars=Bars(DAY))
    assert (ids(rest), rest.complete_from_ms) == ([2, 3], None)


def test_however_big_records_are_a_search_holds_few_of_them_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(lookup, "BYTES_AT_ONCE", 1 << 20)
    for module in ("segments", "merge"):
        monkeypatch.setattr(f"dekhang.pipeline.lakewrite.{module}.GROUP_BYTES", 1 << 19)
    store(tmp_path, [{"event_id": n, "time": NOON + n, "raw": f"{n} " + "x" * 100_000} for n in range(60)])
    settle(tmp_path)
    held, condition = [], lookup._Search._newest_of

    def noting(self, cursor, found):
        held.append(cursor.execute("SELECT sum(strlen(raw)) FROM events").fetchall()[0][0])
        return condition(self, cursor, found)

    monkeypatch.setattr(lookup._Search, "_newest_of", noting)
    answer = ask(tmp_path, "xxx", limit=100, bars=Bars(HOUR))
    assert (ids(answer), answer.total) == ([*range(59, -1, -1)], 60)
    assert len(held) > 3 and max(held) < 2 << 20


def test_a_search_without_time_reads_nothing_and_says_so(tmp_path):
    store(tmp_path, [{"event_id": 1}])
    answer = ask(tmp_path, budget_seconds=0.0)
    assert (answer.positions, answer.read, answer.complete_from_ms) == ([], 0, NOON + 1)


def test_a_long_query_is_interrupted_when_the_time_is_over(tmp_path):
    store(tmp_path, [{"event_id": n, "raw": "x" * 500} for n in range(20_000)])
    answer = ask(tmp_path, " OR ".join(f"*y{n}*z" for n in range(60)), budget_seconds=0.1)
    assert answer.complete_from_ms == NOON + 1


def test_a_damaged_segment_costs_only_itself(tmp_path):
    for day in range(3):
        store(tmp_path, [{"event_id": day, "time": NOON - day * DAY}])
    damaged = next((tmp_path / "lake" / "day=2019-12-09").glob("*.parquet"))
    damaged.write_bytes(b"PAR1 no more")
    answer = ask(tmp_path, bars=Bars(DAY))
    assert (ids(answer), answer.total, answer.unreadable, answer.read) == ([0, 2], 2, 1, 2)

    lake = Lake(tmp_path)
    assert [event.event_id for event in lake.events([0, 1, 2], unit_ids=[1])] == [2, 0]
    assert [event.event_id for event in lake.recent([1])] == [0, 2]
    assert sum(bucket.count for bucket in lake.histogram(1, NOON - 5 * DAY, 3600, unit_ids=[1])) == 2
    scan = lake.scan([1], order="newest", limit=9)
    with pytest.raises(ValueError, match=r"(?i)parquet"):
        scan.table()


def test_searches_wait_for_their_turn_and_say_when_it_does_not_come(tmp_path):
    store(tmp_path, [{"event_id": 1}])
    for _ in range(lookup.AT_ONCE):
        assert lookup._turns.acquire(timeout=30)
    try:
        with pytest.raises(TooBusy):
            ask(tmp_path, budget_seconds=0.05)
        threading.Timer(0.1, lookup._turns.release).start()
        assert ids(ask(tmp_path, budget_seconds=30)) == [1]
    finally:
        for _ in range(lookup.AT_ONCE - 1):
            lookup._turns.release()


def test_nothing_stored_yet_is_no_fault(tmp_path):
    answer = look_up(tmp_path, Everything(), ALL, unit_ids=[1], limit=5, budget_seconds=5)
    assert (answer.positions, answer.groups, answer.complete_from_ms) == ([], 0, None)


def test_row_groups_that_cannot_answer_are_not_read(tmp_path):
    for day in range(5):
        words = ["xin chao"] * 300 + (["Đường dẫn C:\\\\Temp\\\\lạ.exe"] if day == 3 else [])
        found = [{"event_id": 1000 * day + n, "time": NOON - day * DAY, "raw": w} for n, w in enumerate(words)]
        store(tmp_path, found[:100])
        store(tmp_path, found[100:])
    settle(tmp_path)
    for typed in ("duong C:\\temp\\*.exe", "(duong OR khong-co-gi) LA.EXE", "-toi duong"):
        answer = ask(tmp_path, typed)
        assert (ids(answer), answer.groups, answer.read) == ([3300], 5, 1), typed
    assert ask(tmp_path, "duong OR host:x").read == 5  # a machine's name need not stand in the text


def test_a_folder_that_reads_like_a_letter_in_json_is_found_before_and_after_a_merge(tmp_path):
    store(tmp_path, [{"event_id": 1, "kind": "windows", "raw": {"Path": "\\\\may\\u20190001\\a.docx"}},
                     {"event_id": 2, "raw": "syslog: C:\\u20190001\\b.docx"}, {"event_id": 3, "fields": None, "raw": '{"a":"x\\u2019y"}'}])  # fmt: skip
    asked = {"u20190001": [2, 1], "20190001": [2, 1], "Path:*u20190001*": [1], "may\\u20190001": [1], "x’y": [3]}
    for _ in range(2):
        assert {typed: ids(ask(tmp_path, typed)) for typed in asked} == asked
        settle(tmp_path)
