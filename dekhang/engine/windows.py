"""What a correlation measures in a window of events, and whether that is what its condition asks for. Pure values.

Spec: sigma-correlation-rules-specification.md "Correlation Types", "Condition".
"""

from collections import Counter
from collections.abc import Sequence
from math import fsum
from typing import NamedTuple, TypeAlias

from dekhang.engine.rules import Absent, Correlation, Happening, Seen, Together

Measured: TypeAlias = float | str | None


class Events(NamedTuple):
    """Events of one group in order of time; the lists run in parallel.

    Args:
        tags: what tells events apart: the counted value, or the number of the supplying rule.
        numbers: the measured number; 0.0 where none is measured.
        weights: how many events stand behind this one: 1, or more after neighbours were put together to save memory.
    """

    tags: Sequence[str]
    numbers: Sequence[float]
    weights: Sequence[int]


class Finding(NamedTuple):
    """A window that fulfils a condition.

    Args:
        measured: the sum, average, … ; the rarest value for shares; None where the number of events says it all.
        places: of the events it is about; None: all.
    """

    measured: Measured = None
    places: tuple[int, ...] | None = None


def judge(correlation: Correlation, events: Events) -> Finding | None:
    """Return what the events of a window amount to, None if that is not what the condition asks for."""
    kind = correlation.kind
    if kind == "event_count":
        return Finding() if allowed(correlation, sum(events.weights)) else None
    if kind == "value_count":
        distinct = len(set(events.tags))
        return Finding(distinct) if allowed(correlation, distinct) else None
    if kind == "temporal":
        return Finding() if together(correlation, events.tags) else None
    if kind == "temporal_ordered":
        return Finding() if in_order(correlation, events.tags) else None
    if kind == "value_percentile" and correlation.percentile is None:
        return shares(correlation, events)
    if not events.numbers:
        return None
    if kind == "value_sum":
        measured = fsum(events.numbers)
    elif kind == "value_avg":
        measured = fsum(events.numbers) / sum(events.weights)
    else:
        measured = percentile(events.numbers, 50.0 if correlation.percentile is None else correlation.percentile)
    return Finding(measured) if allowed(correlation, measured) else None


def allowed(correlation: Correlation, measured: float) -> bool:
    """Return whether a number satisfies every limit; two limits make a range."""
    return all(limit.allows(measured) for limit in correlation.limits)


def together(correlation: Correlation, tags: Sequence[str]) -> bool:
    """Return whether enough of the rules, or those that an expression asks for, occur. Spec: "Temporal Proximity"."""
    found = set(tags)
    if correlation.happening is None:
        return allowed(correlation, len(found))
    return _occurs(correlation.happening, found)


def _occurs(happening: Happening, found: set[str]) -> bool:
    if isinstance(happening, Seen):
        return str(happening.which) in found
    if isinstance(happening, Absent):
        return not _occurs(happening.part, found)
    how = all if isinstance(happening, Together) else any
    return how(_occurs(part, found) for part in happening.parts)


def in_order(correlation: Correlation, tags: Sequence[str]) -> bool:
    """Return whether rules occur in the order of the rule list. Spec: "Ordered Temporal Proximity".

    With limits, what counts is the longest chain of different rules in that order. In an expression, `and` means "and
    then", `not` means "and from there on not".
    """
    if correlation.happening is not None:
        return _reached(correlation.happening, [int(tag) for tag in tags], 0) is not None
    longest = [0] * len(correlation.rules)  # of chains that end with this rule
    for tag in tags:
        which = int(tag)
        longest[which] = max(longest[which], 1 + max(longest[:which], default=0))
    return allowed(correlation, max(longest, default=0))


def _reached(happening: Happening, tags: Sequence[int], start: int) -> int | None:
    """Return the place right behind where this has happened at the earliest, looking from `start` on; None: not."""
    if isinstance(happening, Seen):
        return next((place + 1 for place in range(start, len(tags)) if tags[place] == happening.which), None)
    if isinstance(happening, Absent):
        return start if _reached(happening.part, tags, start) is None else None
    if isinstance(happening, Together):
        place: int | None = start
        for part in happening.parts:
            place = _reached(part, tags, place) if place is not None else None
        return place
    ends = [end for part in happening.parts if (end := _reached(part, tags, start)) is not None]
    return min(ends, default=None)


def percentile(numbers: Sequence[float], wanted: float) -> float:
    """Return the percentile, between two numbers in proportion; the 50th is the median."""
    ordered = sorted(numbers)
    place = (len(ordered) - 1) * wanted / 100
    below = int(place)
    if below + 1 >= len(ordered):
        return ordered[-1]
    return ordered[below] + (ordered[below + 1] - ordered[below]) * (place - below)


def shares(correlation: Correlation, events: Events) -> Finding | None:
    """Return the rarest value whose share of the window's events, in percent, satisfies the limits.

    Spec: "Value Percentile": a process name that is less than 1 % of all. The events it is about are all of such values.
    """
    counts: Counter[str] = Counter()
    for tag, weight in zip(events.tags, events.weights, strict=True):
        counts[tag] += weight
    whole = sum(events.weights)
    wanted = {tag: count for tag, count in counts.items() if allowed(correlation, 100 * count / whole)}
    if not wanted:
        return None
    rarest = min(wanted, key=lambda tag: (wanted[tag], tag))
    return Finding(rarest, tuple(place for place, tag in enumerate(events.tags) if tag in wanted))
