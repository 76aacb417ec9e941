"""A rule as the engine and people see it: what it matches, what it is called, what to do about it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from dekhang.engine.expressions import Expression, atoms

Level: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")

CorrelationKind: TypeAlias = Literal[
    "event_count",
    "value_count",
    "value_sum",
    "value_avg",
    "value_percentile",
    "value_median",
    "temporal",
    "temporal_ordered",
]
NUMBER_KINDS: frozenset[CorrelationKind] = frozenset(("value_sum", "value_avg", "value_percentile", "value_median"))
TEMPORAL_KINDS: frozenset[CorrelationKind] = frozenset(("temporal", "temporal_ordered"))
# more events can only make these true, never false again, so they are told at once
GROWING_KINDS: frozenset[CorrelationKind] = frozenset(("event_count", "value_count", "value_sum", *TEMPORAL_KINDS))
LimitRelation: TypeAlias = Literal["lt", "lte", "gt", "gte", "eq", "neq"]
IncidentKind: TypeAlias = Literal["malware", "intrusion", "phishing", "denial_of_service", "data_leak"]
INCIDENT_KINDS: tuple[IncidentKind, ...] = ("malware", "intrusion", "phishing", "denial_of_service", "data_leak")

# when a rule does not say what it is about, its alert is about the machine that wrote the record
ENTITY_FIELDS = ("Computer", "host")


@dataclass(frozen=True, slots=True)
class RuleError:
    """A rule that could not be read. `reason` is a Vietnamese sentence; `line` counts from 1."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sound rule that this installation cannot evaluate, and why (a Vietnamese sentence)."""

    path: str
    line: int
    reason: str
    rule_id: str = ""
    title: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Logsource:
    """What kind of log a rule reads, in the rule's own words; "" where it does not say."""

    product: str = ""
    category: str = ""
    service: str = ""

    def __str__(self) -> str:
        said = (("product", self.product), ("category", self.category), ("service", self.service))
        return ", ".join(f"{key}: {value}" for key, value in said if value)


@dataclass(frozen=True, slots=True)
class Seen:
    """A supplying rule matched, `Correlation.rules[which]`."""

    which: int


@dataclass(frozen=True, slots=True)
class Together:
    """All of these happened; in a temporal_ordered correlation one after the other."""

    parts: "tuple[Happening, ...]"


@dataclass(frozen=True, slots=True)
class Either:
    """One of these happened."""

    parts: "tuple[Happening, ...]"


@dataclass(frozen=True, slots=True)
class Absent:
    """This did not happen; in a temporal_ordered correlation: not any more, from there on."""

    part: "Happening"


Happening: TypeAlias = Seen | Together | Either | Absent


@dataclass(frozen=True, slots=True)
class Limit:
    """What is measured in a window stands in this relation to a number."""

    how: LimitRelation
    number: int | float

    def allows(self, measured: float) -> bool:
        if self.how == "gte":
            return measured >= self.number
        if self.how == "gt":
            return measured > self.number
        if self.how == "lte":
            return measured <= self.number
        if self.how == "lt":
            return measured < self.number
        return (measured == self.number) == (self.how == "eq")


@dataclass(frozen=True, slots=True)
class Correlation:
    """Many events that mean something together. Counts never cross units (Record.scope).

    Args:
        rules: ids or names of the rules that supply the events.
        limits: what is measured satisfies all of them. Empty only with `happening`.
        fields: the fields whose values are counted together, or the one whose numbers are measured.
        percentile: of value_percentile; None: the share of each value in percent, as in the specification's example.
        aliases: (alias, ((rule, field), …)).
        generate: do the supplying rules also speak for themselves?
        happening: an expression over the supplying rules, instead of `limits`; temporal kinds only.
    """

    kind: CorrelationKind
    rules: tuple[str, ...]
    window_ms: int
    limits: tuple[Limit, ...]
    group_by: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    percentile: float | None = None
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    generate: bool = False
    happening: Happening | None = None

    def __post_init__(self) -> None:
        if not self.rules or self.window_ms <= 0:
            raise ValueError("a correlation needs rules and a time span")
        if (self.happening is None) != bool(self.limits):
            raise ValueError("a correlation has either limits or an expression")
        if self.happening is not None and self.kind not in TEMPORAL_KINDS:
            raise ValueError("an expression over rules is for temporal kinds")
        if not self.fields and (self.kind in NUMBER_KINDS or self.kind == "value_count"):
            raise ValueError("this kind measures a field")

    @property
    def waits(self) -> bool:
        """Whether only the end of a window tells if the condition holds: fewer, exactly, on average, not at all."""
        if self.happening is not None:
            return _has_absent(self.happening)
        return self.kind not in GROWING_KINDS or any(limit.how not in ("gt", "gte") for limit in self.limits)

    def field_for(self, name: str, rule_names: tuple[str, ...]) -> str:
        """Return the field behind a group-by name for a supplying rule known by any of `rule_names`."""
        for alias, fields in self.aliases:
            if alias == name:
                for rule, field in fields:
                    if rule in rule_names:
                        return field
        return name


def _has_absent(happening: Happening) -> bool:
    if isinstance(happening, (Together, Either)):
        return any(map(_has_absent, happening.parts))
    return isinstance(happening, Absent)


@dataclass(frozen=True, slots=True)
class Guidance:
    """Our own part of a rule, `dekhang:`: for an officer who is not a specialist. Vietnamese."""

    title_vi: str
    meaning_vi: str
    first_actions_vi: tuple[str, ...]
    family: str
    entity: tuple[str, ...]
    incident_kind: IncidentKind


@dataclass(frozen=True, slots=True)
class Filter:
    """A Sigma filter: what an installation knows to be harmless, for many rules at once.

    Args:
        rules: ids or names of the rules it tunes; empty: all rules of its log source.
        keeps: must hold for a match to stay. A filter's condition says what is let off; it is negated when read.
    """

    id: str
    title: str
    path: str
    line: int
    logsource: Logsource
    rules: tuple[str, ...]
    keeps: Expression

    def covers(self, asked: Logsource) -> bool:
        """Return whether a rule's log source lies within the filter's: what the filter says, the rule says too."""
        own = self.logsource
        return (
            own.product in ("", asked.product)
            and own.category in ("", asked.category)
            and own.service in ("", asked.service)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """One Sigma rule: either `condition` on a single record of `logsource`, or `correlation` of other rules."""

    id: str
    title: str
    level: Level
    path: str
    line: int = 1
    name: str = ""
    logsource: Logsource = Logsource()
    condition: Expression | None = None
    correlation: Correlation | None = None
    guidance: Guidance | None = None
    status: str = ""
    description: str = ""
    author: str = ""
    license: str = ""
    references: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    falsepositives: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if (self.condition is None) == (self.correlation is None):
            raise ValueError("a rule has either a condition or a correlation")

    @property
    def family(self) -> str:
        """What it is a kind of: alerts of one (unit, family, entity) are one alert.

        Ours say so; of others, the ATT&CK technique without its sub-technique, or else the rule itself.
        """
        if self.guidance is not None:
            return self.guidance.family
        for tag in self.tags:
            technique = tag.lower().removeprefix("attack.").split(".")[0]
            if technique.startswith("t") and technique[1:].isdigit():
                return technique
        return self.id

    @property
    def entity(self) -> tuple[str, ...]:
        """Fields whose first present value is what the alert is about."""
        return self.guidance.entity if self.guidance is not None and self.guidance.entity else ENTITY_FIELDS

    @property
    def title_vi(self) -> str:
        return self.guidance.title_vi if self.guidance is not None else self.title

    @property
    def names(self) -> tuple[str, ...]:
        """What a correlation may call it."""
        return (self.id, self.name) if self.name else (self.id,)

    def fields(self) -> tuple[str, ...]:
        """Return the fields that the condition looks at, each once, in order of mention."""
        if self.condition is None:
            return ()
        return tuple(dict.fromkeys(atom.field for atom in atoms(self.condition) if atom.field is not None))
