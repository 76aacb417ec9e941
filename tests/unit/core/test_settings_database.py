"""Where Django keeps its records: the data folder, the place, or DK_DATABASE."""

from pathlib import Path

import pytest

from dekhang.config import env
from dekhang.config.databases import read_databases
from dekhang.config.env import SettingError
from dekhang.pipeline import place
from dekhang.pipeline.place import Place


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    monkeypatch.setattr(env, "KNOWN", {})
    monkeypatch.delenv("DK_DATABASE", raising=False)


def test_one_machine_keeps_a_file(tmp_path: Path) -> None:
    database = read_databases(tmp_path)["default"]

    assert (database["ENGINE"], database["NAME"]) == ("django.db.backends.sqlite3", tmp_path / "db.sqlite3")


def test_the_place_names_the_server_and_a_setting_goes_before_it(tmp_path: Path, monkeypatch) -> None:
    place.write(Place(tmp_path, "may-1", "postgresql://dk:mat%20khau@192.0.2.10:5433/dekhang?sslmode=require"))
    database = read_databases(tmp_path)["default"]

    assert database["ENGINE"] == "django.db.backends.postgresql"
    names = {name: database[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    assert names == {
        "NAME": "dekhang", "USER": "dk", "PASSWORD": "mat khau", "HOST": "192.0.2.10", "PORT": "5433",
    }  # fmt: skip
    assert database["OPTIONS"]["sslmode"] == "require"

    monkeypatch.setenv("DK_DATABASE", "postgresql://192.0.2.11/khac")
    assert read_databases(tmp_path)["default"]["HOST"] == "192.0.2.11"


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("mysql://192.0.2.10/dekhang", "expected postgresql://"),
        ("postgresql://dk:bi-mat@192.0.2.10", "names no database"),
        ("postgresql://dk:bi-mat@192.0.2.10:so/dekhang?khong=co", "expected postgresql://"),
    ],
)
def test_a_wrong_address_is_told_in_a_sentence_without_the_password(tmp_path, monkeypatch, address, sentence) -> None:
    monkeypatch.setenv("DK_DATABASE", address)
    with pytest.raises(SettingError) as told:
        read_databases(tmp_path)
    assert "DK_DATABASE" in str(told.value) and sentence in str(told.value)
    assert "bi-mat" not in str(told.value)


def test_a_broken_place_is_a_setting_error(tmp_path: Path) -> None:
    (tmp_path / "place.json").write_text('{"database": "postgresql:')
    with pytest.raises(SettingError, match=r"place\.json không đúng"):
        read_databases(tmp_path)
