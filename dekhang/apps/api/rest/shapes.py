"""What the answers of several areas are made of."""

from collections.abc import Iterable
from typing import Annotated, Any

from ninja import Schema
from pydantic import BeforeValidator, ConfigDict, Field


class Row(Schema):
    """An answer that reads attributes of a model or value; what is named otherwise there has an alias."""

    model_config = ConfigDict(populate_by_name=True, from_attributes=True)


Person = Annotated[str | None, BeforeValidator(lambda who: None if who is None else str(who))]
"""An account by its name."""

UnitId = Annotated[int, Field(alias="unit_id")]
Words = Annotated[str, BeforeValidator(str)]
"""A text that may be a lazy translation."""


def fields(thing: Any, names: Iterable[str], **more: Any) -> dict[str, Any]:
    """Attributes of `thing` by name, and `more`."""
    return {name: getattr(thing, name) for name in names} | more
