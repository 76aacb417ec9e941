"""What in a record counts as an indicator, and what does not."""

import time

import pytest

from dekhang.engine.indicators import Indicator, IndicatorSet, Kind, Note, Source, indicator_set, rule_of
from dekhang.engine.indicators.values import recognise
from dekhang.engine.text import Value

SOURCE = Source("Danh sách thử", "thu.txt", author="Trung tâm thử", license="CC0", tlp="amber")
ALWAYS = Note()
MD5 = "0123456789abcdef0123456789abcdef"


def of(*values: str, note: Note = ALWAYS) -> IndicatorSet:
    return indicator_set(Indicator(*recognise(value), SOURCE, note, 1) for value in values)


@pytest.mark.parametrize(
    ("indicator", "field", "text"),
    [
        # domains and what is below them
        ("evil.example", "QueryName", "evil.example"),
        ("evil.example", "QueryName", "A.B.EVIL.example."),
        ("evil.example", "CommandLine", "curl -s http://evil.example:8080/x"),
        ("evil.example", "CommandLine", "mở trang evil.example, rồi…"),
        ("evil.example", "cs-uri", "/chuyen?u=https%3A%2F%2Fevil.example%2Fx"),
        ("evil.example", "message", "to=<ai@evil.example>"),
        ("evil.example", "Image", "\\\\evil.example\\share\\x.exe"),
        # addresses
        ("192.0.2.7", "DestinationIp", "192.0.2.7"),
        ("192.0.2.7", "QueryResults", "type:  5 x.example;::ffff:192.0.2.7;"),
        ("192.0.2.7", "message", "from 192.0.2.7:443."),
        ("198.51.100.0/24", "src_ip", "198.51.100.200"),
        ("2001:db8::/32", "dest_ip", "2001:0DB8:0000::1"),
        ("2001:db8::7", "message", "[2001:db8::7]:80"),
        # hashes, also in Sysmon's list and as a file's name
        (MD5, "Hashes", f"SHA1={'0' * 40},MD5={MD5.upper()},IMPHASH={'1' * 32}"),
        (MD5, "TargetFilename", f"C:\\mau\\{MD5}.exe"),
        # links
        ("http://evil.example/gate/x", "CommandLine", "start http://EVIL.example/Gate/x."),
        ("http://evil.example/gate/x", "cs-referer", "https://evil.example:443/gate/x/?id=7"),
        ("http://evil.example/gate?id=7", "url", "evil.example/gate?id=7#a"),
        # e-mail, file names
        ("a.b@mail.example", "from", "An <A.B@mail.example>"),
        ("cap-nhat.exe", "Image", "C:\\Users\\an\\Cap-Nhat.EXE"),
        ("cap-nhat.exe", "exe", "/tmp/cap-nhat.exe"),
    ],
)
def test_it_is_seen(indicator: str, field: str, text: str) -> None:
    found = of(indicator).match({"EventID": 1, field: text}, None)
    assert [(match.field, match.indicator.value) for match in found] == [(field, recognise(indicator)[1])]


@pytest.mark.parametrize(
    ("indicator", "field", "text"),
    [
        ("evil.example", "QueryName", "notevil.example"),
        ("evil.example", "QueryName", "evil.example.vn"),
        ("evil.example", "Image", "C:\\evil.example\\x.exe"),  # a folder's name is no machine
        ("evil.example", "_index", "evil.example"),  # the shipper's
        ("192.0.2.7", "DestinationIp", "192.0.2.77"),
        ("192.0.2.7", "message", "192.0.2.7.5"),
        ("192.0.2.7", "FileVersion", "192.0.2.7"),  # a version
        ("198.51.100.0/24", "src_ip", "198.51.101.1"),
        (MD5, "ProcessGuid", MD5 + "0"),
        ("http://evil.example/gate/x", "QueryName", "evil.example"),  # the host alone says nothing
        ("http://evil.example/gate/x", "url", "http://evil.example/gate/xy"),
        ("http://evil.example/gate?id=7", "url", "http://evil.example/gate?id=8"),
        ("a.b@mail.example", "QueryName", "mail.example"),
        ("a.b@mail.example", "from", "xa.b@mail.example"),
        ("cap-nhat.exe", "CommandLine", "echo cap-nhat.exe"),  # only fields that hold files
        ("cap-nhat.exe", "Image", "C:\\x-cap-nhat.exe"),
    ],
)
def test_it_is_not_seen(indicator: str, field: str, text: str) -> None:
    assert of(indicator).match({field: text}, None) == []


@pytest.mark.parametrize(
    ("host", "path"), [("http.hostname", "http.url"), ("cs-host", "cs-uri"), ("host", "uri"), ("hostname", "url")]
)
def test_a_link_told_in_two_fields_is_a_link(host: str, path: str) -> None:
    (match,) = of("http://evil.example/gate").match({host: "Evil.example:80", path: "/gate?x=1"}, None)
    assert (match.field, match.value) == (f"{host} + {path}", "evil.example/gate?x=1")


def test_values_in_lists_count_and_numbers_do_not() -> None:
    fields: dict[str, Value] = {"dns.answers": ["192.0.2.1", ["192.0.2.7"]], "n": 1920.27}
    assert len(of("192.0.2.7").match(fields, None)) == 1


def test_an_indicator_speaks_of_its_own_time_only() -> None:
    indicators = of("evil.example", note=Note(valid_from_ms=1_000, valid_until_ms=2_000))
    seen = [bool(indicators.match({"q": "evil.example"}, at)) for at in (999, 1_000, 1_999, 2_000, None)]
    assert seen == [False, True, True, False, True]


def test_one_value_of_two_sources_is_told_for_both() -> None:
    other = Source("Danh sách khác", "khac.txt")
    indicators = indicator_set([Indicator(Kind.IP, "192.0.2.7", source) for source in (SOURCE, other, SOURCE)])
    found = indicators.match({"ip": "192.0.2.7"}, None)
    assert {match.indicator.source.name for match in found} == {"Danh sách thử", "Danh sách khác"}
    assert len(indicators) == 2


def test_a_match_is_told_as_one_rule_a_source_and_kind_with_words_for_an_officer() -> None:
    told = of("evil.example", "xau.example").tell({"q": "evil.example", "r": "xau.example", "s": "x"}, None)
    ((rule, shown),) = told
    assert shown == {"q": "evil.example", "r": "xau.example"}
    assert rule.guidance is not None and "Danh sách thử" in rule.title_vi and "TLP:AMBER" in rule.guidance.meaning_vi
    assert (rule.author, rule.license, rule.level, rule.family) == ("Trung tâm thử", "CC0", "medium", "indicator")


def test_the_id_of_a_rule_depends_on_source_and_kind_not_on_the_place_of_the_file() -> None:
    here = Indicator(Kind.DOMAIN, "a.example", Source("X", "/here/x.txt"))
    there = Indicator(Kind.DOMAIN, "b.example", Source("X", "/there/x.txt"))
    other = Indicator(Kind.IP, "192.0.2.7", Source("X", "/here/x.txt"))
    assert rule_of(here).id == rule_of(there).id == "d839d758-d82a-5f98-af11-135b3853b3fa"
    assert rule_of(other).id != rule_of(here).id


def test_the_time_grows_with_an_attackers_text_and_no_faster() -> None:
    indicators = of("http://b.example/gate", "evil.example", "2001:db8::7", "a@mail.example", "192.0.2.7")
    for piece in ("a.", "b.example/", ":", "1:", "a@", "f", "%41", "1.2.3.", "b.example:1/?"):
        spent = []
        for size in (20_000, 200_000):
            start = time.process_time()
            indicators.match({"CommandLine": piece * (size // len(piece))}, None)
            spent.append(time.process_time() - start)
        assert spent[1] < max(30 * spent[0], 0.5), (piece, spent)  # ten times as much; quadratic would be a hundred
