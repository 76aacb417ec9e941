"""The draw: a pure function of a list of units, quotas and a seed. Anybody can repeat it with the same result.

Units of a block stand in the order of SHA-256(seed ":" key of the unit). Those drawn by risk are the ones of the highest risk
above 0, of equal risk the first in that order; those drawn at random are the first of the others.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dekhang.apps.inspections.enums import Way


@dataclass(frozen=True, slots=True)
class Candidate:
    unit_id: int
    key: str
    block: str
    risk: int


@dataclass(frozen=True, slots=True)
class Drawn:
    unit_id: int
    block: str
    way: Way
    rank: int  # 1, 2, 3 … over the whole sample
    risk: int


def draw(frame: Sequence[Candidate], quotas: Mapping[str, tuple[int, int]], seed: str) -> list[Drawn]:
    """The sample: for each block so many by risk, so many at random; fewer when there are no more."""
    found: list[tuple[Candidate, Way]] = []
    for block in sorted(quotas):
        by_risk, at_random = quotas[block]
        order = sorted((one for one in frame if one.block == block), key=lambda one: place_of(seed, one.key))
        risky = sorted((one for one in order if one.risk > 0), key=lambda one: -one.risk)[:by_risk]  # stable
        taken = {one.unit_id for one in risky}
        found += [(one, Way.RISK) for one in risky]
        found += [(one, Way.RANDOM) for one in [one for one in order if one.unit_id not in taken][:at_random]]
    return [Drawn(one.unit_id, one.block, way, rank, one.risk) for rank, (one, way) in enumerate(found, start=1)]


def place_of(seed: str, key: str) -> str:
    return hashlib.sha256(f"{seed}:{key}".encode()).hexdigest()
