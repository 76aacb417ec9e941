"""`dekhang up` that cannot start: one sentence that says what, where and what to do, exit code 2, nothing left behind."""

import os
import pty
import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import clean_environment
from tests.installation import PROJECT, dekhang, free_port

STRONG = "mot-mat-khau-rat-dai"


def ports(**chosen: int) -> list[str]:
    options = {"port": free_port(), "http-intake-port": free_port()}
    options["syslog-udp-port"] = options["syslog-tcp-port"] = free_port()
    options |= {name.replace("_", "-"): number for name, number in chosen.items()}
    return [word for name, number in options.items() for word in (f"--{name}", str(number))]


def refusal(data: Path, *options: str, **environment: str) -> str:
    """The words of an `up` that must refuse."""
    done = dekhang("up", "--data", str(data), *(options or ports()), **environment)
    assert done.returncode == 2, done
    assert "Traceback" not in done.stderr
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(data) in (p.info["cmdline"] or [])]
    return done.stderr.strip()


def test_each_port_in_use_is_named_with_its_option(tmp_path):
    with socket.socket() as web, socket.socket(type=socket.SOCK_DGRAM) as syslog:
        web.bind(("127.0.0.1", 0))
        web.listen()
        syslog.bind(("127.0.0.1", 0))
        web_port, udp_port = web.getsockname()[1], syslog.getsockname()[1]
        lines = refusal(tmp_path / "d", *ports(port=web_port, syslog_udp_port=udp_port)).splitlines()
    assert lines == [
        f"Cổng {web_port} (trang web) trên 127.0.0.1 không dùng được: chương trình khác đang giữ. "
        "Dừng chương trình ấy, hoặc chọn cổng khác bằng --port.",
        f"Cổng {udp_port} (nhận syslog UDP) trên 127.0.0.1 không dùng được: chương trình khác đang giữ. "
        "Dừng chương trình ấy, hoặc chọn cổng khác bằng --syslog-udp-port.",
    ]
    assert not (tmp_path / "d" / "db.sqlite3").exists()


def test_one_port_given_twice_is_named(tmp_path):
    same = free_port()
    said = refusal(tmp_path / "d", *ports(port=same, http_intake_port=same))
    assert said == f"Cổng {same} được đặt cho cả trang web và nhận log HTTP. Chọn cổng khác bằng --http-intake-port."


def test_an_address_that_is_not_this_machine_s_names_its_option(tmp_path):
    assert "Sửa địa chỉ bằng --host" in refusal(tmp_path / "d", *ports(), "--host", "192.0.2.1")


@pytest.mark.parametrize("number", ["0", "70000", "-1", "tám mươi"])
def test_a_number_that_is_no_port_is_said(tmp_path, number):
    done = dekhang("up", "--data", str(tmp_path / "d"), f"--port={number}")
    assert done.returncode == 2
    assert "cổng phải là số từ 1 đến 65535" in done.stderr


@pytest.mark.parametrize("place", ["/proc/dekhang", "/etc/hostname/dekhang"])
def test_a_data_folder_that_cannot_be_written_is_named(place):
    assert refusal(Path(place)).startswith(f"Không dùng được thư mục dữ liệu {place}: ")


def test_a_bad_setting_is_named_with_what_it_is_for(tmp_path):
    lines = refusal(tmp_path / "d", DK_SMTP_PORT="abc").splitlines()
    assert lines == [
        "Cấu hình chưa đúng: DK_SMTP_PORT='abc': expected a whole number (SMTP port)",
        "Sửa cấu hình rồi chạy lại.",
    ]


def test_a_rule_folder_or_a_replay_that_is_not_there_is_named(tmp_path):
    assert "Không thấy thư mục luật" in refusal(tmp_path / "d", *ports(), "--rules", str(tmp_path / "khong-co"))
    assert "--replay cần một tệp" in refusal(tmp_path / "d", *ports(), "--demo", "--replay", str(tmp_path / "k"))
    assert "dùng cùng --demo" in refusal(tmp_path / "d", *ports(), "--replay", str(tmp_path))


def test_half_a_tls_setting_and_a_file_that_is_not_there_are_named(tmp_path):
    key = tmp_path / "khoa.pem"
    key.write_text("x")
    assert "đi cùng nhau" in refusal(tmp_path / "d", *ports(), "--tls-key", str(key))
    said = refusal(tmp_path / "d", *ports(), "--tls-cert", str(tmp_path / "khong-co.crt"), "--tls-key", str(key))
    assert "khong-co.crt" in said and "--tls-cert" in said


def test_the_demo_never_mixes_with_a_real_installation(own_installation):
    said = refusal(own_installation, *ports(), "--demo")
    assert said.endswith("đang giữ dữ liệu thật. Tỉnh mẫu cần thư mục riêng: chọn --data khác.")


def test_a_first_start_without_terminal_and_environment_says_how_to_name_the_administrator(own_installation):
    said = refusal(own_installation)
    assert said.startswith("Lần chạy đầu cần tài khoản quản trị: đặt DK_ADMIN_USERNAME và DK_ADMIN_PASSWORD")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("ngan", "Mật khẩu cần ít nhất 12 ký tự."),
        ("quan-tri-tinh", "tên đăng nhập"),
        ("1qaz2wsx3edc", "phổ biến"),
        ("027638123456", "hoàn toàn là số"),
    ],
    ids=["short", "like the name", "common", "a telephone number"],
)
def test_a_weak_first_password_is_refused_with_the_reason(own_installation, password, reason):
    said = refusal(own_installation, DK_ADMIN_USERNAME="quan-tri-tinh", DK_ADMIN_PASSWORD=password)
    assert said.startswith("Mật khẩu chưa đạt: ")
    assert reason in said
    assert password not in said


def test_a_password_file_that_is_not_there_is_named(own_installation):
    said = refusal(own_installation, DK_ADMIN_USERNAME="quan-tri", DK_ADMIN_PASSWORD_FILE="/khong/co/tep")
    assert said.startswith("Cấu hình chưa đúng: DK_ADMIN_PASSWORD_FILE='/khong/co/tep': cannot be read")


def test_on_a_terminal_the_administrator_is_asked_for_and_the_password_is_not_shown(own_installation):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "dekhang", "up", "--data", str(own_installation), *ports()],
        cwd=PROJECT,
        env=clean_environment(),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = ""
    for question, answer in (
        ("Tên đăng nhập của quản trị hệ thống: ", "quan-tri"),
        ("Mật khẩu (từ 12 ký tự): ", "ngắn-quá"),
    ):
        while question not in said:
            said += os.read(ours, 10_000).decode()
        os.write(ours, f"{answer}\n".encode())
    assert process.wait(60) == 2
    said += os.read(ours, 10_000).decode()
    os.close(ours)
    assert "Mật khẩu chưa đạt" in said
    assert "ngắn-quá" not in said
