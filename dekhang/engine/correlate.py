"""Counts events that mean something together, in event time (docs/reference/detection.md, "Tương quan").

Two ways to look at the events of a group, by what the condition asks:

- *at least*: told at once. On the arrival of an event at time t a window is looked for that contains t, is no longer
  than the time span and holds enough: first the one that ends at t, then those ending at later events already known
  (t came late). A group that fired is silent for one time span around that.
- *fewer, exactly, on average, not at all*: known only at the end (`Correlation.waits`). A window begins with the first
  event of a group that no earlier window holds, lasts one time span, and is judged once, when event time has passed its
  end by LATENESS_MS. Event time is the newest of the scope: one's own events may be over.

correlation_groups.py holds the events, windows.py says what is measured, correlation_state.py how it survives restarts.
"""

import heapq
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from dekhang.engine import correlation_state
from dekhang.engine.correlation_groups import DISTINCT_KINDS, FOLDED_KINDS, Group, group_of, most_events, tag_of
from dekhang.engine.rules import TEMPORAL_KINDS, Correlation, Rule
from dekhang.engine.text import Value, fold
from dekhang.engine.windows import Finding, judge

LATENESS_MS = 300_000  # how much later than newer events one may arrive and still be judged with its window
EVENTS_IN_ALL = 50_000  # ≈ 1 MB of state; the groups that were quiet longest are dropped first
FIRES_REMEMBERED = 32  # per group
SCOPES_REMEMBERED = 100_000
KEYS_SHOWN = 20
TIME_MAX = 1 << 61  # milliseconds; larger ones are no times and would not fit into the state

GroupKey: TypeAlias = tuple[int, int, tuple[str, ...]]  # correlation, scope, folded group-by values


@dataclass(frozen=True, slots=True)
class Hit:
    """A window that fulfils the condition.

    Args:
        count: events in it.
        measured: the sum, average, rarest value …; None where the count says it all.
        clock: event time at which this was known, for what is counted further on.
    """

    count: int
    first_ms: int
    last_ms: int
    keys: tuple[int, ...]
    group: tuple[tuple[str, str], ...]
    measured: float | str | None
    clock: int


@dataclass(slots=True)
class Losses:
    """What was not counted since the correlator began: events too late for their window, and forgotten for space."""

    late: int = 0
    forgotten: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """Windows of a scope that wait for their end.

    Args:
        newest_ms: event time of the scope.
        due_ms: the first of them is judged when event time has passed this; None: none waits for that.
        behind: events counted so far in windows that began behind event time, which only their own group's later
            events end; None: there are none such.
    """

    newest_ms: int
    due_ms: int | None
    behind: int | None


class Correlator:
    """The state of all correlations of a rule set.

    Args:
        correlations: in the order by which `feed` names them.
    """

    def __init__(self, correlations: Sequence[Rule]) -> None:
        self.rules = [rule.correlation for rule in correlations if rule.correlation is not None]
        self.prints = [fingerprint(rule) for rule in correlations]
        self._span = [one.window_ms for one in self.rules]
        self._waits = [one.waits for one in self.rules]
        self.waits = any(self._waits)  # is any condition judged at the end of a window, so that event time matters?
        # a correlation of correlations that wait has to wait for them besides
        self._delay = [delay + LATENESS_MS for delay in delays(correlations)]
        self.losses = Losses()
        self.groups: dict[GroupKey, Group] = {}  # the one that was quiet longest comes first
        self.newest: dict[int, int] = {}  # event time by scope
        self.size = 0
        self._due: dict[int, list[tuple[int, GroupKey]]] = {}  # by scope, heaps of when windows end
        self._behind: Counter[int] = Counter()  # by scope, events of windows that event time does not end
        self._saved: bytes | None = None
        self._touched: set[int] = set()  # scopes that counted or whose time passed since `save_parts`

    def feed(
        self,
        which: int,
        supplier: tuple[str, ...],
        scope: int,
        time_ms: int,
        key: int,
        fields: Mapping[str, Value],
        counted: set[GroupKey],
        clock: int,
    ) -> list[Hit]:
        """Add an event that a supplying rule matched; return the windows that are thereby known to fulfil a condition.

        Args:
            supplier: id and name of the rule that matched.
            counted: groups that this record already counts in; one record is one event, whatever rules it matches.
            clock: the newest event time of the scope.
        """
        correlation = self.rules[which]
        shown = tuple(group_of(correlation, supplier, fields))
        if len(shown) < len(correlation.group_by):
            return []  # an event without the field belongs to no group
        tagged = tag_of(correlation, supplier, fields)
        if tagged is None or not -TIME_MAX < time_ms < TIME_MAX:
            return []
        group_key = (which, scope, tuple([fold(text) for _, text in shown]))
        if correlation.kind not in TEMPORAL_KINDS:
            if group_key in counted:
                return []
            counted.add(group_key)
        group = self.groups.pop(group_key, None)
        if group is None:
            group = Group(shown)
            self.size += 1
        self.groups[group_key] = group
        self._touch(scope)
        if self._waits[which]:
            return self._await(which, group_key, group, time_ms, key, *tagged, clock)
        group.insert(bisect_right(group.times, time_ms), time_ms, key, *tagged)
        self.size += 1
        self._shrink(correlation, group, time_ms)
        hit = self._window(correlation, group, time_ms, clock)
        return [] if hit is None else [hit]

    # -- told at once ----------------------------------------------------------------------------------------

    def _window(self, correlation: Correlation, group: Group, time_ms: int, clock: int) -> Hit | None:
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
            finding = self._enough(correlation, group, start, end)
            if finding is not None:
                group.fired.append(time_ms)
                del group.fired[:-FIRES_REMEMBERED]
                return _hit(group, start, end, finding, clock)
            end = bisect_right(times, times[end]) if end < len(times) else end + 1
        return None

    @staticmethod
    def _enough(correlation: Correlation, group: Group, start: int, end: int) -> Finding | None:
        if correlation.kind != "value_sum" and correlation.happening is None:
            # the usual case by far: too few, whatever they are. Entries put together are never fewer than events
            least = max(limit.number for limit in correlation.limits)
            if end - start < least and not (group.heavy and sum(group.weights[start:end]) >= least):
                return None
            if correlation.kind in DISTINCT_KINDS and len(group.seen) < least:
                return None
        return judge(correlation, group.events(start, end))

    # -- judged at the end -----------------------------------------------------------------------------------

    def _await(
        self, which: int, group_key: GroupKey, group: Group, time_ms: int, key: int, tag: str, number: float, clock: int
    ) -> list[Hit]:
        times = group.times
        end = time_ms + self._span[which] + self._delay[which]
        if (group.closed is not None and time_ms <= group.closed) or (times and time_ms < times[0] and end < times[-1]):
            self.losses.late += 1  # its window was judged without it
            return []
        group.insert(bisect_right(times, time_ms), time_ms, key, tag, number)
        self.size += 1
        if times[0] == time_ms:
            self._expect(which, group_key, group, clock)
        if group.late:
            self._behind[group_key[1]] += 1
        self._shrink(self.rules[which], group, time_ms)
        found = []
        while group.late and times and times[0] + self._span[which] + self._delay[which] < times[-1]:
            found.extend(self._judge(which, group, times[-1]))
            self._expect(which, group_key, group, clock)
        return found

    def _expect(self, which: int, group_key: GroupKey, group: Group, clock: int) -> None:
        """Note when the group's first window ends."""
        if not group.times:
            group.late = False
            return
        due = group.times[0] + self._span[which] + self._delay[which]
        group.late = due < clock
        if not group.late:
            heap = self._due.setdefault(group_key[1], [])
            heapq.heappush(heap, (due, group_key))
            if len(heap) > 2 * len(self.groups) + 1_000:  # mostly ends of windows that began earlier after all
                self._due = {}
                self._expect_all()

    def _expect_all(self) -> None:
        for group_key, group in self.groups.items():
            which, scope, _ = group_key
            if self._waits[which] and group.times and not group.late:
                due = group.times[0] + self._span[which] + self._delay[which]
                self._due.setdefault(scope, []).append((due, group_key))
        for heap in self._due.values():
            heapq.heapify(heap)

    def _judge(self, which: int, group: Group, clock: int) -> list[Hit]:
        """Judge the first window of a group and let go of its events."""
        closed = group.times[0] + self._span[which]
        end = bisect_right(group.times, closed)
        finding = judge(self.rules[which], group.events(0, end))
        found = [] if finding is None else [_hit(group, 0, end, finding, clock)]
        group.delete(0, end)
        group.closed = closed
        self.size -= end
        return found

    def pass_time(self, scope: int, time_ms: int) -> None:
        """Take note of event time; `ended` then yields what that ends."""
        if not self.waits:
            return
        if -TIME_MAX < time_ms < TIME_MAX and time_ms > self.newest.get(scope, -TIME_MAX):
            if len(self.newest) >= SCOPES_REMEMBERED and scope not in self.newest:
                oldest = next(iter(self.newest))
                del self.newest[oldest]
                self._touch(oldest)
            self.newest[scope] = time_ms
            self._touch(scope)

    def ended(self, scope: int, *, all_of_them: bool = False) -> Iterator[tuple[int, Hit]]:
        """Yield (correlation, hit) of the windows whose end has passed, in order of their ends.

        What is fed between two of them takes part: a correlation may supply another.
        """
        heap = self._due.get(scope)
        clock = self.newest.get(scope, -TIME_MAX)
        while heap and (all_of_them or heap[0][0] < clock):
            due, group_key = heapq.heappop(heap)
            which = group_key[0]
            group = self.groups.get(group_key)
            if group is not None and group.times and group.times[0] + self._span[which] + self._delay[which] == due:
                self._touch(scope)
                for hit in self._judge(which, group, due):
                    yield which, hit
                self._expect(which, group_key, group, due)
            heap = self._due.get(scope)

    def waiting_scopes(self) -> list[int]:
        return sorted(self._due)

    def waiting(self) -> dict[int, Waiting]:
        """Return what waits, by scope, for callers who know how to tell that no more will come."""
        behind = {scope for (_, scope, _), group in self.groups.items() if group.late}
        due = {scope: heap[0][0] for scope, heap in self._due.items() if heap}
        return {
            scope: Waiting(self.newest[scope], due.get(scope), self._behind[scope] if scope in behind else None)
            for scope in sorted(behind | due.keys())
            if scope in self.newest
        }

    def end_late_groups(self, scope: int | None = None) -> None:
        """Let event time end the windows too that began behind it; of one scope, or of all before everything ends."""
        for group_key, group in self.groups.items():
            if scope is None or group_key[1] == scope:
                group.late = False
                self._touch(group_key[1])
        self._due = {}
        self._expect_all()

    # -- bounds ----------------------------------------------------------------------------------------------

    def _shrink(self, correlation: Correlation, group: Group, time_ms: int) -> None:
        before = len(group.times)
        most = most_events(correlation)
        if before > most:
            if correlation.kind in FOLDED_KINDS:
                group.thin(-TIME_MAX if correlation.waits else group.times[-1] - 2 * correlation.window_ms)
            elif correlation.kind in ("value_count", "temporal"):
                group.drop_repetitions()
            surplus = len(group.times) - most + most // 8
            if surplus > most // 8:
                self._drop(correlation, group, time_ms, surplus)
            self.size -= before - len(group.times)
        while self.size > EVENTS_IN_ALL and len(self.groups) > 1:
            group_key = next(iter(self.groups))
            quiet = self.groups.pop(group_key)
            self._touch(group_key[1])
            self.size -= quiet.size
            self.losses.forgotten += sum(quiet.weights)

    def _drop(self, correlation: Correlation, group: Group, time_ms: int, surplus: int) -> None:
        """Let go of events on the side far from the newest arrival: its window lies around that."""
        if time_ms - group.times[0] < group.times[-1] - time_ms:
            start = len(group.times) - surplus
        else:
            start = 1 if correlation.waits else 0  # the first one says when the window began
        near = [abs(moment - time_ms) <= correlation.window_ms for moment in group.times[start : start + surplus]]
        self.losses.forgotten += sum(near)
        group.delete(start, start + surplus)

    # -- state -----------------------------------------------------------------------------------------------

    def _touch(self, scope: int) -> None:
        self._saved = None
        self._touched.add(scope)

    def save(self) -> bytes:
        """Return everything counted so far; the same bytes until another event counts or time passes."""
        if self._saved is None:
            self._saved = self._pack(list(self.newest.items()), [_saved(*one) for one in self.groups.items()])
        return self._saved

    def save_parts(self, part_of: Callable[[int], int]) -> dict[int, bytes]:
        """Return, by part, what was counted in its scopes: of the parts that changed since the last time.

        Args:
            part_of: scope → part.
        """
        changed = {part_of(scope) for scope in self._touched}
        self._touched = set()
        newest: dict[int, list[tuple[int, int]]] = {part: [] for part in changed}
        groups: dict[int, list[correlation_state.SavedGroup]] = {part: [] for part in changed}
        if changed:
            for scope, time_ms in self.newest.items():
                if (part := part_of(scope)) in changed:
                    newest[part].append((scope, time_ms))
            for group_key, group in self.groups.items():
                if (part := part_of(group_key[1])) in changed:
                    groups[part].append(_saved(group_key, group))
        return {part: self._pack(newest[part], groups[part]) for part in changed}

    def _pack(self, newest: list[tuple[int, int]], groups: list[correlation_state.SavedGroup]) -> bytes:
        return correlation_state.pack(correlation_state.Saved(correlation_state.VERSION, self.prints, newest, groups))

    def load(self, state: bytes, wanted: Callable[[int], bool] = lambda scope: True) -> None:
        """Add saved state to what is there, without what belongs to correlations that changed or went.

        Args:
            wanted: says of a scope whether to take it.

        Raises:
            ValueError: these are not bytes of `save`; the message says what is odd. Nothing was taken.
        """
        saved = correlation_state.unpack(state)
        places = {fingerprint: place for place, fingerprint in enumerate(self.prints)}
        self.newest.update((scope, time_ms) for scope, time_ms in saved.newest if wanted(scope))
        for one in saved.groups:
            which = places.get(saved.correlations[one.correlation])
            if which is None or not wanted(one.scope):
                continue
            group = Group(
                one.shown,
                one.times,
                one.keys,
                one.tags,
                one.numbers,
                one.weights,
                one.fired,
                one.closed,
                one.late,
                heavy=any(weight > 1 for weight in one.weights),
                seen=set(one.tags),
            )
            self.groups[(which, one.scope, one.values)] = group
            self.size += group.size
        self._due = {}
        self._expect_all()


def _saved(group_key: GroupKey, group: Group) -> correlation_state.SavedGroup:
    which, scope, values = group_key
    return correlation_state.SavedGroup(
        which,
        scope,
        values,
        group.shown,
        group.times,
        group.keys,
        group.tags,
        group.numbers,
        group.weights,
        group.fired,
        group.closed,
        group.late,
    )


def _hit(group: Group, start: int, end: int, finding: Finding, clock: int) -> Hit:
    places = range(start, end) if finding.places is None else [start + place for place in finding.places]
    return Hit(
        sum(group.weights[place] for place in places),
        group.times[places[0]],
        group.times[places[-1]],
        tuple(group.keys[place] for place in places[-KEYS_SHOWN:]),
        group.shown,
        finding.measured,
        clock,
    )


def delays(correlations: Sequence[Rule]) -> list[int]:
    """Return, for each correlation, how long its suppliers may keep their windows open, in milliseconds."""
    places = {name: place for place, rule in reversed(list(enumerate(correlations))) for name in rule.names}
    known: dict[int, int] = {}

    def delay(place: int) -> int:
        if place not in known:
            known[place] = 0
            longest = 0
            for name in correlations[place].correlation.rules:  # type: ignore[union-attr]
                below = places.get(name)
                if below is not None:
                    supplier = correlations[below].correlation
                    own = supplier.window_ms + LATENESS_MS + 1 if supplier is not None and supplier.waits else 0
                    longest = max(longest, delay(below) + own)
            known[place] = longest
        return known[place]

    return [delay(place) for place in range(len(correlations))]


def fingerprint(rule: Rule) -> str:
    """Return what identifies a correlation's meaning across restarts and rule sets."""
    return blake2b(f"{rule.id} {rule.correlation!r}".encode(), digest_size=12).hexdigest()
