"""What an indicator of compromise is, where it comes from, and what it means that one was seen."""

from dataclasses import dataclass
from enum import IntEnum

from dekhang.engine.rules import Level


class Kind(IntEnum):
    """What an indicator describes. The numbers stand in cached sets: never change one, only add."""

    IP = 1
    NETWORK = 2
    DOMAIN = 3  # with its subdomains
    URL = 4  # host and path
    HASH = 5  # of a file: MD5, SHA-1, SHA-256, SHA-512
    EMAIL = 6
    FILENAME = 7
    PATTERN = 8  # several tests at once: evaluated as a rule (IndicatorSet.rules)


@dataclass(frozen=True, slots=True)
class Source:
    """A list, a MISP event or a STIX bundle: what must be named wherever one of its indicators is shown.

    Args:
        name: of the list, as its author calls it; else the file's name.
        path: of the file.
        tlp: who may see it: "clear", "green", "amber", "amber+strict", "red"; "" = not said.
    """

    name: str
    path: str
    author: str = ""
    license: str = ""
    tlp: str = ""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Note:
    """What the source says of one indicator.

    Args:
        id: the source's own id of it (STIX id, MISP uuid); "" = it has none.
        group: what several indicators of a source belong to (a MISP event's uuid); "" = the source itself.
        level: as serious as the source thinks; None = as serious as its kind usually is.
        valid_from_ms, valid_until_ms: event times it speaks of, the end excluded; None = open.
        lowered_by: the warning list that made it informational; "" = none.
    """

    id: str = ""
    group: str = ""
    title: str = ""
    description: str = ""
    level: Level | None = None
    valid_from_ms: int | None = None
    valid_until_ms: int | None = None
    tags: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    lowered_by: str = ""

    def in_force(self, time_ms: int | None) -> bool:
        """Return whether the indicator speaks of events at this time; events without a time are always meant."""
        if time_ms is None:
            return True
        return (self.valid_from_ms is None or self.valid_from_ms <= time_ms) and (
            self.valid_until_ms is None or time_ms < self.valid_until_ms
        )


@dataclass(frozen=True, slots=True)
class Indicator:
    """One thing that should not be seen. `value` is in the normal form of values.py; `line` counts from 1, 0 = unknown."""

    kind: Kind
    value: str
    source: Source
    note: Note = Note()
    line: int = 0


@dataclass(frozen=True, slots=True)
class IndicatorMatch:
    """An indicator seen in a record: in which field, and the text that it was seen as (lower case)."""

    indicator: Indicator
    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be used, and why (a Vietnamese sentence). `line` counts from 1, 0 = unknown."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}" if self.line else f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An indicator that a warning list knows as a false friend: left out, or kept as informational only (`lowered`)."""

    path: str
    line: int
    value: str
    warning_list: str
    reason: str
    lowered: bool

    def __str__(self) -> str:
        done = "hạ xuống mức thông tin" if self.lowered else "không dùng"
        return f"{self.path}:{self.line}: {self.value} — {done}, vì {self.reason} (danh sách “{self.warning_list}”)"
