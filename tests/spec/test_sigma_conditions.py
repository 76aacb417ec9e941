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
    ("neq over several values is none of them", "sel: {A|neq: [x, y]}", [{"A": "z"}, {}], [{"A": "X"}, {"A": "y"}]),
    ("neq of a number", "sel: {A|neq: 5}", [{"A": 6}, {"A": "5x"}], [{"A": 5}, {"A": "5"}]),
    ("neq after another modifier", "sel: {A|contains|neq: x}", [{"A": "abc"}], [{"A": "axc"}]),
    ("null and empty text as alternatives", "sel: {A: ['', null]}", [{"A": ""}, {}, {"A": None}], [{"A": "x"}, {"A": 0}]),
    ("null among other fields", "sel: {A: x, B: null}", [{"A": "x"}, {"A": "x", "B": None}], [{"A": "x", "B": ""}]),
    # -- wildcards ---------------------------------------------------------------------------------------------
    ("a star is any text", "sel: {A: 'a*c'}", [{"A": "ac"}, {"A": "AbbC"}, {"A": "a\nc"}], [{"A": "acd"}, {"A": "xac"}]),
    ("a question mark is one character", "sel: {A: 'prog?.exe'}", [{"A": "progA.exe"}, {"A": "progđ.exe"}], [{"A": "prog.exe"}, {"A": "progAB.exe"}]),
    ("escaped wildcards are characters", r"sel: {A: 'a\*b\?'}", [{"A": "a*b?"}], [{"A": "axb?"}, {"A": "a*bx"}]),
    ("a plain backslash needs no escape", r"sel: {A: 'C:\Windows\cmd.exe'}", [{"A": r"c:\windows\CMD.EXE"}], [{"A": "c:windowscmd.exe"}]),
    ("an escaped backslash before a star", r"sel: {A: 'C:\\*'}", [{"A": "C:\\x"}, {"A": "c:\\"}], [{"A": "C:*"}]),
    ("three backslashes are a backslash and a star", r"sel: {A: 'a\\\*'}", [{"A": r"a\*"}], [{"A": r"a\x"}, {"A": "a*"}]),
    ("two backslashes are one", r"sel: {A: 'C:\\x'}", [{"A": r"c:\x"}], [{"A": r"c:\\x"}]),
    ("four backslashes are two", r"sel: {A: '\\\\srv\share'}", [{"A": r"\\srv\share"}], [{"A": r"\srv\share"}]),
    # -- text modifiers ----------------------------------------------------------------------------------------
    ("contains", "sel: {A|contains: bcd}", [{"A": "aBCDe"}], [{"A": "bc"}]),
    ("startswith", "sel: {A|startswith: ab}", [{"A": "ABc"}, {"A": "ab"}], [{"A": "xab"}]),
    ("endswith", r"sel: {A|endswith: '\cmd.exe'}", [{"A": r"C:\CMD.exe"}], [{"A": r"\cmd.exe /c"}]),
    ("contains all", "sel: {A|contains|all: [x, y]}", [{"A": "y x"}], [{"A": "x"}]),
    ("contains with a wildcard inside", "sel: {A|contains: 'a*c'}", [{"A": "xabcx"}], [{"A": "ca"}]),
    ("all over plain values with wildcards", "sel: {A|all: ['*x*', '*y*']}", [{"A": "y x"}], [{"A": "x"}]),
    ("all values over a list of values", "sel: {A|contains|all: [x, y]}", [{"A": ["ax", "by"]}], [{"A": ["ax", "bx"]}]),
    ("cased", "sel: {A|cased: Ab}", [{"A": "Ab"}], [{"A": "ab"}]),
    ("cased contains", "sel: {A|contains|cased: Ab}", [{"A": "xAbx"}], [{"A": "xabx"}]),
    ("windash means any dash", "sel: {A|windash|contains: ' -f '}", [{"A": "x /F y"}, {"A": "x –f y"}, {"A": "x -f y"}], [{"A": "x f y"}]),
    ("windash knows five dashes on both sides", "sel: {A|windash|contains: ' ―f '}", [{"A": f"x {dash}F y"} for dash in "-/–—―"], [{"A": "x f y"}, {"A": "x +f y"}]),
    ("windash leaves dashes inside words alone", "sel: {A|windash: '-no-exit'}", [{"A": "/no-exit"}], [{"A": "-no/exit"}]),
    ("windash with all", "sel: {A|contains|all|windash: [' -a', ' -b']}", [{"A": "x /a –b"}], [{"A": "x /a"}]),
    ("wide is UTF-16", "sel: {A|wide|contains: ab}", [{"A": "xa\0b\0y"}], [{"A": "ab"}]),
    ("utf16le is wide", "sel: {A|utf16le: ab}", [{"A": "a\0b\0"}], [{"A": "ab"}, {"A": "\0a\0b"}]),
    ("utf16be", "sel: {A|utf16be: ab}", [{"A": "\0a\0b"}], [{"A": "a\0b\0"}]),
    ("utf16 has a byte order mark", "sel: {A|utf16: ab}", [{"A": "\xff\xfea\0b\0"}], [{"A": "a\0b\0"}]),
    ("wide then base64", "sel: {A|wide|base64: ping}", [{"A": "cABpAG4AZwA="}], [{"A": "cGluZw=="}]),
    ("utf16 then base64 with its mark", "sel: {A|utf16|base64: ping}", [{"A": "//5wAGkAbgBnAA=="}], [{"A": "cABpAG4AZwA="}]),
    ("vietnamese text, wide, in base64", "sel: {A|wide|base64offset|contains: 'Đề'}", [{"A": "EAHBHg=="}, {"A": "eBABwR4="}], [{"A": "Đề"}]),
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
    ("re with a back reference still works", r"sel: {A|re: '(ab)x\1'}", [{"A": "abxab"}], [{"A": "abxac"}]),
    ("re with i, m and s together", "sel: {A|re|i|m|s: '^b.c$'}", [{"A": "a\nB\nC\nd"}], [{"A": "a b\nc"}]),
    ("re with startswith", "sel: {A|re|startswith: 'a|b'}", [{"A": "bx"}], [{"A": "xb"}]),
    ("re with endswith", "sel: {A|re|endswith: 'a|b'}", [{"A": "xb"}], [{"A": "bx"}]),
    ("re over several values is any", "sel: {A|re: ['a.c', 'x.z']}", [{"A": "xyz"}], [{"A": "xy"}]),
    ("re with all needs every one", "sel: {A|re|all: ['a.c', 'x.z']}", [{"A": "abcxyz"}], [{"A": "xyz"}]),
    ("re as keyword", "sel: {'|re': 'ev[i1]l'}", [{"X": "so ev1l"}], [{"X": "so EV1L"}]),
    # -- numbers, addresses, times -----------------------------------------------------------------------------
    ("lt compares as numbers", "sel: {A|lt: 10}", [{"A": 9}, {"A": "9.5"}], [{"A": 10}, {"A": "9x"}, {}]),
    ("gte compares as numbers", "sel: {A|gte: 10}", [{"A": 10}, {"A": "1e2"}], [{"A": "9"}, {"A": True}]),
    ("gt and lte", "sel: {A|gt: 1, B|lte: 2}", [{"A": 1.5, "B": 2}], [{"A": 1, "B": 2}, {"A": 2, "B": 2.1}]),
    ("cidr", "sel: {Ip|cidr: 192.0.2.0/24}", [{"Ip": "192.0.2.77"}, {"Ip": "::ffff:192.0.2.1"}], [{"Ip": "198.51.100.1"}, {"Ip": "x"}]),
    ("cidr of version 6", "sel: {Ip|cidr: '2001:db8::/32'}", [{"Ip": "2001:DB8::1"}], [{"Ip": "2001:db9::1"}, {"Ip": "192.0.2.1"}]),
    ("cidr over several networks is any", "sel: {Ip|cidr: [192.0.2.0/24, 198.51.100.0/24]}", [{"Ip": "198.51.100.9"}], [{"Ip": "203.0.113.1"}]),
    ("cidr with neq", "sel: {Ip|cidr|neq: 192.0.2.0/24}", [{"Ip": "203.0.113.1"}, {"Ip": "no address"}], [{"Ip": "192.0.2.1"}]),
    ("hour of a time", "sel: {T|hour: 2}", [{"T": "2019-12-10T02:59:00Z"}, {"T": 1575943200}], [{"T": "2019-12-10T03:00:00Z"}, {"T": "02:00"}]),
    ("minute of a time", "sel: {T|minute: 59}", [{"T": "2019-12-10T02:59:00Z"}], [{"T": "2019-12-10T02:58:59Z"}]),
    ("day of a time", "sel: {T|day: 10}", [{"T": "2019-12-10 02:59:00"}], [{"T": "2019-12-11"}]),
    ("week of a time", "sel: {T|week: 50}", [{"T": "2019-12-10"}], [{"T": "2019-12-16"}]),
    ("month of a time", "sel: {T|month: 12}", [{"T": "2019-12-10T02:59:00.1234567Z"}], [{"T": "2019-11-10"}, {"T": 12}]),
    ("year of a time", "sel: {T|year: 2019}", [{"T": 1575943200000}], [{"T": "2020-01-01"}, {"T": "2019"}]),
    ("the zone of a time stays as written", "sel: {T|hour: 9}", [{"T": "2019-12-10T09:00:00+07:00"}], [{"T": "2019-12-10T02:00:00Z"}]),
    # -- two fields --------------------------------------------------------------------------------------------
    ("fieldref compares two fields", "sel: {A|fieldref: B}", [{"A": "x", "B": "X"}, {"A": 5, "B": "5"}], [{"A": "x", "B": "y"}, {"A": "x"}, {}]),
    ("fieldref with endswith", "sel: {A|fieldref|endswith: B}", [{"A": "host.example.gov.vn", "B": "example.gov.vn"}], [{"A": "x", "B": "y"}]),
    ("fieldref with startswith", "sel: {A|fieldref|startswith: B}", [{"A": "Host-1", "B": "host"}], [{"A": "a host", "B": "host"}]),
    ("fieldref with contains", "sel: {A|fieldref|contains: B}", [{"A": "x HOST y", "B": "host"}], [{"A": "x", "B": "host"}]),
    ("fieldref with neq", "sel: {A|fieldref|neq: B}", [{"A": "x", "B": "y"}, {"A": "x"}], [{"A": "x", "B": "X"}]),
    ("fieldref over lists is any pair", "sel: {A|fieldref: B}", [{"A": ["p", "q"], "B": ["r", "Q"]}], [{"A": ["p"], "B": []}]),
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
    ("them leaves out names with an underscore", "_x: {A: 1}\ny: {B: 1}\ncondition: all of them", [{"B": 1}], [{"A": 1}]),
    ("all of them", "x: {A: 1}\ny: {B: 1}\ncondition: all of them", [{"A": 1, "B": 1}], [{"B": 1}]),
    ("a pattern with the star in front", "a_sel: {A: 1}\nb_sel: {B: 1}\ncondition: 1 of *_sel", [{"B": 1}], [{"C": 1}]),
    ("not one of a pattern", "sel: {A: 1}\nfilter_a: {B: 1}\nfilter_b: {C: 1}\ncondition: sel and not 1 of filter_*", [{"A": 1}], [{"A": 1, "C": 1}]),
    ("several conditions are alternatives", "x: {A: 1}\ny: {B: 1}\ncondition: [x, y]", [{"A": 1}, {"B": 1}], [{"C": 1}]),
    ("not binds closest, then and, then or", "a: {A: 1}\nb: {B: 1}\nc: {C: 1}\ncondition: a or not b and c", [{"A": 1, "B": 1}, {"C": 1}], [{"B": 1, "C": 1}, {}]),
    ("brackets", "a: {A: 1}\nb: {B: 1}\nc: {C: 1}\ncondition: (a or b) and not c", [{"A": 1}, {"B": 1}], [{"A": 1, "C": 1}]),
]  # fmt: skip


# expand is given these lists
LISTS = {
    "Servers": ["srv-*", "may-chu-1"],
    "Nets": ["192.0.2.0/24", "2001:db8::/32"],
    "Odd": ["a.b", "c*"],
    "One": ["x"],
}

PLACEHOLDER_ROWS = [
    ("without expand a placeholder is text", "sel: {A: '%Servers%'}", [{"A": "%servers%"}], [{"A": "srv-1"}]),
    ("expand fills in a list with wildcards", "sel: {A|expand: '%Servers%'}", [{"A": "SRV-9"}, {"A": "may-chu-1"}], [{"A": "may-chu-2"}, {"A": "%Servers%"}]),
    ("expand inside a text", "sel: {A|expand: 'log on %One%!'}", [{"A": "log on X!"}], [{"A": "log on %One%!"}]),
    ("an escaped percent sign is plain", r"sel: {A|expand: '\%plain%One%'}", [{"A": "%plainx"}], [{"A": r"\%plainx"}]),
    ("a lone percent sign is plain", "sel: {A|expand: '100%'}", [{"A": "100%"}], [{"A": "100"}]),
    ("expand before contains", "sel: {A|expand|contains: '%Servers%'}", [{"A": "to srv-7 now"}], [{"A": "to server"}]),
    ("expand with all", "sel: {A|expand|contains|all: ['%Servers%', now]}", [{"A": "may-chu-1 now"}], [{"A": "may-chu-1"}]),
    ("expand before cidr", "sel: {A|expand|cidr: '%Nets%'}", [{"A": "192.0.2.9"}, {"A": "2001:db8::7"}], [{"A": "203.0.113.1"}]),
    ("expand after re fills in text, not expressions", "sel: {A|re|expand: '^%Odd%$'}", [{"A": "a.b"}, {"A": "cde"}], [{"A": "axb"}]),
    ("expand before base64", "sel: {A|expand|base64: '%One%'}", [{"A": "eA=="}], [{"A": "x"}]),
]  # fmt: skip
ROWS += PLACEHOLDER_ROWS


def rule(detection: str) -> Rule:
    if "condition:" not in detection:
        detection += "\ncondition: sel"
    text = "title: t\nlogsource: {product: test}\ndetection:\n" + textwrap.indent(detection, "  ")
    (found,) = read_rules(text.encode(), "t.yml", LISTS)
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
