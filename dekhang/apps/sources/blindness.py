"""Which rules speak only of what one source sends: what nobody sees while it is silent."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from dekhang.apps.sources import rulebook
from dekhang.engine.rules import LEVELS, Rule
from dekhang.engine.visibility import Visibility
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
    return grouped(eyes, lost - eyes.ruleset.silent)


def grouped(eyes: Visibility, positions: Collection[int]) -> list[BlindGroup]:
    """Rules by the log source that they read."""
    by_label: dict[str, list[Rule]] = defaultdict(list)
    for position in positions:
        by_label[label_of(eyes, position)].append(eyes.ruleset.rules[position])
    groups = []
    for label, rules in sorted(by_label.items(), key=lambda one: (-len(one[1]), one[0])):
        gravest = sorted(rules, key=lambda rule: (-LEVELS.index(rule.level), rule.title_vi))
        named = [{"id": rule.id, "title": rule.title_vi} for rule in gravest[:NAMED]]
        groups.append(BlindGroup(label, len(rules), named))
    return groups


def label_of(eyes: Visibility, position: int) -> str:
    """The log source that a rule reads, in short: "windows · process_creation"; of a correlation, those of its suppliers."""
    labels = set()
    for one in eyes.suppliers(position):
        said = eyes.ruleset.rules[one].logsource
        labels.add(" · ".join(part for part in (said.product, said.category, said.service) if part) or _("mọi loại"))
    return " + ".join(sorted(labels))
