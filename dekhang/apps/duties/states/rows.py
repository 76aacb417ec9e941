"""Plain rows in, a state with its reasons out: the shapes of `duties.states`. No database, no clock."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from dekhang.apps.duties.enums import ClaimState, EvidenceKind, Outcome


@dataclass(frozen=True, slots=True)
class Observation:
    """One row of evidence. Rows given together are in the order in which they were recorded."""

    kind: str  # EvidenceKind
    subject: str
    outcome: str  # Outcome
    observed_at: datetime
    valid_until: datetime | None = None
    reason: str = ""
    payload: dict[str, object] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return self.outcome == Outcome.OK

    def holds(self, at: datetime) -> bool:
        """Whether it speaks for the unit at `at`: ok and not expired."""
        return self.ok and (self.valid_until is None or at < self.valid_until)

    @property
    def topic(self) -> str:
        """What a later row replaces: its subject; a reading is also about its reader."""
        return f"{self.subject}/{self.payload.get('user_id')}" if self.kind == EvidenceKind.SOP_READ else self.subject


@dataclass(frozen=True, slots=True)
class ClaimSpan:
    """A declaration that stood from `declared_at` until `withdrawn_at` (None: still stands)."""

    declared_at: datetime
    withdrawn_at: datetime | None = None

    def stands(self, at: datetime) -> bool:
        return self.declared_at <= at and (self.withdrawn_at is None or at < self.withdrawn_at)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a unit does not count as proven, and what its people do next. `url_name` takes no arguments or is None.

    `subject` names the very thing as evidence does (`source:12`, `layer:2`), so that a page can lead to its own place.
    """

    code: str
    text: str
    next_step: str
    url_name: str | None = None
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """How far a unit is with the things that its duty counts: people, systems, sources, deadlines, layers, money.

    `done` ÷ `whole` is the detail share beside the share of units; `never` of those not done were never begun.
    """

    done: float
    whole: float
    never: float = 0


@dataclass(frozen=True, slots=True)
class Assessment:
    """The state of a unit's claim on a duty at one moment.

    `since`: when it came into this state; None for a unit of which nothing was ever heard.
    `proven_until`: when the proof runs out by itself; None unless proven.
    `measure`: None for a duty that counts units only, and where there is nothing to count yet.
    """

    state: ClaimState
    reasons: tuple[Reason, ...] = ()
    since: datetime | None = None
    proven_until: datetime | None = None
    measure: Measure | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that stands between a unit and its proof; turned into a `Reason` when people ask."""

    code: str
    subject: str = ""
    about: Observation | None = None
    count: int = 0


@dataclass(slots=True)
class Facts:
    """What is known at one moment of the walk: the newest row of each topic, and when each was broken."""

    newest: dict[str, dict[str, Observation]] = field(default_factory=dict)
    broken_at: dict[str, dict[str, list[datetime]]] = field(default_factory=dict)

    def add(self, row: Observation) -> None:
        """A row that withdraws a wrong one (`stood_since`) leaves what stood before: as old as that was, or nothing at all."""
        since = row.payload.get("stood_since", "")
        if since is None:
            self.newest.get(row.kind, {}).pop(row.topic, None)
            return
        if since:
            row = replace(row, observed_at=datetime.fromisoformat(str(since)))
        self.newest.setdefault(row.kind, {})[row.topic] = row
        broken = self.broken_at.setdefault(row.kind, {}).setdefault(row.topic, [])
        if not row.ok:
            broken.append(row.observed_at)
        elif broken and row.payload.get("brief"):
            broken.pop()  # it was broken so shortly that it is as if it had not been

    def get(self, kind: str, topic: str) -> Observation | None:
        return self.newest.get(kind, {}).get(topic)

    def of(self, kind: str) -> Iterator[Observation]:
        """Newest rows of a kind, one per topic."""
        yield from self.newest.get(kind, {}).values()

    def last_broken(self, kind: str, topic: str) -> datetime | None:
        broken = self.broken_at.get(kind, {}).get(topic)
        return broken[-1] if broken else None
