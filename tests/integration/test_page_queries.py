"""Every list and board page asks the database as many times in a large province as in a small one.

The pages are those of bench/_pages.py, so that what is measured is also pinned.
"""

from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from bench._pages import NOT_MEASURED, PAGES, Samples
from dekhang.apps.core import clock
from dekhang.simulate.building import build
from dekhang.simulate.size import Size

FEW = Size(units=24, people=60, evidence=3_000, alerts=1_500, months=8, ledger_days=2)
MANY = Size(units=60, people=500, evidence=9_000, alerts=4_000, months=14, ledger_days=3)
MOST = 60  # queries of a page: the first screen of a unit has a dozen parts
PARTS = 4  # a unit may have what another has not: a third kind of source, a procedure, a sign
Counts = dict[str, int]
# a first look notes that new tasks came: the same few queries however many they are (tests/unit/cascade/test_sending.py)
NOTED_AT_FIRST_LOOK = {"cascade:of_unit": 12}


@pytest.fixture(scope="module")
def counts(django_db_setup, django_db_blocker, tmp_path_factory) -> Iterator[tuple[Counts, Counts]]:
    """Queries of each page in either province."""
    from django.conf import settings

    before = settings.DATA, settings.MEDIA_ROOT
    found = []
    try:
        for size in (FEW, MANY):
            folder = tmp_path_factory.mktemp("simulated")
            settings.DATA, settings.MEDIA_ROOT = folder, folder / "media"
            with django_db_blocker.unblock(), transaction.atomic():
                build(size, folder)
                with clock.at(size.end):
                    found.append(_counts(size, warm=size is FEW))
                transaction.set_rollback(True)
    finally:
        settings.DATA, settings.MEDIA_ROOT = before
    return found[0], found[1]


def _counts(size: Size, *, warm: bool) -> Counts:
    samples = Samples.find(size.until, size.months)
    clients: dict[str, Client] = {}
    counted: Counts = {}
    refused: list[str] = []
    for page in PAGES:
        if page.role not in clients:
            clients[page.role] = Client()
            clients[page.role].force_login(samples.person(page.role))
        path = page.path(samples, 0)
        if warm:  # for what is remembered between requests
            clients[page.role].get(path)
        queries: list[str] = []

        def counting(execute, sql, *rest, queries=queries):
            queries.append(sql)
            return execute(sql, *rest)

        with connection.execute_wrapper(counting):
            status = clients[page.role].get(path).status_code
        if status != 200:
            refused.append(f"{page.name}: {path} is answered with {status}")
        counted[page.name] = len(queries)
    assert refused == []
    return counted


@pytest.mark.django_db
@pytest.mark.timeout(1200)  # two provinces and some 200 pages: half a minute of processor, whenever it is given
def test_a_page_asks_as_often_in_a_large_province_as_in_a_small_one(counts):
    few, many = counts
    more = {
        name: (few[name], many[name]) for name in few if many[name] > few[name] + NOTED_AT_FIRST_LOOK.get(name, PARTS)
    }
    assert more == {}
    assert {name: number for name, number in many.items() if not 0 < number <= MOST} == {}


def test_every_page_without_an_object_is_measured_or_has_a_reason():
    named = {page.address for page in PAGES}
    free = {name for name, takes in _addresses(get_resolver()) if not takes}
    assert free - named - NOT_MEASURED.keys() == set()
    assert NOT_MEASURED.keys() - free == set()


def _addresses(resolver: URLResolver, space: str = "") -> Iterator[tuple[str, bool]]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            if one.namespace not in ("api-v1", "rest"):  # the API for programs has its own table of calls
                yield from _addresses(one, f"{space}{one.namespace}:" if one.namespace else space)
        elif isinstance(one, URLPattern) and one.name:
            yield f"{space}{one.name}", bool(one.pattern.converters)
