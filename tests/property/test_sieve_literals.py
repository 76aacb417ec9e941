"""Texts of rules are found wherever they stand in a value, however the value is written down."""

import json

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine import Detector, Limits, Record, Rule, compile_rules
from dekhang.engine.expressions import And, Atom, ExistsTest, Expression, Not, RegexTest, TextTest, Wild, WildcardTest
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.engine.text import clean, fold
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.windows_shape import windows_shape

MAPPING = read_mapping({"windows": {"services": {"one": ["One"]}}})

# few letters, so that anchors meet in many places; upper and lower case, escapes, and what folding takes apart
COMMON = 'abAB\\/". \n\t-'
LETTERS = COMMON + "đĐệỆéßſKİıﬁΣςŁ\u0301\u0323\u200b\ufffd中\U0001f600\0\x1f\x7f"
common_texts = st.text(alphabet=COMMON, max_size=14)
any_texts = st.text(alphabet=LETTERS, max_size=14)
pieces = st.one_of(common_texts, common_texts, any_texts)
relations = st.sampled_from(["equals", "contains", "startswith", "endswith"])


@st.composite
def literal_tests(draw: st.DrawFn, text: str) -> TextTest | WildcardTest | RegexTest:
    """Draw a test for a piece of `text`, so that it often holds, or for one that is nearly there."""
    cased = draw(st.sampled_from([False, False, False, True]))
    ready = clean if cased else fold
    size = draw(st.one_of(st.integers(4, 12), st.integers(0, 3)))
    first = draw(st.integers(0, max(0, len(text) - size)))
    part = text[first : first + size]
    if draw(st.integers(0, 4)) == 0:
        part += draw(st.text(alphabet=LETTERS, min_size=1, max_size=2))
    if draw(st.booleans()):
        part = part.swapcase()
    kind = draw(st.sampled_from(["text", "text", "text", "wild", "regex"]))
    if kind == "text":
        return TextTest(draw(relations), ready(part), cased)
    if kind == "wild":
        middle = draw(st.integers(0, len(part)))
        parts = [ready(part[:middle]), draw(st.sampled_from(list(Wild))), ready(part[middle:])]
        shape = [draw(st.sampled_from([Wild.MANY, None])), *parts, draw(st.sampled_from([Wild.MANY, None]))]
        return WildcardTest(tuple(one for one in shape if one is not None and one != ""), cased)
    escaped = "".join(f"\\x{{{ord(letter):x}}}" if not letter.isalnum() else letter for letter in clean(part))
    before, behind = draw(st.sampled_from([("", ""), ("^", ""), ("", "$"), ("(x|", ")"), ("(?:", ")?"), ("(", ")+")]))
    return RegexTest(before + escaped + behind, draw(st.sampled_from(["", "i", "is"])))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[Rule], list[dict]]:
    """Draw rules and records about the same few texts."""
    texts = [
        "".join(draw(st.lists(pieces, max_size=5)))[: draw(st.integers(0, 60))] for _ in range(draw(st.integers(1, 4)))
    ]
    conditions: list[Expression] = []
    for _ in range(draw(st.integers(1, 8))):
        test = draw(literal_tests(draw(st.sampled_from(texts))))
        atom = Atom(draw(st.sampled_from(["A", "A", "B", None])), test)
        conditions.append(atom)
        conditions.append(And((Atom("EventID", ExistsTest()), Not(atom))))
    rules = [
        Rule(id=f"{number}", title="t", level="low", path="p", logsource=Logsource("windows"), condition=condition)
        for number, condition in enumerate(conditions)
    ]
    records = [
        {
            "EventID": 1,
            "Channel": "One",
            "A": draw(st.sampled_from(texts)),
            draw(st.sampled_from(["B", "C", "_m"])): text,
        }
        for text in texts
    ]
    return rules, records


def written(document: dict, how: int) -> bytes:
    """Write JSON in one of the ways in which programs write it."""
    pairs = (f'"{name}":{spelled(value, how)}' for name, value in document.items())
    return ("{" + ",".join(pairs) + "}").encode()


def spelled(value: object, how: int) -> str:
    text = json.dumps(value, ensure_ascii=how == 1)
    if how == 2:
        return text.replace("/", "\\/")
    if how == 3:  # letters as escapes that nobody needs
        return "".join(f"\\u{ord(letter):04X}" if letter in "abAB" else letter for letter in text)
    return text


LIMITS = [None, Limits(1, 0), Limits(16, 200, 1), Limits(64, 4_096, 0)]


@settings(max_examples=500, deadline=None)
@given(scenes(), st.lists(st.integers(0, 3), min_size=4, max_size=4), st.sampled_from(LIMITS))
def test_texts_are_found_wherever_and_however_they_stand(
    scene: tuple[list[Rule], list[dict]], how: list[int], limits: Limits | None
) -> None:
    rules, documents = scene
    raw = [written(document, way) for document, way in zip(documents, how, strict=False)]
    records = [parse(line, source_kind="", received_ms=0).record for line in raw]
    for record, document in zip(records, documents, strict=True):
        assert record.fields == document  # the ways of writing say the same
    expected = {
        (index, rule.id) for index, record in enumerate(records) for rule in rules if matches(rule, record, MAPPING)
    }
    detector = Detector(compile_rules(rules, MAPPING), limits=limits)
    sizes = np.array([len(line) for line in raw], np.int64)
    ends = np.cumsum(sizes)
    strange = [Record({**record.fields, "D": "\ud800"}, product="windows") for record in records]
    for attempt in ("cold", "warm"):  # lines without anything between them
        in_lines = detector.process_lines(b"".join(raw), ends - sizes, ends, windows_shape, records.__getitem__)
        assert {(match.index, match.rule.id) for match in in_lines} == expected, attempt
        assert {(match.index, match.rule.id) for match in detector.process(records)} == expected, attempt
        of_strange = {
            (index, rule.id) for index, record in enumerate(strange) for rule in rules if matches(rule, record, MAPPING)
        }
        assert {(match.index, match.rule.id) for match in detector.process(strange)} == of_strange, attempt
