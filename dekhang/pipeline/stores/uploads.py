"""What became of the records of uploaded files: counted by the worker, in the transaction that stored them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from dekhang.pipeline.stores import database


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Records of one file so far; `unparsable` are among the stored ones: kept raw, not of the kind the source expects."""

    stored: int = 0
    duplicate: int = 0
    unparsable: int = 0

    @property
    def judged(self) -> int:
        return self.stored + self.duplicate


def counts(data: Path, source_id: int, names: Collection[str]) -> dict[str, FileCounts]:
    """The counts of each file asked for, by its name in the inbox; a file nothing was read of yet has zeros."""
    if not names:
        return {}
    found: dict[str, FileCounts] = {}
    with database.reading(Path(data)) as connection:
        if connection is not None:
            marks = ",".join("?" * len(names))
            sql = f"SELECT name, stored, duplicate, unparsable FROM upload_counts WHERE source_id = ? AND name IN ({marks})"  # noqa: S608 - marks only
            rows = connection.execute(sql, (source_id, *names))
            found = {name: FileCounts(*numbers) for name, *numbers in rows}
    return {name: found.get(name, FileCounts()) for name in names}
