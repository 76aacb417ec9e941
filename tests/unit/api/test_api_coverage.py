"""The API does everything that the pages do: a table says which operation, and nothing is missing from it."""

import pytest

from dekhang.apps.api.coverage import NOT_YET, PAGES
from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.routes import rest
from tests.unit.test_repository import url_names


@pytest.fixture(scope="module")
def operations():
    schema = rest.get_openapi_schema(path_prefix="")
    return {told["operationId"] for methods in schema["paths"].values() for told in methods.values()}


def test_every_page_has_its_operation_or_a_reason_why_none():
    pages = {name for name in url_names() if not name.startswith("rest:")}
    assert pages - set(PAGES) == set(), "say in apps/api/coverage.py which operation does what this page does"
    assert set(PAGES) - pages == set(), "these pages are no more"


def test_every_operation_that_the_table_names_exists(operations):
    named = {name for done in PAGES.values() if isinstance(done, tuple) for name in done}
    assert named - operations == set()


def test_every_operation_serves_a_page_or_is_known_to_serve_programs_only(operations):
    named = {name for done in PAGES.values() if isinstance(done, tuple) for name in done}
    assert operations - named == {"board.snapshots"}


def test_what_has_no_operation_yet_becomes_less_and_never_more():
    assert sum(done == NOT_YET for done in PAGES.values()) <= 44


def test_every_area_has_operations(operations):
    assert {name.split(".")[0] for name in operations} == set(Area.values)
