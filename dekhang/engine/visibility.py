"""Which rules could speak, given the kinds of records that really arrive and the fields that they hold.

A rule whose log source arrives may still be blind: the fields that it asks for are empty, or the event that it waits for has
never been seen. Nothing here looks at values, except Windows event ids: they say what kind of event it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dekhang.engine.expressions import And, Atom, ExistsTest, Expression, FieldTest, Not, Or, ValueTest
from dekhang.engine.logsources import Place
from dekhang.engine.predicates import satisfies
from dekhang.engine.reference import Aliases, names_of
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.text import fold, plain_name

EVENT_ID = "EventID"
REMEMBERED = 20_000  # answers for (kind of record, event id, fields)
NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Seen:
    """What a rule set can make of some records.

    Args:
        visible: positions of the rules that could match one of them; correlations whose suppliers all could.
        lacking: positions of rules whose log source arrives but that could not match → the fewest fields that would have to
            come. EVENT_ID alone: the events that they wait for were never seen.
    """

    visible: frozenset[int]
    lacking: Mapping[int, frozenset[str]]


class Visibility:
    """Answers for one rule set; what was asked before is answered at once."""

    def __init__(self, ruleset: RuleSet) -> None:
        self.ruleset = ruleset
        self._mapping = ruleset.mapping
        self._readers: dict[int, tuple[int, ...]] = {}
        self._memo: dict[tuple[int, int | None, frozenset[str]], tuple[frozenset[int], dict[int, frozenset[str]]]] = {}
        self._correlations = [place for place, rule in enumerate(ruleset.rules) if rule.correlation is not None]
        self._by_name = {name: place for place, rule in reversed(list(enumerate(ruleset.rules))) for name in rule.names}

    def seen(self, arriving: Iterable[tuple[Place, frozenset[str]]]) -> Seen:
        """Return what the rules can make of records of these places, holding these fields."""
        visible: set[int] = set()
        lacking: dict[int, frozenset[str]] = {}
        for place, fields in arriving:
            event_id = place[4]
            for kind in self._mapping.sources_at((*place[:3], fold(place[3]), event_id)):
                could, could_not = self._of_kind(kind, event_id, fields)
                visible |= could
                for position, missing in could_not.items():
                    known = lacking.get(position)
                    if known is None or len(missing) < len(known):
                        lacking[position] = missing
        self._add_correlations(visible)
        lacking = {position: missing for position, missing in lacking.items() if position not in visible}
        for position in self._correlations:
            if position not in visible:
                of_suppliers = [NOTHING if one in visible else lacking.get(one) for one in self.suppliers(position)]
                if of_suppliers and None not in of_suppliers:
                    lacking[position] = NOTHING.union(*(missing for missing in of_suppliers if missing))
        return Seen(frozenset(visible), lacking)

    def suppliers(self, position: int) -> tuple[int, ...]:
        """Return the positions of the single-record rules behind a correlation, through all others; of a rule: itself."""
        correlation = self.ruleset.rules[position].correlation
        if correlation is None:
            return (position,)
        found = (one for name in correlation.rules for one in self.suppliers(self._by_name[name]))
        return tuple(dict.fromkeys(found))

    def readers(self, kind: int) -> tuple[int, ...]:
        """Return the positions of the rules that read records of a kind (an index of `mapping.sources`)."""
        if kind not in self._readers:
            source = self._mapping.sources[kind]
            self._readers[kind] = tuple(
                position
                for position, rule in enumerate(self.ruleset.rules)
                if rule.condition is not None and source.answers(rule.logsource)
            )
        return self._readers[kind]

    def of_kinds(self, kinds: Iterable[int]) -> frozenset[int]:
        """Return the rules that could speak at most, if records of these kinds came with all fields and events."""
        visible = {position for kind in kinds for position in self.readers(kind)}
        self._add_correlations(visible)
        return frozenset(visible)

    def _of_kind(
        self, kind: int, event_id: int | None, fields: frozenset[str]
    ) -> tuple[frozenset[int], dict[int, frozenset[str]]]:
        key = (kind, event_id, fields)
        found = self._memo.get(key)
        if found is None:
            source = self._mapping.sources[kind]
            names = frozenset(map(plain_name, fields))
            could, could_not = set(), {}
            where = lacks(source.where, names, event_id, ()) if source.where is not None else NOTHING
            for position in self.readers(kind):
                condition = self.ruleset.rules[position].condition
                assert condition is not None
                missing = where | lacks(condition, names, event_id, source.aliases)
                if missing:
                    could_not[position] = missing
                else:
                    could.add(position)
            found = frozenset(could), could_not
            if len(self._memo) >= REMEMBERED:
                self._memo.clear()
            self._memo[key] = found
        return found

    def _add_correlations(self, visible: set[int]) -> None:
        """A correlation may count another one: as often as something is added, look again."""
        waiting = [position for position in self._correlations if position not in visible]
        while added := [
            position
            for position in waiting
            if (correlation := self.ruleset.rules[position].correlation) is not None
            and all(self._by_name.get(name) in visible for name in correlation.rules)
        ]:
            visible.update(added)
            waiting = [position for position in waiting if position not in visible]


def lacks(
    expression: Expression, fields: frozenset[str], event_id: int | None, aliases: Aliases = ()
) -> frozenset[str]:
    """Return the fewest fields that are missing for an expression to be true of some record; empty: it can be.

    Args:
        fields: plain names of the fields that such records hold.
        event_id: of such records; None when they have none.
    """
    if isinstance(expression, Not):
        return NOTHING  # what is missing does not match, so its negation does
    if isinstance(expression, Atom):
        if expression.field is None:
            return NOTHING
        plain = plain_name(expression.field)
        if plain == EVENT_ID and event_id is not None:
            if isinstance(expression.test, (ExistsTest, ValueTest, FieldTest)):
                return NOTHING
            return NOTHING if satisfies(expression.test, event_id) else frozenset((EVENT_ID,))
        if any(name in fields for name in names_of(expression.field, aliases)):
            return NOTHING
        return frozenset((expression.field,))
    if isinstance(expression, And):
        return frozenset().union(*(lacks(part, fields, event_id, aliases) for part in expression.parts))
    assert isinstance(expression, Or)
    fewest: frozenset[str] | None = None
    for part in expression.parts:
        missing = lacks(part, fields, event_id, aliases)
        if not missing:
            return NOTHING
        if fewest is None or len(missing) < len(fewest):
            fewest = missing
    return fewest or NOTHING
