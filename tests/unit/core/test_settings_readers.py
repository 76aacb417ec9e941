import os
import subprocess
import sys
from pathlib import Path

import pytest

from dekhang.config import env
from dekhang.config.env import SettingError
from tests.conftest import PROJECT, clean_environment


def read(kind: str):
    readers = {
        "int": lambda: env.env_int("DK_THU", 5, about="số thử", at_least=1),
        "bool": lambda: env.env_bool("DK_THU", True, about="có thử không"),
        "list": lambda: env.env_list("DK_THU", ("a",), about="danh sách thử"),
        "str": lambda: env.env_str("DK_THU", "mặc định", about="chữ thử"),
        "path": lambda: env.env_path("DK_THU", Path("/mac-dinh"), about="thư mục thử"),
        "choice": lambda: env.env_choice("DK_THU", "A", ("A", "B"), about="lựa chọn thử"),
        "zone": lambda: env.env_zone("DK_THU", "Asia/Ho_Chi_Minh", about="múi giờ thử"),
    }
    return readers[kind]()


@pytest.fixture(autouse=True)
def own_table_of_settings(monkeypatch):
    monkeypatch.setattr(env, "KNOWN", {})


@pytest.mark.parametrize(
    ("kind", "value", "expected"),
    [
        ("int", None, 5),
        ("int", "42", 42),
        ("bool", None, True),
        ("bool", "No", False),
        ("bool", "", False),
        ("bool", "ON", True),
        ("list", None, ["a"]),
        ("list", " x , ,y ", ["x", "y"]),
        ("list", "", []),
        ("str", None, "mặc định"),
        ("str", "", ""),
        ("path", "/co/the/nay", Path("/co/the/nay")),
        ("path", None, Path("/mac-dinh")),
        ("choice", "B", "B"),
        ("choice", None, "A"),
        ("zone", "UTC", "UTC"),
    ],
)
def test_a_good_value_is_read(monkeypatch, kind, value, expected):
    monkeypatch.delenv("DK_THU", raising=False)
    if value is not None:
        monkeypatch.setenv("DK_THU", value)
    assert read(kind) == expected


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("int", "abc", "DK_THU='abc': expected a whole number (số thử)"),
        ("int", "", "DK_THU='': expected a whole number (số thử)"),
        ("int", "0", "DK_THU='0': expected 1 or more (số thử)"),
        ("bool", "maybe", "DK_THU='maybe': expected yes or no (có thử không)"),
        ("choice", "C", "DK_THU='C': expected one of A, B (lựa chọn thử)"),
        ("zone", "Sao/Hoa", "DK_THU='Sao/Hoa': expected a time zone such as Asia/Ho_Chi_Minh (múi giờ thử)"),
        ("zone", "../../etc/passwd", "DK_THU='../../etc/passwd': expected a time zone"),
    ],
)
def test_a_bad_value_is_named_with_its_variable_and_what_it_is_for(monkeypatch, kind, value, sentence):
    monkeypatch.setenv("DK_THU", value)
    with pytest.raises(SettingError) as fault:
        read(kind)
    assert str(fault.value).startswith(sentence)


def test_a_secret_comes_from_a_file_without_its_line_end(monkeypatch, tmp_path):
    (tmp_path / "mat-khau").write_text("bí mật\n")
    monkeypatch.setenv("DK_THU_FILE", str(tmp_path / "mat-khau"))
    assert read("str") == "bí mật"


def test_the_variable_itself_wins_over_its_file(monkeypatch, tmp_path):
    (tmp_path / "mat-khau").write_text("từ tệp")
    monkeypatch.setenv("DK_THU_FILE", str(tmp_path / "mat-khau"))
    monkeypatch.setenv("DK_THU", "trực tiếp")
    assert read("str") == "trực tiếp"


def test_a_file_that_cannot_be_read_is_named(monkeypatch, tmp_path):
    monkeypatch.setenv("DK_THU_FILE", str(tmp_path / "khong-co"))
    with pytest.raises(SettingError, match=r"DK_THU_FILE='.*khong-co': cannot be read \(No such file or directory\)"):
        read("str")


def test_a_file_of_bytes_that_are_no_text_is_named(monkeypatch, tmp_path):
    (tmp_path / "mat-khau").write_bytes(b"\xff\xfe\x00")
    monkeypatch.setenv("DK_THU_FILE", str(tmp_path / "mat-khau"))
    with pytest.raises(SettingError, match=r"DK_THU_FILE=.*is not UTF-8 text"):
        read("str")


def test_reading_a_setting_makes_its_row_in_the_reference():
    read("int")
    assert env.KNOWN["DK_THU"] == env.Setting("DK_THU", "whole number", "5", "số thử")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DK_SMTP_PORT", "nhiều"),
        ("DK_TIME_ZONE", "Tây/Ninh"),
        ("DK_SMTP_PASSWORD_FILE", "/khong/co"),
    ],
)
def test_a_command_with_a_bad_setting_ends_with_2_and_one_sentence(tmp_path, name, value):
    done = subprocess.run(
        [sys.executable, "-m", "dekhang", "manage", "check", "--data", str(tmp_path)],
        cwd=PROJECT,
        env=clean_environment(**{name: value}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith(f"Cấu hình chưa đúng: {name}=")
    assert done.stderr.count("\n") == 1


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path):
    def key() -> str:
        code = "from dekhang.config import settings; print(settings.SECRET_KEY)"
        environment = clean_environment(DK_DATA=str(tmp_path / "data"))
        return subprocess.check_output([sys.executable, "-c", code], cwd=PROJECT, env=environment, text=True)

    first = key()
    assert len(first.strip()) >= 50
    assert key() == first
    path = tmp_path / "data" / "secret.key"
    assert path.stat().st_mode & 0o777 == 0o600
    assert os.listdir(tmp_path / "data") == ["secret.key"]
