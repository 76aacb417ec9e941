"""Sigma filters: what an installation knows to be harmless is let off, for many rules at once.

docs/reference/detection.md refers to these tests by name.
"""

import pytest

from dekhang.engine import Record, Rule, RuleError, RuleSet, compile_rules
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Filter
from dekhang.engine.sigma import read_rules

MAPPING = read_mapping(
    {
        "windows": {"services": {}, "categories": {}, "providers": {}},
        "others": [{"rule": {"product": "test"}}, {"rule": {"product": "other"}}],
    }
)
ID = "11111111-2222-4333-8444-555555555555"
RULE = f"""\
title: rule
id: {ID}
name: by_name
logsource: {{product: test}}
detection:
  selection: {{Image: tool.exe}}
  condition: selection
"""
SECOND = RULE.replace(ID, "21111111-2222-4333-8444-555555555555").replace("by_name", "second")


def letting_off(rules: str = f"[{ID}]", condition: str = "selection", logsource: str = "{product: test}") -> str:
    return f"""\
title: Filter Administrator account
logsource: {logsource}
filter:
  rules: {rules}
  selection: {{User|startswith: adm_}}
  condition: {condition}
"""


def compiled(*documents: str) -> RuleSet:
    outcomes = read_rules("\n---\n".join(documents).encode(), "f.yml")
    assert not [one for one in outcomes if isinstance(one, RuleError)], outcomes
    return compile_rules(
        [one for one in outcomes if isinstance(one, Rule)],
        MAPPING,
        [one for one in outcomes if isinstance(one, Filter)],
    )


def tells(ruleset: RuleSet, user: str | None) -> list[str]:
    record = Record({"Image": "tool.exe"} | ({} if user is None else {"User": user}), product="test")
    return [rule.name for rule in ruleset.rules if matches(rule, record, MAPPING)]


def test_a_filter_lets_off_what_its_condition_describes() -> None:
    ruleset = compiled(RULE, letting_off())
    assert tells(ruleset, "ADM_an") == []
    assert tells(ruleset, "an") == ["by_name"]
    assert tells(ruleset, None) == ["by_name"]


def test_a_filter_written_with_not_lets_off_the_same() -> None:
    ruleset = compiled(RULE, letting_off(condition="not selection"))
    assert tells(ruleset, "adm_an") == []
    assert tells(ruleset, "an") == ["by_name"]


def test_a_filter_touches_only_the_rules_it_names() -> None:
    assert tells(compiled(RULE, SECOND, letting_off()), "adm_an") == ["second"]


def test_a_filter_may_name_a_rule_by_its_name() -> None:
    assert tells(compiled(RULE, SECOND, letting_off("[second]")), "adm_an") == ["by_name"]


@pytest.mark.parametrize("everything", ["any", "ANY", "[]"])
def test_a_filter_for_any_rule_touches_all_of_its_log_source(everything: str) -> None:
    elsewhere = SECOND.replace("product: test", "product: other")
    ruleset = compiled(RULE, elsewhere, letting_off(everything))
    assert tells(ruleset, "adm_an") == []
    other = Record({"Image": "tool.exe", "User": "adm_an"}, product="other")
    assert [rule.name for rule in ruleset.rules if matches(rule, other, MAPPING)] == ["second"]


def test_a_filter_with_several_selections_and_patterns() -> None:
    text = letting_off(condition="1 of selection*").replace("  condition", "  selection_b: {Host: jump}\n  condition")
    ruleset = compiled(RULE, text)
    record = Record({"Image": "tool.exe", "Host": "jump"}, product="test")
    assert [rule for rule in ruleset.rules if matches(rule, record, MAPPING)] == []
    assert tells(ruleset, "adm_x") == [] and tells(ruleset, "x") == ["by_name"]


def test_several_filters_add_up() -> None:
    second = letting_off().replace("User|startswith: adm_", "User: an")
    ruleset = compiled(RULE, letting_off(), second)
    assert tells(ruleset, "adm_x") == [] and tells(ruleset, "an") == [] and tells(ruleset, "x") == ["by_name"]


@pytest.mark.parametrize(
    ("filter_text", "word"),
    [
        (letting_off("[gone]"), "gone"),
        (letting_off(logsource="{product: other}"), "product: other"),
        (letting_off("any", logsource="{product: nobody}"), "product: nobody"),
        (letting_off("[counted]"), "tương quan"),
    ],
)
def test_a_filter_that_comes_to_nothing_is_named_and_the_rules_stay(filter_text: str, word: str) -> None:
    counted = (
        "title: c\nname: counted\ncorrelation: {type: event_count, rules: [second], timespan: 1m, condition: {gte: 2}}"
    )
    ruleset = compiled(RULE, SECOND, counted, filter_text)
    (skipped,) = ruleset.skipped
    assert word in skipped.reason and skipped.title == "Filter Administrator account"
    assert tells(ruleset, "adm_an") == ["by_name", "second"]


@pytest.mark.parametrize(
    ("broken", "word"),
    [
        (letting_off().replace("  condition: selection\n", ""), "condition"),
        (letting_off(condition="other"), "other"),
        (letting_off().replace("  rules:", "  rule:"), "rules"),
        (letting_off().replace("logsource: {product: test}\n", ""), "log source"),
        (letting_off("7"), "filter"),
        ("title: x\nlogsource: {product: test}\nfilter: nothing\n", "filter"),
    ],
)
def test_a_faulty_filter_is_named(broken: str, word: str) -> None:
    (outcome,) = read_rules(broken.encode(), "f.yml")
    assert isinstance(outcome, RuleError), outcome
    assert word in str(outcome)


def test_the_examples_of_the_specification_are_read(shared) -> None:
    for path in sorted((shared / "sigma" / "spec" / "tests" / "schema" / "filter").glob("*.yml")):
        (outcome,) = read_rules(path.read_bytes(), path.name)
        assert isinstance(outcome, Filter), outcome
        assert len(outcome.rules) == 2
