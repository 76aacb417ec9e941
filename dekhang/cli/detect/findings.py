"""What a scan finds: a match with the place of its record, and the counts of what was read."""

from dataclasses import dataclass
from typing import Any

from dekhang.cli.detect.showing import iso, shortened
from dekhang.engine import Match, Record


@dataclass(slots=True)
class Counts:
    """Records of one file: read = evaluated + unparsable."""

    read: int = 0
    unparsable: int = 0
    matches: int = 0
    problems: int = 0

    @property
    def evaluated(self) -> int:
        return self.read - self.unparsable


@dataclass(frozen=True, slots=True)
class Finding:
    """A match together with the place of its record.

    Args:
        index: number of the record in its file, from 0.
        time_ms: event time, UTC epoch milliseconds; without one (`time_known` false) the file's own time.
        host: the machine that wrote the record, "" = unknown.
    """

    match: Match
    file: str
    index: int
    time_ms: int
    time_known: bool
    host: str
    record: Record

    def as_dict(self) -> dict[str, Any]:
        match, rule = self.match, self.match.rule
        found: dict[str, Any] = {
            "rule_id": rule.id,
            "title": rule.title,
            "level": rule.level,
            "file": self.file,
            "index": self.index,
            "time": iso(self.time_ms),
            "fields": {name: shortened(value) for name, value in match.fields.items()},
            "tags": list(rule.tags),
            "author": rule.author,
        }
        if rule.guidance is not None:
            found["title_vi"] = rule.guidance.title_vi
        if rule.correlation is not None:
            found["count"] = match.count
            found["first_time"] = iso(match.first_ms) if match.first_ms is not None else None
            found["group"] = dict(match.group)
            found["indexes"] = [key for key in match.keys if key >= 0]
        return found
