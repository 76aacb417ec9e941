"""Rules to plain lists and back, for the cache on disk.

A data format, not pickle: whoever can write the cache folder can at worst change rules, not run code. Everything read
back is checked by the constructors; anything odd is a ValueError and the rule is read from its YAML again.
"""

from typing import Any, TypeVar, get_args

from dekhang.engine.expressions import (
    DEPTH_MAX,
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
from dekhang.engine.rules import (
    INCIDENT_KINDS,
    LEVELS,
    Absent,
    Correlation,
    CorrelationKind,
    Either,
    Filter,
    Guidance,
    Happening,
    Limit,
    LimitRelation,
    Logsource,
    Rule,
    RuleError,
    Seen,
    Skipped,
    Together,
)

Choice = TypeVar("Choice")
RELATIONS: tuple[TextRelation, ...] = get_args(TextRelation)
COMPARISONS: tuple[Comparison, ...] = get_args(Comparison)
UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
LIMITS: tuple[LimitRelation, ...] = get_args(LimitRelation)
CORRELATION_KINDS: tuple[CorrelationKind, ...] = get_args(CorrelationKind)
AND, OR, NOT, TEXT, WILDCARD, REGEX, NUMBER, CIDR, TIME, FIELD, EXISTS, VALUE = range(12)


def dump(outcome: Rule | Filter | RuleError | Skipped) -> list[Any]:
    """Return one outcome of reading a rule file as lists, texts, numbers and None; without its path."""
    if isinstance(outcome, RuleError):
        return ["error", outcome.line, outcome.reason]
    if isinstance(outcome, Skipped):
        return ["skipped", outcome.line, outcome.reason, outcome.rule_id, outcome.title]
    if isinstance(outcome, Filter):
        tuned = outcome.logsource
        return [
            "filter",
            outcome.line,
            [outcome.id, outcome.title],
            [tuned.product, tuned.category, tuned.service],
            outcome.rules,
            _dump_expression(outcome.keeps),
        ]
    rule = outcome
    source, found, guide = rule.logsource, rule.correlation, rule.guidance
    return [
        "rule",
        [
            rule.id,
            rule.title,
            rule.level,
            rule.line,
            rule.name,
            rule.status,
            rule.description,
            rule.author,
            rule.license,
        ],
        [rule.references, rule.tags, rule.falsepositives],
        [source.product, source.category, source.service],
        None if rule.condition is None else _dump_expression(rule.condition),
        found
        and [
            found.kind,
            found.rules,
            found.window_ms,
            [[LIMITS.index(limit.how), limit.number] for limit in found.limits],
            found.group_by,
            found.fields,
            found.percentile,
            found.aliases,
            found.generate,
            found.happening and _dump_happening(found.happening),
        ],
        guide
        and [
            guide.title_vi,
            guide.meaning_vi,
            guide.first_actions_vi,
            guide.family,
            guide.entity,
            guide.incident_kind,
        ],
    ]


def load(data: list[Any], path: str) -> Rule | Filter | RuleError | Skipped:
    """Return what `dump` wrote.

    Raises:
        ValueError: it is something else.
    """
    try:
        return _load(data, path)
    except (TypeError, IndexError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a dumped rule: {error}") from error


def _load(data: list[Any], path: str) -> Rule | Filter | RuleError | Skipped:
    if data[0] == "error":
        _, line, reason = data
        return RuleError(path, int(line), _text(reason))
    if data[0] == "skipped":
        _, line, reason, rule_id, title = data
        return Skipped(path, int(line), _text(reason), _text(rule_id), _text(title))
    if data[0] == "filter":
        _, line, (filter_id, title), source, rules, keeps = data
        return Filter(
            id=_text(filter_id),
            title=_text(title),
            path=path,
            line=int(line),
            logsource=Logsource(*map(_text, source)),
            rules=_texts(rules),
            keeps=_load_expression(keeps, DEPTH_MAX + 1),  # one deeper: it is negated
        )
    kind, head, lists, source, condition, found, guide = data
    if kind != "rule":
        raise ValueError(f"not a dumped rule: {kind!r}")
    rule_id, title, level, line, name, status, description, author, licence = head
    references, tags, falsepositives = map(_texts, lists)
    return Rule(
        id=_text(rule_id),
        title=_text(title),
        level=_one_of(level, LEVELS),
        path=path,
        line=int(line),
        name=_text(name),
        logsource=Logsource(*map(_text, source)),
        condition=None if condition is None else _load_expression(condition, DEPTH_MAX),
        correlation=None if found is None else _load_correlation(found),
        guidance=None if guide is None else _load_guidance(guide),
        status=_text(status),
        description=_text(description),
        author=_text(author),
        license=_text(licence),
        references=references,
        tags=tags,
        falsepositives=falsepositives,
    )


def _load_correlation(found: list[Any]) -> Correlation:
    kind, rules, window_ms, limits, group_by, fields, percentile, aliases, generate, happening = found
    if not all(isinstance(number, (int, float)) for _, number in limits):
        raise ValueError("not a dumped rule: no number")
    return Correlation(
        kind=_one_of(kind, CORRELATION_KINDS),
        rules=_texts(rules),
        window_ms=int(window_ms),
        limits=tuple(Limit(LIMITS[how], number) for how, number in limits),
        group_by=_texts(group_by),
        fields=_texts(fields),
        percentile=None if percentile is None else float(percentile),
        aliases=tuple(
            (_text(alias), tuple((_text(rule), _text(field)) for rule, field in named)) for alias, named in aliases
        ),
        generate=bool(generate),
        happening=None if happening is None else _load_happening(happening, len(rules), DEPTH_MAX),
    )


def _dump_happening(happening: Happening) -> list[Any]:
    if isinstance(happening, Seen):
        return ["seen", happening.which]
    if isinstance(happening, Absent):
        return ["not", _dump_happening(happening.part)]
    return ["and" if isinstance(happening, Together) else "or", *map(_dump_happening, happening.parts)]


def _load_happening(data: list[Any], rules: int, depth_left: int) -> Happening:
    code, *parts = data
    if code == "seen":
        (which,) = parts
        if type(which) is not int or not 0 <= which < rules:
            raise ValueError("not a dumped rule: no such supplier")
        return Seen(which)
    if code not in ("not", "and", "or") or not parts or depth_left <= 0:
        raise ValueError("not a dumped rule: odd expression over rules")
    loaded = tuple(_load_happening(part, rules, depth_left - 1) for part in parts)
    if code == "not":
        (part,) = loaded
        return Absent(part)
    return Together(loaded) if code == "and" else Either(loaded)


def _load_guidance(guide: list[Any]) -> Guidance:
    title, meaning, actions, family, entity, kind = guide
    return Guidance(
        title_vi=_text(title),
        meaning_vi=_text(meaning),
        first_actions_vi=_texts(actions),
        family=_text(family),
        entity=_texts(entity),
        incident_kind=_one_of(kind, INCIDENT_KINDS),
    )


def _dump_expression(expression: Expression) -> list[Any]:
    if isinstance(expression, And):
        return [AND, *map(_dump_expression, expression.parts)]
    if isinstance(expression, Or):
        return [OR, *map(_dump_expression, expression.parts)]
    if isinstance(expression, Not):
        return [NOT, _dump_expression(expression.part)]
    field, test = expression.field, expression.test
    if isinstance(test, TextTest):
        return [TEXT, field, RELATIONS.index(test.how), test.text, test.cased]
    if isinstance(test, WildcardTest):
        return [WILDCARD, field, [int(one) if isinstance(one, Wild) else one for one in test.parts], test.cased]
    if isinstance(test, RegexTest):
        return [REGEX, field, test.pattern, test.flags]
    if isinstance(test, NumberTest):
        return [NUMBER, field, COMPARISONS.index(test.how), test.number]
    if isinstance(test, CidrTest):
        return [CIDR, field, test.network]
    if isinstance(test, TimeTest):
        return [TIME, field, UNITS.index(test.unit), test.number]
    if isinstance(test, FieldTest):
        return [FIELD, field, RELATIONS.index(test.how), test.field]
    return [EXISTS if isinstance(test, ExistsTest) else VALUE, field]


def _load_expression(data: list[Any], depth_left: int) -> Expression:
    if depth_left <= 0:
        raise ValueError("not a dumped rule: nested too deeply")
    code = data[0]
    if code == TEXT:  # nine of ten
        _, field, how, text, cased = data
        return Atom(_field(field), TextTest(RELATIONS[how], _text(text), cased is True))
    if code == AND:
        return And(tuple([_load_expression(part, depth_left - 1) for part in data[1:]]))
    if code == OR:
        return Or(tuple([_load_expression(part, depth_left - 1) for part in data[1:]]))
    if code == NOT:
        return Not(_load_expression(data[1], depth_left - 1))
    return Atom(_field(data[1]), _load_test(code, data[2:]))


def _load_test(code: int, rest: list[Any]) -> Test:
    if code == WILDCARD:
        parts, cased = rest
        return WildcardTest(tuple(Wild(one) if isinstance(one, int) else _text(one) for one in parts), cased is True)
    if code == REGEX:
        return RegexTest(_text(rest[0]), _text(rest[1]))
    if code == NUMBER:
        if not isinstance(rest[1], (int, float)):
            raise ValueError("not a dumped rule: no number")
        return NumberTest(COMPARISONS[rest[0]], rest[1])
    if code == CIDR:
        return CidrTest(_text(rest[0]))
    if code == TIME:
        return TimeTest(UNITS[rest[0]], int(rest[1]))
    if code == FIELD:
        return FieldTest(RELATIONS[rest[0]], _text(rest[1]))
    if code == EXISTS:
        return ExistsTest()
    if code == VALUE:
        return ValueTest()
    raise ValueError(f"not a dumped rule: code {code!r}")


def _field(value: Any) -> str | None:
    return None if value is None else _text(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"not a dumped rule: {type(value).__name__} instead of text")
    return value


def _texts(values: Any) -> tuple[str, ...]:
    return tuple(map(_text, values))


def _one_of(value: Any, allowed: tuple[Choice, ...]) -> Choice:
    return allowed[allowed.index(value)]
