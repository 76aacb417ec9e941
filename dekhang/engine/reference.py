"""The meaning of a rule: one rule on one record, straight from the Sigma specification, in no hurry.

`table.py` computes the same for thousands of rules at once; a property test holds the two equal.
"""

from collections.abc import Mapping

from dekhang.engine.expressions import And, Atom, ExistsTest, Expression, FieldTest, Not, Or, ValueTest
from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.predicates import relates, satisfies
from dekhang.engine.records import Record
from dekhang.engine.rules import Rule
from dekhang.engine.text import Scalar, Value, is_metadata, plain_name, scalars

Aliases = tuple[tuple[str, tuple[str, ...]], ...]


def matches(rule: Rule, record: Record, mapping: LogsourceMapping) -> bool:
    """Return whether a rule with a condition matches a record of the log source that it asks for."""
    if rule.condition is None:
        return False  # a correlation is about many records
    for index in mapping.sources_of(record):
        source = mapping.sources[index]
        if not source.answers(rule.logsource):
            continue
        if source.where is not None and not holds(source.where, record.fields):
            continue
        if holds(rule.condition, record.fields, source.aliases):
            return True
    return False


def holds(expression: Expression, fields: Mapping[str, Value], aliases: Aliases = ()) -> bool:
    """Return whether an expression is true for the fields of a record."""
    if isinstance(expression, And):
        return all(holds(part, fields, aliases) for part in expression.parts)
    if isinstance(expression, Or):
        return any(holds(part, fields, aliases) for part in expression.parts)
    if isinstance(expression, Not):
        return not holds(expression.part, fields, aliases)
    return atom_holds(expression, fields, aliases)


def atom_holds(atom: Atom, fields: Mapping[str, Value], aliases: Aliases = ()) -> bool:
    """Return whether any of the field's values passes the test; without a value no test passes."""
    if isinstance(atom.test, ExistsTest):
        return bool(names_of(atom.field or "", fields, aliases))
    values = values_of(atom.field, fields, aliases)
    if isinstance(atom.test, ValueTest):
        return bool(values)
    if isinstance(atom.test, FieldTest):
        others = values_of(atom.test.field, fields, aliases)
        return any(relates(atom.test.how, value, other) for value in values for other in others)
    return any(satisfies(atom.test, value) for value in values)


def names_of(field: str, fields: Mapping[str, Value], aliases: Aliases = ()) -> list[str]:
    """Return the record's names for a rule's field: its own, with or without spaces, and its aliases'."""
    wanted = {plain_name(field)}
    for name, others in aliases:
        if plain_name(name) == plain_name(field):
            wanted.update(plain_name(other) for other in others)
    return [name for name in fields if plain_name(name) in wanted]


def values_of(field: str | None, fields: Mapping[str, Value], aliases: Aliases = ()) -> list[Scalar]:
    """Return all values of a field; field None: all values of the record, but for its metadata."""
    if field is None:
        names = [name for name in fields if not is_metadata(name)]
    else:
        names = names_of(field, fields, aliases)
    return [value for name in names for value in scalars(fields[name])]
