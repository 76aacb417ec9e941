"""Which rules could speak, given what arrives."""

from pathlib import Path

import pytest
import yaml

from dekhang.engine import Rule, compile_rules, default_mapping
from dekhang.engine.expressions import And, Atom, Expression, Not, NumberTest, Or, TextTest, ValueTest
from dekhang.engine.rules import Correlation, Limit, Logsource
from dekhang.engine.visibility import Visibility, lacks

SYSMON = "microsoft-windows-sysmon/operational"
CREATED = ("windows", "", "", SYSMON, 1)
LOGON = ("windows", "", "", "security", 4624)


def has(field: str, text: str = "x") -> Atom:
    return Atom(field, TextTest("contains", text))


def event(number: int) -> Atom:
    return Atom("EventID", TextTest("equals", str(number)))


def rule(rule_id: str, condition: Expression, *logsource: str) -> Rule:
    return Rule(rule_id, "t", "low", "p", logsource=Logsource(*logsource), condition=condition)


@pytest.mark.parametrize(
    ("expression", "missing"),
    [
        (has("Image"), set()),
        (has("User"), {"User"}),
        (And((has("Image"), has("User"), has("Hashes"))), {"User", "Hashes"}),
        (Or((And((has("User"), has("Hashes"))), has("Company"))), {"Company"}),
        (Or((has("User"), has("Image"))), set()),
        (And((has("Image"), Not(has("User")))), set()),  # what is missing does not match, its negation does
        (Not(Atom("User", ValueTest())), set()),
        (Atom(None, TextTest("contains", "x")), set()),
        (event(4625), {"EventID"}),
        (And((event(4624), has("Image"))), set()),
        (Atom("EventID", NumberTest("gt", 4000)), set()),
        (Atom("EventID", ValueTest()), set()),
    ],
)
def test_what_an_expression_lacks_is_the_fewest_fields_that_would_have_to_come(
    expression: Expression, missing: set[str]
) -> None:
    assert lacks(expression, frozenset({"Image", "EventID"}), 4624) == missing


def test_a_rule_is_visible_when_its_log_source_its_fields_and_its_event_arrive() -> None:
    rules = [
        rule("image", has("Image"), "windows", "process_creation"),
        rule("hashes", has("Hashes"), "windows", "process_creation"),
        rule("failed", event(4625), "windows", "", "security"),
        rule("logon", event(4624), "windows", "", "security"),
        rule("linux", has("user"), "linux"),
    ]
    eyes = Visibility(compile_rules(rules, default_mapping()))
    seen = eyes.seen([(CREATED, frozenset({"Image"})), (LOGON, frozenset({"TargetUserName"}))])

    assert {rules[place].id for place in seen.visible} == {"image", "logon"}
    assert {rules[place].id: set(missing) for place, missing in seen.lacking.items()} == {
        "hashes": {"Hashes"},
        "failed": {"EventID"},
    }


def test_a_field_counts_under_the_name_that_its_source_gives_it() -> None:
    eyes = Visibility(compile_rules([rule("a", has("Image"), "windows", "process_creation")], default_mapping()))
    created = ("windows", "", "", "security", 4688)
    assert eyes.seen([(created, frozenset({"NewProcessName"}))]).visible == {0}


def test_a_correlation_is_visible_only_with_all_its_suppliers() -> None:
    rules = [
        rule("a", has("user"), "linux"),
        rule("b", has("Image"), "windows", "process_creation"),
        Rule("both", "t", "low", "p", correlation=Correlation("temporal", ("a", "b"), 60_000, (Limit("gte", 2),))),
        Rule("many", "t", "low", "p", correlation=Correlation("event_count", ("a",), 60_000, (Limit("gte", 2),))),
    ]
    eyes = Visibility(compile_rules(rules, default_mapping()))
    linux = (("linux", "auth", "", "", None), frozenset({"user"}))
    windows = (CREATED, frozenset({"Image"}))

    def ids(places: frozenset[int]) -> set[str]:
        return {eyes.ruleset.rules[place].id for place in places}

    assert ids(eyes.seen([linux]).visible) == {"a", "many"}
    assert ids(eyes.seen([linux, windows]).visible) == {"a", "b", "both", "many"}


@pytest.mark.shared
def test_every_technique_that_the_sigma_rules_name_has_words_of_ours(shared: Path) -> None:
    """Newer than our list are a handful; more would be a page of numbers."""
    from dekhang.apps.sources.detectability import technique_name
    from dekhang.engine.attack import TECHNIQUE

    named: set[str] = set()
    for path in (shared / "sigma").glob("rules*/**/*.yml"):
        for document in yaml.load_all(path.read_bytes(), yaml.CSafeLoader):
            for tag in document.get("tags") or ():
                text = str(tag).lower().removeprefix("attack.")
                if TECHNIQUE.fullmatch(text):
                    named.add(text.partition(".")[0].upper())
    assert len(named) > 150
    assert sum(technique_name(key) == key for key in named) <= 6
