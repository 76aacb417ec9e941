"""`dekhang people import|export`: the same preview, faults and record as the page, for a terminal."""

import io

import pytest

from dekhang.apps.core.models import AuditEvent
from dekhang.apps.registry.models import Employment, Person
from dekhang.cli import main
from tests.factories.core import UserFactory
from tests.factories.registry import UnitFactory

pytestmark = pytest.mark.django_db
HEAD = "Mã cán bộ;Họ và tên;Đơn vị\n"


@pytest.fixture
def place(data, frozen_now, monkeypatch):
    (data / "db.sqlite3").touch()
    monkeypatch.setattr(
        "dekhang.cli.people.setup_existing", lambda folder: True
    )  # Django of the test is set up already
    UnitFactory(version__name="Sở Y tế", key="so-y-te")
    UserFactory(coordinator=True, username="dieu-phoi")
    return data


def run(place, *words):
    return main(["people", *map(str, words), "--data", str(place)])


def written(place, text):
    path = place / "ds.csv"
    path.write_text(HEAD + text, encoding="utf-8")
    return path


def test_a_preview_changes_nothing_and_yes_does_it(place, capsys):
    path = written(place, "CB1;Nguyễn Văn A;Sở Y tế\n")
    assert run(place, "import", path, "--by", "dieu-phoi") == 0
    assert "1 người: mới 1" in capsys.readouterr().out
    assert not Person.objects.exists()
    assert run(place, "import", path, "--by", "dieu-phoi", "--yes") == 0
    assert Employment.objects.get().person.code == "CB1"
    assert AuditEvent.objects.filter(action="roster_applied", actor__username="dieu-phoi").exists()


def test_faults_are_named_and_exit_with_one(place, capsys):
    assert run(place, "import", written(place, "CB1;Nguyễn Văn A;Sở Lạ\n"), "--by", "dieu-phoi", "--yes") == 1
    assert "dòng 2" in capsys.readouterr().out
    assert not Person.objects.exists()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["khong-co.xlsx", "--by", "dieu-phoi"], "Không mở được"),
        (["ds.csv", "--by", "ai-do"], "Không có tài khoản"),
        (["ds.csv", "--by", "dieu-phoi", "--unit", "so-la"], "Không có đơn vị"),
    ],
)
def test_wrong_usage_is_a_sentence_and_two(place, capsys, words, sentence):
    assert run(place, "import", *words) == 2
    assert sentence in capsys.readouterr().err


def test_what_goes_out_comes_in_again(place, capsys):
    run(place, "import", written(place, "CB1;Nguyễn Văn A;Sở Y tế\n"), "--by", "dieu-phoi", "--yes")
    out = place / "ra.xlsx"
    assert run(place, "export", out, "--by", "dieu-phoi") == 0
    assert io.BytesIO(out.read_bytes()).read(2) == b"PK"
    run(place, "import", out, "--by", "dieu-phoi")
    assert "không đổi 1" in capsys.readouterr().out
