"""Compiled rules on disk: back as they were, compiled anew when anything they depend on changed, never trusted."""

import subprocess
import sys
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from dekhang.engine import Detector, Match, Record
from dekhang.engine.sieve import Code
from dekhang.engine.sieve.sound import arrays
from dekhang.pipeline import codecache
from dekhang.pipeline.codecache import FILES_KEPT, compiled, pack, unpack
from dekhang.pipeline.mappingfile import load_mapping
from dekhang.pipeline.rulebook import Rulebook, load_rules
from tests.conftest import PROJECT, clean_environment

RULE = """\
title: Known tool
id: {id}
logsource: {{product: windows, category: process_creation}}
detection:
  selection: {{CommandLine|contains|expand: '{value}'}}
  condition: selection
"""
FIRST, SECOND = "11111111-2222-4333-8444-555555555555", "22222222-2222-4333-8444-555555555555"
FILTER = f"""\
title: Known here
logsource: {{product: windows, category: process_creation}}
filter: {{rules: [{FIRST}], selection: {{User: quantri}}, condition: selection}}
"""
MAPPING = """\
others:
  - rule: {product: windows, category: process_creation}
    record: unrecognised
    where: {kind: process}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "a.yml").write_text(RULE.format(id=FIRST, value="mimikatz"))
    (rules / "b.yml").write_text(RULE.format(id=SECOND, value="%Tools%"))
    return rules


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rules were compiled, each time."""
    done: list[int] = []
    compile_code = codecache.compile_code

    def counted(rules: Any, *others: Any, **named: Any) -> Code:
        done.append(len(rules))
        return compile_code(rules, *others, **named)

    monkeypatch.setattr(codecache, "compile_code", counted)
    return done


def load(folder: Path, tools: str = "psexec", **named: Any) -> Rulebook:
    return load_rules([folder], cache=None, placeholders={"Tools": [tools]}, **named)


def files(cache: Path) -> list[Path]:
    return sorted(cache.glob("*.code"))


def found(book: Rulebook, code: Code, command: str) -> list[Match]:
    event = {"Channel": "Microsoft-Windows-Sysmon/Operational", "EventID": 1, "CommandLine": command}
    return Detector(book.ruleset, code=code).process([Record(event, product="windows")])


def test_the_second_time_nothing_is_compiled_and_everything_is_the_same(
    folder: Path, cache: Path, compilations: list[int]
) -> None:
    first = compiled(load(folder), cache=cache, indicators=False)
    again = compiled(load(folder), cache=cache, indicators=False)
    assert compilations == [2]
    assert pack(first) == pack(again) and again.column_names == first.column_names
    for name, (array, _) in arrays(again).items():
        assert np.array_equal(array, arrays(first)[name][0]), name
    (match,) = found(load(folder), again, "c:\\x\\PsExec.exe")
    assert match.rule.id == SECOND


def test_the_key_is_the_same_in_another_process(folder: Path, cache: Path) -> None:
    """Sets have another order there."""
    book = load(folder)
    compiled(book, cache=cache, indicators=False)
    program = (
        "from pathlib import Path; from dekhang.pipeline.rulebook import load_rules; "
        f"print(load_rules([Path({str(folder)!r})], cache=None, placeholders={{'Tools': ['psexec']}}).fingerprint.hex())"
    )
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT,
            env=clean_environment(PYTHONHASHSEED=seed),
            capture_output=True,
            text=True,
        )
        assert done.stdout.strip() == book.fingerprint.hex(), done.stderr


def test_whatever_the_result_depends_on_compiles_anew(
    folder: Path, cache: Path, tmp_path: Path, compilations: list[int]
) -> None:
    def again(book: Rulebook, indicators: bool = False) -> None:
        before = len(compilations)
        compiled(book, cache=cache, indicators=indicators)
        assert len(compilations) == before + 1
        compiled(book, cache=cache, indicators=indicators)
        assert len(compilations) == before + 1

    again(load(folder))
    again(load(folder), indicators=True)
    again(load(folder, tools="procdump"))  # another list
    own = tmp_path / "own.yml"
    own.write_text(MAPPING)
    again(load(folder, mapping=load_mapping([own])))
    more = load(folder).rules[0]
    again(load(folder).with_rules([replace(more, id="33333333-2222-4333-8444-555555555555")]))  # of indicators
    again(load(folder).with_rules([replace(more, id="44444444-2222-4333-8444-555555555555")]))
    (folder / "f.yml").write_text(FILTER)
    again(load(folder))
    (folder / "a.yml").write_text(RULE.format(id=FIRST, value="mimikat"))
    again(load(folder))
    (folder / "b.yml").rename(folder / "0.yml")  # positions of rules are in the code
    again(load(folder))


def test_a_change_of_the_engine_compiles_anew(
    folder: Path, cache: Path, compilations: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled(load(folder), cache=cache, indicators=False)
    read = Path.read_bytes
    for name in ("packing.py", "expressions.py", "sources.py"):
        changed = lambda path, name=name: read(path) + (b"#" if path.name == name else b"")  # noqa: E731
        monkeypatch.setattr(Path, "read_bytes", changed)
        compilations.clear()
        compiled(load(folder), cache=cache, indicators=False)
        assert compilations == [2], name


@pytest.mark.parametrize("damage", ["emptied", "cut", "one bit", "other data", "out of range", "huge shape"])
def test_what_is_damaged_or_forged_is_compiled_anew_and_mended(
    folder: Path, cache: Path, compilations: list[int], damage: str
) -> None:
    book = load(folder)
    compiled(book, cache=cache, indicators=False)
    (file,) = files(cache)
    whole = file.read_bytes()
    forged = b""
    if damage == "other data":
        forged = msgspec.msgpack.encode({"rules": [1, 2, 3]})
    elif damage == "out of range":
        code = unpack(whole[32:])
        code.programs.starts[0] = 1 << 30
        forged = pack(code)
    elif damage == "huge shape":
        parts = msgspec.msgpack.decode(whole[32:])
        parts[0][0][1] = [1 << 62]
        forged = msgspec.msgpack.encode(parts)
    half = len(whole) // 2
    file.write_bytes(
        {
            "emptied": b"",
            "cut": whole[:half],
            "one bit": whole[:half] + bytes([whole[half] ^ 1]) + whole[half + 1 :],
        }.get(damage, blake2b(forged, digest_size=32).digest() + forged)
    )
    code = compiled(book, cache=cache, indicators=False)
    assert compilations == [2, 2]
    assert [match.rule.id for match in found(book, code, "mimikatz")] == [FIRST]
    assert file.read_bytes() == whole


def test_rule_sets_in_turns_are_kept_and_old_ones_go(folder: Path, cache: Path, compilations: list[int]) -> None:
    books = [load(folder, tools=f"tool{number}") for number in range(FILES_KEPT + 2)]
    for book in books:
        compiled(book, cache=cache, indicators=False)
        compiled(books[0], cache=cache, indicators=False)
    assert len(files(cache)) == FILES_KEPT
    assert len(compilations) == len(books)  # the one in use was never forgotten
    assert not list(cache.glob("*.part"))


def test_without_a_place_to_keep_it_the_code_is_compiled(
    folder: Path, tmp_path: Path, compilations: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    taken = tmp_path / "file"
    taken.write_text("in the way of a folder")
    for cache in (None, taken):
        compiled(load(folder), cache=cache, indicators=False)
    compiled(replace(load(folder), fingerprint=b""), cache=tmp_path / "cache", indicators=False)
    assert compilations == [2, 2, 2]
    assert not (tmp_path / "cache").exists()
    assert "cannot be kept" in caplog.text
