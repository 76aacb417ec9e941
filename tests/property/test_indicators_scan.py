"""The compiled scanner may cry wolf; it must never be silent where the exact meaning finds an indicator."""

from ipaddress import IPv6Address

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dekhang.engine.indicators import Indicator, IndicatorSet, Kind, Note, Source, indicator_set
from dekhang.engine.indicators.addresses import read_ipv4, read_ipv6
from dekhang.engine.indicators.scan import may_match
from dekhang.engine.indicators.values import ValueProblem, recognise
from dekhang.engine.text import fold

SOURCE = Source("thử", "thu.txt")

VALUES = (
    "evil.example.vn", "b.vn", "xn--p-xla.vn", "a-b.c-d.example", "192.0.2.7", "198.51.100.0/24", "203.0.113.128/25", "0.0.0.0/1",
    "2001:db8::/32", "2001:db8:1::7", "::ffff:192.0.2.9", "http://bad.example/gate/x?y=1", "http://bad.example:8080/", "b.vn/",
    "http://192.0.2.8/.a/b", "http://[2001:db8::9]:8080/x", "b.vn/-.", "http://b.vn/~user", "http://b.vn/a%20b", "b.vn?q=1",
    "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "ab" * 32, "cd" * 64,
    "a.b+c@mail.example", "-x@b.example", "evil-tool.exe", "a.b.dll", "x.7z",
)  # fmt: skip
PIECES = (
    *VALUES, "http://", "https://", "//", "\\\\", "/", "\\", "?", "#", ":", "::", ".", "..", "-", "_", "@", "+", "%2F", "%2", "%", " ",
    ",", ")", "]", "[", ":80", ":443", ":123456", "gate", "x", "7", "www.", "vn", "é", "K",
    "ß", "\u0301", "\udcff", "\0", "=", "~", "/a?b=c&",
    "c000:207", "ffff", "192.0.2.", "0", "a" * 70, "x." * 130, "EVIL.EXAMPLE.VN", "Evil-Tool.EXE",
)  # fmt: skip
FIELDS = ("CommandLine", "Image", "DestinationIp", "FileVersion", "cs-host", "cs-uri")


def made(values: tuple[str, ...]) -> IndicatorSet:
    found = []
    for value in values:
        try:
            kind, normal = recognise(value)
        except ValueProblem:
            continue
        found.append(Indicator(kind, normal, SOURCE, Note()))
    return indicator_set(found)


def maybe(indicators: IndicatorSet, text: str, before: bytes = b"", behind: bytes = b"") -> bool:
    value = fold(text).encode()
    buffer = np.frombuffer(bytearray(before + value + behind), np.uint8)
    slots, gates = indicators.native()
    return bool(may_match(buffer, len(before), len(before) + len(value), slots, gates))


ALL = made(VALUES)
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join) | st.text(max_size=40)


@settings(max_examples=600, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), texts, max_size=3))
@example({"cs-host": "bad.example:80", "cs-uri": "/gate/x?y=1"})
@example({"CommandLine": "x" * 60 + "a.b+c@mail.example"})
def test_what_matches_exactly_is_never_passed_over_by_the_scanner(fields: dict[str, str]) -> None:
    if ALL.match(fields, None):
        assert any(maybe(ALL, value) for value in fields.values())


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple), texts)
def test_a_set_of_few_kinds_is_never_passed_over_either(values: tuple[str, ...], text: str) -> None:
    some = made(values)
    if some.match({"CommandLine": text, "TargetFilename": text}, None):
        assert maybe(some, text)


@settings(max_examples=300, deadline=None)
@given(
    texts, st.sampled_from([b"", b"evil", b"http://", b"192.", b"a@"]), st.sampled_from([b"", b".vn", b"7", b"/gate"])
)
def test_bytes_outside_the_value_do_not_count(text: str, before: bytes, behind: bytes) -> None:
    assert maybe(ALL, text, before, behind) == maybe(ALL, text)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(("0", "1", "ab", "ffff", "12345", ":", "::", "192.0.2.7", "g", ".")), max_size=17).map(
        "".join
    )
)
def test_compiled_ipv6_reads_as_python_does(text: str) -> None:
    try:
        expected = int(IPv6Address(text))
    except ValueError:
        expected = None
    sound, high, low = read_ipv6(np.frombuffer(text.encode() + b"\0", np.uint8), 0, len(text.encode()))
    assert ((int(high) << 64 | int(low)) if sound else None) == expected


@given(st.lists(st.sampled_from(("0", "1", "25", "255", "256", "01", ".", "..", "a")), max_size=8).map("".join))
def test_compiled_ipv4_takes_no_octal_and_no_short_forms(text: str) -> None:
    parts = text.split(".")
    sound = len(parts) == 4 and all(part.isdigit() and str(int(part)) == part and int(part) < 256 for part in parts)
    address = read_ipv4(np.frombuffer(text.encode() + b"\0", np.uint8), 0, len(text))
    assert (address >= 0) == sound
    assert not sound or address == int.from_bytes(bytes(map(int, parts)))


def test_every_kind_of_indicator_is_found_where_it_stands_alone() -> None:
    for one in ALL:
        text = (
            one.value.replace("/24", "").replace("/25", "").replace("0.0.0.0/1", "1.1.1.1")
            if one.kind is Kind.NETWORK
            else one.value
        )
        text = text.replace("::/32", "::1")
        found = ALL.match({"TargetFilename" if one.kind is Kind.FILENAME else "CommandLine": text}, None)
        assert one.value in {match.indicator.value for match in found}, one
