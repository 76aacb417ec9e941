"""The Sigma specification as a small table of events: what each modifier and condition means.

Each row: a detection, events that match, events that do not. Both evaluators are asked; docs/reference/detection.md
refers to these rows by name.
"""

import textwrap

import pytest

from dekhang.engine import Detector, Record, Rule, compile_rules
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.sigma import read_rules

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)

ROWS = [
    # -- plain values ------------------------------------------------------------------------------------------
    ("text is equal without case", "sel: {User: Admin}", [{"User": "ADMIN"}], [{"User": "admins"}, {"Name": "admin"}]),
    ("vietnamese text is equal without case", "sel: {User: ĐÀO}", [{"User": "đào"}], [{"User": "đao"}]),
    ("composed and decomposed letters are equal", "sel: {User: Đà}", [{"User": "Đa\u0300"}], [{"User": "Đa"}]),
    ("a number equals its text", "sel: {EventID: 4624}", [{"EventID": 4624}, {"EventID": "4624"}], [{"EventID": 46240}]),
    ("a text equals a number", "sel: {Port: '80'}", [{"Port": 80}, {"Port": 80.0}], [{"Port": 8080}, {"Port": 80.5}]),
    ("true is not one", "sel: {Signed: 1}", [{"Signed": 1}, {"Signed": "1"}], [{"Signed": True}]),
    ("true equals its text", "sel: {Signed: true}", [{"Signed": True}, {"Signed": "True"}], [{"Signed": 1}]),
    ("a list of values is any of them", "sel: {Port: [80, 443]}", [{"Port": 443}], [{"Port": 8443}]),
    ("all keys of a map must match", "sel: {A: 1, B: 2}", [{"A": 1, "B": 2}], [{"A": 1}, {"A": 1, "B": 3}]),
    ("any map of a list may match", "sel: [{A: 1}, {B: 2}]", [{"A": 1}, {"B": 2}], [{"A": 2, "B": 1}]),
    ("a field with several values matches by any", "sel: {Ip: 192.0.2.1}", [{"Ip": ["192.0.2.9", "192.0.2.1"]}], [{"Ip": []}]),
    ("lists in lists count too", "sel: {Ip: x}", [{"Ip": [["y", ["X"]]]}], [{"Ip": [["y"]]}]),
    ("a name with spaces is the name without", "sel: {ThreatName: x}", [{"Threat Name": "x"}], [{"Threat_Name": "x"}]),
    # -- null, empty, missing ----------------------------------------------------------------------------------
    ("null is missing or without value", "sel: {A: null}", [{}, {"A": None}, {"A": []}], [{"A": ""}, {"A": 0}]),
    ("empty text is not missing", "sel: {A: ''}", [{"A": ""}], [{}, {"A": None}, {"A": " "}]),
    ("a lone star is any value, also the empty one", "sel: {A: '*'}", [{"A": "x"}, {"A": ""}, {"A": 0}], [{}, {"A": None}]),
    ("exists asks for the field, not its value", "sel: {A|exists: true}", [{"A": None}, {"A": ""}], [{"B": 1}]),
    ("exists false is its absence", "sel: {A|exists: false}", [{"B": 1}], [{"A": None}]),
    ("the negation of a missing field matches", "sel: {B: 1}\nnot_a: {A: x}\ncondition: sel and not not_a", [{"B": 1}, {"B": 1, "A": "y"}], [{"B": 1, "A": "X"}]),
    ("neq is the negation", "sel: {A|neq: x}", [{"A": "y"}, {}], [{"A": "X"}]),
    # -- wildcards ---------------------------------------------------------------------------------------------
    ("a star is any text", "sel: {A: 'a*c'}", [{"A": "ac"}, {"A": "AbbC"}, {"A": "a\nc"}], [{"A": "acd"}, {"A": "xac"}]),
    ("a question mark is one character", "sel: {A: 'prog?.exe'}", [{"A": "progA.exe"}, {"A": "progđ.exe"}], [{"A": "prog.exe"}, {"A": "progAB.exe"}]),
    ("escaped wildcards are characters", r"sel: {A: 'a\*b\?'}", [{"A": "a*b?"}], [{"A": "axb?"}, {"A": "a*bx"}]),
    ("a plain backslash needs no escape", r"sel: {A: 'C:\Windows\cmd.exe'}", [{"A": r"c:\windows\CMD.EXE"}], [{"A": "c:windowscmd.exe"}]),
    ("an escaped backslash before a star", r"sel: {A: 'C:\\*'}", [{"A": "C:\\x"}, {"A": "c:\\"}], [{"A": "C:*"}]),
    # -- text modifiers ----------------------------------------------------------------------------------------
    ("contains", "sel: {A|contains: bcd}", [{"A": "aBCDe"}], [{"A": "bc"}]),
    ("startswith", "sel: {A|startswith: ab}", [{"A": "ABc"}, {"A": "ab"}], [{"A": "xab"}]),
    ("endswith", r"sel: {A|endswith: '\cmd.exe'}", [{"A": r"C:\CMD.exe"}], [{"A": r"\cmd.exe /c"}]),
    ("contains all", "sel: {A|contains|all: [x, y]}", [{"A": "y x"}], [{"A": "x"}]),
    ("all values over a list of values", "sel: {A|contains|all: [x, y]}", [{"A": ["ax", "by"]}], [{"A": ["ax", "bx"]}]),
    ("cased", "sel: {A|cased: Ab}", [{"A": "Ab"}], [{"A": "ab"}]),
    ("cased contains", "sel: {A|contains|cased: Ab}", [{"A": "xAbx"}], [{"A": "xabx"}]),
    ("windash means any dash", "sel: {A|windash|contains: ' -f '}", [{"A": "x /F y"}, {"A": "x –f y"}, {"A": "x -f y"}], [{"A": "x f y"}]),
    ("wide is UTF-16", "sel: {A|wide|contains: ab}", [{"A": "xa\0b\0y"}], [{"A": "ab"}]),
    ("base64", "sel: {A|base64: ping}", [{"A": "cGluZw=="}], [{"A": "ping"}]),
    ("base64offset finds any of three shifts", "sel: {A|base64offset|contains: 'http://'}", [{"A": "aHR0cDovL3g="}, {"A": "eGh0dHA6Ly94"}, {"A": "eHhodHRwOi8veA=="}], [{"A": "http://x"}]),
    # -- regular expressions -----------------------------------------------------------------------------------
    ("re is found anywhere", "sel: {A|re: 'b{2}c'}", [{"A": "abbcd"}], [{"A": "abcd"}]),
    ("re minds case", "sel: {A|re: 'abc'}", [{"A": "xabcx"}], [{"A": "ABC"}]),
    ("re with i does not", "sel: {A|re|i: 'đào|abc'}", [{"A": "ABC"}, {"A": "ĐÀO"}], [{"A": "ab"}]),
    ("re with s lets the dot cross lines", "sel: {A|re|s: 'a.b'}", [{"A": "a\nb"}], [{"A": "ab"}]),
    ("re without s does not", "sel: {A|re: 'a.b'}", [{"A": "axb"}], [{"A": "a\nb"}]),
    ("re with m lets anchors stand at lines", "sel: {A|re|m: '^b$'}", [{"A": "a\nb\nc"}], [{"A": "ab"}]),
    ("re with look-around still works", "sel: {A|re: 'pass(?!word)'}", [{"A": "passport"}], [{"A": "password"}]),
    # -- numbers, addresses, times -----------------------------------------------------------------------------
    ("lt compares as numbers", "sel: {A|lt: 10}", [{"A": 9}, {"A": "9.5"}], [{"A": 10}, {"A": "9x"}, {}]),
    ("gte compares as numbers", "sel: {A|gte: 10}", [{"A": 10}, {"A": "1e2"}], [{"A": "9"}, {"A": True}]),
    ("gt and lte", "sel: {A|gt: 1, B|lte: 2}", [{"A": 1.5, "B": 2}], [{"A": 1, "B": 2}, {"A": 2, "B": 2.1}]),
    ("cidr", "sel: {Ip|cidr: 192.0.2.0/24}", [{"Ip": "192.0.2.77"}, {"Ip": "::ffff:192.0.2.1"}], [{"Ip": "198.51.100.1"}, {"Ip": "x"}]),
    ("cidr of version 6", "sel: {Ip|cidr: '2001:db8::/32'}", [{"Ip": "2001:DB8::1"}], [{"Ip": "2001:db9::1"}, {"Ip": "192.0.2.1"}]),
    ("hour of a time", "sel: {T|hour: 2}", [{"T": "2019-12-10T02:59:00Z"}, {"T": 1575943200}], [{"T": "2019-12-10T03:00:00Z"}, {"T": "02:00"}]),
    # -- two fields --------------------------------------------------------------------------------------------
    ("fieldref compares two fields", "sel: {A|fieldref: B}", [{"A": "x", "B": "X"}, {"A": 5, "B": "5"}], [{"A": "x", "B": "y"}, {"A": "x"}, {}]),
    ("fieldref with endswith", "sel: {A|fieldref|endswith: B}", [{"A": "host.example.gov.vn", "B": "example.gov.vn"}], [{"A": "x", "B": "y"}]),
    # -- keywords ----------------------------------------------------------------------------------------------
    ("a keyword is sought in every value", "sel: [mimikatz]", [{"X": "run MimiKatz.exe"}, {"Y": ["a", "mimikatz"]}], [{"mimikatz": "x"}]),
    ("a keyword is not sought in a shipper's metadata", "sel: [mimikatz]", [{"src": "mimikatz"}], [{"_src": "mimikatz"}]),
    ("keywords are alternatives", "sel: [aaa, bbb]", [{"X": "bbb"}], [{"X": "ab"}]),
    ("keywords under all are all needed", "sel: {'|all': [aaa, bbb]}", [{"X": "aaa", "Y": "bbb"}], [{"X": "aaa"}]),
    ("a keyword with a wildcard", "sel: ['a*z']", [{"X": "xxa--zxx"}], [{"X": "za"}]),
    ("a number as keyword", "sel: [4711]", [{"X": 14711}, {"X": "no 4711"}], [{"X": "471"}]),
    # -- conditions --------------------------------------------------------------------------------------------
    ("1 of a pattern", "sel_a: {A: 1}\nsel_b: {B: 1}\ncondition: 1 of sel_*", [{"A": 1}, {"B": 1}], [{"C": 1}]),
    ("all of a pattern", "sel_a: {A: 1}\nsel_b: {B: 1}\ncondition: all of sel_*", [{"A": 1, "B": 1}], [{"A": 1}]),
    ("1 of them", "x: {A: 1}\ny: {B: 1}\ncondition: 1 of them", [{"B": 1}], [{"A": 2}]),
    ("not binds closest, then and, then or", "a: {A: 1}\nb: {B: 1}\nc: {C: 1}\ncondition: a or not b and c", [{"A": 1, "B": 1}, {"C": 1}], [{"B": 1, "C": 1}, {}]),
    ("brackets", "a: {A: 1}\nb: {B: 1}\nc: {C: 1}\ncondition: (a or b) and not c", [{"A": 1}, {"B": 1}], [{"A": 1, "C": 1}]),
]  # fmt: skip


def rule(detection: str) -> Rule:
    if "condition:" not in detection:
        detection += "\ncondition: sel"
    text = "title: t\nlogsource: {product: test}\ndetection:\n" + textwrap.indent(detection, "  ")
    (found,) = read_rules(text.encode(), "t.yml")
    assert isinstance(found, Rule), found
    return found


@pytest.mark.parametrize(("detection", "matching", "others"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_specification(detection: str, matching: list[dict], others: list[dict]) -> None:
    subject = rule(detection)
    records = [Record(fields, product="test") for fields in (*matching, *others)]
    expected = [True] * len(matching) + [False] * len(others)

    assert [matches(subject, record, MAPPING) for record in records] == expected
    found = {match.index for match in Detector(compile_rules([subject], MAPPING)).process(records)}
    assert [index in found for index in range(len(records))] == expected
