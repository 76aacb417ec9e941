"""What every test may ask for."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dekhang.apps.core import clock

PROJECT = Path(__file__).resolve().parents[1]


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
