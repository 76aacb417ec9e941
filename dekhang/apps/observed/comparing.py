"""The register held against what was seen. Pure: names in, differences out; who registered or dismissed what is given.

Hosts: a registered name without a dot covers the machine under any domain (`may-1` and `may-1.xa.gov.vn`), because the
same machine writes itself differently in different logs. Domains are compared whole.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from dekhang.apps.observed.enums import Kind


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing seen at a unit, over all of its sources.

    Args:
        source_ids: in whose records; for a sender none: it is no source yet.
        days: on how many days, of the source that saw it on most.
    """

    kind: Kind
    name: str
    records: int
    days: int
    first_at: datetime
    last_at: datetime
    source_ids: tuple[int, ...] = ()

    @property
    def key(self) -> str:
        """As forms name it."""
        return f"{self.kind}:{self.name}"


def is_registered(kind: Kind, name: str, registered: Collection[str]) -> bool:
    """Args: registered: names of the unit's systems and sources of that kind, as `spelled`."""
    return name in registered or (kind == Kind.HOST and name.partition(".")[0] in registered)


def outside(
    seen: Iterable[Seen], registered: dict[Kind, frozenset[str]], dismissed: Collection[tuple[Kind, str]]
) -> list[Seen]:
    """What is neither registered nor dismissed, the most often seen first."""
    left = [
        one
        for one in seen
        if (one.kind, one.name) not in dismissed
        and not is_registered(one.kind, one.name, registered.get(one.kind, frozenset()))
    ]
    return sorted(left, key=lambda one: (-one.days, -one.records, one.name))


def counts_against(one: Seen, now: datetime, *, days: int, grace: timedelta) -> bool:
    """Whether it refutes “everything is in the register”: a machine that keeps coming and that nobody answered for.

    Only machines: sites are named by whoever visits (a Host header), and a sender was refused anyway.
    """
    return one.kind == Kind.HOST and one.days >= days and now - one.first_at >= grace
