"""From pySigma's condition trees to our expressions: what each value of a rule asks of a record.

Spec: sigma-rules-specification.md "Detection", "Condition"; sigma-appendix-modifiers.md.
"""

from typing import Any

import sigma.conditions as conditions
import sigma.exceptions as faults
import sigma.modifiers as modifiers
import sigma.types as types

from dekhang.engine.expressions import (
    And,
    Atom,
    CidrTest,
    Comparison,
    ExistsTest,
    Expression,
    FieldTest,
    Not,
    NumberTest,
    Or,
    RegexTest,
    Test,
    TextRelation,
    TextTest,
    TimeTest,
    TimeUnit,
    ValueTest,
    Wild,
    WildcardTest,
)
from dekhang.engine.predicates import regex
from dekhang.engine.text import clean, fold, text_of

COMPARISONS: dict[types.CompareOperators, Comparison] = {
    types.CompareOperators.LT: "lt",
    types.CompareOperators.LTE: "lte",
    types.CompareOperators.GT: "gt",
    types.CompareOperators.GTE: "gte",
    types.CompareOperators.NEQ: "neq",
}
TIME_UNITS: dict[types.TimestampPart, TimeUnit] = {
    types.TimestampPart.MINUTE: "minute",
    types.TimestampPart.HOUR: "hour",
    types.TimestampPart.DAY: "day",
    types.TimestampPart.WEEK: "week",
    types.TimestampPart.MONTH: "month",
    types.TimestampPart.YEAR: "year",
}
TIME_RANGES: dict[TimeUnit, tuple[int, int]] = {
    "minute": (0, 59),
    "hour": (0, 23),
    "day": (1, 31),
    "week": (1, 53),
    "month": (1, 12),
    "year": (1, 9999),
}


def expression(node: Any) -> Expression:
    if isinstance(node, conditions.ConditionNOT):
        return Not(expression(node.args[0]))
    if isinstance(node, (conditions.ConditionAND, conditions.ConditionOR)):
        parts = tuple(expression(part) for part in node.args if part is not None)
        return And(parts) if isinstance(node, conditions.ConditionAND) else Or(parts)
    if isinstance(node, conditions.ConditionFieldEqualsValueExpression):
        return _atom(node.field, node.value, _modifiers(node))
    if isinstance(node, conditions.ConditionValueExpression):
        return _atom(None, node.value, _modifiers(node))
    raise faults.SigmaConditionError(f"unknown part of a condition: '{type(node).__name__}'")


def _modifiers(node: Any) -> frozenset[type]:
    """The modifiers of the detection item that a leaf came from."""
    return frozenset(getattr(node.parent, "modifiers", ()))


def _atom(field: str | None, value: Any, applied: frozenset[type]) -> Expression:
    if isinstance(value, types.SigmaExpansion):
        parts = tuple(_atom(field, part, applied) for part in value.values)
        return parts[0] if len(parts) == 1 else Or(parts)
    if isinstance(value, types.SigmaNull):
        if field is None:
            raise faults.SigmaDetectionError("a keyword cannot be null")
        return Not(Atom(field, ValueTest()))
    if isinstance(value, types.SigmaExists):
        exists = Atom(field, ExistsTest())
        return exists if value.exists else Not(exists)
    return Atom(field, _test(field, value, applied))


def _test(field: str | None, value: Any, applied: frozenset[type]) -> Test:
    if isinstance(value, types.SigmaString):
        return _text(value, keyword=field is None)
    if isinstance(value, types.SigmaTimestampPart):
        return _time(TIME_UNITS[value.timestamp_part], int(value.number))
    if isinstance(value, types.SigmaNumber):
        return TextTest("contains" if field is None else "equals", fold(text_of(value.number)))
    if isinstance(value, types.SigmaBool):
        return TextTest("contains" if field is None else "equals", text_of(value.boolean))
    if isinstance(value, types.SigmaRegularExpression):
        return _regex(value, applied)
    if isinstance(value, types.SigmaCIDRExpression):
        return CidrTest(str(value.network))
    if isinstance(value, types.SigmaCompareExpression):
        return NumberTest(COMPARISONS[value.op], value.number.number)
    if isinstance(value, types.SigmaFieldReference):
        how: TextRelation = "equals"
        if value.starts_with or value.ends_with:
            how = "startswith" if not value.ends_with else "endswith" if not value.starts_with else "contains"
        return FieldTest(how, value.field)
    raise faults.SigmaDetectionError(f"values of type '{type(value).__name__}' have no meaning here")


def _time(unit: TimeUnit, number: int) -> TimeTest:
    least, most = TIME_RANGES[unit]
    if not least <= number <= most:
        raise faults.SigmaModifierError(f"{unit} goes from {least} to {most}, not '{number}'")
    return TimeTest(unit, number)


def _regex(value: Any, applied: frozenset[type]) -> RegexTest:
    pattern = str(value.regexp.to_plain_regex())
    # an expression is searched for anywhere; these two modifiers nail one end down
    if modifiers.SigmaStartswithModifier in applied:
        pattern = rf"\A(?:{pattern})"
    if modifiers.SigmaEndswithModifier in applied:
        pattern = rf"(?:{pattern})\z"
    flags = "".join(sorted(value.sigma_to_re_flag[flag] for flag in value.flags))
    regex(pattern, flags)  # refuses what no engine understands
    return RegexTest(pattern, flags)


def _text(value: types.SigmaString, *, keyword: bool) -> TextTest | WildcardTest:
    cased = isinstance(value, types.SigmaCasedString)
    shaped: list[str | Wild] = []
    for part in value.s:
        if isinstance(part, str):
            shaped.append(clean(part) if cased else fold(part))
        elif part == types.SpecialChars.WILDCARD_MULTI:
            if not shaped or shaped[-1] is not Wild.MANY:
                shaped.append(Wild.MANY)
        else:
            shaped.append(Wild.ONE)
    if keyword:  # a keyword is searched for in the whole message
        if not shaped or shaped[0] is not Wild.MANY:
            shaped.insert(0, Wild.MANY)
        if shaped[-1] is not Wild.MANY:
            shaped.append(Wild.MANY)
    match shaped:
        case []:
            return TextTest("equals", "", cased)
        case [Wild.MANY]:
            return TextTest("contains", "", cased)
        case [str(text)]:
            return TextTest("equals", text, cased)
        case [Wild.MANY, str(text)]:
            return TextTest("endswith", text, cased)
        case [str(text), Wild.MANY]:
            return TextTest("startswith", text, cased)
        case [Wild.MANY, str(text), Wild.MANY]:
            return TextTest("contains", text, cased)
    return WildcardTest(tuple(shaped), cased)
