"""`dekhang detect` as a person types it: real files in, matches on standard output, the rest on standard error."""

import contextlib
import csv
import gzip
import io
import json
import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]

START_SECONDS = 280  # the very first start on a machine compiles the engine
# the person's own cache folder is no place for tests
ENVIRONMENT = {**os.environ, "XDG_CACHE_HOME": os.environ["DK_DATA"]}

RULE = """\
title: Password Guessing
id: 6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a01
name: guess
level: low
author: Somebody
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


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "guess.yml").write_text(RULE)
    return folder


@pytest.fixture
def log(tmp_path: Path) -> Path:
    path = tmp_path / "auth.log"
    lines = [
        f"Dec 10 02:00:{second:02d} may-chu sshd[7]: Failed password for root from 192.0.2.7 port 4 ssh2"
        for second in range(4)
    ]
    path.write_text("\n".join(["not a log line at all", *lines]) + "\n")
    return path


def detect(*arguments: object) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "dekhang", "detect", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, timeout=START_SECONDS, env=ENVIRONMENT)


def objects(run: subprocess.CompletedProcess[bytes]) -> list[dict]:
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_jsonl_gives_one_object_per_match_with_place_and_time(rules: Path, log: Path) -> None:
    run = detect(log, "--rules", rules, "--format", "jsonl")
    assert run.returncode == 0 and run.stderr == b""
    found = objects(run)
    assert [(one["title"], one["index"]) for one in found] == [
        ("Password Guessing", 1),
        ("Password Guessing", 2),
        ("Password Guessing", 3),
        ("Many Guesses", 3),
        ("Password Guessing", 4),
    ]
    many = found[3]
    assert (many["rule_id"], many["level"], many["file"]) == (
        "6a0a0a8e-7d0a-4b7c-8f5a-0d3f6f1d9a02",
        "high",
        str(log),
    )
    assert many["time"].endswith("-12-10T02:00:02.000Z")
    assert (many["count"], many["group"], many["indexes"]) == (3, {"src_ip": "192.0.2.7"}, [1, 2, 3])


def test_packed_files_and_folders_are_read_too(rules: Path, log: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    (folder / "a.log.gz").write_bytes(gzip.compress(log.read_bytes()))
    (folder / "b.log").write_bytes(log.read_bytes())
    run = detect(folder, "--rules", rules, "--format", "jsonl", "--min-level", "high")
    assert {Path(one["file"]).name for one in objects(run)} == {"a.log.gz"}  # same events: one run, told once


def test_the_default_is_a_table_for_people(rules: Path, log: Path) -> None:
    run = detect(log, "--rules", rules)
    text = run.stdout.decode()
    assert "Many Guesses" in text and "cao" in text and "auth.log, bản ghi 3" in text
    assert "\x1b" not in text


def test_csv_cells_never_become_formulas(tmp_path: Path, rules: Path) -> None:
    (rules / "web.yml").write_text(
        "title: '=cmd()'\nlogsource: {category: webserver}\ndetection: {k: [evil], condition: k}\nlevel: low\n"
    )
    log = tmp_path / "access.log"
    log.write_text('192.0.2.7 - - [10/Dec/2019:02:00:00 +0000] "GET /evil HTTP/1.1" 200 5 "-" "=HYPERLINK(evil)"\n')
    rows = list(csv.reader(io.StringIO(detect(log, "--rules", rules, "--format", "csv").stdout.decode())))
    assert rows[0][:4] == ["time", "level", "title", "rule_id"]
    assert rows[1][2] == "'=cmd()"
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in rows[1])


def test_statistics_add_up_and_name_faulty_and_skipped_rules(rules: Path, log: Path) -> None:
    (rules / "bad.yml").write_text("title: bad\n")
    (rules / "cloud.yml").write_text(
        RULE.split("---")[0].replace("linux, service: sshd", "openvms").replace("a01", "a09")
    )
    run = detect(log, "--rules", rules, "--format", "jsonl", "--stats")
    told = run.stderr.decode()
    assert "đọc 5 = xét 4 + không hiểu 1; khớp 5" in told
    assert "2 dùng được, 1 bỏ qua, 1 hỏng" in told
    assert "bad.yml:1" in told and "product: openvms" in told


def test_control_characters_of_an_attacker_reach_no_terminal(rules: Path, tmp_path: Path) -> None:
    (rules / "all.yml").write_text(
        "title: any\nlogsource: {category: syslog}\ndetection: {k: [evil], condition: k}\nlevel: low\n"
    )
    log = tmp_path / "syslog"
    log.write_text("Dec 10 02:00:00 may-chu app: \x1b]0;evil\x07\x1b[2J\n")
    run = detect(log, "--rules", rules)
    assert b"any" in run.stdout and b"\x1b" not in run.stdout


@pytest.mark.parametrize("content", [b"", None])
def test_nothing_readable_is_exit_code_2_and_a_sentence(rules: Path, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "x.log"
    if content is not None:
        path.write_bytes(content)
    run = detect(path, "--rules", rules)
    assert run.returncode == 2
    assert "x.log" in run.stderr.decode()


def test_a_folder_without_files_is_said(rules: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    run = detect(tmp_path / "empty", "--rules", rules)
    assert run.returncode == 2
    assert f"Không có bản ghi nào để đọc trong {tmp_path}/empty" in run.stderr.decode()


def test_a_missing_file_beside_a_good_one_is_told_and_the_good_one_read(rules: Path, log: Path) -> None:
    run = detect("/nonexistent/a.log", log, "--rules", rules, "--format", "jsonl")
    assert run.returncode == 0 and len(objects(run)) == 5
    assert "/nonexistent/a.log" in run.stderr.decode()


def test_a_missing_rule_folder_is_exit_code_2_and_says_what_to_do(log: Path) -> None:
    run = detect(log, "--rules", "/nonexistent/rules")
    assert (run.returncode == 2 and "--rules" in run.stderr.decode()) or "đường dẫn" in run.stderr.decode()


def test_a_reader_that_stops_early_is_no_error(rules: Path, log: Path) -> None:
    log.write_text(log.read_text() * 20_000)
    command = f"{sys.executable} -m dekhang detect {log} --rules {rules} --format jsonl | head -1"
    run = subprocess.run(
        ["bash", "-c", command], cwd=PROJECT, capture_output=True, timeout=START_SECONDS, env=ENVIRONMENT
    )
    assert run.stdout.count(b"\n") == 1 and b"Traceback" not in run.stderr


def test_real_event_files_give_their_known_attacks(shared: Path) -> None:
    folders = ["--rules", shared / "sigma/rules/windows/builtin/security"]
    run = detect(shared / "windows/evtx", *folders, "--format", "jsonl", "--stats")
    titles = {(Path(one["file"]).name[:20], one["title"]) for one in objects(run)}
    assert ("ID4688-netsh_RDP_por", "Security Eventlog Cleared") in titles
    assert "đọc 177 = xét 177 + không hiểu 0" in run.stderr.decode()


def test_standard_input_is_read_as_a_dash(rules: Path, log: Path) -> None:
    command = [sys.executable, "-m", "dekhang", "detect", "-", "--rules", str(rules), "--format", "jsonl"]
    run = subprocess.run(
        command, cwd=PROJECT, input=log.read_bytes(), capture_output=True, timeout=START_SECONDS, env=ENVIRONMENT
    )
    assert run.returncode == 0 and len(objects(run)) == 5
    assert {one["file"] for one in objects(run)} == {"-"}


def test_a_terminal_sees_percent_and_speed_and_a_pipe_does_not(rules: Path, log: Path) -> None:
    log.write_text(log.read_text() * 3_000)
    command = [sys.executable, "-m", "dekhang", "detect", str(log), "--rules", str(rules), "--format", "csv"]
    screen, terminal = pty.openpty()
    seen = bytearray()

    def look() -> None:
        with contextlib.suppress(OSError):  # the other end is closed
            while part := os.read(screen, 4_096):
                seen.extend(part)

    looking = threading.Thread(target=look)
    looking.start()
    subprocess.run(
        command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=terminal, timeout=START_SECONDS, env=ENVIRONMENT
    )
    os.close(terminal)
    looking.join(10)
    os.close(screen)
    assert "bản ghi/giây" in seen.decode(errors="replace") and b"%" in seen
