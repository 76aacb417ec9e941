"""The heads of the lake's chains, for whoever writes them down elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database


@dataclass(frozen=True, slots=True)
class Head:
    """The newest link of a day's chain."""

    day: str
    number: int
    hash: str


def heads(data: Path) -> list[Head]:
    """Of every day, by day; empty while nothing is stored."""
    with database.reading(data) as connection:
        if connection is None:
            return []
        return [
            Head(*row)
            for row in connection.execute(
                "SELECT day, number, hash FROM lake_chain AS link"
                " WHERE number = (SELECT max(number) FROM lake_chain WHERE day = link.day) ORDER BY day"
            )
        ]
