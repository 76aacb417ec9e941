"""The meaning of a rule: one rule on one record, straight from the Sigma specification.

This is the only place that decides. The sieve proposes pairs of record and rule that could match; each is decided here.
Section names are those of the Sigma rules specification 2.1.0.
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

from dekhang.engine.expressions import (
    And,
    Atom,
    ExistsTest,
    Expression,
    FieldTest,
    Not,
    RegexTest,
    Test,
    TextTest,
    ValueTest,
    WildcardTest,
)
from dekhang.engine.logsources import LogsourceMapping, Source
from dekhang.engine.predicates import relates, satisfies, text_satisfies
from dekhang.engine.records import Record
from dekhang.engine.rules import Rule
from dekhang.engine.text import Scalar, Value, clean, fold, is_metadata, plain_name, scalars, text_of

Aliases: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]


class View:
    """One record as rules see it: values by the names that rules use, folded once for all rules that ask.

    Field names are compared without spaces (Spec: "Field Usage", 2). A name of None stands for every value of the
    record, as keywords ask for (Spec: "Keywords search").
    """

    __slots__ = ("_cleaned", "_folded", "_names", "_scalars", "fields")

    def __init__(self, fields: Mapping[str, Value]) -> None:
        self.fields = fields
        self._names: dict[str, list[str]] | None = None
        self._scalars: dict[str | None, tuple[Scalar, ...]] = {}
        self._folded: dict[str | None, tuple[str, ...]] = {}
        self._cleaned: dict[str | None, tuple[str, ...]] = {}

    def names(self, plain: str) -> Sequence[str]:
        """Return the record's own names whose plain form this is, in its order."""
        if self._names is None:
            self._names = {}
            for name in self.fields:
                if " " in name:
                    self._names.setdefault(plain_name(name), []).append(name)
        spaced = self._names.get(plain, ())
        return (plain, *spaced) if plain in self.fields else spaced

    def scalars(self, plain: str | None) -> tuple[Scalar, ...]:
        """Return all values of a field, lists opened; none for a missing field and for null."""
        found = self._scalars.get(plain)
        if found is None:
            names = self.names(plain) if plain is not None else [one for one in self.fields if not is_metadata(one)]
            found = tuple([value for name in names for value in scalars(self.fields[name])])
            self._scalars[plain] = found
        return found

    def folded(self, plain: str | None) -> tuple[str, ...]:
        """Return the values as texts in which case no longer differs (Spec: "General")."""
        found = self._folded.get(plain)
        if found is None:
            found = self._folded[plain] = tuple([fold(text_of(value)) for value in self.scalars(plain)])
        return found

    def cleaned(self, plain: str | None) -> tuple[str, ...]:
        """Return the values as texts with their case, for `cased` and `re`."""
        found = self._cleaned.get(plain)
        if found is None:
            found = self._cleaned[plain] = tuple([clean(text_of(value)) for value in self.scalars(plain)])
        return found


def matches(rule: Rule, record: Record, mapping: LogsourceMapping) -> bool:
    """Return whether a rule with a condition matches a record of the log source that it asks for."""
    return decide(rule, View(record.fields), [mapping.sources[index] for index in mapping.sources_of(record)])


def decide(rule: Rule, view: View, sources: Sequence[Source]) -> bool:
    """Return whether a rule with a condition matches a record that is known to belong to these sources.

    Args:
        sources: what `mapping.sources_of(record)` names; those that do not answer the rule are passed over.

    Spec: "LogSource", "Detection". Field names of a source's own stand in for the rule's ("Field Usage", 1).
    """
    if rule.condition is None:
        return False  # a correlation is about many records
    return any(
        source.answers(rule.logsource)
        and (source.where is None or holds(source.where, view))
        and holds(rule.condition, view, source.aliases)
        for source in sources
    )


def holds(expression: Expression, view: View, aliases: Aliases = ()) -> bool:
    """Return whether an expression is true for a record. Spec: "Condition"."""
    if isinstance(expression, Atom):
        return atom_holds(expression, view, aliases)
    if isinstance(expression, Not):
        return not holds(expression.part, view, aliases)
    # plain loops: this decides every candidate, and generators cost as much again
    if isinstance(expression, And):
        for part in expression.parts:  # noqa: SIM110
            if not holds(part, view, aliases):
                return False
        return True
    for part in expression.parts:  # noqa: SIM110
        if holds(part, view, aliases):
            return True
    return False


def atom_holds(atom: Atom, view: View, aliases: Aliases = ()) -> bool:
    """Return whether any of the field's values passes the test; without a value no test passes.

    Spec: "Special Field Values", "Field Existence", "Keywords search"; modifiers appendix.
    """
    if not aliases:
        return _passes(atom.test, view, atom.field and plain_name(atom.field), aliases)
    return any(_passes(atom.test, view, name, aliases) for name in names_of(atom.field, aliases))


def _passes(test: Test, view: View, name: str | None, aliases: Aliases) -> bool:
    if isinstance(test, (TextTest, WildcardTest)):
        for text in view.cleaned(name) if test.cased else view.folded(name):  # noqa: SIM110
            if text_satisfies(test, text):
                return True
        return False
    if isinstance(test, RegexTest):
        return any(text_satisfies(test, text) for text in view.cleaned(name))
    if isinstance(test, ExistsTest):
        return name is not None and bool(view.names(name))
    if isinstance(test, ValueTest):
        return bool(view.scalars(name))
    if isinstance(test, FieldTest):
        others = [other for named in names_of(test.field, aliases) for other in view.scalars(named)]
        return any(relates(test.how, value, other) for value in view.scalars(name) for other in others)
    return any(satisfies(test, value) for value in view.scalars(name))


def names_of(field: str | None, aliases: Aliases) -> tuple[str | None, ...]:
    """Return the plain names under which a record may have a rule's field: its own and its source's."""
    if field is None:
        return (None,)
    plain = plain_name(field)
    return (plain, *_others(aliases).get(plain, ())) if aliases else (plain,)


@lru_cache(maxsize=256)
def _others(aliases: Aliases) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, others in aliases:
        found.setdefault(plain_name(name), []).extend(map(plain_name, others))
    return {name: tuple(others) for name, others in found.items()}
