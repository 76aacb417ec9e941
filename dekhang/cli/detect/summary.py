"""Findings counted while they stream by, in memory that does not grow with their number."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from dekhang.cli.detect.findings import Finding
from dekhang.engine import Rule
from dekhang.engine.rules import LEVELS

NAMES_KEPT = 5_000  # machines, accounts, addresses; attackers may invent them. × ~400 B ≈ 2 MB each
BINS_KEPT = 5_000  # of the time line; then two become one of the next width. × ~150 B ≈ 1 MB
MACHINES_PER_RULE = 100

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# each a multiple of the one before, so that bins can be merged
WIDTHS = (
    *(minutes * MINUTE for minutes in (1, 5, 15)),
    *(hours * HOUR for hours in (1, 3, 6, 12)),
    *(days * DAY for days in (1, 7, 28, 84, 168, 336, 3360)),
)


@dataclass(slots=True)
class Tally:
    """How many findings at each level, and from when to when (None: no time is known)."""

    levels: list[int] = field(default_factory=lambda: [0] * len(LEVELS))
    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, level: int, first_ms: int | None, last_ms: int | None) -> None:
        self.levels[level] += 1
        if first_ms is not None and (self.first_ms is None or first_ms < self.first_ms):
            self.first_ms = first_ms
        if last_ms is not None and (self.last_ms is None or last_ms > self.last_ms):
            self.last_ms = last_ms

    def include(self, other: "Tally") -> None:
        """Count everything that another one counted."""
        for level, count in enumerate(other.levels):
            self.levels[level] += count
        starts = [one for one in (self.first_ms, other.first_ms) if one is not None]
        ends = [one for one in (self.last_ms, other.last_ms) if one is not None]
        self.first_ms, self.last_ms = min(starts, default=None), max(ends, default=None)

    @property
    def total(self) -> int:
        return sum(self.levels)

    @property
    def worst(self) -> int:
        """The highest level seen, -1 = nothing seen."""
        return max((level for level, count in enumerate(self.levels) if count), default=-1)

    @property
    def rank(self) -> tuple[int, ...]:
        """Sorts worst first when reversed: one critical finding outweighs a thousand lower ones."""
        return tuple(reversed(self.levels))


class Names:
    """A tally for each name, as first written; when there are too many, new ones are counted together.

    Names of machines and accounts differ in case from log to log and mean the same.
    """

    def __init__(self, kept: int = NAMES_KEPT) -> None:
        self._kept = kept
        self._written: dict[str, str] = {}  # lower case → as first written
        self.tallies: dict[str, Tally] = {}
        self.others = Tally()

    def add(self, name: str, level: int, first_ms: int | None, last_ms: int | None) -> None:
        written = self._written.get(name.lower())
        if written is not None:
            tally = self.tallies[written]
        elif len(self.tallies) < self._kept:
            self._written[name.lower()] = name
            tally = self.tallies[name] = Tally()
        else:
            tally = self.others
        tally.add(level, first_ms, last_ms)

    def worst_first(self) -> list[tuple[str, Tally]]:
        return sorted(self.tallies.items(), key=lambda one: one[1].rank, reverse=True)


class Timeline:
    """Findings per stretch of time and level; the stretches widen when the findings reach far apart."""

    def __init__(self) -> None:
        self.width_ms = WIDTHS[0]
        self.bins: dict[int, list[int]] = {}  # start of the stretch → counts by level
        self.timeless = 0

    def add(self, level: int, time_ms: int | None) -> None:
        if time_ms is None:
            self.timeless += 1
            return
        start = time_ms - time_ms % self.width_ms
        if start not in self.bins:
            while len(self.bins) >= BINS_KEPT and self.width_ms != WIDTHS[-1]:
                self.bins = self.merged(WIDTHS[WIDTHS.index(self.width_ms) + 1])
                self.width_ms = WIDTHS[WIDTHS.index(self.width_ms) + 1]
                start = time_ms - time_ms % self.width_ms
            self.bins.setdefault(start, [0] * len(LEVELS))
        self.bins[start][level] += 1

    def merged(self, width_ms: int) -> dict[int, list[int]]:
        """Return the same counts in stretches of another width, a multiple of the present one."""
        merged: dict[int, list[int]] = {}
        for start, counts in self.bins.items():
            into = merged.setdefault(start - start % width_ms, [0] * len(LEVELS))
            for level, count in enumerate(counts):
                into[level] += count
        return merged

    def for_showing(self, most: int) -> tuple[int, dict[int, list[int]]]:
        """Return (width, stretches) of the finest width that covers first to last in at most `most` stretches."""
        if not self.bins:
            return self.width_ms, {}
        first, last = min(self.bins), max(self.bins)
        for width in WIDTHS[WIDTHS.index(self.width_ms) :]:
            if (last - last % width - (first - first % width)) // width < most:
                break
        return width, self.merged(width)


@dataclass(slots=True)
class RuleTally:
    """What one rule found."""

    rule: Rule
    tally: Tally = field(default_factory=Tally)
    machines: Names = field(default_factory=lambda: Names(MACHINES_PER_RULE))


class Summary:
    """All findings, counted: by level, rule, machine, account, address, time."""

    def __init__(self) -> None:
        self.total = Tally()
        self.rules: dict[str, RuleTally] = {}
        self.machines = Names()
        self.accounts = Names()
        self.addresses = Names()
        self.timeline = Timeline()

    def add(self, finding: Finding) -> None:
        level, last_ms = finding.level, finding.known_ms
        earliest = finding.match.first_ms
        first_ms = last_ms if last_ms is None or earliest is None else min(earliest, last_ms)
        rule = finding.match.rule
        by_rule = self.rules.get(rule.id)
        if by_rule is None:
            by_rule = self.rules[rule.id] = RuleTally(rule)
        machine, account, address = finding.machine, finding.account, finding.address
        self.total.add(level, first_ms, last_ms)
        by_rule.tally.add(level, first_ms, last_ms)
        by_rule.machines.add(machine, level, first_ms, last_ms)
        self.machines.add(machine, level, first_ms, last_ms)
        if account:
            self.accounts.add(account, level, first_ms, last_ms)
        if address:
            self.addresses.add(address, level, first_ms, last_ms)
        self.timeline.add(level, last_ms)

    def rules_worst_first(self) -> list[RuleTally]:
        return sorted(self.rules.values(), key=lambda one: (one.tally.rank, one.rule.title), reverse=True)

    def rules_at(self, least: int, most: int = len(LEVELS) - 1) -> Iterator[RuleTally]:
        """Yield the rules of these levels that found something, worst first."""
        return (one for one in self.rules_worst_first() if least <= one.tally.worst <= most)
