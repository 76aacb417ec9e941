"""A rule set at work: records in, matches out."""

from collections.abc import Sequence
from itertools import chain
from typing import TypeAlias

from dekhang.engine.emission import Emitter
from dekhang.engine.logsources import event_id_of
from dekhang.engine.memory import Budget, Limits
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Logsource
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.table import RouteTable

ROUTES_REMEMBERED = 50_000  # combinations of channel and event id; attackers may invent them

RouteKey: TypeAlias = tuple[str, str, str, str, int | None]  # product, service, category, channel, event id


class Detector:
    """Evaluates a rule set. Holds what it learned of values, and the correlations' state.

    Args:
        state: from `state()` of an earlier detector, also one with other rules. What does not fit is discarded;
            bytes that are no state at all leave the detector empty and `state_problem` says so.
    """

    def __init__(self, ruleset: RuleSet, state: bytes = b"", limits: Limits | None = None) -> None:
        self.ruleset = ruleset
        self._emitter = Emitter(ruleset, state)
        self.state_problem = self._emitter.state_problem
        self._limits = limits or Limits()
        self._budget = Budget(self._limits.memory_bytes)
        self._tables: dict[tuple[int, ...], RouteTable | None] = {}
        self._routes: dict[RouteKey, RouteTable | None] = {}
        self._by_logsource: dict[Logsource, list[int]] = {}
        for position, rule in enumerate(ruleset.rules):
            if rule.correlation is None:
                self._by_logsource.setdefault(rule.logsource, []).append(position)

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
                self._emitter.emit(index, record, [table.position(local) for local in verdict], matches)
        return matches

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._emitter.state()

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
