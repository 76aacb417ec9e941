"""From the rules that match a record to what is told: matches, with the correlations that they complete."""

from collections.abc import Mapping

from dekhang.engine.correlate import Correlator, GroupKey, Hit
from dekhang.engine.expressions import atoms
from dekhang.engine.predicates import satisfies
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Rule
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.text import Value, is_metadata, plain_name, scalars

KEYWORD_FIELDS_SHOWN = 8


class Emitter:
    """Makes matches of a rule set; holds what its correlations have counted.

    Args:
        state: from `state()` of an earlier one, also with other rules. What does not fit is discarded; bytes that are
            no state at all leave it empty and `state_problem` says so.
    """

    def __init__(self, ruleset: RuleSet, state: bytes = b"") -> None:
        self.ruleset = ruleset
        self.state_problem = ""
        correlations = [place for place, rule in enumerate(ruleset.rules) if rule.correlation is not None]
        self._correlation_at = {place: which for which, place in enumerate(correlations)}
        self._correlator = Correlator([ruleset.rules[place] for place in correlations])
        if state:
            try:
                self._correlator.load(state)
            except ValueError as error:
                self._correlator = Correlator([ruleset.rules[place] for place in correlations])
                self.state_problem = str(error)

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._correlator.save()

    def emit(self, index: int, record: Record, positions: list[int], matches: list[Match]) -> None:
        """Append what a record tells whose plain rules at `positions` match.

        Args:
            index: of the record in its batch.
            positions: in the rule set, ascending.
        """
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
