"""What could be seen at a unit: ATT&CK techniques, given the records that really arrive and not the rules installed.

A technique is *seen* when at least half of the rules about it could match what arrives, *partly* seen when some could, or when
their log source is there but a field or the event itself has never come, and the unit is *blind* to it when no rule about it
reads anything that arrives.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from dekhang.engine.attack import main_techniques_of, tactics_of
from dekhang.engine.logsources import Place
from dekhang.engine.logsources.sources import Source
from dekhang.engine.visibility import EVENT_ID, Visibility

SEEN, PARTLY, BLIND = "seen", "partly", "blind"
FIELDS_NAMED = 4


@dataclass(frozen=True, slots=True)
class Offer:
    """A kind of log that a unit can send. `how`: in a few words, what to do for it."""

    key: str
    kind: str
    name: str
    how: str
    channels: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()

    def brings(self, source: Source) -> bool:
        """Whether records of this kind of the engine's come from it.

        What other products send under a Windows log source (IIS) does not count: rules for all of Windows would read it.
        """
        if source.logsource.product == "windows" and source.product != "windows":
            return False
        if self.channels:
            return bool(self.channels & source.channels)
        if self.services:
            return source.product in self.products and source.service in self.services
        return source.product in self.products or source.category in self.categories


@dataclass(frozen=True, slots=True)
class Technique:
    """`visible` of `rules` could match; `fields`: what most of the others lack; `unseen`: rules whose event never came."""

    key: str
    tactics: tuple[str, ...]
    state: str
    visible: int
    rules: int
    fields: tuple[str, ...]
    unseen: int


@dataclass(frozen=True, slots=True)
class Gain:
    """What one more kind of log would add, at most: rules, and techniques that no rule sees now."""

    offer: str
    rules: int
    techniques: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """Detectability of one unit."""

    techniques: tuple[Technique, ...]
    gains: tuple[Gain, ...]
    present: tuple[str, ...]  # keys of the offers that arrive
    visible_rules: int
    rules: int

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@cache
def _texts() -> dict[str, Any]:
    texts: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("attack.yml").read_text("utf-8"))
    return texts


@cache
def offers() -> tuple[Offer, ...]:
    sets = ("channels", "products", "services", "categories")
    return tuple(
        Offer(**{name: frozenset(value) if name in sets else value for name, value in said.items()})
        for said in _texts()["offers"]
    )


def offer(key: str) -> Offer:
    return next(one for one in offers() if one.key == key)


def tactic_name(key: str) -> str:
    return str(_texts()["tactics"][key]["name"])


def tactic_meaning(key: str) -> str:
    return str(_texts()["tactics"][key]["meaning"])


def technique_name(key: str) -> str:
    """In our words; of a technique newer than our list, its number."""
    return str(_texts()["techniques"].get(key, key))


def map_of(eyes: Visibility, arriving: Iterable[tuple[Place, frozenset[str]]]) -> Map:
    """Detectability, given the kinds of records that arrive and the fields that they hold."""
    arriving = list(arriving)
    rules, silent = eyes.ruleset.rules, eyes.ruleset.silent
    seen = eyes.seen(arriving)
    of_technique: dict[str, list[int]] = defaultdict(list)
    for position, rule in enumerate(rules):
        if position not in silent:
            for key in main_techniques_of(rule):
                of_technique[key].append(position)
    techniques = []
    for key, positions in sorted(of_technique.items()):
        lacking = [seen.lacking[position] for position in positions if position in seen.lacking]
        visible = sum(position in seen.visible for position in positions)
        missing = Counter(name for fields in lacking for name in fields if name != EVENT_ID)
        tactics = Counter(tactic for position in positions for tactic in tactics_of(rules[position]))
        techniques.append(
            Technique(
                key=key,
                tactics=tuple(sorted(tactics, key=lambda one: (-tactics[one], one))),
                state=SEEN if visible * 2 >= len(positions) else PARTLY if visible or lacking else BLIND,
                visible=visible,
                rules=len(positions),
                fields=tuple(name for name, _ in missing.most_common(FIELDS_NAMED)),
                unseen=sum(fields == {EVENT_ID} for fields in lacking),
            )
        )
    here = _kinds_of_offers(eyes)
    arrived = {kind for place, _ in arriving for kind in eyes.ruleset.mapping.sources_at(place)}
    present = tuple(key for key, kinds in here.items() if _specific(eyes, kinds) & arrived)
    unseen = {one.key for one in techniques if not one.visible}
    return Map(
        techniques=tuple(techniques),
        gains=_gains(eyes, {key: kinds for key, kinds in here.items() if key not in present}, seen.visible, unseen),
        present=present,
        visible_rules=len(seen.visible - silent),
        rules=len(rules) - len(silent),
    )


def _gains(
    eyes: Visibility, absent: Mapping[str, Collection[int]], visible: frozenset[int], unseen: Collection[str]
) -> tuple[Gain, ...]:
    gains = []
    for key, kinds in absent.items():
        added = eyes.of_kinds(kinds) - visible - eyes.ruleset.silent
        techniques = {one for position in added for one in main_techniques_of(eyes.ruleset.rules[position])}
        if added:
            gains.append(Gain(key, len(added), tuple(sorted(techniques & set(unseen)))))
    return tuple(sorted(gains, key=lambda gain: (-len(gain.techniques), -gain.rules, gain.offer)))


def _kinds_of_offers(eyes: Visibility) -> dict[str, frozenset[int]]:
    """Offer → kinds of records that it brings; each kind belongs to the first offer that fits."""
    found: dict[str, set[int]] = {one.key: set() for one in offers()}
    for index, source in enumerate(eyes.ruleset.mapping.sources):
        first = next((one.key for one in offers() if one.brings(source)), None)
        if first is not None:
            found[first].add(index)
    return {key: frozenset(kinds) for key, kinds in found.items()}


def _specific(eyes: Visibility, kinds: Collection[int]) -> set[int]:
    """Without the kinds that any record of a product belongs to: they do not tell which log came."""
    sources = eyes.ruleset.mapping.sources
    return {kind for kind in kinds if sources[kind].channels or sources[kind].category or sources[kind].service}


def by_tactic(techniques: Sequence[Technique]) -> list[tuple[str, list[Technique]]]:
    """Techniques under each tactic that they serve, in the order of an attack."""
    order = list(_texts()["tactics"])
    groups: dict[str, list[Technique]] = defaultdict(list)
    for technique in techniques:
        for tactic in technique.tactics:
            groups[tactic].append(technique)
    return [(tactic, groups[tactic]) for tactic in order if tactic in groups]
