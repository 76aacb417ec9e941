"""Evidence packs: for each indicator the items that speak for it on a day, and whether the public may have them.

Counts are of units and documents, never points. An item is private until the coordinator has cleared it; published legal
texts are public by themselves. Isolation: documents only of units that the reader may see; counts of units are the board's.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery

from dekhang.apps.core.models import User
from dekhang.apps.duties.enums import Outcome
from dekhang.apps.duties.filing.selectors import in_force
from dekhang.apps.duties.models import Evidence
from dekhang.apps.registry.models import Unit
from dekhang.apps.registry.selectors import counted_units
from dekhang.apps.scoreboard.models import PublicItem
from dekhang.apps.scoreboard.selectors import figures, moment_of
from dekhang.law import load
from dekhang.law.shapes import Contribution, GciEdition, GciIndicator, Pillar


def key_of(one: Contribution) -> str:
    """How a mark names a contribution: `duty:sop`, `evidence:canary`, `document:regulation`, `instrument:QD2273-2019`."""
    for what in ("duty", "evidence", "document", "instrument"):
        if value := getattr(one, what):
            return f"{what}:{value}"
    raise ValueError("a contribution names nothing")  # dekhang.law refuses such data


@dataclass(frozen=True, slots=True)
class Counts:
    """What there was on a day: proven units by duty, units with evidence by kind, documents in force by kind."""

    units: int
    proven: Mapping[str, tuple[int, int]]
    evidence: Mapping[str, int]
    documents: Mapping[str, int]

    def of(self, one: Contribution) -> tuple[int, int | None]:
        """(how many, of how many units; None for things that have no whole)."""
        if one.duty:
            return self.proven.get(one.duty, (0, 0))
        if one.evidence:
            return self.evidence.get(one.evidence, 0), self.units
        if one.document:
            return self.documents.get(one.document, 0), None
        return 1, None


@dataclass(frozen=True, slots=True)
class Item:
    """One contribution on a day. `before`: how many there were when the last edition was published; None: nothing yet counted."""

    contribution: Contribution
    key: str
    count: int
    whole: int | None
    before: int | None
    public: bool
    public_documents: int = 0

    @property
    def change(self) -> int | None:
        return None if self.before is None else self.count - self.before


@dataclass(frozen=True, slots=True)
class Row:
    indicator: GciIndicator
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Map:
    """The twenty indicators on a day. `edition`: the newest one published by then; `listed`: whose list of indicators is shown."""

    day: date
    edition: GciEdition | None
    listed: GciEdition
    rows: tuple[tuple[Pillar, tuple[Row, ...]], ...]

    @property
    def contributing(self) -> int:
        return sum(any(item.count for item in row.items) for _pillar, rows in self.rows for row in rows)


def counts_on(day: date, user: User, papers: Iterable[tuple[int, str]] | None = None) -> Counts:
    """A fixed number of queries. Documents are those of units that `user` may see; `papers`: (id, kind), read already."""
    at = moment_of(day)
    if papers is None:
        papers = documents(user, at).values_list("revision__document_id", "revision__document__kind")
    indicators = load().gci_indicators
    duty_keys = list(dict.fromkeys(one.duty for i in indicators for one in i.contributions if one.duty))
    kinds = {one.evidence for i in indicators for one in i.contributions if one.evidence}
    units = [version.unit_id for version in counted_units(day)]
    return Counts(
        units=len(units),
        proven={key: (figure.proven, figure.units) for key, figure in figures(day, duty_keys).items()},
        evidence=_holding(kinds, units, at),
        documents=Counter(kind for _pk, kind in papers),
    )


def _holding(kinds: Collection[str], unit_ids: Collection[int], at: datetime) -> dict[str, int]:
    """How many of the units have evidence of each kind that was good at `at`; one query.

    For each unit the newest row is tried first: counting over the rows themselves reads all of them, a million.
    """
    good = Evidence.objects.filter(unit_id=OuterRef("pk"), outcome=Outcome.OK, observed_at__lte=at)
    good = good.filter(Q(valid_until=None) | Q(valid_until__gt=at)).order_by("-subject", "-observed_at").values("pk")
    names = sorted(kinds)
    rows = Unit.objects.filter(pk__in=unit_ids).annotate(
        **{f"has_{kind}": Subquery(good.filter(kind=kind)[:1]) for kind in names}
    )
    found = list(rows.values_list(*(f"has_{kind}" for kind in names)))
    return {kind: sum(row[place] is not None for row in found) for place, kind in enumerate(names)}


def documents(user: User, at: datetime) -> QuerySet[Evidence]:
    """Accepted documents in force at `at` of units that `user` may see, with their text."""
    return in_force(user, at).filter(revision__isnull=False)


def public_items() -> dict[str, PublicItem]:
    """What stands cleared for the public now, by its key."""
    return {item.key: item for item in PublicItem.objects.filter(withdrawn_at=None).select_related("cleared_by")}


def contribution_map(user: User, day: date) -> Map:
    book = load()
    edition = book.gci_edition_on(day)
    listed = (
        edition if edition and edition.indicators_known else next(e for e in book.gci_editions if e.indicators_known)
    )
    papers = list(documents(user, moment_of(day)).values_list("revision__document_id", "revision__document__kind"))
    now, cleared = counts_on(day, user, papers), public_items()
    before = counts_on(edition.valid_from, user) if edition else None
    public_documents = Counter(kind for pk, kind in papers if f"paper:{pk}" in cleared)

    def item(one: Contribution) -> Item:
        key = key_of(one)
        count, whole = now.of(one)
        return Item(
            one,
            key,
            count,
            whole,
            before=before.of(one)[0] if before and not one.instrument else None,
            public=bool(one.instrument) or key in cleared,
            public_documents=public_documents[one.document] if one.document else 0,
        )

    rows = {
        pillar.key: tuple(
            Row(indicator, tuple(item(one) for one in indicator.contributions))
            for indicator in book.gci_indicators
            if indicator.pillar == pillar.key and listed.key in indicator.editions
        )
        for pillar in book.gci_pillars
    }
    return Map(day, edition, listed, tuple((pillar, rows[pillar.key]) for pillar in book.gci_pillars))


@dataclass(frozen=True, slots=True)
class PublicRow:
    """One line of what may be published."""

    pillar: str
    indicator: str
    what: str
    figure: str
    link: str


def public_rows(user: User, day: date) -> list[PublicRow]:
    """Only what was cleared for the public: counts, texts, and papers by their own titles. Nothing private passes here."""
    book, cleared = load(), public_items()
    papers: dict[str, list[Evidence]] = {}
    wanted = [int(key.removeprefix("paper:")) for key in cleared if key.startswith("paper:")]
    in_them = documents(user, moment_of(day)).filter(revision__document_id__in=wanted)
    for row in in_them.order_by("unit_id", "pk"):
        papers.setdefault(row.revision.document.kind, []).append(row)
    rows = []
    for pillar, lines in contribution_map(user, day).rows:
        for line in lines:
            for one in line.items:
                link = cleared[one.key].link if one.key in cleared else ""
                if one.contribution.instrument:
                    text = book.instrument(one.contribution.instrument)
                    rows.append(PublicRow(pillar.title, line.indicator.title, f"{text.name}: {text.title}", "", link))
                elif one.public:
                    figure = f"{one.count}/{one.whole}" if one.whole is not None else str(one.count)
                    rows.append(PublicRow(pillar.title, line.indicator.title, one.contribution.what, figure, link))
                for paper in papers.get(one.contribution.document, ()) if one.contribution.document else ():
                    assert paper.revision is not None  # `documents` has those with a text only
                    mark = cleared[f"paper:{paper.revision.document_id}"]
                    title = " · ".join(filter(None, (paper.revision.document.title, paper.revision.issue_number)))
                    day_of = f"{paper.revision.issued_on:%d/%m/%Y}"
                    rows.append(PublicRow(pillar.title, line.indicator.title, f"{title} ({day_of})", "", mark.link))
    return rows
