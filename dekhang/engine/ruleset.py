"""Rules put together: correlations tied to their suppliers, rules without a log source here left out and named."""

from collections.abc import Iterable
from dataclasses import dataclass

from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.rules import Logsource, Rule, Skipped


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that fit together, and the log sources they read. Immutable and picklable.

    Args:
        feeds: for each rule, the positions of the correlations that count its matches.
        silent: positions of rules that only supply correlations.
        skipped: rules left out, with the reason.
        unmapped: those of them whose log source nobody here reads.
    """

    rules: tuple[Rule, ...]
    mapping: LogsourceMapping
    feeds: tuple[tuple[int, ...], ...]
    silent: frozenset[int]
    skipped: tuple[Skipped, ...]
    unmapped: tuple[Rule, ...] = ()


def compile_rules(rules: Iterable[Rule], mapping: LogsourceMapping) -> RuleSet:
    """Put rules together: tie correlations to their suppliers, leave out what no log source here answers."""
    skipped: list[Skipped] = []
    kept: list[Rule] = []
    unmapped: list[Rule] = []
    reasons: dict[Logsource, str] = {}
    for rule in rules:
        if rule.logsource not in reasons:
            reasons[rule.logsource] = mapping.why_unread(rule.logsource)
        if rule.correlation is None and reasons[rule.logsource]:
            skipped.append(_skip(rule, reasons[rule.logsource]))
            unmapped.append(rule)
        else:
            kept.append(rule)
    kept, unsupplied = _supplied(kept)
    skipped.extend(unsupplied)
    positions = {name: position for position, rule in reversed(list(enumerate(kept))) for name in rule.names}
    feeds: list[list[int]] = [[] for _ in kept]
    silent: set[int] = set()
    for position, rule in enumerate(kept):
        if rule.correlation is not None:
            for name in dict.fromkeys(rule.correlation.rules):
                supplier = positions[name]
                if position not in feeds[supplier]:
                    feeds[supplier].append(position)
                if not rule.correlation.generate:
                    silent.add(supplier)
    return RuleSet(tuple(kept), mapping, tuple(map(tuple, feeds)), frozenset(silent), tuple(skipped), tuple(unmapped))


def _supplied(rules: list[Rule]) -> tuple[list[Rule], list[Skipped]]:
    """Return the rules without correlations whose suppliers are missing or that end in themselves."""
    by_name = {name: rule for rule in reversed(rules) for name in rule.names}
    sound: dict[str, str] = {}  # rule id → "" or why not

    def fault(rule: Rule, above: tuple[str, ...]) -> str:
        if rule.correlation is None:
            return ""
        if rule.id in above:
            return "Các luật tương quan gọi nhau thành vòng."
        if rule.id not in sound:
            reason = "" if len(above) < 16 else "Các luật tương quan gọi nhau quá sâu."
            for name in rule.correlation.rules:
                if name not in by_name:
                    reason = f"Luật tương quan cần luật `{name}` mà luật đó không có hoặc không dùng được."
                reason = reason or fault(by_name[name], (*above, rule.id))
            sound[rule.id] = reason
        return sound[rule.id]

    reasons = [(rule, fault(rule, ())) for rule in rules]
    return [rule for rule, why in reasons if not why], [_skip(rule, why) for rule, why in reasons if why]


def _skip(rule: Rule, reason: str) -> Skipped:
    return Skipped(rule.path, rule.line, reason, rule.id, rule.title)
