"""`dekhang rules stats`: what a collection consists of, how much of it works here; `--mapping` of a user's own."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from dekhang.cli import main

RULE = """\
title: {title}
id: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a{number:02}
level: {level}
status: {status}
tags: [{tags}]
logsource: {{{logsource}}}
detection:
  sel: {{{detection}}}
  condition: sel
"""
MAPPING = """\
others:
  - rule: {product: qlvb, service: audit}
    record: unrecognised
    where: {app: qlvb}
"""


def write(folder: Path, number: int, logsource: str, detection: str = "a: b", **more: str) -> None:
    values = {"title": f"Rule {number}", "level": "low", "status": "test", "tags": "attack.t1059.001", **more}
    text = RULE.format(number=number, logsource=logsource, detection=detection, **values)
    (folder / f"r{number}.yml").write_text(text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    write(path, 1, "product: linux, service: sshd", "'a|contains': b", level="high")
    write(
        path, 2, "product: linux, service: sshd", "'a|re': b.c", tags="attack.execution, attack.t1059.003, attack.t1059"
    )
    write(path, 3, "product: macos, category: process_creation", level="high")
    write(path, 4, "product: qlvb, service: audit", status="stable")
    (path / "bad.yml").write_text("title: [\n")
    return path


class Run(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


Rules = Callable[..., Run]


@pytest.fixture
def rules(capsys: pytest.CaptureFixture[str]) -> Rules:
    """`dekhang rules …` in this process: the engine takes a second to import."""

    def run(*arguments: object) -> Run:
        code = main(["rules", *map(str, arguments)])
        said = capsys.readouterr()
        return Run(code, said.out, said.err)

    return run


def rows(run: Run, group: str) -> list[dict]:
    found = map(json.loads, run.stdout.splitlines())
    return [{name: value for name, value in one.items() if name != "group"} for one in found if one["group"] == group]


def test_every_group_is_counted_usable_beside_all(folder: Path, rules: Rules) -> None:
    run = rules("stats", folder, "--format", "jsonl")
    assert run.returncode == 0, run.stderr
    assert rows(run, "summary") == [{"files": 5, "usable": 2, "unusable": 2, "faulty": 1}]
    assert rows(run, "level") == [{"name": "high", "usable": 1, "total": 2}, {"name": "low", "usable": 1, "total": 2}]
    assert rows(run, "status") == [
        {"name": "stable", "usable": 0, "total": 1},
        {"name": "test", "usable": 2, "total": 3},
    ]
    assert rows(run, "logsource")[0] == {"name": "linux/-/sshd", "usable": 2, "total": 2}
    assert rows(run, "tactic") == [{"name": "execution", "usable": 1, "total": 1}]
    assert rows(run, "technique") == [{"name": "T1059", "usable": 2, "total": 4}], "once a rule, under its technique"
    assert {one["name"]: one["rules"] for one in rows(run, "construct")} == {"contains": 1, "re": 1}
    assert [(one["product"], one["rules"]) for one in rows(run, "unmapped")] == [("macos", 1), ("qlvb", 1)]


def test_the_table_fits_a_terminal_and_says_what_is_not_read_and_why(folder: Path, rules: Rules) -> None:
    run = rules("stats", folder, "--top", "1")
    assert run.returncode == 0
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "2 luật dùng được, 2 chưa dùng được ở đây, 1 lỗi" in run.stdout
    assert "macos" in run.stdout and "chưa đọc log của macOS" in run.stdout
    assert "--top 0" in run.stdout and "dekhang rules check" in run.stdout


def test_a_hostile_name_does_not_steer_the_terminal(folder: Path, rules: Rules) -> None:
    write(folder, 5, "product: linux, service: sshd", "'a|contains': b", status='"test\\u001b[2J"')
    run = rules("stats", folder)
    assert run.returncode == 0 and "\x1b" not in run.stdout


def test_a_users_mapping_makes_their_rules_usable(folder: Path, tmp_path: Path, rules: Rules) -> None:
    mapping = tmp_path / "nguon-log.yml"
    mapping.write_text(MAPPING)
    run = rules("stats", folder, "--format", "jsonl", "--mapping", mapping)
    assert rows(run, "summary")[0]["usable"] == 3
    assert [one["product"] for one in rows(run, "unmapped")] == ["macos"]


def test_a_wrong_mapping_is_told_by_file_and_key(folder: Path, tmp_path: Path, rules: Rules) -> None:
    mapping = tmp_path / "nguon-log.yml"
    mapping.write_text(MAPPING.replace("where", "khi"))
    run = rules("check", folder, "--mapping", mapping)
    assert run.returncode == 2 and run.stdout == ""
    assert f"{mapping}: others[1].khi" in run.stderr and "Traceback" not in run.stderr


def test_check_counts_the_log_sources_that_nobody_reads(folder: Path, rules: Rules) -> None:
    (folder / "bad.yml").unlink()
    run = rules("check", folder)
    assert run.returncode == 0
    assert "1 luật: Đề Kháng chưa đọc log của macOS" in run.stderr and "qlvb" in run.stderr
