"""Machine code that is kept between starts: nothing wrong with its files stops the program or gets into it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dekhang.engine import native_cache
from dekhang.engine.native_cache import keep_compiled
from tests.conftest import PROJECT, clean_environment

# a process of its own: what numba has compiled stays with a process
PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from numba.core import config
from dekhang.engine import native_cache
from dekhang.engine.native import compiled
from dekhang.engine.sieve.reading import is_number, whole_number

text = np.frombuffer(b"-12.5e3" + bytes(16), np.uint8)
assert is_number(text, 0, 7) and not is_number(text, 0, 4) and whole_number(text, 1, 3)
hits = sum(sum(one.stats.cache_hits.values()) for one in (is_number, whole_number))
print("from the cache" if hits == 2 else "compiled")
"""


def run(folder: Path, **more: str) -> str:
    environment = clean_environment(NUMBA_CACHE_DIR=str(folder), **more)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], cwd=PROJECT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("machine-code")
    assert run(folder) == "compiled"
    return folder


@pytest.fixture(autouse=True)
def nobody_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)


def copied(kept: Path, tmp_path: Path) -> tuple[Path, list[Path]]:
    folder = tmp_path / "kept"
    subprocess.run(["cp", "-a", str(kept), str(folder)], check=True)
    return folder, sorted(file for file in folder.rglob("*") if file.suffix in (".nbi", ".nbc"))


def test_machine_code_is_compiled_once(kept: Path) -> None:
    assert run(kept) == "from the cache"


@pytest.mark.parametrize("damage", ["emptied", "cut in half", "zeros behind half", "one bit"])
def test_damaged_machine_code_is_compiled_again(kept: Path, tmp_path: Path, damage: str) -> None:
    folder, files = copied(kept, tmp_path)
    assert files
    for file in files:
        whole = file.read_bytes()
        half = len(whole) // 2
        file.write_bytes(
            {
                "emptied": b"",
                "cut in half": whole[:half],
                "zeros behind half": whole[:half] + bytes(len(whole) - half),
                "one bit": whole[:half] + bytes([whole[half] ^ 4]) + whole[half + 1 :],
            }[damage]
        )
    assert run(folder) == "compiled"
    if damage == "emptied":
        assert run(folder) == "from the cache"  # mended


def test_where_nothing_can_be_written_it_still_runs(tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("in the way of a folder")
    assert keep_compiled((taken,)) is None
    program = (
        "import pathlib, sys\n"
        "from dekhang.engine import native_cache\n"
        f"native_cache._homes = lambda: (pathlib.Path({str(taken)!r}),)\n" + PROGRAM
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "compiled"), done.stderr


def test_a_folder_that_others_may_write_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_cache.config, "CACHE_DIR", "")
    first, second = tmp_path / "first", tmp_path / "second"
    prepared = keep_compiled((first,))
    assert prepared is not None and prepared.stat().st_mode & 0o777 == 0o700
    prepared.chmod(0o770)
    assert keep_compiled((first, second)) == second / prepared.name


def test_a_link_to_somewhere_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_cache.config, "CACHE_DIR", "")
    elsewhere = keep_compiled((tmp_path / "elsewhere",))
    assert elsewhere is not None
    home = tmp_path / "home"
    home.mkdir()
    (home / elsewhere.name).symlink_to(elsewhere)
    assert keep_compiled((home,)) is None


def test_another_version_is_kept_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native_cache.config, "CACHE_DIR", "")
    in_use, forgotten = tmp_path / "native-in-use", tmp_path / "native-forgotten"
    in_use.mkdir()
    forgotten.mkdir()
    os.utime(forgotten, (1_000_000_000, 1_000_000_000))
    assert keep_compiled((tmp_path,)) is not None
    assert in_use.exists() and not forgotten.exists()


def test_a_change_of_any_compiled_file_or_of_checking_is_another_version(monkeypatch: pytest.MonkeyPatch) -> None:
    now = native_cache._version()
    monkeypatch.setattr(native_cache.config, "BOUNDSCHECK", 1)
    assert native_cache._version() != now
    monkeypatch.undo()
    assert native_cache._version() == now
    read = Path.read_bytes
    for name in ("reading.py", "shapes.py", "native.py", "text.py"):  # constants of other files are in the code, too
        changed = lambda path, name=name: read(path) + (b"#" if path.name == name else b"")  # noqa: E731
        monkeypatch.setattr(Path, "read_bytes", changed)
        assert native_cache._version() != now, name
