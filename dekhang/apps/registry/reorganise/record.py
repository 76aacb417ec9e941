"""The changes of Tây Ninh that are in the record, as plans: the worked example, for an installation that lives before them.

A day of the record is one plan: renames, changes of type and of parent, mergers, divisions, new units and those that end,
as the acts of that day made them. What was divided is given away by hand: `main` of the record is a start, not an answer.
"""

from collections.abc import Mapping
from datetime import date

from dekhang.apps.core import clock
from dekhang.apps.registry.data import Places, Version, load_places
from dekhang.apps.registry.enums import ReorganisationKind, UnitKind
from dekhang.apps.registry.models import Unit, UnitVersion
from dekhang.apps.registry.reorganise.plans import Outcome, Plan


def days_to_come() -> list[date]:
    """Days of the record after today on which nothing is planned here yet; an installation loaded with it whole has none."""
    days = sorted({event.date for event in load_places().events if event.date > clock.today()})
    if not days:
        return []
    known = set(UnitVersion.objects.filter(valid_from__in=days).values_list("valid_from", flat=True))
    return [day for day in days if day not in known]


def plan_of(day: date, systems_to: Mapping[int, int] | None = None, places: Places | None = None) -> Plan:
    """What the acts of that day ask for.

    Args:
        systems_to: id of a system of a divided unit → place in the plan's outcomes.
    """
    places = places or load_places()
    ids = dict(Unit.objects.values_list("key", "pk"))
    begin = [version for version in places.versions if version.valid_from == day]
    goes_on = {version.unit_key for version in begin}
    ends = [
        v.unit_key for v in places.versions if v.valid_to == day and v.unit_key not in goes_on and v.unit_key in ids
    ]
    outcomes = [_outcome(version, places, ids) for version in begin]
    basis = dict.fromkeys(event.basis for event in places.events if event.date == day)
    kind = ReorganisationKind.MERGE if any(one.takes for one in outcomes) else ReorganisationKind.RENAME
    return Plan(
        date=day,
        kind=kind,
        basis="; ".join(basis)[:300],
        outcomes=tuple(outcomes),
        ends=tuple(ids[key] for key in ends),
        systems_to=dict(systems_to or {}),
    )


def _outcome(version: Version, places: Places, ids: Mapping[str, int]) -> Outcome:
    follows = [
        one
        for one in places.successions
        if one.date == version.valid_from and one.successor_key == version.unit_key and one.predecessor_key in ids
    ]
    goes_on = version.unit_key in ids
    taken = [one for one in follows if one.predecessor_key != version.unit_key]
    return Outcome(
        ids[version.unit_key] if goes_on else None,
        version.name,
        UnitKind(version.kind),
        version.subtype,
        version.code,
        ids.get(version.parent_key or ""),
        takes=tuple(ids[one.predecessor_key] for one in taken if one.predecessor_key and one.main),
        takes_part=tuple(ids[one.predecessor_key] for one in taken if one.predecessor_key and not one.main),
        key=version.unit_key,
    )


def divided(plan: Plan) -> list[int]:
    """Units of which several take a part: their systems are given away by hand."""
    return sorted({unit_id for one in plan.outcomes for unit_id in one.takes_part})
