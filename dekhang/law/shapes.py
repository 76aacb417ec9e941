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
