"""The front door: help, unknown words, what a data folder decides for every command."""

import os
import time

import pytest

from dekhang.cli import COMMANDS, main, place
from dekhang.cli.supervisor import answers
from dekhang.pipeline.stores import heartbeat
from tests.installation import dekhang, free_port


@pytest.fixture(autouse=True)
def same_environment(monkeypatch):
    """What a command sets for itself must not reach the next test."""
    monkeypatch.setattr(os, "environ", os.environ.copy())


def test_help_names_every_command_for_people_with_what_it_does(capsys):
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    said = capsys.readouterr().out
    assert end.value.code == 0
    for name, about in COMMANDS.items():
        if name != "part":
            assert name in said
            assert about.split()[0] in said
    assert "part" not in said.split()


@pytest.mark.parametrize("words", [[], ["bay"], ["audit"], ["canary", "send"]])
def test_wrong_usage_ends_with_2(words, capsys):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2


@pytest.mark.parametrize("words", [["doctor"], ["audit", "verify"], ["canary", "list"]])
def test_a_mistyped_data_folder_is_said_and_not_made(words, tmp_path, capsys):
    assert main([*words, "--data", str(tmp_path / "sai")]) == 2
    assert f"Chưa có dữ liệu trong {tmp_path / 'sai'}" in capsys.readouterr().err
    assert not (tmp_path / "sai").exists()


def test_manage_without_the_name_of_the_folder_says_so(capsys):
    assert main(["manage", "check", "--data"]) == 2
    assert capsys.readouterr().err == "--data cần tên thư mục dữ liệu.\n"


def test_manage_on_a_folder_that_cannot_be_is_a_sentence():
    done = dekhang("manage", "check", "--data", "/etc/hostname/dekhang")
    assert done.returncode == 2
    assert done.stderr.startswith("Không dùng được thư mục dữ liệu")


def test_a_command_finds_the_ports_of_the_running_up(tmp_path, monkeypatch):
    monkeypatch.delenv("DK_HTTP_INTAKE_PORT", raising=False)
    heartbeat.beat(tmp_path, "up", ready=True, address="http://127.0.0.1:9", http_intake_port=18020)
    place.adopt(tmp_path)
    assert os.environ["DK_HTTP_INTAKE_PORT"] == "18020"


def test_what_the_person_set_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("DK_HTTP_INTAKE_PORT", "7")
    monkeypatch.setenv("DK_BASE_URL_FILE", "/etc/dekhang/url")
    heartbeat.beat(tmp_path, "up", address="http://127.0.0.1:9", http_intake_port=18020)
    place.adopt(tmp_path)
    assert os.environ["DK_HTTP_INTAKE_PORT"] == "7"
    assert "DK_BASE_URL" not in os.environ


def test_an_up_that_was_killed_decides_nothing(tmp_path, monkeypatch):
    monkeypatch.delenv("DK_HTTP_INTAKE_PORT", raising=False)
    heartbeat.beat(tmp_path, "up", http_intake_port=18020)
    later = time.time_ns() + 10 * 10**9
    monkeypatch.setattr(time, "time_ns", lambda: later)
    place.adopt(tmp_path)
    assert "DK_HTTP_INTAKE_PORT" not in os.environ


def test_the_demo_s_folder_keeps_its_clock_whatever_opens_it(tmp_path, monkeypatch):
    monkeypatch.delenv("DK_DEMO", raising=False)
    monkeypatch.setenv("DK_CLOCK_SHIFT_SECONDS", "0")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "clock-shift").write_text("-219000000")
    place.adopt(tmp_path)
    assert (os.environ["DK_DEMO"], os.environ["DK_CLOCK_SHIFT_SECONDS"]) == ("1", "-219000000")


def test_a_real_folder_is_no_demo(tmp_path, monkeypatch):
    monkeypatch.delenv("DK_DEMO", raising=False)
    place.adopt(tmp_path)
    assert "DK_DEMO" not in os.environ


def test_an_address_where_nobody_listens_does_not_answer(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://192.0.2.1:3128")  # a proxy is not asked about our own parts
    assert not answers(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (["canary", "send"], "còn thiếu --source"),
        (["canary", "send", "--source", "abc"], "--source: 'abc' chưa đúng dạng"),
        (["doctor", "--khong-co"], "không hiểu “--khong-co”"),
        (["khong-co"], "không có 'khong-co'; chọn một trong: 'up'"),
        (["detect", "x", "--format", "pdf"], "không có 'pdf'"),
        (["rules"], "còn thiếu VIỆC"),
    ],
)
def test_a_mistyped_command_is_answered_in_vietnamese(capsys, typed, said):
    with pytest.raises(SystemExit) as stopped:
        main(typed)
    assert stopped.value.code == 2
    answer = capsys.readouterr().err
    assert said in answer
    assert "cách dùng:" in answer and "error" not in answer and "argument" not in answer
