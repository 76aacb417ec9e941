"""`dekhang rules check|test` on rule folders, and the cache behind every start."""

import os
import subprocess
import sys
import time
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest

from dekhang.pipeline.rulebook import load_rules

PROJECT = Path(__file__).resolve().parents[2]

RULE = """\
title: Guess
id: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a01
level: low
author: Somebody
logsource: {product: linux, service: sshd}
detection:
  sel: {action: login_failed}
  condition: sel
"""
TEST = """\
match:
  - name: một lần sai mật khẩu
    source: linux
    records:
      - "${time:syslog} may-chu sshd[7]: Failed password for root from 192.0.2.7 port 4 ssh2"
no_match:
  - name: đăng nhập đúng
    source: linux
    records:
      - "${time:syslog} may-chu sshd[7]: Accepted password for an from 192.0.2.7 port 4 ssh2"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    (path / "guess.yml").write_text(RULE)
    (path / "guess.test.yml").write_text(TEST)
    return path


def rules(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dekhang", "rules", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120)


def test_sound_rules_pass_both(folder: Path) -> None:
    assert rules("check", folder).returncode == 0
    run = rules("test", folder)
    assert run.returncode == 0 and "2 ca thử" in run.stderr


def test_check_names_every_faulty_rule_with_file_line_and_reason(folder: Path) -> None:
    (folder / "a.yml").write_text(RULE.replace("condition: sel", "condition: sel and x"))
    (folder / "b.yml").write_text("title: [\n")
    run = rules("check", folder)
    assert run.returncode == 1
    assert f"{folder}/a.yml:8: " in run.stdout and f"{folder}/b.yml:2: " in run.stdout
    assert "1 luật dùng được, 2 lỗi" in run.stderr


def test_two_rules_with_one_id_are_a_fault_of_the_second(folder: Path) -> None:
    (folder / "zcopy.yml").write_text(RULE.replace("level: low", "level: high"))
    run = rules("check", folder)
    assert run.returncode == 1 and "zcopy.yml:1" in run.stdout and "guess.yml:1" in run.stdout


def test_examples_may_need_lists_and_log_sources_of_the_installation(folder: Path) -> None:
    (folder / "guess.yml").write_text(
        RULE.replace("{product: linux, service: sshd}", "{product: qlvb}").replace(
            "action: login_failed", "action|expand: '%Faults%'"
        )
    )
    (folder / "guess.test.yml").write_text(
        "match:\n  - {name: một lần sai, source: syslog, records: [{app: qlvb, action: sai}]}\n"
    )
    mapping, lists = folder.parent / "nguon.yml", folder.parent / "danh-sach.yml"
    mapping.write_text("others:\n  - {rule: {product: qlvb}, record: unrecognised, where: {app: qlvb}}\n")
    lists.write_text("Faults: [sai, hỏng]\n")

    assert rules("test", folder, "--mapping", mapping, "--placeholders", lists).returncode == 0
    assert rules("test", folder, "--mapping", mapping).returncode == 1
    lists.write_text("Faults: [đúng]\n")
    assert rules("test", folder, "--mapping", mapping, "--placeholders", lists).returncode == 1
    lists.write_text("Faults: {")
    wrong_lists = rules("test", folder, "--placeholders", lists)
    assert wrong_lists.returncode == 2 and "danh-sach.yml" in wrong_lists.stderr


def test_a_rule_without_examples_fails_by_name(folder: Path) -> None:
    (folder / "guess.test.yml").unlink()
    run = rules("test", folder)
    assert run.returncode == 1 and "guess.yml:1" in run.stdout and "guess.test.yml" in run.stdout


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("Failed password", "Accepted password", "một lần sai mật khẩu"),  # must fire, does not
        ("Accepted password for an", "Failed password for an", "đăng nhập đúng"),  # must not fire, does
        ("source: linux", "source: tablet", "source"),
        ("${time:syslog}", "${time:moonphase}", "moonphase"),
        ("no_match:", "dont_match:", "no_match"),
        ("name: một", "nmae: một", "nmae"),
    ],
)
def test_an_example_that_fails_or_cannot_be_read_is_named(folder: Path, old: str, new: str, told: str) -> None:
    path = folder / "guess.test.yml"
    path.write_text(TEST.replace(old, new, 1))
    run = rules("test", folder)
    assert run.returncode == 1
    assert told in run.stdout


def test_a_missing_folder_is_exit_code_2() -> None:
    run = rules("check", "/nonexistent")
    assert run.returncode == 2 and "/nonexistent" in run.stderr


@pytest.mark.parametrize("action", ["check", "test"])
def test_a_folder_without_rules_is_not_called_sound(tmp_path: Path, action: str) -> None:
    run = rules(action, str(tmp_path))
    assert run.returncode == 2 and f"Không thấy tệp luật nào (.yml, .yaml) trong {tmp_path}" in run.stderr


# -- the cache -----------------------------------------------------------------------------------------------------


def test_rules_from_the_cache_are_the_rules_from_their_files(tmp_path: Path) -> None:
    ours = [PROJECT / "rules"]
    parsed = load_rules(ours, cache=tmp_path)
    cached = load_rules(ours, cache=tmp_path)
    assert parsed.rules and cached.ruleset == parsed.ruleset
    assert load_rules(ours, cache=None).ruleset == parsed.ruleset


def test_a_changed_file_is_read_again_and_faults_are_remembered(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    (folder / "bad.yml").write_text("title: x\n")
    assert len(load_rules([folder], cache=cache).errors) == 1
    (folder / "guess.yml").write_text(RULE.replace("level: low", "level: critical"))
    book = load_rules([folder], cache=cache)
    assert book.rules[0].level == "critical" and len(book.errors) == 1
    (folder / "bad.yml").unlink()
    assert load_rules([folder], cache=cache).errors == ()


@pytest.mark.parametrize("damage", [b"", b"\x00" * 100, b"cos\nsystem\n(S'touch /tmp/x'\ntR.", None])
def test_a_damaged_or_forged_cache_is_worth_nothing_and_breaks_nothing(
    folder: Path, tmp_path: Path, damage: bytes | None
) -> None:
    cache = tmp_path / "cache"
    sound = load_rules([folder], cache=cache)
    (file,) = cache.iterdir()
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2] if damage is None else damage)
    assert load_rules([folder], cache=cache).ruleset == sound.ruleset


def test_a_forged_cache_with_a_right_checksum_still_holds_only_data(folder: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    sound = load_rules([folder], cache=cache)
    (file,) = cache.iterdir()
    saved = msgspec.msgpack.decode(file.read_bytes()[32:])
    for forged in (
        ["rule", 1, 2],
        ["rule", *[[]] * 6],
        [],
        [["x"]],
        ["error"],
        [None],
        ["rule", [None] * 9, *[None] * 5],
    ):
        content = msgspec.msgpack.encode({digest: [forged] for digest in saved})
        file.write_bytes(blake2b(content, digest_size=32).digest() + content)
        assert load_rules([folder], cache=cache).ruleset == sound.ruleset, forged


def test_a_cache_that_cannot_be_written_is_told_and_rules_load(folder: Path, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    book = load_rules([folder], cache=blocked / "cache")
    assert len(book.rules) == 1 and str(blocked) in book.cache_problem


def test_a_rule_can_be_shown_to_people_by_its_id(folder: Path) -> None:
    book = load_rules([folder], cache=None)
    rule = book.find("6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a01")
    assert rule is not None and rule.author == "Somebody" and book.yaml(rule) == RULE
    assert book.find("gone") is None


def test_an_unreadable_folder_is_an_error_not_a_crash(tmp_path: Path) -> None:
    (error,) = load_rules([tmp_path / "gone"], cache=None).errors
    assert "gone" in error.path


def test_three_thousand_cached_rules_start_in_a_moment(shared: Path, tmp_path: Path) -> None:
    folders = sorted((shared / "sigma").glob("rules*"))
    load_rules(folders, cache=tmp_path)
    started = time.perf_counter()
    book = load_rules(folders, cache=tmp_path)
    assert len(book.rules) > 3_000
    # 0.4 s on the machine this was written on; the bound leaves room for a busy one
    assert time.perf_counter() - started < 1.5 * max(1.0, os.getloadavg()[0])
