"""The shapes of the law's data. Each entry says where it comes from and since when it holds.

`basis` are citation keys (`QD05-2017/11`), `source` are tags of sources.yml, `dossier` is the section of the project's
domain dossier where the fact is discussed. `from_memory` names the fields that nobody has checked against the text yet;
`worded_by_us` marks an entry whose sentence or number is the project's own choice, not the law's words.
"""

from datetime import date
from typing import Literal

import msgspec

RegimeKey = Literal["R2016", "R2026"]
UnitKind = Literal["province", "department", "district", "commune", "isp"]
RoleKey = Literal["province_leader", "coordinator", "head", "officer", "inspector", "administrator"]


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A frozen struct that refuses keys it does not know."""


class Entry(Shape, frozen=True, kw_only=True):
    """What every dated entry of the law carries."""

    key: str
    basis: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    dossier: str = ""
    from_memory: tuple[str, ...] = ()
    worded_by_us: bool = False
    note: str = ""


class Dated(Entry, frozen=True, kw_only=True):
    """An entry in force from `valid_from` until the day before `valid_to` (None: open end)."""

    valid_from: date
    valid_to: date | None = None

    def in_force(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_to is None or on < self.valid_to)


class Versioned(Dated, frozen=True, kw_only=True):
    """A dated entry whose key may stand several times, for periods that do not overlap: the later one follows the earlier."""


class Source(Shape, frozen=True, kw_only=True):
    """Where a fact was read: tag, title, and how far to trust it."""

    key: str
    title: str
    trust: Literal["official_text", "single_repository", "press", "commentary", "memory", "ours"]


class Instrument(Dated, frozen=True, kw_only=True):
    """A legal text. `clauses` are the clauses the project cites: "11" → what it is about, in our words."""

    name: str  # as cited: "Nghị định 85/2016/NĐ-CP"
    title: str
    issuer: str
    issued: date | None = None
    regimes: tuple[RegimeKey, ...]
    replaced_by: tuple[str, ...] = ()
    clauses: dict[str, str] = {}


class Transition(Shape, frozen=True, kw_only=True):
    """A date by which something made under the old regime must satisfy the new one."""

    until: date | None
    what: str
    basis: tuple[str, ...] = ()
    source: tuple[str, ...] = ()


class Regime(Dated, frozen=True, kw_only=True):
    """A body of rules in force together. A record keeps the regime it was made under."""

    title: str
    rule: str  # which record falls under it
    transitions: tuple[Transition, ...] = ()


class Target(Shape, frozen=True, kw_only=True):
    """What share must be reached, and since when. `minimum` is a percentage."""

    minimum: float
    of: str
    valid_from: date
    valid_to: date | None = None
    basis: tuple[str, ...]


class ReferenceFigure(Shape, frozen=True, kw_only=True):
    """A published figure drawn as a line beside ours; never computed by us."""

    percent: float
    year: int
    scope: Literal["national"]
    label: str
    source: tuple[str, ...]
    note: str = ""


class Duty(Dated, frozen=True, kw_only=True):
    """One obligation: who must do it, how much of it, what a unit declares, and what proves it."""

    order: int
    title: str
    short: str  # ≤ 28 characters, for table heads
    obligation: str
    who: str
    applies_to: tuple[UnitKind, ...]
    targets: tuple[Target, ...] = ()
    declared_by: RoleKey | None
    declared: str  # what a unit says of itself; "" when nothing is declared
    proven: str  # what the system must have seen
    refuted: str = ""  # what contradicts the claim
    proofs: tuple[str, ...]  # keys of proofs.yml
    next_step: str  # the first thing to do for a unit that does not count
    references: tuple[ReferenceFigure, ...] = ()

    def target_on(self, on: date) -> Target | None:
        """The target in force on a date, or None if the duty has no number then."""
        return next(
            (t for t in self.targets if t.valid_from <= on and (t.valid_to is None or on < t.valid_to)),
            None,
        )


class Limit(Shape, frozen=True, kw_only=True):
    """How long: `days` and `hours` run from the anchor to the minute; `yearly_before` are local days "MM-DD"."""

    unit: Literal["at_once", "hours", "days", "yearly_before", "unlimited"]
    amount: int = 0
    dates: tuple[str, ...] = ()


class Event(Shape, frozen=True, kw_only=True):
    """Something that starts or stops a clock."""

    key: str
    title: str


class Party(Shape, frozen=True, kw_only=True):
    """Who sends or receives, by regime: authorities moved from one ministry to another."""

    key: str
    title: str
    names: dict[RegimeKey, str]
    basis: tuple[str, ...] = ()
    source: tuple[str, ...] = ()
    worded_by_us: bool = False


class Clock(Entry, frozen=True, kw_only=True):
    """A statutory deadline: starts at `anchor`, met when `stops_on` happens within `limit`."""

    regime: RegimeKey
    title: str
    condition: str  # when this clock runs at all
    anchor: str  # key of an event
    stops_on: str  # key of an event
    also_stopped_by: tuple[str, ...] = ()  # events that make this report needless, by our reading
    limit: Limit
    sender: str  # key of a party
    recipients: tuple[str, ...]
    report: str = ""  # key of report_fields.yml

    @property
    def says(self) -> str:
        """The deadline in words: "trong 5 ngày"."""
        amount = self.limit.amount
        return {
            "at_once": "ngay lập tức",
            "hours": f"trong {amount} giờ",
            "days": f"trong {amount} ngày",
            "yearly_before": "trước ngày " + " và ".join(f"{d[3:]}/{d[:2]}" for d in self.limit.dates) + " hằng năm",
            "unlimited": "chưa có thời hạn bằng số",
        }[self.limit.unit]


class Role(Entry, frozen=True, kw_only=True):
    """A role in the system and where its power comes from."""

    title: str
    scope: Literal["province", "unit"]
    may: str
    answers_for: str


class Proof(Entry, frozen=True, kw_only=True):
    """A validity or a threshold: when evidence expires, how late is too late."""

    title: str
    value: float
    unit: Literal["days", "hours", "minutes", "percent", "count"]

    @property
    def whole(self) -> int:
        return int(self.value)


class LogRetention(Entry, frozen=True, kw_only=True):
    """How long at least the logs of a system of one level are kept."""

    regime: RegimeKey
    title: str
    level: Literal[2, 3, 4, 5]
    months: Literal[1, 3, 6, 12]

    @property
    def days(self) -> int:
        """The most days that so many months can have, so that nothing goes too early."""
        return {1: 31, 3: 92, 6: 184, 12: 366}[self.months]


class Stage(Entry, frozen=True, kw_only=True):
    """A stage of the response process: who leads, who helps."""

    regime: RegimeKey
    title: str
    lead: str
    coordinate: str
    optional: bool = False


class ReportField(Shape, frozen=True, kw_only=True):
    """One field of a report. `group` is the letter of the clause that asks for it."""

    key: str
    label: str
    kind: Literal["line", "text", "moment", "choice", "choices"]
    group: str = ""
    required: bool = False
    help: str = ""
    choices: tuple[str, ...] = ()
    from_memory: bool = False
    worded_by_us: bool = False


class Report(Entry, frozen=True, kw_only=True):
    """A report or notice that the law asks for."""

    regime: RegimeKey
    title: str
    form: str = ""  # official form number, if any
    layout_known: bool  # False: the official layout was not obtained; ours follows the contents by article
    sender: str
    recipients: tuple[str, ...]
    fields: tuple[ReportField, ...]


BandKey = Literal["A", "B", "C", "D", "E"]


class Band(Versioned, frozen=True, kw_only=True):
    """A band of units: those whose index is at least `minimum` and that no better band takes."""

    key: BandKey
    title: str
    minimum: float  # of the index, 0 … 100


class Points(Versioned, frozen=True, kw_only=True):
    """What a proven duty weighs in a unit's index, and how much of the unit's risk it takes away. `key` is the duty's."""

    points: float
    risk: Literal[1, 2, 3, 4, 5]


class Effort(Versioned, frozen=True, kw_only=True):
    """What it costs a unit to clear one obstacle. `key` is the code of the reason (`duties.enums.ReasonCode`)."""

    hours: float  # of work, by the unit's own people
    waiting_days: int = 0  # for others: a review, a decision, a course
    once: bool = False  # one act clears it in every duty that names it
    how: str  # how long it takes, in words


class Pillar(Shape, frozen=True, kw_only=True):
    """One of the five pillars of the Global Cybersecurity Index."""

    key: str
    title: str


class GciEdition(Dated, frozen=True, kw_only=True):
    """A published edition of the index. It is scored for countries only: there is no number for a province, here or anywhere.

    `valid_from` is when it was published, `valid_to` when the next one was.
    """

    title: str
    result: str  # what was published of the country, in words
    differs: str  # from the edition before it; "" when nothing is known
    indicators_known: bool  # False: its list was not obtained, the next edition's is shown with that word


class Contribution(Shape, frozen=True, kw_only=True):
    """What of the province's evidence speaks for an indicator. Exactly one of duty, evidence, document, instrument is given."""

    what: str  # in words: what it shows
    duty: str = ""  # key of duties.yml: its proven units
    evidence: str = ""  # duties.enums.EvidenceKind: units that have it
    document: str = ""  # duties.enums.DocumentKind: accepted documents
    instrument: str = ""  # key of instruments.yml: a published text


class GciIndicator(Entry, frozen=True, kw_only=True):
    """One of the twenty indicators. `contributions` is empty for what only the state as a whole can show: `why_none` says so."""

    order: int
    pillar: str
    title: str
    asks: str  # what the country is asked, in our words
    editions: tuple[str, ...]
    contributions: tuple[Contribution, ...] = ()
    why_none: str = ""


class ReportDate(Dated, frozen=True, kw_only=True):
    """When a periodic report is due and which days it covers. Yearly ones say dates as "MM-DD"; weekly ones run Monday–Sunday."""

    title: str
    kind: str  # key of apps.reports.enums.ReportKind
    subject: Literal["unit", "province"]
    regime: RegimeKey
    every: Literal["year", "week"] = "year"
    period_from: str = ""
    period_to: str = ""
    due: str = ""
    recipients: tuple[str, ...]  # keys of parties


class ChecklistItem(Shape, frozen=True, kw_only=True):
    """One thing that an inspection looks at."""

    key: str
    group: str
    text: str  # how it should be
    look: str  # what the inspector asks to see
    duty: str = ""  # the duty it is about
    refutes: Literal["", "outside_register"] = ""  # the observation (kind of evidence) that a failed item is
    basis: tuple[str, ...]


class Checklist(Versioned, frozen=True, kw_only=True):
    """What an inspection visit looks at, in order."""

    title: str
    items: tuple[ChecklistItem, ...]
