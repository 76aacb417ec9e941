"""How a mapping is written down: documents after one another, and what is said when one is wrong."""

import pickle

import pytest

from dekhang.engine import Record, Rule, default_mapping
from dekhang.engine.expressions import Atom, TextTest
from dekhang.engine.logsources import MappingDocument, MappingError, default_documents, read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource

SYSMON = "Microsoft-Windows-Sysmon/Operational"


def asks(field: str, value: str, **logsource: str) -> Rule:
    return Rule(
        "r", "t", "low", "p", logsource=Logsource(**logsource), condition=Atom(field, TextTest("equals", value))
    )


def own(**content: object) -> MappingDocument:
    return MappingDocument("don-vi.yml", content)


def test_a_users_json_is_told_by_its_own_fields_and_read_by_its_own_names() -> None:
    mapping = read_mapping(
        *default_documents(),
        own(
            others=[
                {
                    "rule": {"product": "qlvb", "service": "audit"},
                    "record": "unrecognised",
                    "where": {"app": "quan-ly-van-ban"},
                    "aliases": {"User": ["nguoi_dung"]},
                }
            ]
        ),
    )
    rule = asks("User", "an", product="qlvb", service="audit")
    assert matches(rule, Record({"app": "Quan-Ly-Van-Ban", "nguoi_dung": "AN"}), mapping)
    assert not matches(rule, Record({"app": "khac", "nguoi_dung": "an"}), mapping)
    assert not matches(rule, Record({"app": "quan-ly-van-ban", "nguoi_dung": "an"}, "aws", "cloudtrail"), mapping)


@pytest.mark.parametrize(
    ("where", "inside", "outside"),
    [
        ({"app": ["a", "b"]}, {"app": "B"}, {"app": "c"}),
        ({"app": 7}, {"app": "7"}, {"app": 77}),
        ({"app|contains": "an"}, {"app": "văn-bẢN, an"}, {"app": "x"}),
        ({"app|startswith": "qlvb"}, {"app": "QLVB-1"}, {"app": "1-qlvb"}),
        ({"app|endswith": ".vn"}, {"app": "example.gov.vn"}, {"app": "example.com"}),
        ({"app|re": "^v[0-9]+$"}, {"app": "v12"}, {"app": "v1x"}),
        ({"app|exists": True}, {"app": None}, {"ap": 1}),
        ({"app|exists": False}, {"ap": 1}, {"app": 1}),
        ({"app": "a", "level|exists": True}, {"app": "a", "level": 1}, {"app": "a"}),
    ],
)
def test_where_tells_records_apart(where: object, inside: dict, outside: dict) -> None:
    mapping = read_mapping(own(others=[{"rule": {"product": "x"}, "record": "unrecognised", "where": where}]))
    rule = asks("seen", "yes", product="x")
    assert matches(rule, Record({"seen": "yes", **inside}), mapping)
    assert not matches(rule, Record({"seen": "yes", **outside}), mapping)


def test_a_channel_added_to_a_service_belongs_to_its_categories_too() -> None:
    mapping = read_mapping(*default_documents(), own(windows={"services": {"sysmon": ["Forwarded Sysmon"]}}))
    record = Record({"Channel": "forwarded sysmon", "EventID": 1, "Image": "x"}, product="windows")
    assert matches(asks("Image", "x", product="windows", category="process_creation"), record, mapping)
    assert matches(asks("Image", "x", product="windows", service="sysmon"), record, mapping)
    assert matches(
        asks("Image", "x", category="process_creation"),
        Record({**record.fields, "Channel": SYSMON}, "windows"),
        mapping,
    )


def test_more_names_are_added_to_those_that_a_source_has() -> None:
    mapping = read_mapping(
        *default_documents(),
        own(aliases=[{"rule": {"category": "process_creation"}, "aliases": {"Image": ["exe_path"]}}]),
    )
    for name in ("Image", "NewProcessName", "exe_path"):
        record = Record({"Channel": "Security", "EventID": 4688, name: "x"}, product="windows")
        assert matches(asks("Image", "x", category="process_creation"), record, mapping)


def test_a_source_is_replaced_by_removing_ours_first() -> None:
    mapping = read_mapping(
        *default_documents(),
        own(
            remove=[{"category": "file_access"}],
            others=[{"rule": {"category": "file_access"}, "record": "unrecognised", "where": {"kind": "open"}}],
        ),
    )
    rule = asks("FileName", "x", category="file_access")
    audited = {"Channel": "Security", "EventID": 4663, "ObjectType": "File", "FileName": "x"}
    assert matches(rule, Record(audited, product="windows"), default_mapping())
    assert not matches(rule, Record(audited, product="windows"), mapping)
    assert matches(rule, Record({"kind": "open", "FileName": "x"}), mapping)


def test_ours_stays_as_it_is_when_a_user_adds() -> None:
    before = default_mapping().sources
    read_mapping(*default_documents(), own(aliases=[{"rule": {"product": "linux"}, "aliases": {"a": "b"}}]))
    assert read_mapping(*default_documents()).sources == before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ({"otherz": []}, ["otherz", "khóa lạ", "others"]),
        ({"others": {"rule": {}}}, ["others", "danh sách"]),
        ({"others": [{"rule": {"produkt": "x"}, "record": {"product": "y"}}]}, ["others[1].rule.produkt", "product"]),
        ({"others": [{"rule": {"product": "x"}, "record": {}}]}, ["others[1]", "mọi bản ghi", "where"]),
        ({"others": [{"record": {"product": "x"}}]}, ["others[1].rule"]),
        ({"others": [{"rule": {"product": 5}}]}, ["others[1].rule.product", "dấu nháy"]),
        ({"others": [{"rule": {"product": "x"}, "where": {"a|like": "b"}}]}, ["where.a|like", "contains"]),
        ({"others": [{"rule": {"product": "x"}, "where": {"a|re": "("}}]}, ["where.a|re", "biểu thức"]),
        ({"others": [{"rule": {"product": "x"}, "where": {"a": []}}]}, ["where.a", "thiếu"]),
        ({"others": [{"rule": {"product": "x"}, "where": {"a": [["b"]]}}]}, ["where.a", "chữ hoặc số"]),
        ({"others": [{"rule": {"product": "x"}, "aliases": {"A": {"b": 1}}}]}, ["aliases.A", "tên"]),
        ({"others": ["x"]}, ["others[1]"]),
        ({"windows": {"categories": {"c": [{"service": "gone", "event_ids": [1]}]}}}, ["categories.c[1]", "gone"]),
        ({"windows": {"services": {"a": ["A"]}, "categories": {"c": [{"service": "a", "event_ids": ["1"]}]}}},
         ["categories.c[1].event_ids", "4624"]),
        ({"windows": {"services": {"a": []}}}, ["windows.services.a"]),
        ({"windows": {"providers": {"P": ["A"]}}}, ["windows.providers.P"]),
        ({"aliases": [{"rule": {"product": "gone"}, "aliases": {"A": "b"}}]}, ["aliases[1].rule", "không ứng với"]),
        ({"aliases": [{"rule": {}, "aliases": {"A": "b"}}]}, ["aliases[1].rule", "chưa nói"]),
        ({"remove": [{"product": "gone"}]}, ["remove[1]", "không ứng với"]),
        ({"unread": [{"rule": {"product": "x"}}]}, ["unread[1].reason"]),
        ([], ["cần các cặp"]),
        (None, ["cần các cặp"]),
    ],
)  # fmt: skip
def test_a_wrong_document_is_told_with_its_name_its_key_and_what_to_do(content: object, told: list[str]) -> None:
    with pytest.raises(MappingError) as caught:
        read_mapping(MappingDocument("don-vi.yml", content))
    problem = caught.value.problems[0]
    assert problem.startswith("don-vi.yml: ") and problem.endswith(".")
    assert [word for word in told if word not in problem] == []


def test_everything_wrong_is_told_at_once_but_not_without_end() -> None:
    with pytest.raises(MappingError) as caught:
        read_mapping(own(others=[{"rule": {"product": n}} for n in range(100)]))
    assert len(caught.value.problems) == 20


def test_a_mapping_travels_to_another_process_without_what_it_remembers() -> None:
    mapping = default_mapping()
    mapping.sources_of(Record({"Channel": SYSMON, "EventID": 1}, product="windows"))
    copy = pickle.loads(pickle.dumps(mapping))
    assert copy == mapping and copy.why_unread(Logsource("macos")) == mapping.why_unread(Logsource("macos"))


def test_invented_channels_do_not_fill_the_memory() -> None:
    mapping = read_mapping(*default_documents())
    for number in range(10_000):
        mapping.sources_of(Record({"Channel": f"x{number}", "EventID": number}, product="windows"))
    assert len(mapping._places) <= 4_096
