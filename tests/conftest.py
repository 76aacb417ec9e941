"""What every test may ask for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from dekhang.apps.core import clock
from tests.mailbox import mailbox  # noqa: F401 - a fixture that tests ask for
from tests.postgres import Keep, PostgresServer, keep_in

PROJECT = Path(__file__).resolve().parents[1]
# a busy machine, or law that is read for the first time, is no fault of what is tested
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.fixture
def frozen_now() -> Iterator[datetime]:
    """The apps' clock stands at the morning of the conference: 10 December 2019, 09:00 in Tây Ninh."""
    moment = datetime(2019, 12, 10, 2, 0, tzinfo=UTC)
    with clock.at(moment):
        yield moment


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real material; a test that needs it is skipped, loudly, without it."""
    folder = Path(os.environ.get("DEKHANG_SHARED", PROJECT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real material not found in {folder} (set DEKHANG_SHARED)")
    return folder / "data"


@pytest.fixture
def data(tmp_path: Path, settings) -> Path:
    """An empty data folder that the apps' settings point to for this test."""
    settings.DATA = tmp_path
    settings.MEDIA_ROOT = tmp_path / "media"
    return tmp_path


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with all tables and no rows, made by the real command. Copy it: `own_installation`."""
    folder = tmp_path_factory.mktemp("migrated") / "data"
    done = subprocess.run(
        [sys.executable, "-m", "dekhang", "manage", "migrate", "-v0", "--data", str(folder)],
        cwd=PROJECT,
        env=clean_environment(),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def own_installation(migrated: Path, tmp_path: Path) -> Path:
    """A data folder on disk for this test alone, for tests that start processes on it."""
    return Path(shutil.copytree(migrated, tmp_path / "installation"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    server = PostgresServer()
    try:
        yield server.start()
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def keep_records(request: pytest.FixtureRequest) -> Iterator[Keep]:
    """The test runs twice: with SQLite, and with a database of its own in a real PostgreSQL. See `keep_in`."""
    if request.param == "sqlite":
        yield keep_in("")
        return
    from dekhang.pipeline.stores.database.postgres import close_idle

    yield keep_in(request.getfixturevalue("postgres").new_database())
    close_idle()


def clean_environment(**more: str) -> dict[str, str]:
    """The tester's environment without their own settings of Đề Kháng, for a process of ours."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DK_", "DJANGO_"))}
    return {**kept, "PYTHONPATH": str(PROJECT), **more}
