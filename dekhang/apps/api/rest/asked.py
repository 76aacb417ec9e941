"""Dates that a call asks about: the same bounds as on pages, but a wrong one is refused instead of becoming today."""

from datetime import date
from typing import Annotated

from ninja import Query

from dekhang.apps.api.rest.problems import Invalid
from dekhang.apps.registry.asked import asked_day

Day = Annotated[date | None, Query(None, description="YYYY-MM-DD, giờ Việt Nam; để trống: hôm nay")]
Text = Annotated[str, Query("", max_length=100, description="tìm không dấu trong tên")]


def day_of(day: date | None) -> date:
    """`day`, or today.

    Raises:
        Invalid: it is still to come, or older than anything here.
    """
    found, fault = asked_day(day.isoformat() if day else None)
    if fault:
        raise Invalid({"day": [fault]})
    return found
