"""Faults in the law's data files and in playbooks, as sentences that say what, where and what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault: file, line (1-based, 0 when the whole file is meant) or step, and the reason in Vietnamese."""

    path: Path
    line: int
    reason: str
    place: str = ""  # inside the file, e.g. `$.duties[3]` or a step's name

    def __str__(self) -> str:
        position = f"{self.path}:{self.line}" if self.line else f"{self.path}"
        return f"{position}: {self.place + ': ' if self.place else ''}{self.reason}"


class LawError(ValueError):
    """Law data or playbooks that cannot be used; `.faults` holds every fault found, not only the first."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


class UnknownKey(LookupError):
    """Somebody asked for a key that the law's data do not have. The message is the sentence itself."""
