"""Counts events that mean something together, in event time (docs/explanation/engine.md, "Correlations").

On the arrival of an event at time t, a window is looked for that contains t, is no longer than the rule's time span
and holds enough: first the one that ends at t, then those ending at later events already known (t came late).
A group that fired is silent for one time span around that.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TypeAlias

import msgspec

from dekhang.engine.rules import Correlation, Rule
from dekhang.engine.text import Value, fold, plain_name, scalars, text_of

EVENTS_PER_GROUP = 500  # at least; twice the threshold if that is more. Counts are "at least" beyond it
EVENTS_IN_ALL = 50_000  # ≈ 1 MB of state; the groups that were quiet longest are dropped first
FIRES_REMEMBERED = 32  # per group
KEYS_SHOWN = 20
TEXT_SHOWN_CHARS = 256
TAG_CHARS = 48  # longer values are counted by their digest

GroupKey: TypeAlias = tuple[int, int, tuple[str, ...]]  # correlation, scope, folded group-by values


@dataclass(slots=True)
class Group:
    """Events of one correlation with the same group-by values, by time. The lists run in parallel."""

    shown: tuple[tuple[str, str], ...]
    times: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    fired: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Hit:
    """A window that holds enough."""

    count: int
    first_ms: int
    keys: tuple[int, ...]
    group: tuple[tuple[str, str], ...]


class SavedGroup(msgspec.Struct, array_like=True, frozen=True):
    correlation: int
    scope: int
    values: tuple[str, ...]
    shown: tuple[tuple[str, str], ...]
    times: list[int]
    keys: list[int]
    tags: list[str]
    fired: list[int]


class Saved(msgspec.Struct, array_like=True, frozen=True):
    version: int
    correlations: list[str]  # fingerprints
    groups: list[SavedGroup]


class Correlator:
    """The state of all correlations of a rule set.

    Args:
        correlations: (rule, names of each supplying rule), in the order by which `feed` names them.
    """

    def __init__(self, correlations: Sequence[Rule]) -> None:
        self._rules = [rule.correlation for rule in correlations if rule.correlation is not None]
        self._prints = [fingerprint(rule) for rule in correlations]
        self._groups: dict[GroupKey, Group] = {}  # the one that was quiet longest comes first
        self._events = 0
        self._saved: bytes | None = None

    def feed(
        self,
        which: int,
        supplier: tuple[str, ...],
        scope: int,
        time_ms: int,
        key: int,
        fields: Mapping[str, Value],
        counted: set[GroupKey],
    ) -> Hit | None:
        """Add an event that a supplying rule matched; return the window that is thereby full, if one is.

        Args:
            supplier: id and name of the rule that matched.
            counted: groups that this record already counts in; one record is one event, whatever rules it matches.
        """
        correlation = self._rules[which]
        shown = tuple(self._shown(correlation, supplier, fields))
        if len(shown) < len(correlation.group_by):
            return None  # an event without the field belongs to no group
        tag = self._tag(correlation, supplier, fields)
        if tag is None:
            return None
        group_key = (which, scope, tuple(fold(text) for _, text in shown))
        if correlation.kind in ("event_count", "value_count"):
            if group_key in counted:
                return None
            counted.add(group_key)
        group = self._groups.pop(group_key, None) or Group(shown)
        self._groups[group_key] = group
        self._insert(group, correlation, time_ms, key, tag)
        self._saved = None
        return self._window(group, correlation, time_ms)

    @staticmethod
    def _shown(
        correlation: Correlation, supplier: tuple[str, ...], fields: Mapping[str, Value]
    ) -> Iterator[tuple[str, str]]:
        for name in correlation.group_by:
            for value in values_of(fields, correlation.field_for(name, supplier)):
                yield name, value[:TEXT_SHOWN_CHARS]
                break

    @staticmethod
    def _tag(correlation: Correlation, supplier: tuple[str, ...], fields: Mapping[str, Value]) -> str | None:
        """Return what makes an event different from others of its group; None: it does not count."""
        if correlation.kind == "event_count":
            return ""
        if correlation.kind == "value_count":
            parts = []
            for name in correlation.fields:
                text = next(values_of(fields, correlation.field_for(name, supplier)), None)
                if text is None:
                    return None
                parts.append(fold(text))
            tag = "\x1f".join(parts)
            return tag if len(tag) <= TAG_CHARS else blake2b(tag.encode(), digest_size=16).hexdigest()
        return str(next(n for n, name in enumerate(correlation.rules) if name in supplier))

    def _insert(self, group: Group, correlation: Correlation, time_ms: int, key: int, tag: str) -> None:
        at = bisect_right(group.times, time_ms)
        group.times.insert(at, time_ms)
        group.keys.insert(at, key)
        group.tags.insert(at, tag)
        self._events += 1
        if len(group.times) > max(EVENTS_PER_GROUP, 2 * correlation.threshold):
            # keep what is near in time to the newest arrival: that is where its window lies
            far = 0 if time_ms - group.times[0] >= group.times[-1] - time_ms else -1
            del group.times[far], group.keys[far], group.tags[far]
            self._events -= 1
        while self._events > EVENTS_IN_ALL and len(self._groups) > 1:
            quiet = next(iter(self._groups))
            self._events -= len(self._groups.pop(quiet).times)

    def _window(self, group: Group, correlation: Correlation, time_ms: int) -> Hit | None:
        span = correlation.window_ms
        if any(abs(time_ms - fired) < span for fired in group.fired):
            return None
        times = group.times
        end = bisect_right(times, time_ms)
        while end <= len(times):
            last = times[end - 1]
            if last - span > time_ms:
                return None
            start = bisect_left(times, last - span)
            if enough(correlation, group.tags, start, end):
                group.fired.append(time_ms)
                del group.fired[:-FIRES_REMEMBERED]
                return Hit(end - start, times[start], tuple(group.keys[start:end][-KEYS_SHOWN:]), group.shown)
            end = bisect_right(times, times[end]) if end < len(times) else end + 1
        return None

    # -- state -----------------------------------------------------------------------------------------------

    def save(self) -> bytes:
        """Return everything counted so far; the same bytes until another event counts."""
        if self._saved is None:
            groups = [
                SavedGroup(which, scope, values, group.shown, group.times, group.keys, group.tags, group.fired)
                for (which, scope, values), group in self._groups.items()
            ]
            self._saved = msgspec.msgpack.encode(Saved(1, self._prints, groups))
        return self._saved

    def load(self, state: bytes) -> None:
        """Take over saved state, without what belongs to correlations that changed or went.

        Raises:
            ValueError: these are not bytes of `save`.
        """
        try:
            saved = msgspec.msgpack.decode(state, type=Saved)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise ValueError(f"not the state of a detector: {error}") from error
        places = {fingerprint: place for place, fingerprint in enumerate(self._prints)}
        for one in saved.groups:
            if not 0 <= one.correlation < len(saved.correlations) or not (
                len(one.times) == len(one.keys) == len(one.tags)
            ):
                raise ValueError("not the state of a detector: its parts do not fit")
            which = places.get(saved.correlations[one.correlation])
            if which is not None:
                group = Group(one.shown, one.times, one.keys, one.tags, one.fired)
                self._groups[(which, one.scope, one.values)] = group
                self._events += len(group.times)


def enough(correlation: Correlation, tags: Sequence[str], start: int, end: int) -> bool:
    """Return whether the events from start to end (exclusive), in order of time, fulfil the condition."""
    if end - start < correlation.threshold:
        return False
    if correlation.kind == "event_count":
        return True
    if correlation.kind == "temporal_ordered":
        step = 0
        for tag in tags[start:end]:
            step += tag == str(step)
        return step >= correlation.threshold
    return len(set(tags[start:end])) >= correlation.threshold


def values_of(fields: Mapping[str, Value], name: str) -> Iterator[str]:
    """Yield a field's values as text; the name is tried as it is, then without regard to spaces."""
    if name in fields:
        yield from map(text_of, scalars(fields[name]))
        return
    for other, value in fields.items():
        if " " in other and plain_name(other) == name:
            yield from map(text_of, scalars(value))


def fingerprint(rule: Rule) -> str:
    """Return what identifies a correlation's meaning across restarts and rule sets."""
    return blake2b(f"{rule.id} {rule.correlation!r}".encode(), digest_size=12).hexdigest()
