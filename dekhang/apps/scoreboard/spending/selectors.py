"""Budgets out of checked documents, against the law's share of the day asked. Isolation: only what the reader may see.

Law: CT14-2019 (10 %), L116-2025/38.1 (15 %): `targets` of duty `budget` in dekhang/law/data/duties.yml
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import EvidenceKind, Outcome
from dekhang.apps.duties.selectors import evidence_of
from dekhang.apps.duties.states.budget import share_of
from dekhang.apps.duties.states.rows import Observation
from dekhang.apps.registry.enums import UnitKind
from dekhang.apps.registry.search import found_in
from dekhang.apps.registry.selectors import COUNTED_KINDS, counted_units, visible_unit_ids
from dekhang.apps.scoreboard.selectors import moment_of
from dekhang.law import load

YEARS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Paper:
    """One year's budget of one unit, as its checked document gives it, in million đồng. `share`: security ÷ IT, a fraction."""

    unit_id: int
    year: int
    it: float
    security: float
    share: float | None
    revision_id: int | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class UnitSpending:
    """A unit and the paper that speaks for it on the day; None: there is none."""

    unit_id: int
    name: str
    kind: str
    parent_id: int | None
    paper: Paper | None
    minimum: float | None  # the law's share of the day, a fraction

    @property
    def state(self) -> str:
        """du · thieu · khong-ro (no document, or one without both sums)"""
        if self.paper is None or self.paper.share is None or self.minimum is None:
            return "khong-ro"
        return "du" if self.paper.share >= self.minimum else "thieu"


@dataclass(frozen=True, slots=True)
class Sum:
    """Several units together: sums of those with a document, never a mean of shares."""

    label: str
    units: int
    papers: int
    it: float
    security: float
    reached: int  # units at or above the law's share

    @property
    def share(self) -> float | None:
        return self.security / self.it if self.it else None


@dataclass(frozen=True, slots=True)
class Year:
    year: int
    sum: Sum
    minimum: float | None


@dataclass(frozen=True, slots=True)
class Spending:
    day: date
    minimum: float | None
    rows: tuple[UnitSpending, ...]
    blocks: tuple[Sum, ...]
    whole: Sum
    years: tuple[Year, ...]


def minimum_on(day: date) -> float | None:
    """The law's share of a day as a fraction; None before there was one."""
    target = load().duty("budget").target_on(day)
    return target.minimum / 100 if target else None


def spending(user: User, day: date) -> Spending:
    """Everything that the page shows: units, blocks, years. A fixed number of queries."""
    at, minimum, visible = moment_of(day), minimum_on(day), visible_unit_ids(user)
    versions = [version for version in counted_units(day) if version.unit_id in visible]
    papers = _papers(user, at)
    newest: dict[int, Paper] = {}
    for paper in papers:  # by year: the last one wins
        if paper.until is None or at < paper.until:
            newest[paper.unit_id] = paper
    order = list(COUNTED_KINDS)
    rows = sorted(
        (UnitSpending(v.unit_id, v.name, v.kind, v.parent_id, newest.get(v.unit_id), minimum) for v in versions),
        key=lambda row: (row.paper is None, order.index(row.kind), row.name),  # those with a document first
    )
    blocks = tuple(
        _sum(str(UnitKind(kind).label), [row for row in rows if row.kind == kind])
        for kind in COUNTED_KINDS
        if any(row.kind == kind for row in rows)
    )
    return Spending(
        day, minimum, tuple(rows), blocks, _sum("", rows), _years(papers, {v.unit_id for v in versions}, day)
    )


def _papers(user: User, at: datetime) -> list[Paper]:
    """The newest accepted document of each unit and year that was not found wrong later, by year."""
    rows = evidence_of(user).filter(kind=EvidenceKind.DOCUMENT_CHECKED, subject="budget", observed_at__lte=at)
    found: dict[tuple[int, int], Paper] = {}
    by_revision: dict[tuple[int, int | None], tuple[int, int]] = {}
    for row in rows.order_by("observed_at", "pk"):
        if row.outcome != Outcome.OK:
            # a document that is found wrong takes its own year with it, and no other
            key = by_revision.get((row.unit_id, row.revision_id), (0, 0))
            if key in found and found[key].revision_id == row.revision_id:  # a later text of that year stays
                del found[key]
            continue
        facts = row.payload.get("facts")
        year = str(facts.get("year", "")) if isinstance(facts, dict) else ""
        if not (year.isdecimal() and len(year) == 4):
            continue
        seen = Observation(row.kind, row.subject, row.outcome, row.observed_at, payload=row.payload)
        percent = share_of(seen)
        it, security = (_number(facts.get(name)) for name in ("it_spending", "security_spending"))
        key = (row.unit_id, int(year))
        by_revision[row.unit_id, row.revision_id] = key
        share = percent / 100 if percent is not None else None
        found[key] = Paper(row.unit_id, int(year), it, security, share, row.revision_id, row.valid_until)
    return sorted(found.values(), key=lambda paper: (paper.year, paper.unit_id))


def _number(value: object) -> float:
    return float(value) if isinstance(value, (int, float)) and value > 0 else 0.0


def _sum(label: str, rows: Iterable[UnitSpending]) -> Sum:
    rows = list(rows)
    told = [row.paper for row in rows if row.paper is not None and row.paper.share is not None]
    return Sum(
        label,
        units=len(rows),
        papers=len(told),
        it=sum(paper.it for paper in told),
        security=sum(paper.security for paper in told),
        reached=sum(row.state == "du" for row in rows),
    )


def _years(papers: Iterable[Paper], unit_ids: set[int], day: date) -> tuple[Year, ...]:
    """Sums by budget year, over units in force on the day asked; each against the law's share at that year's end."""
    by_year: dict[int, list[Paper]] = {}
    for paper in papers:
        if paper.unit_id in unit_ids and paper.share is not None:
            by_year.setdefault(paper.year, []).append(paper)
    years = []
    for year, told in sorted(by_year.items())[-YEARS_SHOWN:]:
        minimum = minimum_on(min(date(year, 12, 31), day) if year >= day.year else date(year, 12, 31))
        reached = sum(minimum is not None and (paper.share or 0) >= minimum for paper in told)
        whole = Sum(
            str(year), len(unit_ids), len(told), sum(p.it for p in told), sum(p.security for p in told), reached
        )
        years.append(Year(year, whole, minimum))
    return tuple(years)


def pick(rows: Iterable[UnitSpending], *, kind: str = "", state: str = "", text: str = "") -> list[UnitSpending]:
    return [
        row
        for row in rows
        if (not kind or row.kind == kind)
        and (not state or row.state == state)
        and (not text or found_in(text, row.name))
    ]
