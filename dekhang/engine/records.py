"""What goes into the engine and what comes out (docs/explanation/architecture.md, "Shapes")."""

from collections.abc import Mapping
from dataclasses import dataclass

from dekhang.engine.rules import Rule
from dekhang.engine.text import Value


@dataclass(frozen=True, slots=True)
class Record:
    """One log record with the facts its parser knows.

    Args:
        fields: names as Sigma rules write them; values str, int, float, bool, None or lists of them.
        product, service, category: of the log source, lower case, "" = unknown.
        time_ms: event time, UTC epoch milliseconds; without it correlations cannot count the record.
        scope: the unit; correlations never count across scopes.
        key: the caller's id of the event.
    """

    fields: Mapping[str, Value]
    product: str = ""
    service: str = ""
    category: str = ""
    time_ms: int | None = None
    scope: int = 0
    key: int = 0


@dataclass(frozen=True, slots=True)
class Match:
    """A rule that matched, and what shows it.

    Args:
        index: position in the batch of the record that completed the match; -1: none did, the records were over.
        fields: the fields that the rule looked at, with that record's values (as long as they came).
        keys: ids of the events behind it: one, or for a correlation the last ≤ 20.
        count: events counted; 1 for a plain rule.
        first_ms: earliest event time behind it.
        group: group-by names and values of a correlation.
        last_ms: latest event time behind it.
        ended: it is about a window that is over, not about the record at `index`, which only showed that time passed.
            Its events are `keys`; the record at `index` may even be of another scope.
        scope: of the events behind it.
    """

    rule: Rule
    index: int
    fields: Mapping[str, Value]
    keys: tuple[int, ...]
    count: int
    first_ms: int | None
    group: tuple[tuple[str, str], ...]
    last_ms: int | None = None
    ended: bool = False
    scope: int = 0
