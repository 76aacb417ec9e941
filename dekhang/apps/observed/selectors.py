"""Reads: what was seen at units and what is registered there, starting from the units that a person may see."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings

from dekhang.apps.core import clock
from dekhang.apps.observed.comparing import Seen, is_registered, outside
from dekhang.apps.observed.enums import Kind
from dekhang.apps.observed.models import Dismissal
from dekhang.apps.registry.inventory.addresses import owners
from dekhang.apps.registry.inventory.services import spelled
from dekhang.apps.registry.models import System, SystemName
from dekhang.apps.sources.enums import SourceState
from dekhang.apps.sources.models import LogSource
from dekhang.apps.sources.selectors import moment, unknown_senders
from dekhang.pipeline.stores.arrivals import host_of
from dekhang.pipeline.stores.names import MORE, seen_names

LOOKED_BACK = timedelta(days=90)
UNSEEN_AFTER = timedelta(days=14)  # a registered name or source that never showed for so long


@dataclass(slots=True)
class Comparison:
    """One unit. `more`: records of names for which there was no room."""

    unit_id: int
    outside: list[Seen] = field(default_factory=list)
    dismissed: list[Dismissal] = field(default_factory=list)
    unseen_names: list[SystemName] = field(default_factory=list)
    unseen_systems: list[System] = field(default_factory=list)
    unseen_sources: list[LogSource] = field(default_factory=list)
    sources: dict[int, str] = field(default_factory=dict)
    more: int = 0

    @property
    def unseen(self) -> int:
        return len(self.unseen_names) + len(self.unseen_systems) + len(self.unseen_sources)


def comparisons(unit_ids: Collection[int]) -> dict[int, Comparison]:
    """For each unit; a handful of queries whatever their number."""
    now, today = clock.now(), clock.today()
    found = {unit_id: Comparison(unit_id) for unit_id in unit_ids}
    sources = {
        source.pk: source for source in LogSource.objects.filter(unit_id__in=found).exclude(state=SourceState.RETIRED)
    }
    seen, more = _seen(sources, now)
    for unit_id, one in _senders(found).items():
        seen[unit_id] += one
    names = defaultdict(list)
    in_force = SystemName.objects.in_force(today).filter(system__unit_id__in=found).select_related("system")
    for name in in_force:
        names[name.system.unit_id].append(name)
    dismissals = defaultdict(list)
    for dismissal in Dismissal.objects.filter(unit_id__in=found, undone_at=None).select_related("decided_by"):
        dismissals[dismissal.unit_id].append(dismissal)
    of_unit = defaultdict(list)
    for source in sources.values():
        of_unit[source.unit_id].append(source)
    systems = defaultdict(list)
    for system in System.objects.in_force(today).filter(unit_id__in=found):
        systems[system.unit_id].append(system)
    for unit_id, one in found.items():
        registered = _registered(names[unit_id], of_unit[unit_id])
        one.dismissed = dismissals[unit_id]
        one.outside = outside(seen[unit_id], registered, {(Kind(d.kind), d.name) for d in one.dismissed})
        one.more = more.get(unit_id, 0)
        one.sources = {source.pk: source.name for source in of_unit[unit_id]}
        _never_seen(one, seen[unit_id], names[unit_id], of_unit[unit_id], systems[unit_id], now)
    return found


def comparison(unit_id: int) -> Comparison:
    return comparisons([unit_id])[unit_id]


def _seen(sources: dict[int, LogSource], now: datetime) -> tuple[defaultdict[int, list[Seen]], dict[int, int]]:
    """Unit → what its sources named; a name in the records of several sources is one thing. And records without room."""
    rows = seen_names(settings.DATA, sources.keys(), since_ms=int((now - LOOKED_BACK).timestamp() * 1000))
    by_thing: dict[tuple[int, str, str], list] = defaultdict(list)
    more: dict[int, int] = defaultdict(int)
    for row in rows:
        unit_id = sources[row.source_id].unit_id
        if row.name == MORE:
            more[unit_id] += row.records
        else:
            by_thing[unit_id, row.kind, row.name].append(row)
    found: defaultdict[int, list[Seen]] = defaultdict(list)
    for (unit_id, kind, name), those in by_thing.items():
        found[unit_id].append(
            Seen(
                Kind(kind),
                name,
                sum(row.records for row in those),
                max(row.days for row in those),
                moment(min(row.first_ms for row in those)),
                moment(max(row.last_ms for row in those)),
                tuple(sorted(row.source_id for row in those)),
            )
        )
    return found, more


def _senders(units: Collection[int]) -> dict[int, list[Seen]]:
    """Machines that knocked without a token or a registered address, by the unit whose range their address is in."""
    knocked = {}
    for row in unknown_senders():
        address = host_of(row.peer)
        known = knocked.get(address)
        records = row.records + (known.records if known else 0)
        last = max(row.last_at, known.last_at) if known else row.last_at
        first = min(row.last_at, known.first_at) if known else row.last_at
        knocked[address] = Seen(Kind.SENDER, address, records, 1, first, last)
    found: dict[int, list[Seen]] = defaultdict(list)
    for address, unit_id in owners(knocked).items():
        if unit_id in units:
            found[unit_id].append(knocked[address])
    return found


def _registered(names: list[SystemName], sources: list[LogSource]) -> dict[Kind, frozenset[str]]:
    hosts = {name.name for name in names if name.kind == Kind.HOST} | {
        spelled(host) for source in sources for host in source.hosts
    }
    addresses = {address for source in sources for address in source.addresses}
    return {
        Kind.HOST: frozenset(hosts),
        Kind.DOMAIN: frozenset(name.name for name in names if name.kind == Kind.DOMAIN),
        Kind.SENDER: frozenset(addresses),
    }


def _never_seen(
    one: Comparison,
    seen: list[Seen],
    names: list[SystemName],
    sources: list[LogSource],
    systems: list[System],
    now: datetime,
) -> None:
    day = (now - UNSEEN_AFTER).date()
    shown = [(s.kind, s.name) for s in seen]
    for name in names:
        kind = Kind(name.kind)
        if name.valid_from <= day and not any(k == kind and is_registered(kind, n, {name.name}) for k, n in shown):
            one.unseen_names.append(name)
    one.unseen_sources = [s for s in sources if s.first_event_at is None and now - s.created_at >= UNSEEN_AFTER]
    with_source = {source.system_id for source in sources}
    named = {name.system_id for name in names}
    one.unseen_systems = [s for s in systems if s.valid_from <= day and s.pk not in with_source and s.pk not in named]
