"""The names in JSON lines as numbers, learned as they come: which column a value belongs to."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import orjson

from dekhang.engine.sieve.machine import PADDING
from dekhang.engine.sieve.reading import HEARD, NAME_BYTES_MAX, ODD, Paths, digest
from dekhang.engine.text import is_metadata, plain_name

PATHS_MAX = 16_384  # attackers may invent names without end; then all are forgotten and learned again
NAMES_BYTES = 2 << 20
CREDIT_MAX = 4_096  # names that may be learned in a row
LINES_PER_NAME = 16  # and later: reading a line again for a new name then costs a sixteenth of reading
ROOT = 0


@dataclass(frozen=True, slots=True)
class Place:
    """What a name in a JSON line is: the field that its value belongs to, and the flags of reading.py."""

    field: str | None = None
    flags: int = 0


Shape: TypeAlias = Callable[[tuple[str, ...]], Place]  # names from the top down → what the last one is


def flat(names: tuple[str, ...]) -> Place:
    """The shape of records that are flat already: every name is a field."""
    (name,) = names
    return Place(name, 0 if is_metadata(name) else HEARD)


class PathTree:
    """Owns the arrays of `Paths` for one shape."""

    def __init__(self, shape: Shape, column_of: Callable[[str, bool], int]) -> None:
        """Args: column_of: plain field name, whether it is heard → column or -1."""
        self._shape = shape
        self._column_of = column_of
        self.paths = Paths(
            np.zeros(4 * PATHS_MAX, np.int32),
            np.zeros(PATHS_MAX, np.uint64),
            np.zeros(PATHS_MAX, np.int32),
            np.zeros(PATHS_MAX, np.int32),
            np.zeros(PATHS_MAX, np.int32),
            np.zeros(NAMES_BYTES + PADDING, np.uint8),
            np.full(PATHS_MAX, -1, np.int32),
            np.zeros(PATHS_MAX, np.uint16),
            np.zeros(PATHS_MAX, np.int32),
            np.zeros(PATHS_MAX, np.int32),
        )
        self._names: list[tuple[str, ...]] = []
        self._used = 0
        self._credit = CREDIT_MAX * LINES_PER_NAME  # in lines
        self._reset()

    def _reset(self) -> None:
        paths = self.paths
        paths.table[:] = 0
        paths.following[:] = 0
        paths.seen[:] = 0
        paths.parents[ROOT] = -1  # nothing stands above the root, so no guess falls on it
        self._names = [()]
        self._used = 0

    def earn(self, lines: int) -> None:
        """Take note of lines to come: a line is read again for each name in it that is new, so lines pay for names."""
        self._credit = min(CREDIT_MAX * LINES_PER_NAME, self._credit + lines)

    def spend(self) -> bool:
        """Return whether another name may be learned. Who invents names in every line is left to the parser."""
        if self._credit < LINES_PER_NAME:
            return False
        self._credit -= LINES_PER_NAME
        return True

    def add(self, parent: int, raw: bytes) -> None:
        """Learn a name (as it stands between its quotes) below a path. When there is no more room all are forgotten."""
        paths = self.paths
        number = len(self._names)
        if number == PATHS_MAX or self._used + len(raw) > NAMES_BYTES:
            self._reset()
            return
        names, place = self._place(parent, raw)
        kept = np.frombuffer(raw + bytes(PADDING), np.uint8)
        paths.names[self._used : self._used + len(raw)] = kept[: len(raw)]
        paths.hashes[number] = digest(kept, 0, len(raw), np.uint64(parent + 1))
        paths.parents[number] = parent
        paths.starts[number] = self._used
        paths.lengths[number] = len(raw)
        paths.flags[number] = place.flags
        heard = bool(place.flags & HEARD)
        paths.columns[number] = -1 if place.field is None else self._column_of(plain_name(place.field), heard)
        mask = len(paths.table) - 1
        slot = int(paths.hashes[number]) & mask
        while paths.table[slot]:
            slot = (slot + 1) & mask
        paths.table[slot] = number + 1
        self._names.append(names)
        self._used += len(raw)

    def _place(self, parent: int, raw: bytes) -> tuple[tuple[str, ...], Place]:
        try:
            name = orjson.loads(b'"' + raw + b'"')
        except orjson.JSONDecodeError:
            return (*self._names[parent], ""), Place(None, ODD)
        if len(raw) > NAME_BYTES_MAX or orjson.dumps(name) != b'"' + raw + b'"':
            # spelled otherwise ("Imag\\u0065"), the same name might stand in the line twice unnoticed
            return (*self._names[parent], ""), Place(None, ODD)
        names = (*self._names[parent], name)
        return names, self._shape(names)
