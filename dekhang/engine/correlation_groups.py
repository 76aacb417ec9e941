"""The events that a correlation counts together, and what of an event it looks at."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import compress
from math import isfinite

from dekhang.engine.predicates import number_of
from dekhang.engine.rules import NUMBER_KINDS, TEMPORAL_KINDS, Correlation
from dekhang.engine.text import Scalar, Value, fold, plain_name, scalars, text_of
from dekhang.engine.windows import Events

EVENTS_PER_GROUP = 500  # at least; twice the threshold if that is more. Beyond it neighbours are put together
EVENTS_PER_SUM = 1_000  # they are added up again at every event
EVENTS_PER_WAITING_GROUP = 10_000  # looked at once, when their window is over
TEXT_SHOWN_CHARS = 256
TAGS_GONE = 16  # beyond as many as there are, before they are looked through
TAG_CHARS = 48  # longer values are counted by their digest
NUMBER_MAX = 1e300  # larger ones would only make sums meaningless
DISTINCT_KINDS = frozenset(("value_count", "temporal", "temporal_ordered"))  # count different tags
FOLDED_KINDS = frozenset(("event_count", "value_sum", "value_avg"))


@dataclass(slots=True)
class Group:
    """Events of one correlation with the same group-by values, by time. The lists run in parallel.

    Args:
        weights: how many events an entry stands for: more than 1 after `thin`.
        fired: when it was told, for conditions that are told at once.
        closed: the end of the last window that was judged, for conditions that wait.
        late: it began when event time was past its end already: its own events say when that is.
        heavy: some weight is more than 1.
        seen: all the tags that are there, and some that are gone.
    """

    shown: tuple[tuple[str, str], ...]
    times: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    numbers: list[float] = field(default_factory=list)
    weights: list[int] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)
    closed: int | None = None
    late: bool = False
    heavy: bool = False
    seen: set[str] = field(default_factory=set)

    @property
    def size(self) -> int:
        return len(self.times) + 1

    def insert(self, at: int, time_ms: int, key: int, tag: str, number: float) -> None:
        self.times.insert(at, time_ms)
        self.keys.insert(at, key)
        self.tags.insert(at, tag)
        self.numbers.insert(at, number)
        self.weights.insert(at, 1)
        self.seen.add(tag)
        if len(self.seen) > 2 * len(self.tags) + TAGS_GONE:
            self.seen = set(self.tags)

    def delete(self, start: int, end: int) -> None:
        for column in (self.times, self.keys, self.tags, self.numbers, self.weights):
            del column[start:end]

    def events(self, start: int, end: int) -> Events:
        return Events(self.tags[start:end], self.numbers[start:end], self.weights[start:end])

    def thin(self, from_ms: int) -> None:
        """Forget what is older than `from_ms`, and put neighbours of the older half together, two by two.

        The first one stays as it is: it says when a window begins. The others are then counted as if they had come with
        their next neighbour; numbers and counts stay what they were together.
        """
        self.delete(0, bisect_left(self.times, from_ms))
        for place in range(len(self.times) // 2 - 1, 1, -2):
            self.numbers[place] += self.numbers[place - 1]
            self.weights[place] += self.weights[place - 1]
            self.delete(place - 1, place)
        self.heavy = True

    def drop_repetitions(self) -> None:
        """Keep of each value only the newest event, which then stands for the older ones too; and the very first event."""
        newest: dict[str, int] = {}
        kept = [True] * len(self.tags)
        for place in range(len(self.tags) - 1, 0, -1):
            keeper = newest.setdefault(self.tags[place], place)
            if keeper != place:
                self.weights[keeper] += self.weights[place]
                kept[place] = False
        self.times = list(compress(self.times, kept))
        self.keys = list(compress(self.keys, kept))
        self.tags = list(compress(self.tags, kept))
        self.numbers = list(compress(self.numbers, kept))
        self.weights = list(compress(self.weights, kept))
        self.heavy = True


def most_events(correlation: Correlation) -> int:
    """Return how many entries a group of a correlation may have."""
    if correlation.kind in ("value_sum", "value_avg"):
        return EVENTS_PER_SUM
    counted = 0 if correlation.kind in NUMBER_KINDS else max((limit.number for limit in correlation.limits), default=0)
    waits = correlation.waits and correlation.kind not in FOLDED_KINDS
    return max(EVENTS_PER_WAITING_GROUP if waits else EVENTS_PER_GROUP, 2 * int(counted))


def group_of(
    correlation: Correlation, supplier: tuple[str, ...], fields: Mapping[str, Value]
) -> Iterator[tuple[str, str]]:
    """Yield group-by names and values of an event, as far as it has them; aliases name the supplier's own fields."""
    for name in correlation.group_by:
        for value in values_of(fields, correlation.field_for(name, supplier)):
            yield name, text_of(value)[:TEXT_SHOWN_CHARS]
            break


def tag_of(
    correlation: Correlation, supplier: tuple[str, ...], fields: Mapping[str, Value]
) -> tuple[str, float] | None:
    """Return what makes an event different from others of its group, and its number; None: it does not count."""
    if correlation.kind == "event_count":
        return "", 0.0
    if correlation.kind in TEMPORAL_KINDS:
        return str(next(n for n, name in enumerate(correlation.rules) if name in supplier)), 0.0
    of_shares = correlation.kind == "value_percentile" and correlation.percentile is None
    if correlation.kind == "value_count" or of_shares:
        parts = []
        for name in correlation.fields:
            value = next(values_of(fields, correlation.field_for(name, supplier)), None)
            if value is None:
                return None
            parts.append(fold(text_of(value)))
        tag = "\x1f".join(parts)
        if of_shares:
            return tag[:TEXT_SHOWN_CHARS], 0.0  # the rarest value is shown
        return (tag if len(tag) <= TAG_CHARS else blake2b(tag.encode(), digest_size=16).hexdigest()), 0.0
    for value in values_of(fields, correlation.field_for(correlation.fields[0], supplier)):
        number = number_of(value)
        if number is not None and abs(number) <= NUMBER_MAX and isfinite(number):
            return "", float(number)
    return None


def values_of(fields: Mapping[str, Value], name: str) -> Iterator[Scalar]:
    """Yield a field's values; the name is tried as it is, then without regard to spaces."""
    if name in fields:
        yield from scalars(fields[name])
        return
    for other, value in fields.items():
        if " " in other and plain_name(other) == name:
            yield from scalars(value)
