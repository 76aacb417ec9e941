"""A user's mapping files: the example of the documentation works, and faults are told with file and place."""

import re
from pathlib import Path

import pytest

from dekhang.engine import Record, Rule, default_mapping
from dekhang.engine.expressions import Atom, TextTest
from dekhang.engine.logsources import MappingError
from dekhang.engine.reference import matches
from dekhang.engine.rules import Logsource
from dekhang.pipeline.mappingfile import load_mapping
from dekhang.pipeline.parse import parse

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/logsources.md"


def write(folder: Path, text: str, name: str = "nguon-log.yml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def failed_login(value: str, field: str = "User", **logsource: str) -> Rule:
    return Rule(
        "r", "t", "low", "p", logsource=Logsource(**logsource), condition=Atom(field, TextTest("equals", value))
    )


def test_without_files_it_is_ours() -> None:
    assert load_mapping([]) is default_mapping()


def test_the_example_of_the_documentation_works_as_it_says(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(# nguon-log\.yml.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    mapping = load_mapping([write(tmp_path, example)])
    said = b'{"ung_dung": "qlvb", "hanh_dong": "dang_nhap_sai", "can_bo": "an", "dia_chi": "192.0.2.7"}'
    assert said.decode() in PAGE.read_text("utf-8")
    event = parse(said, source_kind="", received_ms=0).record
    assert matches(failed_login("an", product="qlvb", service="audit"), event, mapping)
    assert matches(failed_login("192.0.2.7", "src_ip", product="qlvb", service="audit"), event, mapping)
    other = parse(said.replace(b"qlvb", b"khac"), source_kind="", received_ms=0).record
    assert not matches(failed_login("an", product="qlvb", service="audit"), other, mapping)
    forwarded = Record({"Channel": "ForwardedEvents-Sysmon", "EventID": 1, "User": "an"}, product="windows")
    assert matches(failed_login("an", product="windows", category="process_creation"), forwarded, mapping)
    line = Record({"program": "motcua", "User": "an"}, category="syslog")
    assert matches(failed_login("an", product="motcua"), line, mapping)
    assert not mapping.knows(Logsource("", "antivirus_moi")) and mapping.knows(Logsource("linux", "", "sshd"))


def test_later_files_come_after_earlier_ones(tmp_path: Path) -> None:
    first = write(tmp_path, "others: [{rule: {product: a}, record: unrecognised, where: {x: 1}}]", "1.yml")
    second = write(tmp_path, "aliases: [{rule: {product: a}, aliases: {User: u}}]", "2.yml")
    assert matches(failed_login("an", product="a"), Record({"x": 1, "u": "an"}), load_mapping([first, second]))
    with pytest.raises(MappingError, match=r"2\.yml: aliases\[1\]"):
        load_mapping([second, first])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("others:\n  - rule: {product: a\n", ":3"),
        ("others: []\nothers: []\n", ":2: khóa 'others' viết hai lần"),
        ("", "trống"),
        ("just words", "cần các cặp"),
        ("others: !!python/object/apply:os.system [ls]", ":1"),
        ("a: &a [*a]", "khóa lạ"),
        ("x: " + "[" * 5_000, ""),
        ("others: [" + "{rule: {product: a}}, " * 4_001 + "]", "4000"),
        ("#" * (1 << 20) + "\n\n", "1 MiB"),
    ],
)
def test_a_faulty_file_is_told_with_its_place(tmp_path: Path, text: str, told: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(MappingError) as caught:
        load_mapping([path])
    assert str(path) in str(caught.value) or "4000" in told
    assert told in str(caught.value)


def test_every_unreadable_file_is_told(tmp_path: Path) -> None:
    latin = tmp_path / "latin.yml"
    latin.write_bytes(b"others: \xff")
    with pytest.raises(MappingError) as caught:
        load_mapping([tmp_path / "gone.yml", latin, tmp_path])
    assert len(caught.value.problems) == 3
    assert all(problem.endswith(".") for problem in caught.value.problems)
