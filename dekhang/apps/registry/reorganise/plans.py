"""What a reorganisation shall make of the units: values that forms fill and everything else reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from dekhang.apps.registry.enums import ReorganisationKind, UnitKind


@dataclass(frozen=True, slots=True)
class Outcome:
    """A unit as it shall be from the date on.

    Args:
        unit_id: the unit that goes on; None: a new one.
        takes: units that go wholly into this one, or mainly when others get a part.
        takes_part: units of which this one gets only a part.
        key: of a new unit, where the record has one; "": made of name, code and year.
    """

    unit_id: int | None
    name: str
    kind: UnitKind
    subtype: str = ""
    code: str = ""
    parent_id: int | None = None
    takes: tuple[int, ...] = ()
    takes_part: tuple[int, ...] = ()
    key: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """One reorganisation.

    Args:
        ends: units that are no more from the date on.
        children_to: unit → new parent, for units under one that ends; those not named go to its main successor, and
            where there is none to its own parent.
        systems_to: id of a system → place in `outcomes`, for systems given away by hand; the others go with their unit.
    """

    date: date
    kind: ReorganisationKind
    basis: str
    outcomes: tuple[Outcome, ...] = ()
    ends: tuple[int, ...] = ()
    note: str = ""
    children_to: Mapping[int, int] = field(default_factory=dict)
    systems_to: Mapping[int, int] = field(default_factory=dict)

    @property
    def touched(self) -> frozenset[int]:
        """Every existing unit that the plan names."""
        own = {one.unit_id for one in self.outcomes if one.unit_id is not None}
        taken = {unit_id for one in self.outcomes for unit_id in (*one.takes, *one.takes_part)}
        return frozenset(own | taken | set(self.ends))

    def main_outcome(self, unit_id: int) -> Outcome | None:
        """Where a unit goes: itself when it goes on, else the outcome that takes it; None: it goes nowhere."""
        own = next((one for one in self.outcomes if one.unit_id == unit_id), None)
        return own or next((one for one in self.outcomes if unit_id in one.takes), None)
