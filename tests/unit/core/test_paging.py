"""Pages of long lists: bounded counts, and several query sets read as one list."""

import pytest

from dekhang.apps.core import paging
from dekhang.apps.core.models import User
from dekhang.apps.core.paging import BoundedPaginator, InTurn
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def names():
    for n in range(7):
        UserFactory(username=f"{'ab'[n % 2]}{n}")
    first = User.objects.filter(username__startswith="a").order_by("username")
    return InTurn(first, User.objects.filter(username__startswith="b").order_by("username"))


@pytest.mark.parametrize(
    ("start", "stop", "found"),
    [
        (0, 3, "a0 a2 a4"),
        (2, 5, "a4 a6 b1"),  # over the seam
        (4, 7, "b1 b3 b5"),
        (5, 9, "b3 b5"),
        (9, 12, ""),
    ],
)
def test_query_sets_in_turn_read_as_one_list(names, start, stop, found):
    assert " ".join(user.username for user in names[start:stop]) == found
    assert [user.username for user in names][start:stop] == found.split()


def test_every_row_stands_on_one_page(names):
    pages = BoundedPaginator(names, 3)
    assert (pages.count, pages.num_pages, pages.is_cut) == (7, 3, False)
    assert [[user.username for user in page] for page in pages] == [["a0", "a2", "a4"], ["a6", "b1", "b3"], ["b5"]]


def test_a_list_that_is_too_long_ends_where_counting_ends(names, monkeypatch):
    monkeypatch.setattr(paging, "MOST_ROWS", 5)
    for rows in (names, User.objects.order_by("username"), list(range(50))):
        pages = BoundedPaginator(rows, 3)
        assert (pages.count, pages.num_pages, pages.is_cut) == (5, 2, True)
        assert len(pages.get_page(10**6).object_list) == 2


def test_counting_stops_in_the_database(names, monkeypatch, django_assert_num_queries):
    monkeypatch.setattr(paging, "MOST_ROWS", 2)
    with django_assert_num_queries(1) as asked:
        assert BoundedPaginator(names, 1).count == 2
    assert "LIMIT 3" in asked.captured_queries[0]["sql"]
