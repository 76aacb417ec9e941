"""The API does everything that the pages do: a table says which operation, and nothing is missing from it."""

import pytest

from dekhang.apps.api.coverage import PAGES
from dekhang.apps.api.enums import Area
from dekhang.apps.api.rest.routes import rest
from tests.unit.test_repository import url_names

# their pages come this week, and their operations right behind them
BEING_BUILT = {"cascade", "briefings", "inspections", "reports", "scoreboard", "observed", "registry", "portal"}


@pytest.fixture(scope="module")
def operations():
    schema = rest.get_openapi_schema(path_prefix="")
    return {told["operationId"] for methods in schema["paths"].values() for told in methods.values()}


def test_every_page_has_its_operation_or_a_reason_why_none():
    pages = {name for name in url_names() if name.split(":")[0] not in {"rest", *BEING_BUILT}}
    assert pages - set(PAGES) == set(), "say in apps/api/coverage.py which operation does what this page does"
    assert {name for name in PAGES if name.split(":")[0] not in BEING_BUILT} - pages == set(), "these pages are no more"


def test_every_operation_that_the_table_names_exists(operations):
    named = {name for done in PAGES.values() if isinstance(done, tuple) for name in done}
    assert named - operations == set()


def test_every_operation_serves_a_page_or_is_known_to_serve_programs_only(operations):
    named = {name for done in PAGES.values() if isinstance(done, tuple) for name in done}
    assert operations - named == {"board.snapshots"}


def test_every_area_has_operations(operations):
    assert {name.split(".")[0] for name in operations} == set(Area.values)
