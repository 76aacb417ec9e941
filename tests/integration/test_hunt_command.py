"""`dekhang hunt` as it is typed, on an installation on disk."""

import csv
import importlib.util
import io
import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dekhang.pipeline.stores import hunts
from dekhang.pipeline.stores.hunts import Request
from tests.conftest import PROJECT, clean_environment
from tests.stored import DAY, NOON, store


@pytest.fixture
def place(own_installation: Path) -> Path:
    now_ms = int(time.time() * 1000)
    at = {"received_at": now_ms - 1000, "unit_id": unit_of(own_installation)}
    lines = [
        f"<38>Dec 10 12:00:{n:02d} may-chu sshd[1]: Failed password for root from 192.0.2.7 port 4000 ssh2"
        for n in range(30)
    ]
    store(
        own_installation,
        [
            {**at, "event_id": n, "time": NOON + n * 1000, "kind": "linux_auth", "raw": raw}
            for n, raw in enumerate(lines)
        ]
        + [{**at, "event_id": 100 + n, "time": NOON - n * DAY, "raw": f"=cmd|bình thường {n}"} for n in range(20)],
    )
    return own_installation


def unit_of(data: Path) -> int:
    made = subprocess.run(
        [sys.executable, "-m", "dekhang", "manage", "shell", "-v0", "--data", str(data), "-c",
         "from dekhang.apps.registry.models import *; u = Unit.objects.create(key='xa-a');"
         "UnitVersion.objects.create(unit=u, name='Xã Mẫu', kind='commune', valid_from='2019-01-01'); print(u.pk)"],
        cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(made.stdout)


def hunt(data: Path, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "dekhang", "hunt", "--data", str(data), *args],
        cwd=PROJECT, env=clean_environment(), capture_output=True, text=True, timeout=200,
    )  # fmt: skip


def test_a_query_a_rule_and_their_outputs(place, tmp_path):
    done = hunt(place, "binh thuong", "--since", "2019-11-01", "--format", "jsonl")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 20), done.stderr
    assert "20 kết quả" in done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["text"] == "=cmd|bình thường 0"
    sheet = tmp_path / "ra.csv"
    done = hunt(place, "binh thuong", "--since", "2019-11-01", "-o", str(sheet), "--quiet", "--workers", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    rows = list(csv.DictReader(io.StringIO(sheet.read_text("utf-8-sig"))))
    assert [row["text"][:5] for row in rows] == ["'=cmd"] * 20
    done = hunt(place, "--rule", "e84e99de-9b01-4045-816f-071aed86c154", "--since", "2019-12-01", "--unit", "xa mau")
    assert done.returncode == 0, done.stderr
    assert "Dò mật khẩu SSH" in done.stdout
    listed = hunt(place, "--list").stdout
    assert listed.count("xong") == 3
    again = hunt(place, "--resume", listed.split()[0], "--format", "jsonl", "--to-alerts")
    assert json.loads(again.stdout.splitlines()[0])["entity"] == "192.0.2.7"
    assert "phát hiện mới" in again.stderr


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ((), "đúng một thứ để lùng"),
        (("a", "--rule", "x"), "đúng một thứ để lùng"),
        (("user:",), "Thiếu giá trị ngay sau “user:”"),
        (("a", "--unit", "không có"), "Không có đơn vị nào"),
        (("a", "--since", "hôm qua"), "không phải là ngày giờ"),
        (("--rule", "khong-co.yml"), "Không có tệp luật"),
        (("--rule", "khong-co"), "Không có luật khong-co"),
        (("--indicators", "khong-co.csv"), "Không có tệp chỉ dấu"),
        (("--resume", "20190101-000000-abcd"), "Không có lần lùng"),
    ],
)
def test_wrong_usage_is_a_sentence_and_two(own_installation, args, said):
    done = hunt(own_installation, *args)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_ctrl_c_stops_cleanly_says_how_to_go_on_and_a_terminal_shows_progress(place):
    shown, terminal = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-m", "dekhang", "hunt", "--data", str(place), "binh thuong", "--since", "2019-01-01",
         "--format", "jsonl"],
        cwd=PROJECT, env={**clean_environment(), "TERM": "xterm"}, stdout=subprocess.PIPE,
        stderr=terminal,
    )  # fmt: skip
    os.close(terminal)
    said = b""
    while b"%" not in said:  # the bar is there: it works
        said += os.read(shown, 65_536)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=100)
    try:
        while more := os.read(shown, 65_536):
            said += more
    except OSError:  # the other end is closed
        pass
    os.close(shown)
    found = re.search(rb"--resume (\S+)", said)
    if running.returncode == 0:  # it was quicker than the signal
        assert len(output.splitlines()) == 20
        return
    assert (running.returncode, output) == (1, b"")
    assert found is not None, said.decode(errors="replace")
    done = hunt(place, "--resume", found[1].decode(), "--format", "jsonl", "--quiet")
    assert (done.returncode, len(done.stdout.splitlines()), done.stderr) == (0, 20, "")


def test_a_cancelled_hunt_says_where_it_can_be_gone_on_with(place):
    request = Request("query", "thử", (1,), 0, 1, 1, "thử", query="a")
    cancelled = hunts.create(place, request, now_ms=0)
    assert "Đã cho dừng" in hunt(place, "--cancel", cancelled.id).stdout
    done = hunt(place, "--resume", cancelled.id)
    assert (done.returncode, done.stdout) == (1, "")
    assert "đã bị hủy" in done.stderr and "ở trang của nó" in done.stderr


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_without_ray_a_sentence_says_how_to_get_it(place):
    done = hunt(place, "binh thuong", "--ray", "may-1.example.gov.vn:6379")

    assert (done.returncode, done.stdout) == (2, "")
    assert "requirements-hunts.lock" in done.stderr
    assert hunt(place, "--list").stdout.strip().count("\n") == 0, "no hunt is left behind"
