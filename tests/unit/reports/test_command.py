"""`dekhang reports verify`, as a person types it."""

import argparse

import pytest

from dekhang.cli import reports as command
from tests.factories.reports import frozen_province, made

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(data, frozen_now, monkeypatch):
    monkeypatch.setattr(command, "setup_existing", lambda data: True)  # the test's Django is up already
    return made("bulletin") if frozen_province() else None


def verify(*codes):
    return command.run(argparse.Namespace(data=None, codes=list(codes)))


def test_intact_reports_are_exit_code_0_and_each_form_is_named_when_asked_by_code(report, capsys):
    assert verify() == 0
    assert "1 báo cáo còn nguyên." in capsys.readouterr().out
    assert verify(report.code.lower()) == 0
    assert "DOCX: lập lại giống từng byte." in capsys.readouterr().out


def test_a_changed_file_is_exit_code_1_with_the_code_of_the_report(report, capsys):
    with open(report.files.first().file.path, "ab") as file:
        file.write(b"x")
    assert verify() == 1
    assert f"SAI: {report.code}: Tệp" in capsys.readouterr().out


def test_an_unknown_code_is_exit_code_2(report, capsys):
    assert verify("2222-2222-2222") == 2
    assert "Không có báo cáo mang mã" in capsys.readouterr().err
