"""Expressions that backtrack get a budget per value; whoever exceeds it is named, and nothing hangs."""

import time

from dekhang.engine import Record, Rule, compile_rules
from dekhang.engine.expressions import Atom, RegexTest
from dekhang.engine.logsources import read_mapping
from dekhang.engine.predicates import SECONDS_PER_VALUE, is_linear, overruns, regex
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.engine.ruleset import rules_over_budget

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)


def rule(rule_id: str, pattern: str) -> Rule:
    return Rule(rule_id, "t", "low", "p", logsource=Logsource("test"), condition=Atom("x", RegexTest(pattern)))


def ask(subject: Rule, value: object) -> bool:
    return matches(subject, Record({"x": value}, product="test"), MAPPING)  # type: ignore[dict-item]


def test_an_expression_that_explodes_is_stopped_and_the_rule_named() -> None:
    bad, good = rule("bad", r"(z+)+(?=y)$"), rule("good", r"z(?=y)")
    ruleset = compile_rules([bad, good], MAPPING)
    assert rules_over_budget(ruleset) == {}
    started = time.process_time()
    assert not ask(bad, "z" * 20_000)
    assert time.process_time() - started < 10 * SECONDS_PER_VALUE
    assert ask(good, "zy")
    assert rules_over_budget(ruleset) == {"bad": 1}


def test_a_flood_of_such_values_gets_cheaper_and_ordinary_values_are_still_judged() -> None:
    subject = rule("flood", r"(w+)+(?=[vx])v$")
    started = time.process_time()
    for n in range(200):
        assert not ask(subject, "w" * 20_000 + str(n))
    assert time.process_time() - started < 5
    assert overruns(RegexTest(r"(w+)+(?=[vx])v$")) == 200
    assert ask(subject, "wwv")


def test_linear_expressions_have_no_budget_to_exceed() -> None:
    assert is_linear("(a+)+b$", "") and not is_linear("a(?=b)", "")
    assert not regex("(a+)+b$", "")("a" * 1_000_000)
    assert overruns(RegexTest("(a+)+b$")) == 0


def test_hostile_values_are_judged_like_any_others() -> None:
    for pattern in (r"evil$", r"evil(?!x)"):
        subject = rule("r", pattern)
        deep: object = "evil"
        for _ in range(500):
            deep = [deep]
        for value in ("\0evil", "\ud800evil", "a" * (1 << 20) + "evil", deep, [None, {}, "evil"]):
            assert ask(subject, value), repr(value)[:40]
        for value in ("", "\ud800", "\0" * 1000, [], {}, None, {"evil": 1}, 10**5000, float("nan")):
            assert not ask(subject, value), repr(value)[:40]
