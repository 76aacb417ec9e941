"""What the sieve lets through is all that the reference finds, for any rules and any records."""

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine import Detector, Limits, Record, Rule, compile_rules
from dekhang.engine.expressions import (
    And,
    Atom,
    CidrTest,
    ExistsTest,
    FieldTest,
    Not,
    NumberTest,
    Or,
    RegexTest,
    TextTest,
    ValueTest,
    Wild,
    WildcardTest,
)
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.engine.text import clean, fold

MAPPING = read_mapping(
    {
        "windows": {
            "services": {"one": ["Channel One"], "two": ["Channel Two"]},
            "providers": {"Provider": "Channel Two"},
            "categories": {
                "made": [
                    {"service": "one", "event_ids": [1]},
                    {"service": "two", "event_ids": [2], "aliases": {"A": ["B"]}, "where": {"C": ["a", "1"]}},
                ]
            },
        },
        "others": [{"rule": {"product": "test"}}],
    }
)

# few letters, so that values and rules meet; among them what folding changes, and what breaks naive code
LETTERS = "aAbBđĐ\u0300\u0331ßſKİ*?\\.\n\0 -/1\ud800é"
texts = st.text(alphabet=LETTERS, max_size=5)
names = st.sampled_from(["A", "B", "C", "D E", "DE", "_M"])
relations = st.sampled_from(["equals", "contains", "startswith", "endswith"])
patterns = st.sampled_from(
    [
        "a",
        "ab",
        "^a",
        "b$",
        "a.b",
        "(a|b)1",
        "a+b",
        "[[:alpha:]]1",
        "A(?=b)",
        "(?i)ab",
        "\\x00",
        "(ab)+",
        "H",
        "a{2,}",
        "K",
    ]
)


@st.composite
def text_tests(draw: st.DrawFn) -> TextTest:
    cased = draw(st.booleans())
    text = draw(texts)
    return TextTest(draw(relations), clean(text) if cased else fold(text), cased)


@st.composite
def wildcard_tests(draw: st.DrawFn) -> WildcardTest:
    cased = draw(st.booleans())
    parts = draw(
        st.lists(
            st.one_of(st.sampled_from(list(Wild)), st.text(alphabet=LETTERS, min_size=1, max_size=3)),
            min_size=1,
            max_size=5,
        )
    )
    return WildcardTest(
        tuple(part if isinstance(part, Wild) else clean(part) if cased else fold(part) for part in parts), cased
    )


value_tests = st.one_of(
    text_tests(),
    wildcard_tests(),
    st.builds(RegexTest, patterns, st.sampled_from(["", "i", "s"])),
    st.builds(NumberTest, st.sampled_from(["lt", "lte", "gt", "gte"]), st.sampled_from([0, 1, 1.5])),
    st.builds(CidrTest, st.sampled_from(["192.0.2.0/24", "::/0"])),
)
atoms = st.one_of(
    st.builds(Atom, names, value_tests),
    st.builds(
        Atom, names, st.one_of(st.just(ExistsTest()), st.just(ValueTest()), st.builds(FieldTest, relations, names))
    ),
    st.builds(Atom, st.none(), st.one_of(text_tests(), wildcard_tests(), st.builds(RegexTest, patterns))),
)
expressions = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, min_size=1, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
logsources = st.sampled_from(
    [
        Logsource("test"),
        Logsource("windows"),
        Logsource("windows", "", "one"),
        Logsource("windows", "made"),
        Logsource("windows", "made", "two"),
    ]
)
scalar_values = st.one_of(
    texts,
    texts,
    st.none(),
    st.booleans(),
    st.integers(-2, 12),
    st.sampled_from([1.0, 1.5, float("nan"), 10**30, "192.0.2.7"]),
)
values = st.recursive(scalar_values, lambda inner: st.lists(inner, max_size=3), max_leaves=4)


@st.composite
def records(draw: st.DrawFn) -> Record:
    fields = draw(st.dictionaries(names, values, max_size=5))
    if draw(st.booleans()):
        return Record(fields, product="test")
    fields |= draw(
        st.fixed_dictionaries(
            {},
            optional={
                "Channel": st.sampled_from(["Channel One", "CHANNEL TWO", "other", ["Channel One"], 7]),
                "EventID": st.sampled_from([1, 2, "1", "x", [2], True, None]),
                "Provider_Name": st.sampled_from(["provider", "z"]),
            },
        )
    )
    return Record(fields, product="windows")


LIMITS = [Limits(64, 4_096), Limits(16, 64), Limits(64, 4_096, 0), Limits(64, 4_096, 2)]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.tuples(logsources, expressions), min_size=1, max_size=6),
    st.lists(records(), min_size=1, max_size=8),
    st.sampled_from(LIMITS),
)
def test_a_detector_finds_what_the_reference_finds(conditions: list, events: list[Record], limits: Limits) -> None:
    rules = [
        Rule(id=f"r{number}", title="t", level="low", path="p", logsource=logsource, condition=condition)
        for number, (logsource, condition) in enumerate(conditions)
    ]
    detector = Detector(compile_rules(rules, MAPPING), limits=limits)
    expected = [
        (index, rule.id) for index, event in enumerate(events) for rule in rules if matches(rule, event, MAPPING)
    ]
    for attempt in ("cold", "warm"):
        found = [(match.index, match.rule.id) for match in detector.process(events)]
        assert found == expected, attempt
