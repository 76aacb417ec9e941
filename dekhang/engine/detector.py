"""Rules to a rule set, and a rule set to matches."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from dekhang.engine.correlate import Correlator, GroupKey, Hit
from dekhang.engine.expressions import atoms
from dekhang.engine.logsources import LogsourceMapping, event_id_of
from dekhang.engine.memory import Budget, Limits
from dekhang.engine.predicates import satisfies
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Logsource, Rule, Skipped
from dekhang.engine.table import RouteTable
from dekhang.engine.text import Value, is_metadata, plain_name, scalars

ROUTES_REMEMBERED = 50_000  # combinations of channel and event id; attackers may invent them
KEYWORD_FIELDS_SHOWN = 8

RouteKey: TypeAlias = tuple[str, str, str, str, int | None]  # product, service, category, channel, event id


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules that fit together, and the log sources they read. Immutable and picklable.

    Args:
        feeds: for each rule, the positions of the correlations that count its matches.
        silent: positions of rules that only supply correlations.
        skipped: rules left out, with the reason.
    """

    rules: tuple[Rule, ...]
    mapping: LogsourceMapping
    feeds: tuple[tuple[int, ...], ...]
    silent: frozenset[int]
    skipped: tuple[Skipped, ...]


def compile_rules(rules: Iterable[Rule], mapping: LogsourceMapping) -> RuleSet:
    """Put rules together: tie correlations to their suppliers, leave out what no log source here answers."""
    skipped: list[Skipped] = []
    kept: list[Rule] = []
    known: dict[Logsource, bool] = {}
    for rule in rules:
        if rule.logsource not in known:
            known[rule.logsource] = mapping.knows(rule.logsource)
        if rule.correlation is None and not known[rule.logsource]:
            reason = f"Chưa có nguồn log nào ở đây ứng với logsource ({rule.logsource})."
            skipped.append(_skip(rule, reason))
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
    return RuleSet(tuple(kept), mapping, tuple(map(tuple, feeds)), frozenset(silent), tuple(skipped))


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


class Detector:
    """Evaluates a rule set. Holds what it learned of values, and the correlations' state.

    Args:
        state: from `state()` of an earlier detector, also one with other rules. What does not fit is discarded;
            bytes that are no state at all leave the detector empty and `state_problem` says so.
    """

    def __init__(self, ruleset: RuleSet, state: bytes = b"", limits: Limits | None = None) -> None:
        self.ruleset = ruleset
        self.state_problem = ""
        self._limits = limits or Limits()
        self._budget = Budget(self._limits.memory_bytes)
        self._tables: dict[tuple[int, ...], RouteTable | None] = {}
        self._routes: dict[RouteKey, RouteTable | None] = {}
        self._by_logsource: dict[Logsource, list[int]] = {}
        for position, rule in enumerate(ruleset.rules):
            if rule.correlation is None:
                self._by_logsource.setdefault(rule.logsource, []).append(position)
        correlations = [place for place, rule in enumerate(ruleset.rules) if rule.correlation is not None]
        self._correlation_at = {place: which for which, place in enumerate(correlations)}
        self._correlator = Correlator([ruleset.rules[place] for place in correlations])
        if state:
            try:
                self._correlator.load(state)
            except ValueError as error:
                self._correlator = Correlator([ruleset.rules[place] for place in correlations])
                self.state_problem = str(error)

    def process(self, records: Sequence[Record]) -> list[Match]:
        """Return the matches in records, in record order, then rule order."""
        matches: list[Match] = []
        budget = self._budget
        for index, record in enumerate(records):
            table = self._table(record)
            if table is None:
                continue
            if budget.spent > budget.limit:
                self._forget()
            verdict = table.verdict(record.fields)
            if verdict:
                self._emit(index, record, [table.position(local) for local in verdict], matches)
        return matches

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._correlator.save()

    # -- routes ----------------------------------------------------------------------------------------------

    def _table(self, record: Record) -> RouteTable | None:
        fields = record.fields
        key: RouteKey
        if record.product != "windows":
            key = (record.product, record.service, record.category, "", None)
        else:
            channel, event_id = fields.get("Channel"), fields.get("EventID")
            if type(channel) is not str or type(event_id) is not int:
                # rare shapes: text ids, no channel, lists
                channel = self.ruleset.mapping.channel_of(fields)
                event_id = event_id_of(fields)
            key = (record.product, record.service, record.category, channel, event_id)
        try:
            return self._routes[key]
        except KeyError:
            pass
        sources = self.ruleset.mapping.sources_of(record)
        if sources not in self._tables:
            self._tables[sources] = self._build(sources)
        if len(self._routes) >= ROUTES_REMEMBERED:
            self._routes.clear()
        table = self._routes[key] = self._tables[sources]
        return table

    def _build(self, sources: tuple[int, ...]) -> RouteTable | None:
        mapping = self.ruleset.mapping
        asked = [
            positions
            for logsource, positions in self._by_logsource.items()
            if any(mapping.sources[index].answers(logsource) for index in sources)
        ]
        rules = [(position, self.ruleset.rules[position]) for position in sorted(chain.from_iterable(asked))]
        return RouteTable(rules, mapping, sources, self._limits, self._budget) if rules else None

    def _forget(self) -> None:
        for table in self._tables.values():
            if table is not None:
                table.forget()
        self._budget.spent = 0

    # -- matches ---------------------------------------------------------------------------------------------

    def _emit(self, index: int, record: Record, positions: list[int], matches: list[Match]) -> None:
        found: list[tuple[int, Match]] = []
        counted: set[GroupKey] = set()
        waiting = [(position, record.fields) for position in reversed(positions)]
        while waiting:
            position, fields = waiting.pop()
            rule = self.ruleset.rules[position]
            for above in self.ruleset.feeds[position]:
                hit = self._feed(above, rule, record, fields, counted)
                if hit is not None:
                    found.append((above, self._correlated(above, index, record, positions, hit)))
                    waiting.append((above, {**record.fields, **dict(hit.group)}))
            if position not in self.ruleset.silent and rule.correlation is None:
                shown = self._shown(rule, record)
                found.append((position, Match(rule, index, shown, (record.key,), 1, record.time_ms, ())))
        found.sort(key=lambda one: one[0])
        matches.extend(match for position, match in found if position not in self.ruleset.silent)

    def _feed(
        self, above: int, rule: Rule, record: Record, fields: Mapping[str, Value], counted: set[GroupKey]
    ) -> Hit | None:
        if record.time_ms is None:
            return None
        return self._correlator.feed(
            self._correlation_at[above], rule.names, record.scope, record.time_ms, record.key, fields, counted
        )

    def _correlated(self, place: int, index: int, record: Record, positions: list[int], hit: Hit) -> Match:
        rule = self.ruleset.rules[place]
        shown: dict[str, Value] = {}
        for position in positions:
            if place in self.ruleset.feeds[position]:
                shown.update(self._shown(self.ruleset.rules[position], record))
        shown.update(hit.group)
        return Match(rule, index, shown, hit.keys, hit.count, hit.first_ms, hit.group)

    def _shown(self, rule: Rule, record: Record) -> dict[str, Value]:
        """Return the record's fields that a rule looked at, under the record's names."""
        assert rule.condition is not None
        wanted = {plain_name(name) for name in rule.fields()}
        for index in self.ruleset.mapping.sources_of(record):
            source = self.ruleset.mapping.sources[index]
            if source.answers(rule.logsource):
                for name, others in source.aliases:
                    if name in wanted:
                        wanted.update(others)
        shown = {name: value for name, value in record.fields.items() if plain_name(name) in wanted}
        keywords = [atom.test for atom in atoms(rule.condition) if atom.field is None]
        if keywords:
            added = 0
            for name, value in record.fields.items():
                if name in shown or is_metadata(name):
                    continue
                if any(satisfies(test, one) for test in keywords for one in scalars(value)):
                    shown[name] = value
                    added += 1
                    if added == KEYWORD_FIELDS_SHOWN:
                        break
        return shown
