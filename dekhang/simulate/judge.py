"""What the product says about claims, held against the truth: precision and recall for every way of lying.

A claim is *untrue* when the duty is not carried out now: false, or lapsed. Two questions are asked:
- *not counted*: the claim's state is not proven, so it does not lift the proven share;
- *named*: something says so by itself: refuted, decayed, or a flag for the inspector about this unit and duty.
"""

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from dekhang.apps.core import clock
from dekhang.apps.duties import timelines
from dekhang.apps.duties.enums import ClaimState
from dekhang.apps.duties.filing import doings
from dekhang.apps.duties.filing.flags import Flag
from dekhang.apps.duties.models import Evidence, Revision
from dekhang.apps.duties.states import duties_of
from dekhang.simulate.strategies import STRATEGIES
from dekhang.simulate.truth import ClaimTruth, Truth

CONTRADICTED = frozenset({ClaimState.REFUTED, ClaimState.DECAYED})
Pair = tuple[int, str]  # unit, duty


@dataclass(frozen=True, slots=True)
class Verdict:
    """Counts over the claims of one strategy, or of all.

    Args:
        claims: false claims of the strategy (of all: untrue ones).
        not_counted, named: how many of them the product caught so.
        signalled: claims that show the strategy's own signals; `rightly`: those of them that are untrue.
    """

    strategy: str
    claims: int
    not_counted: int
    named: int
    signalled: int
    rightly: int
    signals: tuple[str, ...] = ()

    @property
    def row(self) -> dict[str, object]:
        return {
            "strategy": self.strategy,
            "claims": self.claims,
            "recall_not_counted": _share(self.not_counted, self.claims),
            "recall_named": _share(self.named, self.claims),
            "precision": _share(self.rightly, self.signalled),
            "signals": list(self.signals),
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def judge(truth: Truth) -> list[Verdict]:
    """One verdict for each published strategy, seen or not; then `all: not counted` and `all: named`."""
    with clock.at(truth.at):
        states = _states(truth)
        flagged = _flagged()
    signs = {(one.unit_id, one.duty): _signs(one, states, flagged) for one in truth.claims}
    verdicts = [_of_strategy(key, truth, states, signs) for key in STRATEGIES]
    for name, caught in (("all: not counted", _not_counted(states)), ("all: named", _named(states, signs))):
        untrue = [one for one in truth.claims if one.truth != "true"]
        hit = [one for one in truth.claims if caught(one)]
        verdicts.append(
            Verdict(
                name,
                len(untrue),
                sum(map(_not_counted(states), untrue)),
                sum(map(_named(states, signs), untrue)),
                len(hit),
                sum(one.truth != "true" for one in hit),
            )
        )
    return verdicts


def _of_strategy(key: str, truth: Truth, states: dict[Pair, ClaimState], signs: dict[Pair, Collection[str]]) -> Verdict:
    strategy = STRATEGIES[key]
    own = [one for one in truth.claims if one.strategy == key]
    shown = [
        one
        for one in truth.claims
        if one.duty in strategy.duties and set(strategy.signals).intersection(signs[one.unit_id, one.duty])
    ]
    return Verdict(
        key,
        len(own),
        sum(map(_not_counted(states), own)),
        sum(map(_named(states, signs), own)),
        len(shown),
        sum(one.truth != "true" for one in shown),
        strategy.signals,
    )


def _not_counted(states: dict[Pair, ClaimState]) -> Callable[[ClaimTruth], bool]:
    return lambda one: states[one.unit_id, one.duty] != ClaimState.PROVEN


def _named(states: dict[Pair, ClaimState], signs: dict[Pair, Collection[str]]) -> Callable[[ClaimTruth], bool]:
    return lambda one: (
        states[one.unit_id, one.duty] in CONTRADICTED
        or any(sign.startswith("flag:") for sign in signs[one.unit_id, one.duty])
    )


def _signs(one: ClaimTruth, states: dict[Pair, ClaimState], flagged: dict[Pair, set[str]]) -> set[str]:
    pair = (one.unit_id, one.duty)
    return {f"state:{states[pair]}", *(f"flag:{code}" for code in flagged.get(pair, ()))}


def _states(truth: Truth) -> dict[Pair, ClaimState]:
    units: dict[str, list[int]] = defaultdict(list)
    for one in truth.claims:
        units[one.duty].append(one.unit_id)
    return {
        (unit_id, duty): assessment.state
        for duty, unit_ids in units.items()
        for unit_id, assessment in timelines.assessments(duty, unit_ids, truth.at).items()
    }


def _flagged() -> dict[Pair, set[str]]:
    """Codes of the flags about each unit and duty: of a text the duties that it serves, of evidence those that look at it."""
    found: dict[Pair, set[str]] = defaultdict(set)
    for flag in doings.flags():
        for pair in _pairs(flag):
            found[pair].add(flag.code)
    return found


def _pairs(flag: Flag) -> set[Pair]:
    if flag.duty_keys:
        return {(unit_id, key) for unit_id in flag.unit_ids for key in flag.duty_keys}
    if flag.code == "after_freeze":
        rows = Evidence.objects.filter(pk__in=flag.rows).values_list("unit_id", "kind")
        return {(unit_id, key) for unit_id, kind in rows for key in duties_of(kind)}
    texts = Revision.objects.filter(pk__in=flag.rows).values_list("document__unit_id", "document__duty_keys")
    return {(unit_id, key) for unit_id, keys in texts for key in keys}
