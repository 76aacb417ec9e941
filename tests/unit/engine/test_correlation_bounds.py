"""Correlations under pressure: late events, floods, restarts, odd state. Memory stays bounded, losses are counted."""

from hashlib import blake2b

import msgspec
import pytest

from dekhang.engine import Match, Record, Rule, compile_rules, correlate
from dekhang.engine.correlate import LATENESS_MS
from dekhang.engine.correlation_groups import EVENTS_PER_GROUP, EVENTS_PER_WAITING_GROUP
from dekhang.engine.emission import Emitter
from dekhang.engine.expressions import Atom, ValueTest
from dekhang.engine.logsources import read_mapping
from dekhang.engine.rules import Correlation, Limit, Logsource

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)
LATE = LATENESS_MS // 1000
SUPPLIER = Rule("s", "s", "low", "p", name="s", logsource=Logsource("test"), condition=Atom("x", ValueTest()))


def correlated(kind: str, how: str, number: float, *, seconds: int = 60, group_by: tuple = ("g",)) -> Emitter:
    fields = ("v",) if kind.startswith("value") else ()
    found = Correlation(kind, ("s",), seconds * 1000, (Limit(how, number),), group_by, fields)  # type: ignore[arg-type]
    return Emitter(compile_rules([SUPPLIER, Rule("c", "c", "low", "p", correlation=found)], MAPPING))


def send(emitter: Emitter, second: float, *, g: str = "g", v: object = 1, scope: int = 1, key: int = 0) -> list[Match]:
    matches: list[Match] = []
    record = Record({"x": 1, "g": g, "v": v}, product="test", time_ms=int(second * 1000), scope=scope, key=key)  # type: ignore[dict-item]
    emitter.emit(0, record, [0], matches)
    return matches


# -- conditions that wait ------------------------------------------------------------------------------------------


def test_a_window_is_judged_when_event_time_has_passed_its_end_by_the_bound() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 0)
    assert send(emitter, 60 + LATE, g="other") == []
    (match,) = send(emitter, 60 + LATE + 0.001, g="other")
    assert (match.count, match.group, match.ended) == (1, (("g", "g"),), True)


def test_time_that_passes_without_a_match_ends_windows_too() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 0)
    told: list[Match] = []
    emitter.pass_time(1, (61 + LATE) * 1000, 7, told)
    assert [(match.index, match.count) for match in told] == [(7, 1)]


def test_time_of_another_unit_ends_nothing() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 0)
    assert send(emitter, 10_000, scope=2) == []
    assert len(emitter.close()) == 2


def test_an_event_within_the_bound_is_counted_in_its_window() -> None:
    emitter = correlated("event_count", "eq", 3)
    for second in (10, 30, 30 + LATE):
        send(emitter, second)
    send(emitter, 20)
    assert [match.count for match in emitter.close()] == [3]


def test_an_event_later_than_the_bound_is_not_counted_but_named() -> None:
    emitter = correlated("event_count", "eq", 2)
    send(emitter, 0)
    send(emitter, 1_000, g="other")
    assert send(emitter, 1) == []
    assert emitter.losses.late == 1
    assert [match.count for match in emitter.close()] == []


def test_a_second_file_behind_the_first_one_is_judged_by_its_own_time() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 100_000, g="machine-a")
    told = [match for second in range(0, 980, 10) for match in send(emitter, second, g="machine-b")]
    assert told == []
    assert send(emitter, 2_000, g="machine-b") == []
    assert send(emitter, 3_000, g="machine-b") != []  # the lonely event at 2,000 s
    assert emitter.losses.late == 0


def test_after_close_there_is_nothing_left_to_tell() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 0)
    assert len(emitter.close()) == 1
    assert emitter.close() == []


def test_ends_are_still_known_after_a_restart() -> None:
    emitter = correlated("event_count", "lt", 3)
    send(emitter, 0)
    again = Emitter(emitter.ruleset, emitter.state())
    (match,) = send(again, 61 + LATE, g="other")
    assert match.count == 1
    assert send(again, 5) == [] and again.losses.late == 1


# -- floods --------------------------------------------------------------------------------------------------------


def test_a_count_beyond_what_is_remembered_is_still_told_in_the_next_match() -> None:
    emitter = correlated("event_count", "gte", 5)
    told = [match for n in range(7_000) for match in send(emitter, n / 100)]
    assert [match.count for match in told] == [5, pytest.approx(6_001, rel=0.01)]


def test_a_sum_of_very_many_small_numbers_is_exact() -> None:
    emitter = correlated("value_sum", "gte", 10_000, seconds=3_600)
    told = [match for n in range(10_000) for match in send(emitter, n / 10)]
    assert [(match.count, match.fields["value_sum(v)"]) for match in told] == [(10_000, 10_000.0)]


def test_an_average_over_more_events_than_are_kept_is_exact() -> None:
    emitter = correlated("value_avg", "gt", 1.4, seconds=3_600)
    for n in range(EVENTS_PER_WAITING_GROUP * 2):
        send(emitter, n / 10, v=1 + n % 2)
    (match,) = emitter.close()
    assert (match.fields["value_avg(v)"], match.count) == (1.5, EVENTS_PER_WAITING_GROUP * 2)


def test_repeated_values_do_not_push_others_out() -> None:
    emitter = correlated("value_count", "gte", 4, seconds=3_600)
    told = []
    for place, value in enumerate(["a", "b", "c"]):
        told += send(emitter, place, v=value)
    for n in range(EVENTS_PER_GROUP * 3):
        told += send(emitter, 10 + n / 100, v="z" if n % 2 else "a")
    assert [match.fields["value_count(v)"] for match in told] == [4]
    emitter = correlated("value_count", "gte", 5, seconds=3_600)
    for place, value in enumerate("abc"):
        send(emitter, place, v=value)
    for n in range(EVENTS_PER_GROUP * 3):
        send(emitter, 10 + n / 100, v="z")
    assert len(send(emitter, 100, v="new")) == 1


@pytest.mark.parametrize(("kind", "how"), [("event_count", "lt"), ("value_count", "gte"), ("value_percentile", "lt")])
def test_a_flood_of_groups_and_values_stays_bounded(kind: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlate, "EVENTS_IN_ALL", 4_000)
    emitter = correlated(kind, how, 3)
    for n in range(6_000):
        send(emitter, n / 1000, g=f"g{n}", v=n)
    assert len(emitter.state()) < 400_000
    assert emitter.losses.forgotten == 6_000 - 2_000  # an event and its group take two places


def test_hostile_times_and_numbers_are_no_events() -> None:
    emitter = correlated("value_sum", "gte", 10)
    for number in (float("inf"), float("nan"), "1e999", 10**400, True, None, {}, "١٢"):
        assert send(emitter, 1, v=number) == []
    matches: list[Match] = []
    emitter.emit(0, Record({"x": 1, "g": "g", "v": 99}, "test", time_ms=1 << 70, scope=1), [0], matches)
    assert matches == [] and Emitter(emitter.ruleset, emitter.state()).state_problem == ""


def test_decreasing_times_do_not_pile_up_ends() -> None:
    emitter = correlated("event_count", "lt", 3, seconds=60, group_by=())
    for n in range(5_000):
        send(emitter, 10_000 - n / 100)
    assert sum(len(heap) for heap in emitter._correlator._due.values()) < 2_000
    assert len(emitter.close()) == 0


# -- state ---------------------------------------------------------------------------------------------------------


def changed(state: bytes, change: object) -> bytes:
    """The state with something in it changed, and a digest that fits."""
    data = msgspec.msgpack.decode(state[16:])
    change(data)  # type: ignore[operator]
    content = msgspec.msgpack.encode(data)
    return blake2b(content, digest_size=16).digest() + content


def swap_times(data: list) -> None:
    data[3][0][4].reverse()


def drop_key(data: list) -> None:
    data[3][0][5].pop()


def no_correlation(data: list) -> None:
    data[3][0][0] = 99


def weightless(data: list) -> None:
    data[3][0][8][0] = 0


def nan_number(data: list) -> None:
    data[3][0][7][0] = float("nan")


def other_version(data: list) -> None:
    data[0] = 1


@pytest.mark.parametrize("change", [swap_times, drop_key, no_correlation, weightless, nan_number, other_version])
def test_inconsistent_state_is_refused_with_a_reason(change: object) -> None:
    emitter = correlated("event_count", "gte", 5)
    send(emitter, 1)
    send(emitter, 2)
    assert Emitter(emitter.ruleset, changed(emitter.state(), lambda data: None)).state_problem == ""
    again = Emitter(emitter.ruleset, changed(emitter.state(), change))
    assert "Trạng thái tương quan" in again.state_problem
    assert sum(len(send(again, n)) for n in range(5)) == 1


def test_a_single_damaged_byte_is_noticed() -> None:
    emitter = correlated("event_count", "gte", 5)
    send(emitter, 1)
    state = emitter.state()
    for place in range(len(state)):
        damaged = state[:place] + bytes([state[place] ^ 1]) + state[place + 1 :]
        assert Emitter(emitter.ruleset, damaged).state_problem, place
