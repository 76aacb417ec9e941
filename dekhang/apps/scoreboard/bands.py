"""Bands A–E: one number for a unit out of the duties it has proven, and the band it falls into. Pure; `docs/reference/bands.md`.

The index is points of proven duties ÷ points of the duties that fall on the unit, in hundredths. Nothing else earns points.
A refuted declaration keeps a unit out of the best bands, whatever else it has proven.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from dekhang.apps.duties.enums import ClaimState
from dekhang.law import load
from dekhang.law.shapes import Band


@dataclass(frozen=True, slots=True)
class Formula:
    """The bands of a day, best first, and what each duty weighs. No bands: the day is before there were any."""

    bands: tuple[Band, ...]
    points: Mapping[str, float]
    refuted_at_best: str


@dataclass(frozen=True, slots=True)
class Placed:
    """`index`: 0 … 100. `capped`: the band would be better, were it not for a refuted declaration."""

    index: float
    band: Band
    capped: bool = False


def formula_on(day: date) -> Formula:
    book = load()
    return Formula(book.bands(day), {key: one.points for key, one in book.points(day).items()}, book.refuted_at_best)


def index_of(states: Mapping[str, ClaimState], points: Mapping[str, float]) -> float | None:
    """The index of a unit whose duties have these states; None when nothing that weighs falls on it."""
    whole = sum(points[key] for key in states if key in points)
    if not whole:
        return None
    return (
        100 * sum(points[key] for key, state in states.items() if key in points and state == ClaimState.PROVEN) / whole
    )


def place(states: Mapping[str, ClaimState], formula: Formula) -> Placed | None:
    """Index and band of one unit; None when nothing falls on it, or there were no bands."""
    index = index_of(states, formula.points)
    if index is None or not formula.bands:
        return None
    band = next((one for one in formula.bands if index >= one.minimum), formula.bands[-1])
    keys = [one.key for one in formula.bands]
    best = keys.index(formula.refuted_at_best) if formula.refuted_at_best in keys else 0
    refuted = any(state == ClaimState.REFUTED and key in formula.points for key, state in states.items())
    if refuted and keys.index(band.key) < best:
        return Placed(index, formula.bands[best], capped=True)
    return Placed(index, band)
