"""What goes past each other: rules whose records nobody reads, and records that no rule reads."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from dekhang.engine.logsources import Place
from dekhang.engine.rules import Logsource
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.text import fold


@dataclass(frozen=True, slots=True)
class UnmappedSource:
    """A log source that rules ask for and no record here answers. `reason` is a Vietnamese sentence."""

    logsource: Logsource
    rules: int
    reason: str


@dataclass(frozen=True, slots=True)
class UnreadPlace:
    """Records that no rule of a rule set looks at."""

    place: Place
    records: int

    def __str__(self) -> str:
        product, service, category, channel, event_id = self.place
        if channel:
            return f"kênh {channel}" + (f", EventID {event_id}" if event_id is not None else "")
        facts = (("product", product), ("service", service), ("category", category))
        return ", ".join(f"{name}: {fact}" for name, fact in facts if fact) or "không bộ đọc nào nhận ra"


def unmapped_sources(ruleset: RuleSet) -> tuple[UnmappedSource, ...]:
    """Return the log sources behind `ruleset.unmapped`, those with the most rules first."""
    counted = Counter(rule.logsource for rule in ruleset.unmapped)
    return tuple(
        UnmappedSource(logsource, rules, ruleset.mapping.why_unread(logsource))
        for logsource, rules in sorted(counted.items(), key=lambda one: (-one[1], str(one[0])))
    )


class Readers:
    """How many rules of a rule set read the records of a place.

    `where` conditions are not looked at, so a place whose rules all wait behind a condition counts as read.
    """

    def __init__(self, ruleset: RuleSet) -> None:
        self._mapping = ruleset.mapping
        self._asked = Counter(rule.logsource for rule in ruleset.rules if rule.correlation is None)
        self._known: dict[tuple[int, ...], int] = {}

    def rules_at(self, place: Place) -> int:
        """Return how many rules read records with these facts."""
        sources = self._mapping.sources_at((*place[:3], fold(place[3]), place[4]))
        if sources not in self._known:
            kinds = [self._mapping.sources[index] for index in sources]
            self._known[sources] = sum(
                rules for asked, rules in self._asked.items() if any(kind.answers(asked) for kind in kinds)
            )
        return self._known[sources]

    def unread(self, seen: Mapping[Place, int]) -> tuple[UnreadPlace, ...]:
        """Return the places among `seen` (→ number of records) that no rule reads, those with the most records first."""
        found = [UnreadPlace(place, records) for place, records in seen.items() if not self.rules_at(place)]
        return tuple(sorted(found, key=lambda one: (-one.records, str(one))))
