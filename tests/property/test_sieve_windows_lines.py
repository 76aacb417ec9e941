"""Windows events as JSON lines: the sieve, which reads them itself, finds what the parser and the reference find."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dekhang.engine import Detector, Limits, Rule, compile_rules
from dekhang.engine.expressions import (
    And,
    Atom,
    ExistsTest,
    Expression,
    FieldTest,
    Not,
    NumberTest,
    RegexTest,
    TextTest,
    ValueTest,
    Wild,
    WildcardTest,
)
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.pipeline.parse import parse
from dekhang.pipeline.parse.windows_shape import windows_shape

MAPPING = read_mapping(
    {
        "windows": {
            "services": {"security": ["Security"], "sysmon": ["Sysmon/Operational", "Linux-Sysmon/Operational"]},
            "providers": {"Provider-Of-Sysmon": "Sysmon/Operational"},
            "categories": {
                "made": [
                    {"service": "sysmon", "event_ids": [1]},
                    {"service": "security", "event_ids": [4688], "aliases": {"Image": ["NewProcessName"]}},
                ]
            },
        },
        "products": {"linux": ["sysmon"]},
        "others": [{"rule": {"product": "test"}, "record": "unrecognised"}],
    }
)
FIELDS = ("Image", "NewProcessName", "Data", "a.b", "Threat Name")
FACTS = (
    "EventID",
    "Channel",
    "Provider_Name",
    "Computer",
    "Level",
    "Task",
    "EventRecordID",
    "SystemTime",
    "Security_UserID",
    "Execution_ProcessID",
    "Message",
    "SourceName",
    "Hostname",
)
EVERYTHING = Logsource("windows")
RECEIVED_MS = 1_700_000_000_000


def rule_set() -> list[Rule]:
    """Return rules that tell every difference between two readings: whether a field is there, has a value, and which."""
    conditions: list[tuple[Expression, Logsource]] = []
    for name in (*FIELDS, *FACTS, "_truncated", "Event", "EventData_Name", "Qualifiers"):
        tests = [
            ExistsTest(),
            ValueTest(),
            TextTest("equals", ""),
            TextTest("contains", "evil"),
            TextTest("equals", "7"),
            TextTest("startswith", "e"),
            WildcardTest((Wild.MANY, "vi", Wild.ONE)),
            RegexTest("^[Ee]vil"),
            NumberTest("gte", 7),
        ]
        for test in tests:
            conditions += [(Atom(name, test), EVERYTHING), (Not(Atom(name, test)), EVERYTHING)]
    for test in (
        TextTest("contains", "evil"),
        TextTest("contains", "1000"),
        RegexTest("vil$"),
        TextTest("equals", "7"),
    ):
        conditions.append((Atom(None, test), EVERYTHING))
        conditions.append((And((Atom("EventID", ExistsTest()), Not(Atom(None, test)))), EVERYTHING))
    conditions.append((Atom("Image", FieldTest("equals", "NewProcessName")), EVERYTHING))
    image = Atom("Image", TextTest("endswith", "evil"))
    for asked in (
        Logsource("windows", "made"),
        Logsource("windows", "", "security"),
        Logsource("linux"),
        Logsource("linux", "", "sysmon"),
        Logsource("test"),
    ):
        conditions += [(image, asked), (Not(image), asked)]
    return [
        Rule(
            id=f"{number}: {condition} {asked}", title="t", level="low", path="p", logsource=asked, condition=condition
        )
        for number, (condition, asked) in enumerate(conditions)
    ]


RULES = rule_set()
RULESET = compile_rules(RULES, MAPPING)


def likely(first: st.SearchStrategy, other: st.SearchStrategy, of: int = 12) -> st.SearchStrategy:
    """Draw from `other` once in a while: lines in which all is strange are not read by the sieve and prove nothing."""
    return st.integers(1, of).flatmap(lambda number: other if number == of else first)


plain = st.sampled_from(
    ["7", "evil", "EVIL", "", "007", " evil", "evil\\", 'e"vil', "\0", "ệvil", "ĐEVIL", 7, 4688, 0, True, None]
)
numbers = st.sampled_from([0, 1, 7, 7.0, 1e3, -7, 4688, 10**18, 10**19, 10**30, 0.5])
words = st.sampled_from(["e\u0301vil", "K", "7.0", "\ud800evil", "\U0001f600", "ß", "vilﬁ"])
scalars = likely(plain, st.one_of(words, numbers, st.booleans()))
loose = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["#text", "#attributes", "Name", "@Name", "Value", "x"]), inner, max_size=2),
    ),
    max_leaves=4,
)
values = likely(scalars, loose, 8)
channels = likely(st.sampled_from(["Security", "sysmon/operational", "Linux-Sysmon/Operational", "Other", ""]), values)
event_ids = likely(st.sampled_from([1, 4688, 7]), st.one_of(st.sampled_from(["1", 1.0]), values))
providers = likely(st.sampled_from(["provider-of-sysmon", "p", "p", "Linux-Sysmon", "LINUX-SYSMON"]), values)
field_names = likely(
    st.sampled_from([*FIELDS, *FIELDS, "_m", "ThreatName", "Im age", "Level", "Execution_ProcessID"]),
    st.sampled_from([*FACTS, "EventData", "Event", "x" * 300]),
)


def optional(**parts: st.SearchStrategy) -> st.SearchStrategy[dict]:
    return st.fixed_dictionaries({}, optional=parts)


flat = st.builds(
    lambda facts, data: {**facts, **data},
    likely(
        st.fixed_dictionaries(
            {"EventID": st.sampled_from([1, 4688]), "Channel": channels, "Computer": plain},
            optional={"Provider_Name": providers, "SourceName": providers, "Hostname": plain, "RecordNumber": scalars},
        ),
        optional(
            EventID=event_ids,
            Channel=channels,
            Computer=values,
            Provider_Name=providers,
            ProviderName=providers,
            SourceName=providers,
            Hostname=values,
            RecordNumber=values,
            winlog=values,
        ),
    ),
    st.dictionaries(field_names, values, max_size=4),
)
attributes = optional(
    **{
        "#attributes": likely(
            optional(
                Name=providers,
                EventSourceName=providers,
                SystemTime=values,
                UserID=values,
                ProcessID=values,
                Qualifiers=values,
            ),
            values,
        ),
        "#text": values,
        "ProcessID": values,
    }
)
system = st.builds(
    lambda sound, more: {**sound, **more},
    likely(
        st.fixed_dictionaries(
            {
                "Provider": st.builds(lambda name: {"#attributes": {"Name": name}}, providers),
                "EventID": st.one_of(st.just(1), st.just({"#attributes": {"Qualifiers": 7}, "#text": 4688})),
                "Channel": channels,
                "Computer": st.just("c"),
            }
        ),
        st.just({}),
    ),
    likely(
        optional(
            Level=scalars,
            Task=plain,
            EventRecordID=st.sampled_from([0, 7]),
            TimeCreated=st.just({"#attributes": {"SystemTime": "7"}}),
            Security=st.just({"#attributes": {"UserID": "evil"}}),
            Execution=st.builds(lambda number: {"#attributes": {"ProcessID": number}}, scalars),
            Correlation=st.sampled_from([None, {}, {"#attributes": {"x": 7}}]),
        ),
        optional(
            Provider=st.one_of(attributes, values),
            EventID=st.one_of(event_ids, attributes),
            Channel=channels,
            Computer=values,
            Level=values,
            Task=values,
            EventRecordID=values,
            TimeCreated=st.one_of(attributes, values),
            Security=st.one_of(attributes, values),
            Execution=st.one_of(attributes, values),
            Correlation=st.one_of(attributes, values),
            Other=values,
        ),
        3,
    ),
)
event_data = st.one_of(
    st.dictionaries(field_names, scalars, max_size=4),
    st.dictionaries(field_names, scalars, max_size=4),
    st.dictionaries(field_names, likely(scalars, attributes), max_size=4),
    st.builds(lambda texts: {"Data": {"#text": texts}}, st.lists(scalars, max_size=3)),
    st.builds(lambda one: {"Data": one}, st.lists(attributes, max_size=3)),
    likely(st.none(), values, 2),
)
user_data = st.one_of(
    st.builds(lambda fields: {"Made": fields}, st.dictionaries(field_names, scalars, max_size=4)),
    st.dictionaries(
        st.sampled_from(["Made", "Other", "#attributes"]),
        st.dictionaries(
            st.one_of(field_names, st.sampled_from(["xml_name", "#attributes", "x.#text"])), values, max_size=4
        ),
        max_size=2,
    ),
    values,
)
evtx = st.builds(
    lambda event, beside: {"Event": event, **beside},
    st.builds(
        lambda sound, more: {**sound, **more},
        st.fixed_dictionaries({"System": likely(system, values)}),
        st.one_of(
            st.builds(lambda data: {"EventData": data}, event_data),
            st.builds(lambda data: {"UserData": data}, user_data),
            optional(
                EventData=event_data,
                UserData=user_data,
                RenderingInfo=values,
                **{"#attributes": values},
            ),
        ),
    ),
    likely(st.just({}), st.dictionaries(st.sampled_from(["Image", "EventID", "Channel", "x"]), values, max_size=2)),
)
winlogbeat = st.builds(
    lambda winlog, more: {"@timestamp": "2020-01-01T00:00:00Z", "winlog": winlog, **more},
    st.fixed_dictionaries(
        {"channel": channels, "event_id": event_ids, "provider_name": providers}, optional={"event_data": event_data}
    ),
    st.dictionaries(field_names, values, max_size=2),
)
documents = st.one_of(flat, flat, evtx, evtx, evtx, winlogbeat)

# how the same document may stand in a line
separators = st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", "\r: ")])


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    document = draw(documents)
    written = json.dumps(document, ensure_ascii=draw(st.booleans()), separators=draw(separators))
    line = written.encode("utf-8", "surrogatepass")
    for _ in range(draw(likely(st.just(0), st.just(1), 6))):  # a hand, or a broken disk, got at it
        at = draw(st.integers(0, len(line)))
        line = draw(
            st.sampled_from(
                [
                    line[:at] + line[at + 1 :],
                    line[:at],
                    line[:at] + line[at : at + 1] * 2 + line[at + 1 :],
                    *(
                        line[:at] + sign + line[at:]
                        for sign in (b"\0", b" ", b"\\", b'"', b"\xff", b"0", b",", b"{", b"[")
                    ),
                    *(line[:at] + sign + line[at + 1 :] for sign in (b"\xe1", b"\x1f", b"}", b"]", b"e", b"-")),
                    line.replace(b"Image", b"Im\\u0061ge", 1),
                ]
            )
        )
    return line.replace(b"\n", b" ") or b"{"


def found(detector: Detector, raw: Sequence[bytes], cut: Iterable[int]) -> tuple[set, set, set]:
    """Return what the sieve finds in lines, given in several calls, what it finds in records, and the reference."""
    records = [parse(line, source_kind="", received_ms=RECEIVED_MS).record for line in raw]
    expected = {
        (index, rule.id) for index, record in enumerate(records) for rule in RULES if matches(rule, record, MAPPING)
    }
    in_lines = set()
    places = [0, *sorted({place % (len(raw) + 1) for place in cut}), len(raw)]
    for first, behind in pairwise(places):
        sizes = np.array([len(line) for line in raw[first:behind]], np.int64)
        ends = np.cumsum(sizes + 1) - 1
        told = detector.process_lines(
            b"\n".join(raw[first:behind]),
            ends - sizes,
            ends,
            windows_shape,
            lambda line, first=first: records[first + line],
        )
        in_lines |= {(first + match.index, match.rule.id) for match in told}
    return in_lines, {(match.index, match.rule.id) for match in detector.process(records)}, expected


def check(detector: Detector, raw: Sequence[bytes], cut: Iterable[int] = ()) -> None:
    in_lines, in_records, expected = found(detector, raw, cut)
    assert in_lines == expected, sorted(in_lines ^ expected)[:5]
    assert in_records == expected, sorted(in_records ^ expected)[:5]


DETECTORS = [
    Detector(RULESET),
    Detector(RULESET, limits=Limits(1, 0)),
    Detector(RULESET, limits=Limits(16, 300, longest_value=5)),
    Detector(RULESET, limits=Limits(64, 4_096, 0)),
    Detector(RULESET, limits=Limits(64, 4_096, 1)),
]  # they live on, so that what they remember of earlier examples is tested, too


@settings(max_examples=500, deadline=None)
@given(st.lists(lines(), min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=2), st.sampled_from(range(5)))
@example([b'{"EventID":1,"Channel":"Security","Image":"7","Imag\\u0065":"evil"}'], [], 0)
@example([b'{"EventID":1,"Channel":"Security","x":1e3}'], [], 0)
@example([b'{"EventID":1,"Channel":"Security","x":01}', b'{"EventID":1,"Channel":"Security","x":"\\q"}'], [], 0)
@example([b'{"EventID":1,"Channel":"Security"\0,"x":1}', b'{"EventID":1,"Channel":"Security","x":1.}'], [], 0)
@example([b'{"EventID":1,"Channel":"Linux-Sysmon/Operational","Provider_Name":"Linux-Sysmon","Image":"evil"}'], [], 0)
def test_lines_are_read_as_the_parser_reads_them(raw: list[bytes], cut: list[int], which: int) -> None:
    check(DETECTORS[which], raw, cut)


def test_more_fields_than_the_parser_keeps() -> None:
    document = {"EventID": 1, "Channel": "Security", **{f"f{number}": 1 for number in range(600)}, "Image": "evil"}
    check(DETECTORS[0], [json.dumps(document).encode()])


@pytest.mark.parametrize("size", [32_767, 32_768, 32_769, 100_000])
def test_lines_around_the_length_where_values_are_cut(size: int) -> None:
    document = {"EventID": 1, "Channel": "Security", "Image": "", "Data": "evil"}
    document["Image"] = "evil" + "x" * (size - len(json.dumps(document)) - 4)
    line = json.dumps(document).encode()
    assert len(line) == size
    check(DETECTORS[0], [line])
