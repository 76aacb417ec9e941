"""Findings kept to be shown in full: different ones, few of each rule, in bounded memory."""

from dataclasses import dataclass
from itertools import islice

from dekhang.cli.detect.findings import Finding
from dekhang.engine.text import Value, scalars, text_of

DIFFERENT_PER_RULE = 20
FIELDS_MATCHED = 12
FIELDS_BESIDE = 6
NAME_CHARS = 80
VALUE_CHARS = 4_000
CHARS_KEPT = 16_000_000  # of all values together ≈ 16–64 MB of memory; from then on values are kept short
VALUE_CHARS_WHEN_FULL = 120

# what a reader asks next, when the rule itself did not look at it
TELLING = (
    "CommandLine", "Image", "ParentImage", "ParentCommandLine", "TargetFilename", "TargetObject", "ServiceName",
    "ImagePath", "TaskName", "QueryName", "DestinationIp", "IpAddress", "LogonType", "src_ip", "dest_ip", "command",
    "exe", "c-ip", "cs-method", "cs-uri", "cs-uri-stem", "sc-status", "cs-user-agent", "message",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a record.

    Args:
        text: its value, cut at VALUE_CHARS.
        left_out: characters cut off.
        matched: the rule looked at it; otherwise it is there to explain.
    """

    name: str
    text: str
    left_out: int
    matched: bool


@dataclass(slots=True)
class Evidence:
    """Findings of a rule that look the same to a reader: same machine, account and values."""

    file: str
    index: int
    machine: str
    account: str
    fields: tuple[Field, ...]
    first_ms: int | None
    last_ms: int | None
    times: int = 1
    events: int = 1  # behind the first of them; more than one for a correlation


class Keeper:
    """Takes every finding, keeps those worth showing, counts the rest."""

    def __init__(self) -> None:
        self._kept: dict[str, dict[int, Evidence]] = {}
        self._chars = 0

    def add(self, finding: Finding) -> None:
        of_rule = self._kept.setdefault(finding.match.rule.id, {})
        look = hash((finding.machine, finding.account, *_look(finding)))
        same = of_rule.get(look)
        if same is not None:
            same.times += 1
            time_ms = finding.known_ms
            if time_ms is not None:
                same.first_ms = time_ms if same.first_ms is None else min(same.first_ms, time_ms)
                same.last_ms = time_ms if same.last_ms is None else max(same.last_ms, time_ms)
        elif len(of_rule) < DIFFERENT_PER_RULE:
            of_rule[look] = self._evidence(finding)

    def of_rule(self, rule_id: str) -> list[Evidence]:
        """Return what was kept of a rule, earliest first."""
        kept = self._kept.get(rule_id, {}).values()
        return sorted(kept, key=lambda one: (one.first_ms is None, one.first_ms or 0, one.index))

    def _evidence(self, finding: Finding) -> Evidence:
        match, beside = finding.match, finding.record.fields
        fields = [self._field(name, value, True) for name, value in islice(match.fields.items(), FIELDS_MATCHED)]
        more = (
            name for name in TELLING if name in beside and name not in match.fields and beside[name] not in ("", None)
        )
        fields += [self._field(name, beside[name], False) for name in islice(more, FIELDS_BESIDE)]
        earliest = match.first_ms if match.first_ms is not None and finding.time_known else finding.known_ms
        return Evidence(
            file=finding.file,
            index=finding.index,
            machine=finding.machine,
            account=finding.account,
            fields=tuple(fields),
            first_ms=earliest,
            last_ms=finding.known_ms,
            events=match.count,
        )

    def _field(self, name: str, value: Value, matched: bool) -> Field:
        text = value if isinstance(value, str) else ", ".join(map(text_of, scalars(value)))
        kept = text[: VALUE_CHARS if self._chars < CHARS_KEPT else VALUE_CHARS_WHEN_FULL]
        self._chars += len(kept)
        return Field(name[:NAME_CHARS], kept, len(text) - len(kept), matched)


def _look(finding: Finding) -> list[str]:
    """Return what a reader would compare, shortened: a million different ids at the end of a value are one look."""
    shown = islice(finding.match.fields.items(), FIELDS_MATCHED)
    return [f"{name}={value if isinstance(value, str) else text_of_all(value)}"[:300] for name, value in shown]


def text_of_all(value: Value) -> str:
    return ", ".join(map(text_of, scalars(value)))
