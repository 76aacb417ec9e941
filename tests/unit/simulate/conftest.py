"""One small simulated province for all tests here; taken back at the end."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import transaction

from dekhang.simulate import truth
from dekhang.simulate.building import build
from tests.factories.simulate import SMALL


@pytest.fixture(scope="module")
def simulated(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[truth.Truth]:
    """The truth of a province that is in the test database while the module runs."""
    from django.conf import settings

    folder: Path = tmp_path_factory.mktemp("simulated")
    before = settings.DATA, settings.MEDIA_ROOT
    settings.DATA, settings.MEDIA_ROOT = folder, folder / "media"
    try:
        with django_db_blocker.unblock(), transaction.atomic():
            build(SMALL, folder)
            yield truth.read(folder / truth.FILE)
            transaction.set_rollback(True)
    finally:
        settings.DATA, settings.MEDIA_ROOT = before
