"""Pages of lists: at most `limit` rows and a cursor that leads to the next ones, whatever is added meanwhile."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from ninja import Query, Schema

from dekhang.apps.api.rest.problems import Invalid

Row = TypeVar("Row")
MOST_ROWS = 200
BIGGEST = 2**63 - 1

Limit = Annotated[int, Query(50, ge=1, le=MOST_ROWS, description="số dòng nhiều nhất của một trang")]
Cursor = Annotated[str, Query("", max_length=100, description="“next” của trang trước; để trống: trang đầu")]


class Page(Schema, Generic[Row]):
    """`next` is None on the last page."""

    rows: list[Row]
    next: str | None = None


def page_of(rows: QuerySet[Any], limit: int, cursor: str, show: Callable[[Any], Any] | None = None) -> dict[str, Any]:
    """Newest first, by the number of the row."""
    rows = rows.order_by("-pk")
    if cursor:
        rows = rows.filter(pk__lt=place_of(cursor))
    found: list[Model] = list(rows[: limit + 1])
    following = cursor_of(found[limit - 1].pk) if len(found) > limit else None
    return {"rows": [show(row) if show else row for row in found[:limit]], "next": following}


def page_of_list(rows: Sequence[Any], limit: int, cursor: str) -> dict[str, Any]:
    """Of what is computed as a whole: the cursor counts rows."""
    start = place_of(cursor) if cursor else 0
    return {
        "rows": list(rows[start : start + limit]),
        "next": cursor_of(start + limit) if start + limit < len(rows) else None,
    }


def cursor_of(place: int) -> str:
    return base64.urlsafe_b64encode(str(place).encode()).decode().rstrip("=")


def place_of(cursor: str) -> int:
    try:
        place = int(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, binascii.Error):
        place = -1
    if not 0 <= place <= BIGGEST:
        raise Invalid({"cursor": [_("Con trỏ này không phải của API. Dùng đúng “next” của trang trước.")]})
    return place
