from pathlib import Path

import pytest

from tests.factories.sources import Pipeline

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def pipeline(data):
    """A real worker over our canaries and Linux rules; the apps' settings look into the same data folder."""
    made = Pipeline(data, [PROJECT / "rules" / "canary", PROJECT / "rules" / "linux"])
    yield made
    made.close()
