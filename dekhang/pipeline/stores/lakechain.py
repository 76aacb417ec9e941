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
                "SELECT link.day, link.number, link.hash FROM lake_chain AS link"
                " JOIN (SELECT day, max(number) AS number FROM lake_chain GROUP BY day) AS newest"
                " ON newest.day = link.day AND newest.number = link.number ORDER BY link.day"
            )
        ]
