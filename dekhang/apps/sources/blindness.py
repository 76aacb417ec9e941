"""Which rules speak only of what one source sends: what nobody sees while it is silent."""

from collections import Counter
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings

from dekhang.apps.sources import rulebook
from dekhang.engine.rules import LEVELS, Rule
from dekhang.pipeline.stores import routes

ROUTE_DAYS = 30
NAMED = 5  # rules of one log source that are named; the others are counted


@dataclass(frozen=True, slots=True)
class BlindGroup:
    """Rules of one log source, the gravest named first."""

    label: str
    rules: int
    named: list[dict[str, str]]  # id, title

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def blind_without(unit_id: int, source_id: int, *, silent: Collection[int], now: datetime) -> list[BlindGroup]:
    """What the unit no longer sees without this source, by log source, most rules first.

    Args:
        silent: other sources of the unit that say nothing either: they do not make up for it.
    """
    found = routes.of_units(
        settings.DATA, [unit_id], since_ms=int((now - timedelta(days=ROUTE_DAYS)).timestamp() * 1000)
    )[unit_id]
    own = [(route.place, route.fields) for route in found if route.source_id == source_id]
    if not own:
        return []
    others = [(route.place, route.fields) for route in found if route.source_id not in {source_id, *silent}]
    eyes = rulebook.visibility()
    lost = eyes.seen([*own, *others]).visible - eyes.seen(others).visible
    return grouped([eyes.ruleset.rules[position] for position in sorted(lost - eyes.ruleset.silent)])


def grouped(rules: Collection[Rule]) -> list[BlindGroup]:
    """Rules by the log source that they read."""
    counts = Counter(label_of(rule) for rule in rules)
    groups = []
    for label, number in sorted(counts.items(), key=lambda one: (-one[1], one[0])):
        of_label = [rule for rule in rules if label_of(rule) == label]
        gravest = sorted(of_label, key=lambda rule: (-LEVELS.index(rule.level), rule.title_vi))
        groups.append(BlindGroup(label, number, [{"id": rule.id, "title": rule.title_vi} for rule in gravest[:NAMED]]))
    return groups


def label_of(rule: Rule) -> str:
    """A rule's log source in short: "windows · process_creation"."""
    if rule.correlation is not None:
        return "nhiều sự kiện gộp lại"
    said = rule.logsource
    return " · ".join(part for part in (said.product, said.category, said.service) if part) or "mọi nguồn"
