"""Pages of lists that may be a million rows long: what is counted and skipped has a bound, whatever the list holds."""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

MOST_ROWS = 10_000  # counted and leafed through; who looks for what lies deeper narrows the list


class BoundedPaginator(Paginator):
    """Counts up to MOST_ROWS rows and ends there; `is_cut` says that there are more."""

    @cached_property
    def count(self) -> int:
        return min(self._known, MOST_ROWS)

    @property
    def is_cut(self) -> bool:
        return self._known > MOST_ROWS

    @cached_property
    def _known(self) -> int:
        return counted(self.object_list, MOST_ROWS + 1)


def counted(rows: Any, limit: int) -> int:
    """How many rows there are, `limit` at most: the database stops counting there."""
    if isinstance(rows, InTurn):
        return rows.counted(limit)
    return rows.order_by()[:limit].count() if isinstance(rows, QuerySet) else len(rows)


class InTurn:
    """Query sets one after the other, read as one list: each keeps the order that an index gives it."""

    def __init__(self, *parts: QuerySet[Any]) -> None:
        self._parts = parts

    def counted(self, limit: int) -> int:
        found = 0
        for part in self._parts:
            if found < limit:
                found += counted(part, limit - found)
        return found

    def __getitem__(self, wanted: slice) -> list[Any]:
        start, stop = wanted.start or 0, wanted.stop
        rows: list[Any] = []
        for part in self._parts:
            if stop <= 0:
                break
            length = counted(part, stop)
            if start < length:
                rows += part[start:stop]
            start, stop = max(0, start - length), stop - length
        return rows

    def __iter__(self) -> Iterator[Any]:
        for part in self._parts:
            yield from part
