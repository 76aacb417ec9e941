"""Everything that a run of `detect` came to, for those who tell it: table, report, statistics."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from dekhang.cli.detect.findings import Counts
from dekhang.cli.detect.summary import Summary
from dekhang.engine.coverage import Readers, UnreadPlace
from dekhang.engine.logsources import Place
from dekhang.engine.rules import Level
from dekhang.pipeline.rulebook import Rulebook


@dataclass(frozen=True)
class Outcome:
    """What was read, with which rules, and what was found.

    Args:
        counts: by file, in order of reading; also of files that could not be read.
        unreadable: a sentence for each file of which nothing could be read.
        problems: a sentence for each place that could not be read (bounded).
        seconds: reading and deciding, without loading the rules.
        since_ms, until_ms: the period asked for; None = open.
        seen: records by the facts that tell which rules read them.
        notes: what the rules could not do, e.g. a regular expression over its budget; sentences.
    """

    counts: Mapping[str, Counts]
    unreadable: Sequence[str]
    problems: Sequence[str]
    book: Rulebook
    summary: Summary
    seconds: float
    least_level: Level
    since_ms: int | None = None
    until_ms: int | None = None
    outside: int = 0  # findings not told because they lie outside the period
    seen: Mapping[Place, int] = field(default_factory=dict)
    notes: Sequence[str] = field(default=())

    @cached_property
    def total(self) -> Counts:
        """All files together."""
        total = Counts()
        for counts in self.counts.values():
            total.read += counts.read
            total.unparsable += counts.unparsable
            total.matches += counts.matches
            total.problems += counts.problems
        return total

    @cached_property
    def unread(self) -> tuple[UnreadPlace, ...]:
        """Log sources whose records no rule reads, those with the most records first; they count as evaluated."""
        return Readers(self.book.ruleset).unread(self.seen)

    @property
    def files_read(self) -> int:
        return sum(1 for counts in self.counts.values() if counts.read)
