"""Rules put together: filters applied, correlations tied to their suppliers, what cannot be used here left out and named."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dekhang.engine.expressions import And, RegexTest, atoms
from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.predicates import any_overran, overruns
from dekhang.engine.rules import Correlation, Filter, Logsource, Rule, Skipped


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


def compile_rules(rules: Iterable[Rule], mapping: LogsourceMapping, filters: Sequence[Filter] = ()) -> RuleSet:
    """Put rules together: apply filters, tie correlations to their suppliers, leave out what no log source answers."""
    rules, skipped = apply_filters(list(rules), filters)
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


def apply_filters(rules: Sequence[Rule], filters: Sequence[Filter]) -> tuple[list[Rule], list[Skipped]]:
    """Return the rules as the filters leave them, and what of the filters came to nothing, with the reason.

    Spec: sigma-filters-specification.md "Global Filter": a filter tunes the rules it names, within its log source.
    """
    changed = list(rules)
    by_name = {name: place for place, rule in reversed(list(enumerate(rules))) for name in rule.names}
    skipped: list[Skipped] = []
    for one in filters:
        places = [by_name[name] for name in one.rules if name in by_name] if one.rules else range(len(rules))
        for name in one.rules:
            if name not in by_name:
                skipped.append(_skip(one, f"Bộ lọc nêu luật `{name}` mà luật đó không có hoặc không dùng được ở đây."))
        applied = 0
        for place in places:
            rule = changed[place]
            if rule.condition is not None and one.covers(rule.logsource):
                changed[place] = replace(rule, condition=And((rule.condition, one.keeps)))
                applied += 1
            elif one.rules and rule.condition is None:
                reason = f"Bộ lọc nêu luật tương quan {rule.id}; bộ lọc chỉ áp dụng được cho luật cung cấp sự kiện."
                skipped.append(_skip(one, reason))
            elif one.rules:
                reason = f"Bộ lọc ghi logsource ({one.logsource}) nhưng luật {rule.id} thuộc ({rule.logsource}) nên không lọc."
                skipped.append(_skip(one, reason))
        if not applied and not one.rules:
            skipped.append(_skip(one, f"Không có luật nào thuộc logsource ({one.logsource}) của bộ lọc này."))
    return changed, skipped


def rules_over_budget(ruleset: RuleSet) -> Mapping[str, int]:
    """Return, by rule id, how many values were given up because an expression took too long on them.

    Counted since the process began; a rule that shares its expression with another shares the count.
    """
    found: dict[str, int] = {}
    if not any_overran():
        return found  # looking at all rules takes as long as reading a small log
    for rule in ruleset.rules:
        if rule.condition is None:
            continue
        count = sum(
            overruns(test) for test in {one.test for one in atoms(rule.condition)} if isinstance(test, RegexTest)
        )
        if count:
            found[rule.id] = count
    return found


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
            reason = reason or _lost_alias(rule.correlation, by_name)
            sound[rule.id] = reason
        return sound[rule.id]

    reasons = [(rule, fault(rule, ())) for rule in rules]
    return [rule for rule, why in reasons if not why], [_skip(rule, why) for rule, why in reasons if why]


def _lost_alias(correlation: Correlation, by_name: Mapping[str, Rule]) -> str:
    """Return why an alias cannot be meant: it names a rule that supplies nothing here."""
    suppliers = {name for wanted in correlation.rules for name in by_name[wanted].names}
    for alias, fields in correlation.aliases:
        for name, _ in fields:
            if name not in suppliers:
                return f"Bí danh `{alias}` nêu luật `{name}`, không có trong `rules` của luật tương quan."
    return ""


def _skip(rule: Rule | Filter, reason: str) -> Skipped:
    return Skipped(rule.path, rule.line, reason, rule.id, rule.title)
