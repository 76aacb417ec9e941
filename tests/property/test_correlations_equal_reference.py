"""Correlations mean what an obvious listing of all events in a window means, in whatever order events arrive."""

from bisect import insort

from hypothesis import given, settings
from hypothesis import strategies as st

from dekhang.engine import Detector, Record, Rule, compile_rules
from dekhang.engine.expressions import Atom, TextTest
from dekhang.engine.logsources import read_mapping
from dekhang.engine.rules import Correlation, Logsource

MAPPING = read_mapping(
    {"windows": {"services": {}, "categories": {}, "providers": {}}, "others": [{"rule": {"product": "test"}}]}
)
SPAN = 10


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


def correlated(kind: str, threshold: int) -> Rule:
    found = Correlation(
        kind=kind,  # type: ignore[arg-type]
        rules=("a", "b"),
        window_ms=SPAN,
        threshold=threshold,
        group_by=("who",),
        fields=("what",) if kind == "value_count" else (),
        aliases=(("who", (("b", "other"),)),),
    )
    return Rule(id="c", title="c", level="high", path="p", correlation=found)


class Listing:
    """All events, kept by group; on each arrival all windows that contain it are listed."""

    def __init__(self, kind: str, threshold: int) -> None:
        self.kind, self.threshold = kind, threshold
        self.events: dict[tuple, list[tuple[int, int, int, str]]] = {}  # time, arrival, key, tag
        self.fired: dict[tuple, list[int]] = {}

    def arrive(self, number: int, event: Record) -> list[tuple[int, int, int | None]]:
        fires = []
        counted = set()
        for position, name in enumerate(("a", "b")):
            if name not in event.fields["kind"]:  # type: ignore[operator]
                continue
            who = event.fields.get("who" if name == "a" else "other")
            what = event.fields.get("what") if self.kind == "value_count" else str(position)
            group = (event.scope, who)
            if who is None or what is None or event.time_ms is None:
                continue
            if self.kind.endswith("count"):
                if group in counted:
                    continue
                counted.add(group)
            tag = "" if self.kind == "event_count" else str(what)
            insort(self.events.setdefault(group, []), (event.time_ms, number * 2 + position, event.key, tag))
            hit = self.window(group, event.time_ms)
            if hit:
                fires.append((number, *hit))
        return fires

    def window(self, group: tuple, time: int) -> tuple[int, int] | None:
        if any(abs(time - fired) < SPAN for fired in self.fired.get(group, [])):
            return None
        for end in sorted({event[0] for event in self.events[group] if time <= event[0] <= time + SPAN}):
            inside = [event for event in self.events[group] if end - SPAN <= event[0] <= end]
            tags = [event[3] for event in inside]
            if self.kind == "event_count":
                size = len(inside)
            elif self.kind == "temporal_ordered":
                size = 0
                for tag in tags:
                    if tag == str(size):
                        size += 1
            else:
                size = len(set(tags))
            if size >= self.threshold:
                self.fired.setdefault(group, []).append(time)
                return len(inside), inside[0][0]
        return None


events = st.lists(
    st.builds(
        lambda time, scope, fields, key: Record(fields, product="test", time_ms=time, scope=scope, key=key),
        st.one_of(st.none(), st.integers(0, 60)),
        st.integers(1, 2),
        st.fixed_dictionaries(
            {"kind": st.sampled_from(["a", "b", "ab", "z"])},
            optional={
                "who": st.sampled_from(["x", "y"]),
                "other": st.sampled_from(["x", "y"]),
                "what": st.sampled_from(["1", "2", "3"]),
            },
        ),
        st.integers(0, 1000),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(["event_count", "value_count", "temporal", "temporal_ordered"]),
    st.integers(1, 4),
    events,
    st.integers(1, 7),
    st.booleans(),
)
def test_correlations_and_the_listing_agree(
    kind: str, threshold: int, arriving: list[Record], batch: int, restarts: bool
) -> None:
    ruleset = compile_rules([base("a"), base("b"), correlated(kind, threshold)], MAPPING)
    listing = Listing(kind, threshold)
    detector = Detector(ruleset)
    for start in range(0, len(arriving), batch):
        part = arriving[start : start + batch]
        expected = [fire for number, event in enumerate(part) for fire in listing.arrive(start + number, event)]
        if restarts:
            detector = Detector(ruleset, state=detector.state())
        found = [(start + match.index, match.count, match.first_ms) for match in detector.process(part)]
        assert found == expected
