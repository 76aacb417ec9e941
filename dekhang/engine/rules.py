"""A rule as the engine and people see it: what it matches, what it is called, what to do about it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from dekhang.engine.expressions import Expression, atoms

Level: TypeAlias = Literal["informational", "low", "medium", "high", "critical"]
LEVELS: tuple[Level, ...] = ("informational", "low", "medium", "high", "critical")

CorrelationKind: TypeAlias = Literal["event_count", "value_count", "temporal", "temporal_ordered"]
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
class Correlation:
    """Many events that mean something together. Counts never cross units (Record.scope)."""

    kind: CorrelationKind
    rules: tuple[str, ...]  # ids or names of the rules that supply the events
    window_ms: int
    threshold: int  # events, distinct values or distinct rules needed
    group_by: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()  # value_count: the fields whose values are counted, together
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()  # (alias, ((rule, field), …))
    generate: bool = False  # do the supplying rules also speak for themselves?

    def field_for(self, name: str, rule_names: tuple[str, ...]) -> str:
        """Return the field behind a group-by name for a supplying rule known by any of `rule_names`."""
        for alias, fields in self.aliases:
            if alias == name:
                for rule, field in fields:
                    if rule in rule_names:
                        return field
        return name


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
