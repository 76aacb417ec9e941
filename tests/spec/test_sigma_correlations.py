"""The Sigma correlation specification as small stories: rules as YAML, events as a table, what is told and when.

docs/reference/detection.md refers to these tests by name.
"""

from collections.abc import Sequence

import pytest

from dekhang.engine import Match, Record, Rule, RuleError, compile_rules
from dekhang.engine.correlate import LATENESS_MS
from dekhang.engine.emission import Emitter
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.sigma import read_rules

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)
SUPPLIERS = "\n---\n".join(
    f"title: {name}\nname: {name}\nlogsource: {{product: test}}\ndetection: {{sel: {{kind: {name}}}, condition: sel}}"
    for name in ("login_failed", "login_ok", "sent")
)
LATE = LATENESS_MS // 1000


def correlation(*lines: str, rules: str = "[login_failed]", timespan: str = "1m", extra: str = "") -> str:
    body = "\n".join(f"  {line}" for line in (f"rules: {rules}", f"timespan: {timespan}", *lines))
    return f"title: correlated\nname: correlated\ncorrelation:\n{body}\n{extra}"


def told(*documents: str, events: Sequence[tuple[float, dict]], close: bool = True, scope: int = 1) -> list[Match]:
    """What is told of events (second, fields) by the suppliers and these correlations."""
    outcomes = read_rules("\n---\n".join((SUPPLIERS, *documents)).encode(), "t.yml")
    rules = [one for one in outcomes if isinstance(one, Rule)]
    assert len(rules) == len(outcomes), [one for one in outcomes if not isinstance(one, Rule)]
    ruleset = compile_rules(rules, MAPPING)
    assert ruleset.skipped == ()
    emitter = Emitter(ruleset)
    found: list[Match] = []
    for number, (second, fields) in enumerate(events):
        record = Record(fields, product="test", time_ms=int(second * 1000), scope=scope, key=number)
        positions = [place for place, one in enumerate(ruleset.rules) if matches(one, record, MAPPING)]
        emitter.emit(number, record, positions, found)
    return found + (emitter.close() if close else [])


def failed(*seconds: float, user: str = "an", **more: object) -> list[tuple[float, dict]]:
    return [(second, {"kind": "login_failed", "User": user, **more}) for second in seconds]


def ok(second: float, user: str = "an") -> tuple[float, dict]:
    return second, {"kind": "login_ok", "User": user}


def sent(*numbers: object, every: float = 1, user: str = "an") -> list[tuple[float, dict]]:
    return [(place * every, {"kind": "sent", "User": user, "bytes": number}) for place, number in enumerate(numbers)]


# -- event_count, value_count --------------------------------------------------------------------------------------


def test_event_count_counts_each_group_by_itself() -> None:
    rule = correlation("type: event_count", "group-by: [User]", "condition: {gte: 3}")
    events = [*failed(1, 2), *failed(3, 4, 5, user="BÌNH"), *failed(6, user="x")]
    (match,) = told(rule, events=events)
    assert (match.count, match.group, match.first_ms, match.last_ms) == (3, (("User", "BÌNH"),), 3_000, 5_000)


def test_groups_are_the_same_without_case() -> None:
    rule = correlation("type: event_count", "group-by: [User]", "condition: {gte: 2}")
    assert len(told(rule, events=[*failed(1, user="AN"), *failed(2, user="an")])) == 1


def test_fields_in_group_by_belong_together() -> None:
    rule = correlation("type: event_count", "group-by: [User, Host]", "condition: {gte: 2}")
    assert told(rule, events=[*failed(1, Host="a"), *failed(2, Host="b")]) == []
    assert len(told(rule, events=failed(1, 2, Host="a"))) == 1


def test_without_group_by_all_events_of_a_unit_count_together() -> None:
    rule = correlation("type: event_count", "condition: {gte: 2}")
    assert len(told(rule, events=[*failed(1, user="a"), *failed(2, user="b")])) == 1


def test_events_of_several_rules_count_together() -> None:
    rule = correlation("type: event_count", "group-by: [User]", "condition: {gte: 2}", rules="[login_failed, login_ok]")
    assert len(told(rule, events=[*failed(1), ok(2)])) == 1


def test_a_rule_may_be_named_by_its_id() -> None:
    own = "title: t\nid: 11111111-2222-4333-8444-555555555555\nlogsource: {product: test}\ndetection: {s: {kind: own}, condition: s}"
    rule = correlation("type: event_count", "condition: {gte: 1}", rules="[11111111-2222-4333-8444-555555555555]")
    assert len(told(own, rule, events=[(1, {"kind": "own"})])) == 1


@pytest.mark.parametrize(
    ("condition", "counts"),
    [
        ("{gt: 2}", {3, 4, 5}),
        ("{gte: 3}", {3, 4, 5}),
        ("{lt: 3}", {1, 2}),
        ("{lte: 2}", {1, 2}),
        ("{eq: 3}", {3}),
        ("{neq: 3}", {1, 2, 4, 5}),
        ("{gt: 1, lte: 4}", {2, 3, 4}),
    ],
)
def test_condition_operators(condition: str, counts: set[int]) -> None:
    rule = correlation("type: event_count", "group-by: [User]", f"condition: {condition}")
    for count in range(1, 6):
        assert bool(told(rule, events=failed(*range(count)))) == (count in counts), count


def test_value_count_counts_different_values() -> None:
    rule = correlation("type: value_count", "group-by: [Host]", "condition: {field: User, gte: 3}")
    events = [
        (n, {"kind": "login_failed", "User": user, "Host": "h"}) for n, user in enumerate(["a", "A", "b", "a", "c"])
    ]
    (match,) = told(rule, events=events)
    assert (match.index, match.count, match.fields["value_count(User)"]) == (4, 5, 3)


def test_value_count_of_several_fields_counts_combinations() -> None:
    rule = correlation("type: value_count", "condition: {field: [User, Host], gte: 3}")
    pairs = [("a", "x"), ("a", "y"), ("a", "x"), ("b", "x")]
    events = [(n, {"kind": "login_failed", "User": user, "Host": host}) for n, (user, host) in enumerate(pairs)]
    assert [match.index for match in told(rule, events=events)] == [3]
    assert told(rule, events=events[:3]) == []


def test_timespan_units() -> None:
    for timespan, seconds in (("30s", 30), ("2m", 120), ("1h", 3_600), ("1d", 86_400)):
        rule = correlation("type: event_count", "condition: {gte: 2}", timespan=timespan)
        assert len(told(rule, events=failed(0, seconds))) == 1, timespan
        assert told(rule, events=failed(0, seconds + 1)) == [], timespan


def test_a_window_is_not_bound_to_the_clock() -> None:
    rule = correlation("type: event_count", "condition: {gte: 2}", timespan="1h")
    assert len(told(rule, events=failed(3_590, 3_610))) == 1


# -- temporal, temporal_ordered ------------------------------------------------------------------------------------


def test_temporal_needs_all_rules_in_any_order() -> None:
    rule = correlation("type: temporal", "group-by: [User]", rules="[login_failed, login_ok]")
    assert [match.index for match in told(rule, events=[ok(1), *failed(2)])] == [1]
    assert told(rule, events=[ok(1), *failed(2, user="other")]) == []
    assert told(rule, events=[ok(1), *failed(100)]) == []


def test_temporal_with_a_condition_needs_so_many_of_the_rules() -> None:
    rule = correlation("type: temporal", "condition: {gte: 2}", rules="[login_failed, login_ok, sent]")
    assert len(told(rule, events=[ok(1), *failed(2)])) == 1


def test_temporal_ordered_needs_the_order_of_the_list() -> None:
    rule = correlation("type: temporal_ordered", "group-by: [User]", rules="[login_failed, login_ok]")
    assert [match.index for match in told(rule, events=[*failed(1), ok(2)])] == [1]
    assert told(rule, events=[ok(1), *failed(2)]) == []


def test_temporal_ordered_counts_by_event_time_not_by_arrival() -> None:
    rule = correlation("type: temporal_ordered", "group-by: [User]", rules="[login_failed, login_ok]")
    assert len(told(rule, events=[ok(2), *failed(1)])) == 1


def test_temporal_ordered_with_a_condition_is_the_longest_chain() -> None:
    rule = correlation("type: temporal_ordered", "condition: {gte: 2}", rules="[login_failed, login_ok, sent]")
    assert len(told(rule, events=[ok(1), (5, {"kind": "sent"})])) == 1
    assert told(rule, events=[(1, {"kind": "sent"}), ok(2), *failed(3)]) == []


def test_an_expression_over_rules_is_a_condition_of_temporal() -> None:
    rule = correlation(
        "type: temporal", "condition: (login_failed or sent) and login_ok", rules="[login_failed, sent, login_ok]"
    )
    assert len(told(rule, events=[*failed(1), ok(2)])) == 1
    assert told(rule, events=[*failed(1), (2, {"kind": "sent"})]) == []


def test_an_expression_with_not_is_judged_when_the_window_is_over() -> None:
    rule = correlation(
        "type: temporal",
        "group-by: [User]",
        "condition: login_failed and not login_ok",
        rules="[login_failed, login_ok]",
    )
    assert told(rule, events=[*failed(1), ok(30)]) == []
    assert told(rule, events=failed(1), close=False) == []
    (match,) = told(rule, events=[*failed(1), ok(1 + 60 + LATE + 1)])
    assert (match.index, match.ended, match.keys, match.count) == (1, True, (0,), 1)


def test_in_an_ordered_expression_and_means_and_then() -> None:
    rule = correlation("type: temporal_ordered", "condition: login_failed and not sent", rules="[login_failed, sent]")
    assert told(rule, events=[*failed(1), (2, {"kind": "sent"})]) == []
    assert len(told(rule, events=[(1, {"kind": "sent"}), *failed(2)])) == 1


# -- numbers -------------------------------------------------------------------------------------------------------


def test_value_sum_is_told_as_soon_as_the_sum_is_reached() -> None:
    rule = correlation("type: value_sum", "group-by: [User]", "condition: {field: bytes, gt: 1000}", rules="[sent]")
    (match,) = told(rule, events=sent(400, "500", "no number", 200, 1))
    assert (match.index, match.count, match.fields["value_sum(bytes)"]) == (3, 3, 1100.0)
    assert told(rule, events=sent(400, 500, 100)) == []


def test_value_avg_is_judged_when_the_window_is_over() -> None:
    rule = correlation("type: value_avg", "group-by: [User]", "condition: {field: bytes, gt: 500}", rules="[sent]")
    assert told(rule, events=sent(9_000, 1, 1), close=False) == []
    (match,) = told(rule, events=sent(900, 300, 600))
    assert (match.index, match.fields["value_avg(bytes)"], match.count) == (-1, 600.0, 3)
    assert told(rule, events=sent(900, 50, 50)) == []


def test_value_percentile_of_numbers() -> None:
    rule = correlation("type: value_percentile", "condition: {field: bytes, percentile: 90, gt: 100}", rules="[sent]")
    assert told(rule, events=sent(*[10] * 19, 1_000)) == []
    assert len(told(rule, events=sent(*[10] * 8, 1_000, 1_000))) == 1


def test_value_percentile_of_texts_is_their_share() -> None:
    rule = correlation(
        "type: value_percentile",
        "group-by: [User]",
        "condition: {field: image, lte: 1}",
        rules="[sent]",
        timespan="24h",
    )
    images = ["common.exe"] * 150 + ["rare.exe"] + ["common.exe"] * 49
    events = [(n, {"kind": "sent", "User": "an", "image": image}) for n, image in enumerate(images)]
    (match,) = told(rule, events=events)
    assert (match.count, match.keys, match.fields["value_percentile(image)"]) == (1, (150,), "rare.exe")
    assert told(rule, events=events[:150]) == []


def test_value_median_is_the_middle() -> None:
    rule = correlation("type: value_median", "condition: {field: bytes, eq: 15}", rules="[sent]")
    assert len(told(rule, events=sent(10, 20, 1, 1_000))) == 1


# -- aliases, chains, generate -------------------------------------------------------------------------------------


def test_aliases_name_the_field_of_each_rule() -> None:
    text = correlation(
        "type: temporal",
        "group-by: [ip]",
        "aliases: {ip: {login_failed: src, sent: dst}}",
        rules="[login_failed, sent]",
    )
    same = [(1, {"kind": "login_failed", "src": "192.0.2.1"}), (2, {"kind": "sent", "dst": "192.0.2.1", "src": "z"})]
    (match,) = told(text, events=same)
    assert match.group == (("ip", "192.0.2.1"),)
    assert told(text, events=[same[0], (2, {"kind": "sent", "dst": "192.0.2.9", "src": "192.0.2.1"})]) == []


def test_the_example_of_the_specification_many_failures_then_a_success() -> None:
    many = correlation("type: event_count", "group-by: [User]", "condition: {gte: 10}", timespan="10m")
    then = many.replace("correlated", "outer").replace("event_count", "temporal_ordered")
    then = then.replace("rules: [login_failed]", "rules: [correlated, login_ok]").replace(
        "  condition: {gte: 10}\n", ""
    )
    events = [*failed(*range(12)), ok(20)]
    assert [(match.rule.title, match.index) for match in told(then, many, events=events)] == [("outer", 12)]
    assert told(then, many, events=[*failed(*range(9)), ok(20)]) == []


def test_a_window_that_is_over_may_supply_another_correlation() -> None:
    few = correlation("type: event_count", "group-by: [User]", "condition: {lt: 3}")
    users = "title: outer\ncorrelation:\n  type: value_count\n  rules: [correlated]\n  timespan: 10m\n  condition: {field: User, gte: 2}"
    events = [*failed(1, user="a"), *failed(2, user="b"), *failed(3, 4, 5, user="c")]
    assert [(match.rule.title, match.count) for match in told(few, users, events=events)] == [("outer", 2)]
    assert told(few, users, events=[*failed(1, user="a"), *failed(3, 4, 5, user="c")]) == []


def test_a_window_that_is_over_may_supply_one_that_waits_itself() -> None:
    few = correlation("type: event_count", "group-by: [User]", "condition: {lt: 3}")
    outer = (
        "title: outer\ncorrelation:\n  type: event_count\n  rules: [correlated]\n  timespan: 10m\n  condition: {eq: 2}"
    )
    quiet = [*failed(1, user="a"), *failed(2, user="b")]
    (match,) = told(few, outer, events=quiet)
    assert (match.rule.title, match.keys) == ("outer", (0, 1))
    (early,) = told(few, outer, events=[*quiet, *failed(5_000, 5_001, 5_002, user="z")], close=False)
    assert (early.rule.title, early.index, early.keys) == ("outer", 2, (0, 1))


def test_generate_lets_the_suppliers_speak() -> None:
    rule = correlation("type: event_count", "condition: {gte: 2}", "generate: true")
    assert [match.rule.title for match in told(rule, events=failed(1, 2))] == [
        "login_failed",
        "login_failed",
        "correlated",
    ]
    assert [match.rule.title for match in told(rule.replace("true", "false"), events=failed(1, 2))] == ["correlated"]


# -- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        (("type: event_counts", "condition: {gte: 2}"), "event_counts"),
        (("type: event_count",), "condition"),
        (("type: event_count", "condition: {}"), "gte"),
        (("type: event_count", "condition: {gte: x}"), "x"),
        (("type: event_count", "condition: {gte: .nan}"), "nan"),
        (("type: event_count", "condition: {gte: 99999999}"), "10.000"),
        (("type: event_count", "condition: {gte: 2, more: 3}"), "more"),
        (("type: event_count", "condition: {gte: 2, field: User}"), "field"),
        (("type: event_count", "condition: login_failed"), "event_count"),
        (("type: value_count", "condition: {gte: 2}"), "field"),
        (("type: value_sum", "condition: {gte: 2, field: [a, b]}"), "một trường"),
        (("type: value_sum", "condition: {gte: 2, field: a, percentile: 5}"), "percentile"),
        (("type: value_percentile", "condition: {gte: 2, field: a, percentile: 101}"), "101"),
        (("type: temporal", "condition: login_failed and"), "thiếu tên luật"),
        (("type: temporal", "condition: (login_failed"), "ngoặc"),
        (("type: temporal", "condition: login_failed login_failed"), "thừa"),
        (("type: temporal", "condition: login_ok"), "login_failed"),
        (("type: temporal", "condition: login_failed & login_ok"), "& login_ok"),
        (("type: event_count", "condition: {gte: 2}", "group-by: {a: b}"), "group-by"),
        (("type: event_count", "condition: {gte: 2}", "aliases: [a]"), "aliases"),
        (("type: event_count", "condition: {gte: 2}", "generate: 1"), "generate"),
        (("type: event_count", "condition: {gte: 2}", "window: 5m"), "window"),
    ],
)
def test_a_faulty_correlation_is_named(lines: tuple[str, ...], word: str) -> None:
    (outcome,) = read_rules(correlation(*lines).encode(), "t.yml")
    assert isinstance(outcome, RuleError), outcome
    assert word in outcome.reason


@pytest.mark.parametrize("timespan", ["5", "5x", "m", "-5m", "0m", "1.5h", "400d", "1h30m"])
def test_a_faulty_timespan_is_named_with_its_line(timespan: str) -> None:
    (outcome,) = read_rules(
        correlation("type: event_count", "condition: {gte: 2}", timespan=timespan).encode(), "t.yml"
    )
    assert isinstance(outcome, RuleError) and outcome.line == 5 and timespan in outcome.reason


def test_an_alias_for_a_rule_that_supplies_nothing_is_named() -> None:
    text = correlation("type: event_count", "group-by: [ip]", "condition: {gte: 2}", "aliases: {ip: {login_okay: src}}")
    rules = [one for one in read_rules(f"{SUPPLIERS}\n---\n{text}".encode(), "t.yml") if isinstance(one, Rule)]
    (skipped,) = compile_rules(rules, MAPPING).skipped
    assert "login_okay" in skipped.reason


def test_the_examples_of_the_specification_are_read(shared) -> None:
    folder = shared / "sigma" / "spec" / "tests" / "schema" / "correlation"
    paths = sorted(folder.glob("*.yml"))
    assert len(paths) >= 8
    for path in paths:
        (outcome,) = read_rules(path.read_bytes(), path.name)
        assert isinstance(outcome, Rule), outcome
