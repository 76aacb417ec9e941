"""Matches, their order and what they carry; correlations over batches; hostile records; bounded memory."""

import pickle
import time

import pytest

from dekhang.engine import Detector, Limits, Record, Rule, compile_rules, default_mapping
from dekhang.engine.correlate import EVENTS_IN_ALL
from dekhang.engine.expressions import Atom, RegexTest, TextTest
from dekhang.engine.rules import Correlation, Limit, Logsource
from dekhang.engine.sigma import read_rules

SSHD = Logsource("linux", "", "auth")


def failed_login() -> Rule:
    return Rule("base", "failed", "low", "p", name="failed", logsource=SSHD,
                condition=Atom("action", TextTest("equals", "login_failed")))  # fmt: skip


def brute_force(**changes: object) -> Rule:
    threshold = changes.pop("threshold", 5)
    settings: dict = {"window_ms": 60_000, "limits": (Limit("gte", threshold),), "group_by": ("src_ip",), **changes}
    return Rule("brute", "many", "high", "p", correlation=Correlation("event_count", ("failed",), **settings))


def attempt(second: float, *, ip: str = "192.0.2.7", scope: int = 1, key: int = 0, **more: object) -> Record:
    fields = {"action": "login_failed", "src_ip": ip, **more}
    return Record(fields, "linux", "auth", time_ms=int(second * 1000), scope=scope, key=key)


def detector(*rules: Rule, state: bytes = b"", limits: Limits | None = None) -> Detector:
    return Detector(compile_rules(rules, default_mapping()), state=state, limits=limits)


# -- plain rules ---------------------------------------------------------------------------------------------------


def test_matches_come_in_record_order_then_rule_order() -> None:
    rules = [
        Rule(name, name, "low", "p", logsource=SSHD, condition=Atom("x", TextTest("contains", name)))
        for name in ("b", "a", "c")
    ]
    records = [Record({"x": text}, "linux", "auth") for text in ("ca", "", "abc")]
    found = [(match.index, match.rule.id) for match in detector(*rules).process(records)]
    assert found == [(0, "a"), (0, "c"), (2, "b"), (2, "a"), (2, "c")]


def test_a_match_carries_the_fields_the_rule_looked_at_and_the_event() -> None:
    (match,) = detector(failed_login()).process([attempt(3, key=77)])
    assert match.fields == {"action": "login_failed"}
    assert (match.keys, match.count, match.first_ms, match.group) == ((77,), 1, 3_000, ())


def test_a_keyword_match_shows_the_field_it_was_found_in() -> None:
    (rule,) = read_rules(b"title: t\nlogsource: {product: linux}\ndetection: {k: [evil], condition: k}", "p")
    assert isinstance(rule, Rule)
    (match,) = detector(rule).process([Record({"a": "good", "message": "so EVIL"}, "linux", "auth")])
    assert match.fields == {"message": "so EVIL"}


def test_a_rule_set_survives_pickling() -> None:
    ruleset = compile_rules([failed_login(), brute_force()], default_mapping())
    assert pickle.loads(pickle.dumps(ruleset)) == ruleset


# -- correlations --------------------------------------------------------------------------------------------------


def test_a_brute_force_run_is_one_match_at_the_threshold() -> None:
    subject = detector(failed_login(), brute_force())
    (match,) = subject.process([attempt(n, key=n) for n in range(1, 9)])
    assert (match.rule.id, match.index, match.count, match.first_ms) == ("brute", 4, 5, 1_000)
    assert match.keys == (1, 2, 3, 4, 5)
    assert match.group == (("src_ip", "192.0.2.7"),)
    assert match.fields["src_ip"] == "192.0.2.7"


def test_a_run_that_goes_on_is_told_once_per_time_span() -> None:
    subject = detector(failed_login(), brute_force())
    found = subject.process([attempt(n) for n in range(300)])
    assert [match.index for match in found] == [4, 64, 124, 184, 244]


def test_units_are_never_counted_together() -> None:
    subject = detector(failed_login(), brute_force(group_by=()))
    assert subject.process([attempt(n, scope=n % 2) for n in range(8)]) == []
    assert len(subject.process([attempt(8, scope=0)])) == 1


def test_addresses_are_counted_apart() -> None:
    subject = detector(failed_login(), brute_force())
    assert subject.process([attempt(n, ip=f"192.0.2.{n % 3}") for n in range(12)]) == []


def test_events_that_arrive_late_count_at_their_own_time() -> None:
    subject = detector(failed_login(), brute_force())
    assert subject.process([attempt(n) for n in (1_000, 1_001, 1_003, 1_004)]) == []
    assert subject.process([attempt(5_000)]) == []
    (match,) = subject.process([attempt(1_002)])
    assert (match.count, match.first_ms) == (5, 1_000_000)


def test_an_event_without_its_group_field_or_time_is_not_counted() -> None:
    subject = detector(failed_login(), brute_force(threshold=1))
    unknown = Record({"action": "login_failed"}, "linux", "auth", time_ms=1)
    timeless = Record({"action": "login_failed", "src_ip": "192.0.2.1"}, "linux", "auth")
    assert subject.process([unknown, timeless]) == []


def test_suppliers_speak_for_themselves_only_when_asked_to() -> None:
    records = [attempt(n) for n in range(5)]
    silent = detector(failed_login(), brute_force()).process(records)
    assert [match.rule.id for match in silent] == ["brute"]
    loud = detector(failed_login(), brute_force(generate=True)).process(records)
    assert [match.rule.id for match in loud] == ["base"] * 5 + ["brute"]


def test_a_correlation_may_supply_another() -> None:
    runs = Rule("runs", "t", "critical", "p",
                correlation=Correlation("value_count", ("brute",), 3_600_000, (Limit("gte", 3),), fields=("src_ip",)))  # fmt: skip
    records = [attempt(n, ip=f"192.0.2.{n // 5}") for n in range(15)]
    found = detector(failed_login(), brute_force(), runs).process(records)
    assert [(match.rule.id, match.index) for match in found] == [("runs", 14)]


def test_counting_goes_on_after_a_restart_and_with_other_rules() -> None:
    first = detector(failed_login(), brute_force())
    first.process([attempt(n) for n in range(4)])
    other = Rule("new", "t", "low", "p", logsource=SSHD, condition=Atom("zzz", RegexTest("z")))
    second = detector(other, failed_login(), brute_force(), state=first.state())
    assert [match.rule.id for match in second.process([attempt(4)])] == ["brute"]


def test_the_state_of_a_rule_that_changed_is_discarded() -> None:
    first = detector(failed_login(), brute_force())
    first.process([attempt(n) for n in range(4)])
    second = detector(failed_login(), brute_force(window_ms=59_000), state=first.state())
    assert second.process([attempt(4)]) == [] and second.state_problem == ""


@pytest.mark.parametrize("noise", [b"\x00", b"garbage", b"\x93\x01\x90\x91\x98\x05\x01\x90\x90\x90\x90\x90\x90"])
def test_bytes_that_are_no_state_leave_an_empty_detector_that_says_so(noise: bytes) -> None:
    subject = detector(failed_login(), brute_force(), state=noise)
    assert subject.state_problem
    assert len(subject.process([attempt(n) for n in range(5)])) == 1


def test_the_state_is_the_same_bytes_until_something_counts() -> None:
    subject = detector(failed_login(), brute_force())
    subject.process([attempt(1)])
    before = subject.state()
    subject.process([Record({"action": "login_ok"}, "linux", "auth", time_ms=1)])
    assert subject.state() is before


def test_parts_of_the_state_are_saved_when_they_changed_and_go_on_in_other_detectors() -> None:
    first = detector(failed_login(), brute_force())
    first.process([attempt(n, scope=scope) for n in range(4) for scope in (1, 2)])
    parts = first.state_parts(lambda scope: scope % 2)
    assert parts.keys() == {0, 1}
    assert first.state_parts(lambda scope: scope % 2) == {}
    first.process([attempt(4, ip="192.0.2.99", scope=2)])
    assert first.state_parts(lambda scope: scope % 2).keys() == {0}

    odd = detector(failed_login(), brute_force())
    odd.load(parts[1])
    assert [match.scope for match in odd.process([attempt(4, scope=1), attempt(4, scope=2)])] == [1]


def test_of_a_whole_state_only_the_wanted_scopes_are_loaded() -> None:
    first = detector(failed_login(), brute_force())
    first.process([attempt(n, scope=scope) for n in range(4) for scope in (1, 2)])
    second = detector(failed_login(), brute_force())
    second.load(first.state(), lambda scope: scope == 2)
    assert [match.scope for match in second.process([attempt(4, scope=1), attempt(4, scope=2)])] == [2]


def test_a_flood_of_new_addresses_keeps_the_state_bounded() -> None:
    subject = detector(failed_login(), brute_force())
    subject.process([attempt(n / 1000, ip=f"a{n}") for n in range(EVENTS_IN_ALL + 5_000)])
    assert len(subject.state()) < 5_000_000
    assert len(subject.process([attempt(60, ip="a") for _ in range(5)])) == 1


# -- hostile records -----------------------------------------------------------------------------------------------


def test_hostile_values_are_judged_like_any_others() -> None:
    rules = [
        Rule("text", "t", "low", "p", logsource=SSHD, condition=Atom("x", TextTest("contains", "evil"))),
        Rule("re", "t", "low", "p", logsource=SSHD, condition=Atom("x", RegexTest("(e+)+vil$"))),
        Rule("many", "t", "low", "p", logsource=SSHD, condition=Atom("x", TextTest("contains", "a"))),
    ]
    deep: object = "evil"
    for _ in range(500):
        deep = [deep]
    values = [
        "a" * (1 << 20) + "evil",
        "\ud800evil",
        "\0evil\0",
        deep,
        {"evil": {"evil": 1}},
        [None, {}, "Evil"],
        1e308,
    ]
    records = [Record({"x": value, "\ud800": "a"}, "linux", "auth") for value in values]  # type: ignore[dict-item]
    subject = detector(*rules)
    started = time.perf_counter()
    found = {(match.rule.id, match.index) for match in subject.process(records)}
    assert time.perf_counter() - started < 2
    assert {index for rule, index in found if rule == "text"} == {0, 1, 2, 3, 5}
    assert {index for rule, index in found if rule == "re"} == {0, 1, 3}


def test_a_backtracking_expression_reads_a_long_value_to_its_end() -> None:
    rule = Rule("re", "t", "low", "p", logsource=SSHD, condition=Atom("x", RegexTest("needle(?=x)|never")))
    subject = detector(rule)
    far = "y" * 100_000 + "needlex"
    assert len(subject.process([Record({"x": far}, "linux", "auth"), Record({"x": "needle"}, "linux", "auth")])) == 1


def test_invented_field_names_channels_and_values_do_not_pile_up() -> None:
    (keyword,) = read_rules(b"title: t\nlogsource: {product: windows}\ndetection: {k: [evil], condition: k}", "p")
    assert isinstance(keyword, Rule)
    subject = detector(keyword, limits=Limits(1_024, 100_000))
    for n in range(20_000):
        subject.process([Record({f"f{n}": f"v{n}", "Channel": f"c{n}", "EventID": n, "x": n}, product="windows")])
    assert len(subject.process([Record({"x": "evil"}, product="windows")])) == 1


# -- what the fast path does only at length ------------------------------------------------------------------------


def keyword_rule(*keywords: str) -> Rule:
    text = f"title: t\nlogsource: {{product: windows}}\ndetection: {{k: [{', '.join(keywords)}], condition: k}}"
    (rule,) = read_rules(text.encode(), "p")
    assert isinstance(rule, Rule)
    return rule


def test_a_literal_across_the_pieces_of_a_long_value_is_found() -> None:
    words = [f"needle{n}" for n in range(20)]
    rules = [
        Rule(word, "t", "low", "p", logsource=SSHD, condition=Atom("x", TextTest("contains", word))) for word in words
    ]
    subject = detector(*rules)
    for offset in range(8_190, 8_203):
        long = "y" * offset + "needle7" + "y" * 8_192
        assert [match.rule.id for match in subject.process([Record({"x": long}, "linux", "auth")])] == ["needle7"]


@pytest.mark.parametrize("keywords", [("evil", "47-11"), ("evil", "4711")])
def test_keywords_are_still_heard_in_fields_that_bring_ever_new_values(keywords: tuple[str, ...]) -> None:
    subject = detector(keyword_rule(*keywords))
    records = [
        Record({"Channel": "System", "EventID": 7, "Id": f"guid-{n}", "Number": 10_000 + n}, product="windows")
        for n in range(4_000)
    ]
    assert [match.index for match in subject.process(records)] == [
        n for n in range(4_000) if "4711" in keywords and "4711" in str(10_000 + n)
    ]
    hidden = ["so EVIL-1", ["x", "evil"], "evil", "an\u0300 evil", 4711, "47-11"]
    found = subject.process(
        [Record({"Channel": "System", "EventID": 7, "Id": value, "Number": 1}, product="windows") for value in hidden]
    )
    assert [match.index for match in found] == [0, 1, 2, 3, 4 if "4711" in keywords else 5]


def test_true_is_heard_where_one_was_learned_to_be_harmless() -> None:
    subject = detector(keyword_rule("true"))
    records = [Record({"Channel": "System", "a": value}, product="windows") for value in (1, 0, True, 1.0, False)]
    assert [match.index for match in subject.process([*records, *records])] == [2, 7]


def test_a_literal_whose_last_letter_is_composed_by_folding_is_still_found() -> None:
    rule = Rule("r", "t", "low", "p", logsource=SSHD, condition=Atom("x", RegexTest("aH")))  # H̱ → ẖ, one character
    assert len(detector(rule).process([Record({"x": "aH\u0331"}, "linux", "auth")])) == 1
