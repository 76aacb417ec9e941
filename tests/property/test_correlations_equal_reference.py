"""Correlations mean what an obvious listing of all events in a window means, in whatever order events arrive.

Two listings, one for each way of looking: `AtOnce` lists the windows around every arrival; `at_the_end` sorts
everything by time first and cuts it into windows, so it cannot depend on the order of arrival.
"""

from bisect import insort
from itertools import combinations
from operator import eq, ge, gt, le, lt, ne
from statistics import fmean, median

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine import Match, Record, Rule, RuleSet, compile_rules
from dekhang.engine.correlate import LATENESS_MS
from dekhang.engine.emission import Emitter
from dekhang.engine.expressions import Atom, TextTest
from dekhang.engine.logsources import read_mapping
from dekhang.engine.reference import matches
from dekhang.engine.rules import Absent, Correlation, Either, Limit, Logsource, Seen, Together

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)
NAMES = ("a", "b", "c")
RELATIONS = {"lt": lt, "lte": le, "gt": gt, "gte": ge, "eq": eq, "neq": ne}
MINUTE = 60_000


def base(name: str) -> Rule:
    return Rule(
        id=f"base-{name}",
        name=name,
        title=name,
        level="low",
        path="p",
        logsource=Logsource("test"),
        condition=Atom("kind", TextTest("contains", name)),
    )


def ruleset(correlation: Correlation) -> RuleSet:
    rule = Rule(id="corr", title="corr", level="high", path="p", correlation=correlation)
    return compile_rules([*map(base, NAMES), rule], MAPPING)


def correlated(kind: str, limits: tuple[Limit, ...], window_ms: int, happening: object = None) -> Correlation:
    return Correlation(
        kind=kind,  # type: ignore[arg-type]
        rules=NAMES,
        window_ms=window_ms,
        limits=() if happening is not None else limits,
        group_by=("who",),
        fields=("what",) if kind.startswith("value") else (),
        percentile=25.0 if kind == "value_percentile" else None,
        aliases=(("who", (("b", "other"),)),),
        happening=happening,  # type: ignore[arg-type]
    )


# -- what is measured, said naively --------------------------------------------------------------------------------


def fulfils(correlation: Correlation, inside: list[tuple]) -> bool:
    """inside: (time, arrival, key, tag) in order of time; the tag is a value, a number or the number of a rule."""
    tags = [event[3] for event in inside]
    if correlation.happening is not None:
        return happened(correlation.happening, set(tags))
    if correlation.kind == "event_count":
        size = len(tags)
    elif correlation.kind in ("value_count", "temporal"):
        size = len(set(tags))
    elif correlation.kind == "temporal_ordered":
        size = longest_chain(tags)
    elif correlation.kind == "value_sum":
        size = sum(tags)
    elif correlation.kind == "value_avg":
        size = fmean(tags)
    elif correlation.kind == "value_median":
        size = median(tags)
    else:
        size = quarter(tags)
    return all(RELATIONS[limit.how](size, limit.number) for limit in correlation.limits)


def happened(wanted: object, found: set[int]) -> bool:
    if isinstance(wanted, Seen):
        return wanted.which in found
    if isinstance(wanted, Absent):
        return not happened(wanted.part, found)
    parts = [happened(part, found) for part in wanted.parts]  # type: ignore[attr-defined]
    return all(parts) if isinstance(wanted, Together) else any(parts)


def longest_chain(tags: list[int]) -> int:
    """The most different rules, in their order, of which some events are a subsequence."""
    for size in range(len(NAMES), 0, -1):
        for chain in combinations(range(len(NAMES)), size):
            rest = iter(tags)
            if all(wanted in rest for wanted in chain):
                return size
    return 0


def quarter(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    place = 0.25 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def counted(correlation: Correlation, number: int, event: Record) -> list[tuple[tuple, tuple]]:
    """The (group, event) pairs that a record adds."""
    found: list[tuple[tuple, tuple]] = []
    for position, name in enumerate(NAMES):
        if name not in event.fields["kind"] or event.time_ms is None:  # type: ignore[operator]
            continue
        who = event.fields.get("other" if name == "b" else "who")
        what = event.fields.get("what") if correlation.kind.startswith("value") else position
        group = (event.scope, who)
        if who is None or what is None:
            continue
        if not correlation.kind.startswith("temporal") and group in [one for one, _ in found]:
            continue  # one record is one event, whatever rules it matches
        found.append((group, (event.time_ms, number * 10 + position, event.key, what)))
    return found


# -- the two listings ----------------------------------------------------------------------------------------------


class AtOnce:
    """All events, kept by group; on each arrival all windows that contain it are listed."""

    def __init__(self, correlation: Correlation) -> None:
        self.correlation = correlation
        self.events: dict[tuple, list[tuple]] = {}
        self.fired: dict[tuple, list[int]] = {}

    def arrive(self, number: int, event: Record) -> list[tuple]:
        fires = []
        for group, one in counted(self.correlation, number, event):
            insort(self.events.setdefault(group, []), one)
            hit = self.window(group, one[0])
            if hit:
                fires.append((number, *hit))
        return fires

    def window(self, group: tuple, time: int) -> tuple | None:
        span = self.correlation.window_ms
        if any(abs(time - fired) < span for fired in self.fired.get(group, [])):
            return None
        for end in sorted({event[0] for event in self.events[group] if time <= event[0] <= time + span}):
            inside = [event for event in self.events[group] if end - span <= event[0] <= end]
            if fulfils(self.correlation, inside):
                self.fired.setdefault(group, []).append(time)
                return len(inside), inside[0][0], inside[-1][0]
        return None


def at_the_end(correlation: Correlation, arriving: list[Record]) -> list[tuple]:
    """(index of the record that shows it is over or -1, count, first, last) of all windows that fulfil a condition."""
    groups: dict[tuple, list[tuple]] = {}
    for number, event in enumerate(arriving):
        for group, one in counted(correlation, number, event):
            insort(groups.setdefault(group, []), one)
    found = []
    for (scope, _), events in groups.items():
        while events:
            end = events[0][0] + correlation.window_ms
            inside = [event for event in events if event[0] <= end]
            events = events[len(inside) :]
            if fulfils(correlation, inside):
                over = [
                    number
                    for number, event in enumerate(arriving)
                    if event.scope == scope and event.time_ms is not None and event.time_ms > end + LATENESS_MS
                ]
                found.append((min(over, default=-1), len(inside), inside[0][0], inside[-1][0]))
    return sorted(found)


def run(rules: RuleSet, arriving: list[Record], restarts: set[int]) -> list[Match]:
    """What the engine tells: every record of the scope passes time, and the end of the records ends all windows."""
    emitter = Emitter(rules)
    told: list[Match] = []
    saved: dict[int, bytes] = {}  # by part, as the worker keeps it: only what changed is written again
    for number, event in enumerate(arriving):
        if number in restarts:
            saved |= emitter.state_parts(lambda scope: scope % 2)
            emitter = Emitter(rules)
            for part, state in saved.items():
                emitter.load(state, lambda scope, part=part: scope % 2 == part)
            assert emitter.state_problem == ""
        positions = [place for place, rule in enumerate(rules.rules) if matches(rule, event, MAPPING)]
        emitter.emit(number, event, positions, told)
    told.extend(emitter.close())
    return told


# -- events --------------------------------------------------------------------------------------------------------


def records(times: st.SearchStrategy) -> st.SearchStrategy:
    return st.builds(
        lambda time, scope, fields, key: Record(fields, product="test", time_ms=time, scope=scope, key=key),
        times,
        st.integers(1, 2),
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["a", "b", "ab", "c", "abc", "z"])},
            optional={
                "who": st.sampled_from(["x", "y"]),
                "other": st.sampled_from(["x", "y"]),
                "what": st.sampled_from([1, 2, 3]),
            },
        ),
        st.integers(0, 1000),
    )


happenings = st.recursive(
    st.builds(Seen, st.integers(0, 2)),
    lambda inner: st.one_of(
        st.builds(Together, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Either, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        st.builds(Absent, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from(["event_count", "value_count", "value_sum", "temporal", "temporal_ordered"]),
    st.lists(st.builds(Limit, st.sampled_from(["gt", "gte"]), st.integers(1, 4)), min_size=1, max_size=2),
    st.lists(records(st.one_of(st.none(), st.integers(0, 60))), max_size=30),
    st.sets(st.integers(0, 30), max_size=3),
)
def test_conditions_told_at_once_agree_with_the_listing(
    kind: str, limits: list[Limit], arriving: list[Record], restarts: set[int]
) -> None:
    correlation = correlated(kind, tuple(limits), window_ms=10)
    listing = AtOnce(correlation)
    expected = [fire for number, event in enumerate(arriving) for fire in listing.arrive(number, event)]

    told = run(ruleset(correlation), arriving, restarts)

    assert [(match.index, match.count, match.first_ms, match.last_ms) for match in told] == expected


@st.composite
def out_of_order(draw: st.DrawFn) -> list[Record]:
    """Records that arrive at most LATENESS_MS behind newer ones."""
    events = draw(st.lists(records(st.integers(0, 45).map(lambda minute: minute * MINUTE)), min_size=5, max_size=30))
    delayed = [(event.time_ms + draw(st.integers(0, LATENESS_MS)), event) for event in events]
    return [event for _, event in sorted(delayed, key=lambda one: one[0])]


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(
        ["event_count", "value_count", "value_sum", "value_avg", "value_median", "value_percentile", "temporal",
         "temporal_ordered"]
    ),
    st.lists(st.builds(Limit, st.sampled_from(sorted(RELATIONS)), st.sampled_from([0, 1, 1.5, 2, 3])), min_size=1, max_size=2),
    st.one_of(st.none(), happenings),
    out_of_order(),
    st.sets(st.integers(0, 30), max_size=3),
)  # fmt: skip
def test_conditions_judged_at_the_end_agree_with_sorting_everything_first(
    kind: str, limits: list[Limit], happening: object, arriving: list[Record], restarts: set[int]
) -> None:
    correlation = correlated(kind, tuple(limits), 10 * MINUTE, happening if kind == "temporal" else None)
    if not correlation.waits:
        return

    told = run(ruleset(correlation), arriving, restarts)

    found = sorted((match.index, match.count, match.first_ms, match.last_ms) for match in told)
    assert found == at_the_end(correlation, arriving)
    assert all(match.ended and len(match.keys) == min(match.count, 20) for match in told)
