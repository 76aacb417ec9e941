"""What each unit really does about each duty, what it says, and how it lies: the truth, decided before any row is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from dekhang.apps.duties.selectors import duties_for
from dekhang.simulate.size import Size
from dekhang.simulate.strategies import HONEST_ODDITIES, ODDITY_SHARE, of_duty
from dekhang.simulate.tree import SimUnit

NOT_DECLARED = frozenset({"respond", "isp"})  # nothing is declared of these
DILIGENT = {"province": 0.9, "department": 0.75, "district": 0.65, "commune": 0.4}  # of a block, do a duty
SAYS_SO = 0.95  # of those who do a duty
LAPSES = 0.08  # of those who did it: it ended by itself a while ago, without a lie

Truth = Literal["true", "lapsed", "false", "silent"]


@dataclass(slots=True)
class Conduct:
    """One unit and one duty.

    Args:
        truth: carried out now · was, and lapsed · not, though claimed · not, and nothing said.
        since: from when it was carried out, or looked as if.
        claimed_at: when it was declared; None: it was not.
        strategy: how a false claim is dressed up; `oddity`: what an honest one looks like.
    """

    duty: str
    truth: Truth
    since: datetime
    claimed_at: datetime | None = None
    strategy: str = ""
    oddity: str = ""

    @property
    def looks_done(self) -> bool:
        """Whether rows of the doing are there, true or made to look so."""
        return self.truth in ("true", "lapsed") or (bool(self.strategy) and self.strategy != "empty_claim")


def decide(units: list[SimUnit], size: Size) -> dict[int, dict[str, Conduct]]:
    """Conduct by unit and duty."""
    return {unit.id: {one.duty: one for one in _of_unit(unit, size)} for unit in units}


def _of_unit(unit: SimUnit, size: Size) -> Iterator[Conduct]:
    dice = unit.dice
    diligence = min(1.0, max(0.0, dice.gauss(DILIGENT[unit.kind], 0.2)))
    span = (size.end - size.start).days
    for duty in duties_for(unit.kind, size.end - timedelta(hours=1)):
        since = size.start + timedelta(days=dice.randint(1, span // 3), hours=dice.randint(1, 9))
        claimed_at = since + timedelta(days=dice.randint(0, 20))
        oddity = next((one for one in HONEST_ODDITIES if dice.random() < ODDITY_SHARE), "")
        if dice.random() < diligence:
            lapsed = dice.random() < LAPSES and duty.key != "respond"
            says = dice.random() < SAYS_SO and duty.key not in NOT_DECLARED
            yield Conduct(duty.key, "lapsed" if lapsed else "true", since, claimed_at if says else None, oddity=oddity)
        elif duty.key not in NOT_DECLARED and dice.random() < size.lies:
            ways = of_duty(duty.key)
            (way,) = dice.choices(ways, [one.weight for one in ways])
            yield Conduct(duty.key, "false", since, claimed_at, way.key)
        else:
            yield Conduct(duty.key, "silent", since)
