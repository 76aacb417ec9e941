"""Files of indicators as they are published: what is used, what is left out, and the words that say why."""

import json
from typing import Any

import pytest

from dekhang.engine.indicators import Indicator, IndicatorSet, Kind
from dekhang.engine.indicators.intake import NAMED_PER_FILE, Intake
from dekhang.engine.indicators.reading import read_indicators
from dekhang.engine.indicators.warninglists import WarningListProblem, WarningLists, own_lists, read_warning_lists
from dekhang.engine.reference import View, holds

UUID = "5bf300da-6438-4372-a069-0b7b0a016219"


def read(content: str | bytes | dict[str, Any] | list[Any], path: str = "nguon.txt") -> tuple[IndicatorSet, Intake]:
    intake = Intake(WarningLists(own_lists()))
    if isinstance(content, (dict, list)):
        content = json.dumps(content)
    read_indicators(content.encode() if isinstance(content, str) else content, path, intake)
    return intake.built(), intake


def values(indicators: IndicatorSet) -> set[str]:
    return {one.value for one in indicators}


def bundle(*patterns: str, **more: Any) -> dict[str, Any]:
    objects = [
        {"type": "indicator", "id": f"indicator--{place}", "pattern_type": "stix", "pattern": pattern, **more}
        for place, pattern in enumerate(patterns)
    ]
    return {"type": "bundle", "id": "bundle--1", "objects": objects}


# -- lists ----------------------------------------------------------------------------------------------------------


def test_a_plain_list_is_read_line_by_line_with_its_head() -> None:
    text = "# Title: Tên miền xấu\r\n# License: CC0\r\n! x\r\n\r\nevil.example  # lừa đảo\r\n127.0.0.1 xau.example\r\n||quang.example^\r\n0.0.0.0 localhost\r\n"
    found, intake = read(text)
    assert values(found) == {"evil.example", "xau.example", "quang.example"}
    assert not intake.errors
    (first,) = [one for one in found if one.value == "evil.example"]
    assert (first.source.name, first.source.license, first.line) == ("Tên miền xấu", "CC0", 5)


def test_a_faulty_line_is_named_with_its_number_and_the_rest_is_read() -> None:
    found, intake = read("evil.example\nkhông phải gì\n192.0.2.7\n")
    assert values(found) == {"evil.example", "192.0.2.7"}
    (error,) = intake.errors
    assert str(error).startswith("nguon.txt:2: ") and "không phải gì" in str(error)


def test_errors_of_one_file_are_named_up_to_a_bound_and_all_counted() -> None:
    _, intake = read("hai từ\n" * (NAMED_PER_FILE + 5))
    assert (len(intake.errors), intake.counts["errors"]) == (NAMED_PER_FILE, NAMED_PER_FILE + 5)


def test_csv_with_a_header_gives_types_confidence_and_comments() -> None:
    found, intake = read(
        "uuid,event_id,category,type,value,comment,to_ids\n"
        f'{UUID},7,Network activity,ip-dst|port,192.0.2.7|443,"C2, chính",1\n'
        f"{UUID},7,Payload delivery,filename|md5,x.exe|{'ab' * 16},,0\n"
        f"{UUID},7,Other,text,gì đó,,1\n"
        f"{UUID},7\n"
    )
    kinds = {one.kind: one for one in found}
    assert set(kinds) == {Kind.IP, Kind.HASH}
    assert (kinds[Kind.IP].note.title, kinds[Kind.IP].line, kinds[Kind.HASH].note.level) == ("C2, chính", 2, "low")
    assert [error.line for error in intake.errors] == [4, 5]


def test_a_csv_of_other_makers_needs_only_a_column_that_it_knows() -> None:
    found, _ = read("# nguồn\nindicator;confidence\nhttp://evil.example/a;90\n198.51.100.0/24;20\n")
    assert {one.value: one.note.level for one in found} == {"evil.example/a": "high", "198.51.100.0/24": "low"}


@pytest.mark.parametrize(
    "content", [b"\xff\xfe" + "evil.example\n".encode("utf-16-le"), b"\xef\xbb\xbfevil.example", b"[2001:db8::7]\n"]
)
def test_marks_of_encodings_and_brackets_do_not_disturb(content: bytes) -> None:
    found, intake = read(content)
    assert len(found) == 1 and not intake.errors


@pytest.mark.parametrize("content", [b"\x7fELF\0\0", b'{"a": 1}', b'{"a": ', b"[1, 2]"])
def test_what_is_no_list_is_one_error(content: bytes) -> None:
    found, intake = read(content)
    assert len(found) == 0 and len(intake.errors) == 1


# -- MISP -----------------------------------------------------------------------------------------------------------


def test_a_misp_event_keeps_author_level_techniques_and_marks() -> None:
    event = {
        "uuid": UUID, "info": "Chiến dịch thử", "threat_level_id": "1", "Orgc": {"name": "CERT thử"},
        "Tag": [{"name": "tlp:white"}, {"name": 'misp-galaxy:mitre-attack-pattern="Web Protocols - T1071.001"'}],
        "Attribute": [
            {"uuid": "a", "type": "domain|ip", "value": "evil.example|192.0.2.7", "to_ids": True},
            {"uuid": "b", "type": "md5", "value": "AB" * 16, "to_ids": False},
            {"uuid": "c", "type": "filename", "value": "csrss.dll", "to_ids": False},
            {"uuid": "d", "type": "domain", "value": "cu.example", "to_ids": True, "deleted": True},
            {"uuid": "e", "type": "link", "value": "https://report.example/x", "to_ids": False},
        ],
        "Object": [{"name": "file", "Attribute": [{"uuid": "f", "type": "sha1", "value": "cd" * 20, "to_ids": True}]}],
    }  # fmt: skip
    found, intake = read({"response": [{"Event": event}]})
    assert values(found) == {"evil.example", "192.0.2.7", "ab" * 16, "cd" * 20}
    by_value = {one.value: one for one in found}
    assert by_value["evil.example"].note.level == "high" and by_value["ab" * 16].note.level == "low"
    assert by_value["evil.example"].note.tags == ("attack.t1071.001",)
    source = by_value["evil.example"].source
    assert (source.author, source.tlp, source.references) == ("CERT thử", "clear", ("https://report.example/x",))
    assert intake.counts["skipped"] == 2 and not intake.errors


def test_a_faulty_misp_value_is_named_and_a_manifest_is_passed_over() -> None:
    _, intake = read(
        {"Event": {"uuid": UUID, "info": "x", "Attribute": [{"type": "md5", "value": "xyz", "to_ids": True}]}}
    )
    assert len(intake.errors) == 1 and "xyz" in str(intake.errors[0])
    _, intake = read({UUID: {"info": "x"}})
    assert not intake.errors and len(intake.skipped) == 1


# -- STIX -----------------------------------------------------------------------------------------------------------


def test_simple_stix_patterns_become_values_to_look_up() -> None:
    found, intake = read(
        bundle(
            "[ipv4-addr:value = '192.0.2.7']",
            "[file:hashes.'SHA-256' = '" + "AB" * 32 + "']",
            "[domain-name:value IN ('a.example', 'b.example')] OR [url:value = 'http://c.example/x']",
            "[ipv4-addr:value ISSUBSET '198.51.100.0/24' OR email-addr:value = 'x@d.example']",
        )
    )
    assert values(found) == {
        "192.0.2.7",
        "ab" * 32,
        "a.example",
        "b.example",
        "c.example/x",
        "198.51.100.0/24",
        "x@d.example",
    }
    assert not found.rules and not intake.errors and not intake.skipped


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (
            "[network-traffic:dst_ref.value = '192.0.2.7' AND network-traffic:dst_port >= 4000]",
            {"DestinationIp": "192.0.2.7", "DestinationPort": "4444"},
            {"SourceIp": "192.0.2.7", "DestinationPort": "4444"},
        ),
        (
            "[process:command_line MATCHES 'mimi.*' AND process:name != 'cmd.exe']",
            {"CommandLine": "x mimikatz", "Image": "C:\\x.exe"},
            {"CommandLine": "x mimikatz", "Image": "C:\\cmd.exe"},
        ),
        ("[domain-name:value LIKE '%.evil.example']", {"QueryName": "A.EVIL.example"}, {"QueryName": "evil.example"}),
        ("[file:name = 'hai từ.exe']", {"Image": "C:\\Hai Từ.exe"}, {"Image": "C:\\x hai từ.exe"}),
        ("[file:name LIKE 'a%.exe']", {"Image": "C:\\b\\abc.exe"}, {"Image": "C:\\a\\b.exe"}),
        ("[file:name MATCHES '^a.*e$']", {"Image": "C:\\b\\abc.exe"}, {"Image": "C:\\b\\babc.exe"}),
        (
            "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Run']",
            {"TargetObject": "HKLM\\Software\\Run\\x"},
            {"TargetObject": "HKLM\\Software\\Other"},
        ),
        ("[file:parent_directory_ref.path = 'C:\\\\Tmp']", {"Image": "C:\\tmp\\x.exe"}, {"Image": "C:\\tmpx\\x.exe"}),
        (
            "[domain-name:value = 'evil.example' AND file:hashes.MD5 = '" + "ab" * 16 + "']",
            {"q": "www.evil.example.", "Hashes": "MD5=" + "AB" * 16},
            {"q": "evil.example.vn", "Hashes": "MD5=" + "AB" * 16},
        ),
        (
            "[ipv4-addr:value = '192.0.2.7' AND (url:value = 'http://x.example/a' OR EXISTS user-account:user_id)]",
            {"message": "192.0.2.7: ok", "User": "an"},
            {"message": "192.0.2.70: ok", "User": "an"},
        ),
        (
            "[network-traffic:dst_ref.value ISSUBSET '198.51.100.0/24']",
            {"DestinationIp": "198.51.100.9"},
            {"DestinationIp": "198.51.101.9"},
        ),
    ],
)  # fmt: skip
def test_composite_stix_patterns_become_rules(pattern: str, matching: dict[str, str], other: dict[str, str]) -> None:
    found, intake = read(bundle(pattern, name="Mẫu thử"))
    assert not intake.errors and not intake.skipped
    (rule,) = found.rules
    assert rule.condition is not None and rule.title == "Mẫu thử"
    assert holds(rule.condition, View(matching))
    assert not holds(rule.condition, View(other))


@pytest.mark.parametrize(
    ("pattern", "word"),
    [
        ("[ipv4-addr:value = '192.0.2.7'] FOLLOWEDBY [ipv4-addr:value = '192.0.2.8']", "FOLLOWEDBY"),
        ("[ipv4-addr:value = '192.0.2.7'] AND [ipv4-addr:value = '192.0.2.8']", "AND"),
        ("[ipv4-addr:value = '192.0.2.7'] WITHIN 5 SECONDS", "WITHIN"),
        ("[ipv4-addr:value = '192.0.2.7'] REPEATS 5 TIMES", "REPEATS"),
        ("[ipv4-addr:value = '192.0.2.7'] START t'2019-01-01T00:00:00Z' STOP t'2020-01-01T00:00:00Z'", "START"),
        ("[mutex:name = 'x']", "mutex:name"),
        ("[file:hashes.SSDEEP = 'x']", "mã băm"),
        ("[ipv4-addr:value ISSUPERSET '192.0.2.0/24']", "ISSUPERSET"),
        ("[file:created > t'2019-01-01T00:00:00Z']", "thời gian"),
        ("[email-message:from_ref.value != 'a@x.example']", "Phủ định"),
    ],
)
def test_patterns_that_one_event_cannot_answer_are_skipped_with_the_reason(pattern: str, word: str) -> None:
    found, intake = read(bundle(pattern))
    assert len(found) == 0 and not intake.errors
    assert word in str(intake.skipped[0]) and "indicator--0" in str(intake.skipped[0])


@pytest.mark.parametrize(
    "pattern",
    ["[broken", "ipv4-addr:value = 'x'", "[ipv4-addr:value = '300.1.1.1']", "[process:cwd MATCHES '(']", "((((", ""],
)
def test_broken_patterns_are_errors(pattern: str) -> None:
    found, intake = read(bundle(pattern))
    assert len(found) == 0 and len(intake.errors) == 1


def test_revoked_benign_and_foreign_indicators_are_skipped() -> None:
    for more in ({"revoked": True}, {"indicator_types": ["benign"]}, {"pattern_type": "yara"}):
        found, intake = read(bundle("[ipv4-addr:value = '192.0.2.7']", **more))
        assert len(found) == 0 and len(intake.skipped) == 1


def test_stix_keeps_author_marking_validity_confidence_and_technique() -> None:
    document = bundle(
        "[ipv4-addr:value = '192.0.2.7']",
        "[process:cwd = '/tmp']",
        created_by_ref="identity--1",
        object_marking_refs=[
            "marking-definition--826578e1-40ad-459f-bc73-ede076f81f37",
            "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
        ],
        valid_from="2019-01-01T00:00:00Z",
        valid_until="2020-01-01T00:00:00.1234567Z",
        confidence=90,
        external_references=[{"source_name": "mitre-attack", "external_id": "T1071"}],
    )
    document["objects"].append({"type": "identity", "id": "identity--1", "name": "CERT thử"})
    found, _ = read(document)
    one = next(one for one in found if one.kind is Kind.IP)
    assert (one.source.author, one.source.tlp, one.note.level, one.note.tags) == (
        "CERT thử",
        "amber+strict",
        "high",
        ("attack.t1071",),
    )
    assert (one.note.valid_from_ms, one.note.valid_until_ms) == (1_546_300_800_000, 1_577_836_800_123)
    (rule,) = found.rules
    assert [found.in_force(rule, at) for at in (0, 1_546_300_800_000, 1_577_836_800_123, None)] == [
        False,
        True,
        False,
        True,
    ]


# -- warning lists --------------------------------------------------------------------------------------------------


def test_false_friends_are_suppressed_and_named_with_the_reason() -> None:
    found, intake = read(
        "10.1.2.3\n127.0.0.1\n8.8.8.8\n192.168.0.0/24\ngoogle.com\ncom.vn\nd41d8cd98f00b204e9800998ecf8427e\nsvchost.exe\n0.0.0.0/1\n"
        "192.0.2.7\nevil.com.vn\nhttps://docs.google.com/forms/x\n"
    )
    assert values(found) == {"192.0.2.7", "evil.com.vn", "docs.google.com/forms/x"}
    assert intake.counts["suppressed"] == len(intake.suppressed) == 9
    assert str(intake.suppressed[0]).startswith("nguon.txt:1: 10.1.2.3 — không dùng, vì ")


def test_a_list_of_the_user_may_lower_instead() -> None:
    own = read_warning_lists(
        {
            "lists": [
                {
                    "name": "Đối tác",
                    "reason": "cơ quan ta dùng",
                    "kind": "domain",
                    "action": "lower",
                    "subdomains": True,
                    "values": ["doitac.example"],
                }
            ]
        }
    )
    intake = Intake(WarningLists(own))
    read_indicators(b"a.doitac.example\n", "x.txt", intake)
    found = intake.built()
    ((rule, _),) = found.tell({"q": "a.doitac.example"}, None)
    assert rule.level == "informational" and rule.guidance is not None and "Đối tác" in rule.guidance.meaning_vi
    assert intake.counts["lowered"] == 1


def test_lists_of_misp_are_understood() -> None:
    lists = WarningLists(
        [
            *read_warning_lists({"name": "A", "type": "cidr", "list": ["198.51.100.0/24", "2001:db8::7"]}),
            *read_warning_lists({"name": "B", "type": "hostname", "list": [".big.example"]}),
            *read_warning_lists(
                {"name": "C", "type": "string", "list": ["ab" * 16, "x@y.example", "203.0.113.7", "???"]}
            ),
        ]
    )
    known = [(Kind.IP, "198.51.100.7"), (Kind.NETWORK, "198.51.100.128/25"), (Kind.IP, "2001:db8::7"), (Kind.DOMAIN, "a.big.example"),
             (Kind.HASH, "ab" * 16), (Kind.EMAIL, "x@y.example"), (Kind.IP, "203.0.113.7")]  # fmt: skip
    assert all(lists.about(kind, value) is not None for kind, value in known)
    assert lists.about(Kind.NETWORK, "198.51.0.0/16") is None and lists.about(Kind.DOMAIN, "notbig.example") is None


@pytest.mark.parametrize(
    "document",
    [
        None,
        {"lists": [{"name": "x"}]},
        {"lists": [{"name": "x", "reason": "y", "kind": "z", "values": ["a.vn"]}]},
        {"lists": [{"name": "x", "reason": "y", "kind": "network", "values": ["a.vn"]}]},
        {"lists": [{"name": "x", "reason": "y", "kind": "domain", "values": []}]},
        {"name": "x", "type": "regex", "list": [".*"]},
    ],
)
def test_what_is_no_warning_list_is_refused_with_a_sentence(document: Any) -> None:
    with pytest.raises(WarningListProblem, match=r"\.$"):
        read_warning_lists(document)


def test_our_own_lists_have_a_reason_each_and_no_value_twice() -> None:
    for one in own_lists():
        assert one.warning.reason and (one.values or one.networks)


def test_indicators_are_plain_values_that_can_be_compared() -> None:
    first, _ = read("evil.example\n")
    second, _ = read("evil.example\n")
    assert list(first) == list(second) and isinstance(next(iter(first)), Indicator)
