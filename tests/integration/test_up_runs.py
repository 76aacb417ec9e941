"""A real installation, started as a person starts it: ready, watched, examined, stopped."""

import http.client
import json
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest

from tests.certificates import Authority, needs_openssl
from tests.installation import Installation, dekhang, free_port

pytestmark = needs_openssl
PARTS = {"web", "http", "lines", "worker", "worker-2", "jobs"}


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """An installation without demo; its first administrator's password comes from a file."""
    folder = tmp_path_factory.mktemp("up")
    (folder / "password").write_text("mot-mat-khau-rat-dai\n")
    environment = {"DK_ADMIN_USERNAME": "quan-tri", "DK_ADMIN_PASSWORD_FILE": str(folder / "password")}
    authority = Authority(folder / "tls")
    authority.server(days=200)
    ports = [f"--https-intake-port={free_port()}", f"--syslog-tls-port={free_port()}"]
    options = (*authority.options(), *ports, "--workers=2")
    running = Installation(folder / "data", options=options, environment=environment)
    running.start()
    yield running
    running.kill()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    running = Installation(tmp_path_factory.mktemp("up-demo") / "data", options=("--demo",))
    running.start()
    yield running
    running.kill()


def wait_until(true: Callable[[], object], what: str, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.1)


def status(address: str, path: str = "/healthz") -> int:
    place = urlsplit(address)
    connection = http.client.HTTPConnection(place.hostname, place.port, timeout=3)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return 0
    finally:
        connection.close()


def test_the_start_says_each_part_the_address_and_the_account(real):
    said = real.output
    for part in PARTS:
        assert f"✓ {part}" in said
    assert "Đề Kháng sẵn sàng sau" in said
    assert "Tài khoản quản trị: quan-tri" in said
    assert "mot-mat-khau-rat-dai" not in said
    assert status(real.address) == 200
    assert status(real.address, "/dang-nhap/") == 200


def test_the_safe_ports_answer_with_the_certificate_given_and_doctor_looks_at_it(real):
    https, syslog = (int(option.partition("=")[2]) for option in real.options if "-port=" in option)
    context = Authority(real.data.parent / "tls").context()
    connection = http.client.HTTPSConnection("127.0.0.1", https, context=context, timeout=10)
    connection.request("GET", "/healthz")
    assert connection.getresponse().status == 200
    connection.close()
    with socket.create_connection(("127.0.0.1", syslog), timeout=10) as plain:
        context.wrap_socket(plain, server_hostname="localhost").close()
    assert "chứng chỉ TLS" in real.command("doctor").stdout


def test_no_part_keeps_the_first_password_or_is_the_leader_of_a_heavy_supervisor(real):
    for process in real.everything():
        assert "mot-mat-khau-rat-dai" not in " ".join(process.environ().values())
    memory = {process.pid: process.memory_info().rss / 1024**2 for process in real.everything()}
    print(f"idle memory: {sum(memory.values()):.0f} MB in {len(memory)} processes", *sorted(memory.values()))
    assert memory[real.process.pid] < 60, "the supervisor itself needs no Django"


def test_a_second_up_on_the_same_folder_is_refused(real):
    done = real.command("up")
    assert done.returncode == 2
    assert done.stderr == (
        f"Đã có một Đề Kháng đang chạy trên thư mục {real.data}. Dừng nó trước, hoặc chọn --data khác.\n"
    )


def test_a_killed_part_is_started_again_and_said(real):
    before = real.parts()
    assert set(before) == PARTS
    for part in ("jobs", "http", "web"):
        os.kill(before[part], signal.SIGKILL)
    wait_until(lambda: all(f"! {part} (" in real.output for part in ("jobs", "http", "web")), "the falls are said")
    wait_until(
        lambda: set(real.parts()) == PARTS and status(real.address) == 200 and real.output.count("✓ web") == 2,
        "all parts are back",
    )
    assert "dừng bất ngờ, mã -9; chạy lại sau 1 giây" in real.output
    wait_until(lambda: real.output.count("✓ http") == 2, "http says that it is ready again")


def test_the_doctor_finds_a_healthy_installation_healthy(real):
    wait_until(lambda: real.command("doctor").returncode == 0, "the parts killed before are back", 40)
    said = real.command("doctor").stdout
    assert f"✓ trang web trả lời ở {real.address}" in said
    assert said.endswith("Mọi thứ ổn.\n")
    assert "✗" not in said


def test_the_doctor_finds_what_is_wrong_and_names_the_log(real):
    worker = real.parts()["worker"]
    os.kill(worker, signal.SIGSTOP)
    try:
        wait_until(lambda: real.command("doctor").returncode == 1, "the silent worker is noticed", 40)
        done = real.command("doctor")
    finally:
        os.kill(worker, signal.SIGCONT)
    assert f"✗ phân tích, phát hiện (worker) không có dấu hiệu sống. Xem {real.data}/logs/worker.log" in done.stdout
    assert "Có 1 việc cần làm." in done.stdout


def test_ctrl_c_stops_everything_within_five_seconds_and_another_start_goes_on(real):
    everything = real.everything()
    assert real.stop() < 5
    assert real.process.returncode == 0
    assert real.output.endswith("Đang dừng…\nĐã dừng.\n")
    assert [p for p in everything if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert not list((real.data / "run").glob("*.json")), "no part pretends to live"

    stopped = real.command("doctor")
    assert stopped.returncode == 1
    assert "✗ Hệ thống không chạy trên thư mục này." in stopped.stdout

    real.environment = {}  # the second start asks for nobody
    real.start()
    assert "Tài khoản quản trị" not in real.output


def test_kill_9_of_the_supervisor_leaves_nothing_running(real):
    everything = real.everything()
    assert len(everything) == 8, "supervisor, six parts, the worker process of the web server"
    os.kill(real.process.pid, signal.SIGKILL)
    real.process.wait()
    wait_until(
        lambda: not [p for p in everything if p.is_running() and p.status() != psutil.STATUS_ZOMBIE],
        "the parts end with their supervisor",
        10,
    )
    assert status(real.address) == 0
    real.start()  # and the folder and the ports are free again
    assert status(real.address) == 200


def test_ctrl_c_during_the_first_load_leaves_nothing_half_and_nothing_running(tmp_path):
    starting = Installation(tmp_path / "data", options=("--demo",))
    starting.begin()
    wait_until(lambda: "nạp tỉnh mẫu" in starting.output, "the load of the province begins", 60)
    everything = starting.everything()
    assert starting.stop() < 5
    assert [p for p in everything if p.is_running() and p.status() != psutil.STATUS_ZOMBIE] == []
    assert "Traceback" not in starting.output
    with sqlite3.connect(starting.data / "db.sqlite3") as db:
        (people,) = db.execute("SELECT count(*) FROM core_user").fetchone()
    db.close()
    assert people == 0, "whole or not at all: the next start loads it"


def test_the_demo_s_commands_live_in_the_demo_s_time_and_use_its_ports(demo):
    listed = demo.command("canary", "list")
    assert listed.returncode == 0
    assert "Sở Tài chính · Máy chủ Windows: chưa thử" in listed.stdout
    number = next(line.split()[0] for line in listed.stdout.splitlines() if "Sở Tài chính" in line)
    sent = demo.command("canary", "send", "--source", number)
    assert sent.returncode == 0, sent
    assert "Đã phát hiện sau" in sent.stdout
    with sqlite3.connect(demo.data / "db.sqlite3") as db:
        (year,) = db.execute(
            "SELECT strftime('%Y', max(started_at)) FROM sources_canary WHERE source_id = ?", [number]
        ).fetchone()
    db.close()
    assert year == "2019"


def test_a_canary_that_cannot_be_sent_says_why(demo):
    assert "Không có nguồn log số 99999" in demo.command("canary", "send", "--source", "99999").stderr
    with sqlite3.connect(demo.data / "db.sqlite3") as db:
        (suricata,) = db.execute("SELECT id FROM sources_logsource WHERE kind = 'suricata'").fetchone()
    db.close()
    assert demo.command("canary", "send", "--source", str(suricata)).returncode == 2
    forged = demo.command("canary", "send", "--source", "1", "--nonce", "khong-co")
    assert forged.returncode == 2
    assert "không có lần thử nào mang dấu khong-co" in forged.stderr


def test_the_demo_starts_whole_and_its_log_flows(demo):
    print(demo.output.split("giây: http")[0].splitlines()[-1])
    assert "can-bo.so-y-te" in demo.output
    wait_until(lambda: traffic(demo.data) > 20, "the demo's traffic is taken")
    with sqlite3.connect(demo.data / "db.sqlite3") as db:
        (units,) = db.execute("SELECT count(DISTINCT unit_id) FROM registry_postholding").fetchone()
        (claims,) = db.execute("SELECT count(*) FROM duties_claim").fetchone()
    db.close()
    assert units == 123
    assert claims > 60
    verified = demo.command("audit", "verify")
    assert verified.returncode == 0, verified


def traffic(data: Path) -> int:
    try:
        return int(json.loads((data / "run" / "traffic.json").read_text())["sent"])
    except (FileNotFoundError, json.JSONDecodeError):
        return 0


def test_the_demo_s_folder_stays_the_demo_s_without_the_option(demo):
    """`dekhang manage` and `dekhang up` without --demo must not write 2026 between records of 2019."""
    code = "from dekhang.apps.core import clock; print(clock.now().year)"
    assert demo.command("manage", "shell", "-v0", "-c", code).stdout.strip() == "2019"


def test_the_doctor_survives_a_broken_database(tmp_path):
    (tmp_path / "db.sqlite3").write_bytes(b"SQLite format 3\x00" + b"\xff" * 4096)
    (tmp_path / "pipeline.db").write_bytes(b"not a database" * 200)
    done = dekhang("doctor", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "✗ db.sqlite3 hỏng" in done.stdout
    assert "✗ pipeline.db hỏng" in done.stdout


def test_the_doctor_of_a_place_without_data_makes_nothing(tmp_path):
    done = dekhang("doctor", "--data", str(tmp_path / "khong-co"))
    assert done.returncode == 2
    assert "Chưa có dữ liệu" in done.stderr
    assert not (tmp_path / "khong-co").exists()
