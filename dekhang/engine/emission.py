"""From the rules that match a record to what is told: matches, with the correlations that they complete."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeAlias

from dekhang.engine.correlate import Correlator, GroupKey, Hit, Losses, Waiting
from dekhang.engine.expressions import Test, atoms
from dekhang.engine.predicates import satisfies
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Rule
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.text import Value, is_metadata, plain_name, scalars

KEYWORD_FIELDS_SHOWN = 8

Found: TypeAlias = tuple[int, Match]  # position in the rule set, what is told


@dataclass(frozen=True, slots=True)
class Event:
    """What a correlation counts: a record, or a window of another correlation.

    Args:
        counted: groups in which the record counts already.
        clock: the newest event time of the scope when this became known.
    """

    scope: int
    time_ms: int
    key: int
    fields: Mapping[str, Value]
    counted: set[GroupKey]
    clock: int


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
        self._places = correlations
        self._looked_at: dict[tuple[str, tuple[int, ...]], tuple[frozenset[str], tuple[Test, ...]]] = {}
        self._correlation_at = {place: which for which, place in enumerate(correlations)}
        self._correlator = Correlator([ruleset.rules[place] for place in correlations])
        if state:
            self.load(state)

    def load(self, state: bytes, wanted: Callable[[int], bool] = lambda scope: True) -> None:
        """Add what another one has counted, in the scopes wanted. What does not fit is discarded, see `state_problem`."""
        try:
            self._correlator.load(state, wanted)
        except ValueError as error:
            self.state_problem = str(error)

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._correlator.save()

    def state_parts(self, part_of: Callable[[int], int]) -> dict[int, bytes]:
        """Return the state of those parts that changed since the last time; a part is what `part_of` says of scopes."""
        return self._correlator.save_parts(part_of)

    def emit(self, index: int, record: Record, positions: list[int], matches: list[Match]) -> None:
        """Append what a record tells whose plain rules at `positions` match.

        Args:
            index: of the record in its batch.
            positions: in the rule set, ascending.
        """
        found: list[Found] = []
        if record.time_ms is not None:
            self._pass_time(record.scope, record.time_ms, index, found)
        counted: set[GroupKey] = set()
        for position in positions:
            rule = self.ruleset.rules[position]
            if record.time_ms is not None and self.ruleset.feeds[position]:
                clock = self._correlator.newest.get(record.scope, record.time_ms)
                event = Event(record.scope, record.time_ms, record.key, record.fields, counted, clock)
                self._supply(position, index, event, (record, positions), found)
            if position not in self.ruleset.silent:
                shown = self._shown(rule, record)
                match = Match(
                    rule, index, shown, (record.key,), 1, record.time_ms, (), record.time_ms, scope=record.scope
                )
                found.append((position, match))
        if found:
            found.sort(key=lambda one: one[0])
            matches.extend(match for position, match in found if position not in self.ruleset.silent)

    @property
    def waits(self) -> bool:
        """Whether some correlation is judged at the end of its window: `pass_time` then makes it known in time."""
        return self._correlator.waits

    def pass_time(self, scope: int, time_ms: int, index: int, matches: list[Match]) -> None:
        """Take note of event time from records that no rule matched, and append what ends thereby.

        Args:
            scope, time_ms: the newest event time of a scope; older ones do nothing.
            index: of the record in its batch.
        """
        found: list[Found] = []
        self._pass_time(scope, time_ms, index, found)
        matches.extend(match for position, match in found if position not in self.ruleset.silent)

    def waiting(self) -> dict[int, Waiting]:
        """Return the windows that wait for their end, by scope."""
        return self._correlator.waiting()

    def end_behind(self, scope: int) -> list[Match]:
        """End the windows that began behind the event time of a scope and are over by it: their file has been read."""
        found: list[Found] = []
        self._correlator.end_late_groups(scope)
        self._told(scope, -1, found)
        return [match for position, match in found if position not in self.ruleset.silent]

    def close(self) -> list[Match]:
        """End all windows: no more records will come. Return what that tells, in order of the windows' ends by scope.

        These matches have the index -1: no record completed them.
        """
        found: list[Found] = []
        self._correlator.end_late_groups()
        for scope in self._correlator.waiting_scopes():
            self._told(scope, -1, found, all_of_them=True)
        return [match for position, match in found if position not in self.ruleset.silent]

    @property
    def losses(self) -> Losses:
        """What correlations could not count since this one was made."""
        return self._correlator.losses

    def _pass_time(self, scope: int, time_ms: int, index: int, found: "list[Found]") -> None:
        if self._correlator.waits:
            self._correlator.pass_time(scope, time_ms)
            self._told(scope, index, found)

    def _told(self, scope: int, index: int, found: "list[Found]", *, all_of_them: bool = False) -> None:
        """Append what the windows tell that are over; they may supply other correlations, which come later."""
        for which, hit in self._correlator.ended(scope, all_of_them=all_of_them):
            place = self._places[which]
            found.append((place, self._of_window(place, index, scope, hit)))
            event = Event(scope, hit.last_ms, hit.keys[-1], dict(hit.group), set(), hit.clock)
            self._supply(place, index, event, None, found)

    def _supply(
        self, position: int, index: int, event: Event, record: tuple[Record, list[int]] | None, found: "list[Found]"
    ) -> None:
        """Count an event in the correlations that a rule supplies, and so on upwards.

        Args:
            record: what the event is, with the positions of the rules that it matches; None: it is a window.
        """
        rule = self.ruleset.rules[position]
        for above in self.ruleset.feeds[position]:
            which = self._correlation_at[above]
            hits = self._correlator.feed(
                which, rule.names, event.scope, event.time_ms, event.key, event.fields, event.counted, event.clock
            )
            for hit in hits:
                if record is None or self._correlator.rules[which].waits:
                    found.append((above, self._of_window(above, index, event.scope, hit)))
                    on = Event(event.scope, hit.last_ms, hit.keys[-1], dict(hit.group), set(), hit.clock)
                    self._supply(above, index, on, None, found)
                else:
                    found.append((above, self._of_record(above, index, record, hit)))
                    on = replace(event, fields={**event.fields, **dict(hit.group)})
                    self._supply(above, index, on, record, found)

    def _of_record(self, place: int, index: int, completing: tuple[Record, list[int]], hit: Hit) -> Match:
        """Return the match of a window that a record completes, with the fields of that record."""
        record, positions = completing
        shown: dict[str, Value] = {}
        for position in positions:
            if place in self.ruleset.feeds[position]:
                shown.update(self._shown(self.ruleset.rules[position], record))
        return self._match(place, index, record.scope, shown, hit, ended=False)

    def _of_window(self, place: int, index: int, scope: int, hit: Hit) -> Match:
        """Return the match of a window that is over; what its events had in common is all there is to show."""
        return self._match(place, index, scope, {}, hit, ended=True)

    def _match(self, place: int, index: int, scope: int, shown: dict[str, Value], hit: Hit, *, ended: bool) -> Match:
        rule = self.ruleset.rules[place]
        shown.update(hit.group)
        if hit.measured is not None and rule.correlation is not None:
            shown[f"{rule.correlation.kind}({', '.join(rule.correlation.fields)})"] = hit.measured
        return Match(rule, index, shown, hit.keys, hit.count, hit.first_ms, hit.group, hit.last_ms, ended, scope)

    def _shown(self, rule: Rule, record: Record) -> dict[str, Value]:
        """Return the record's fields that a rule looked at, under the record's names."""
        sources = self.ruleset.mapping.sources_of(record)
        looked = self._looked_at.get((rule.id, sources))
        if looked is None:
            looked = self._looked_at[rule.id, sources] = self._look(rule, sources)
        wanted, keywords = looked
        shown = {name: value for name, value in record.fields.items() if plain_name(name) in wanted}
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

    def _look(self, rule: Rule, sources: tuple[int, ...]) -> tuple[frozenset[str], tuple[Test, ...]]:
        """Return the names of the fields that a rule looks at in records of these sources, and its keywords."""
        assert rule.condition is not None
        wanted = {plain_name(name) for name in rule.fields()}
        for index in sources:
            source = self.ruleset.mapping.sources[index]
            if source.answers(rule.logsource):
                for name, others in source.aliases:
                    if name in wanted:
                        wanted.update(others)
        return frozenset(wanted), tuple(atom.test for atom in atoms(rule.condition) if atom.field is None)
