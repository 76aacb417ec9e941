"""What a person may ask of `dekhang detect`: where the result goes, which part of it, in which language."""

import gc
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from dekhang.cli import main

RULE = """\
title: Password Guessing
id: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a01
name: guess
level: low
logsource: {product: linux, service: sshd}
detection:
  sel: {action: login_failed}
  condition: sel
---
title: Many Guesses
id: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a02
level: high
correlation:
  type: event_count
  rules: [guess]
  group-by: [src_ip]
  timespan: 5m
  condition: {gte: 3}
  generate: true
"""


@dataclass(frozen=True)
class Run:
    returncode: int
    stdout: bytes
    stderr: bytes

    def objects(self) -> list[dict]:
        return [json.loads(line) for line in self.stdout.splitlines()]


Detect = Callable[..., Run]


@pytest.fixture
def detect(capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Detect:
    """Run the command in this process: the options do not need a new one each."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(gc, "freeze", lambda: None)  # right for a process that ends soon; this one goes on

    def run(*arguments: object) -> Run:
        argv = ["detect", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", ["dekhang", *argv])
        try:
            code = main(argv)
        except SystemExit as stop:
            code = int(stop.code or 0)
        sys.stdout.flush()
        return Run(code, *capfdbinary.readouterr())

    return run


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "guess.yml").write_text(RULE)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    line = "Dec 10 02:00:{:02d} may-chu sshd[7]: Failed password for root from 192.0.2.7 port 4 ssh2"
    path.write_text("\n".join(["not a log line at all", *(line.format(second) for second in range(4))]) + "\n")
    return path


def test_an_output_file_names_its_own_format_and_says_where_it_is(
    detect: Detect, rules: Path, log: Path, tmp_path: Path
) -> None:
    for name, begins in (("a.jsonl", b"{"), ("a.csv", b"\xef\xbb\xbftime,"), ("a.html", b"<!doctype html>")):
        run = detect(log, "--rules", rules, "-o", tmp_path / name)
        assert run.returncode == 0 and run.stdout == b""
        assert (tmp_path / name).read_bytes().lstrip().startswith(begins)
        assert name in run.stderr.decode()
    assert detect(log, "--rules", rules, "-o", tmp_path / "b.csv", "--quiet").stderr == b""


def test_nothing_readable_leaves_an_older_result_alone(detect: Detect, rules: Path, tmp_path: Path) -> None:
    made = tmp_path / "a.html"
    made.write_text("yesterday's")
    assert detect(tmp_path / "missing.log", "--rules", rules, "-o", made).returncode == 2
    assert made.read_text() == "yesterday's"
    assert [one.name for one in tmp_path.iterdir() if one.suffix == ".part"] == []


def test_a_place_that_cannot_be_written_is_a_sentence_and_exit_code_2(detect: Detect, rules: Path, log: Path) -> None:
    run = detect(log, "--rules", rules, "-o", "/nonexistent/a.html")
    assert run.returncode == 2 and "Không ghi được /nonexistent/a.html" in run.stderr.decode()


def test_without_rules_the_ones_that_come_with_it_are_used(detect: Detect, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    lines = (
        f"Dec 10 02:00:{n:02d} may-chu sshd[7]: Failed password for root from 192.0.2.7 port 4 ssh2" for n in range(20)
    )
    log.write_text("\n".join(lines) + "\n")
    assert "Dò mật khẩu SSH" in detect(log).stdout.decode()


def test_a_period_leaves_out_what_lies_outside_and_counts_it(detect: Detect, rules: Path, tmp_path: Path) -> None:
    log = tmp_path / "auth.log"
    line = "<38>1 2019-12-10T02:00:{:02d}Z may-chu sshd 7 - - Failed password for root from 192.0.2.7 port 4 ssh2"
    log.write_text("\n".join(line.format(second) for second in range(4)) + "\n")
    period = ("--since", "2019-12-10T09:00:01+07:00", "--until", "2019-12-10T02:00:03")
    run = detect(log, "--rules", rules, "--format", "jsonl", "--stats", *period)
    assert [one["time"][17:19] for one in run.objects() if one["level"] == "low"] == ["01", "02"]
    assert "2 lần khớp nằm ngoài khoảng thời gian" in run.stderr.decode()


def test_a_wrong_time_is_refused_with_an_example(detect: Detect, rules: Path, log: Path) -> None:
    run = detect(log, "--rules", rules, "--since", "hôm qua")
    assert (
        run.returncode == 2 and "“hôm qua”" in run.stderr.decode() and "2019-12-10T08:00+07:00" in run.stderr.decode()
    )


def test_statistics_for_programs_add_up(detect: Detect, rules: Path, log: Path, tmp_path: Path) -> None:
    run = detect(log, "--rules", rules, "--stats-json", tmp_path / "stats.json", "--quiet")
    told = json.loads((tmp_path / "stats.json").read_text())
    assert run.stderr == b""
    assert told["files"][str(log)] == {"read": 5, "evaluated": 4, "unparsable": 1, "matches": 5, "problems": 0}
    assert told["total"]["levels"] == {"informational": 0, "low": 4, "medium": 0, "high": 1, "critical": 0}
    assert told["rules"]["used"] == 2 and told["total"]["records_per_second"] > 0


def test_english_is_spoken_to_those_who_ask(detect: Detect, rules: Path, log: Path) -> None:
    run = detect(log, "--rules", rules, "--lang", "en", "--stats")
    assert "findings of 2 rules, in 5 records of 1 files" in run.stdout.decode()
    assert "read 5 = evaluated 4 + unparsable 1" in run.stderr.decode()
    assert "signs of attack" in detect("--lang", "en", "--help").stdout.decode()


def test_the_table_ends_with_what_was_found_what_it_means_and_what_to_do(
    detect: Detect, rules: Path, log: Path
) -> None:
    text = detect(log, "--rules", rules).stdout.decode()
    assert "5 lần khớp của 2 luật, trong 5 bản ghi của 1 tệp." in text
    assert "Làm trước hết:" in text and "-o bao-cao.html" in text
    assert max(map(len, text.splitlines())) <= 80


def test_a_mapping_of_ones_own_lets_rules_read_ones_own_logs(detect: Detect, rules: Path, tmp_path: Path) -> None:
    run = detect(tmp_path, "--rules", rules, "--mapping", tmp_path / "missing.yml")
    assert run.returncode == 2 and "missing.yml" in run.stderr.decode()


def test_indicators_are_looked_for_besides_the_rules(detect: Detect, rules: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("lua-dao.example.gov.vn\n")
    log = tmp_path / "dns.jsonl"
    log.write_text('{"host": "may-1", "query": "www.lua-dao.example.gov.vn", "@timestamp": "2019-12-10T02:00:00Z"}\n')
    run = detect(log, "--rules", rules, "--indicators", tmp_path / "bad.txt", "--format", "jsonl", "--stats")
    (found,) = run.objects()
    assert "tên miền" in found["title_vi"] and found["fields"]["query"] == "www.lua-dao.example.gov.vn"
    assert "Chỉ dấu: 1 dùng được trong 1 tệp" in run.stderr.decode()


def test_a_file_without_indicators_is_refused_by_name(detect: Detect, rules: Path, log: Path, tmp_path: Path) -> None:
    run = detect(log, "--rules", rules, "--indicators", tmp_path / "missing.txt")
    assert run.returncode == 2 and "missing.txt" in run.stderr.decode()


def test_placeholders_come_from_a_file_of_lists(detect: Detect, rules: Path, log: Path, tmp_path: Path) -> None:
    (rules / "guess.yml").write_text(
        "title: From The Scanner\nid: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a03\nlevel: low\n"
        "logsource: {product: linux, service: sshd}\ndetection: {sel: {src_ip|expand: '%Scanners%'}, condition: sel}\n"
    )
    lists = tmp_path / "lists.yml"
    lists.write_text("Scanners: [192.0.2.7]\n")
    assert detect(log, "--rules", rules, "--format", "jsonl").returncode == 2  # the only rule waits for its list
    assert len(detect(log, "--rules", rules, "--placeholders", lists, "--format", "jsonl").objects()) == 4


def test_a_damaged_file_is_told_with_its_place_and_the_rest_is_read(
    detect: Detect, rules: Path, tmp_path: Path
) -> None:
    log = tmp_path / "a.json"
    line = '{{"program": "sshd", "message": "Failed password for root from 192.0.2.7 port 4 ssh2", "n": {}}}'
    log.write_text("[" + ",".join(map(line.format, range(3))) + ', {"broken": ')
    run = detect(log, "--rules", rules, "--format", "jsonl", "--stats")
    assert run.returncode == 0
    assert "a.json, bản ghi 3:" in run.stderr.decode() and "đọc 3 =" in run.stderr.decode()
