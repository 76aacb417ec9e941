"""Reads a STIX 2.1 pattern into a tree of comparisons, as far as one event can answer it (STIX 2.1, chapter 9)."""

import re
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

PATTERN_CHARS_MAX = 10_000  # the grammar's parser needs up to a millisecond for a hundred characters

Literals: TypeAlias = "tuple[str | int | float | bool, ...]"

# one comparison of equality is what nearly all patterns are; the grammar's parser is 200 times slower
SIMPLE = re.compile(r"\s*\[\s*([a-z0-9-]+:[A-Za-z0-9_.'-]+)\s*=\s*'((?:[^'\\]|\\['\\])*)'\s*\]\s*\Z")


class PatternProblem(ValueError):
    """The pattern cannot be read, or not be answered; the message is a Vietnamese sentence.

    Args:
        unusable: it is sound, but no single event can answer it.
    """

    def __init__(self, reason: str, *, unusable: bool) -> None:
        super().__init__(reason)
        self.unusable = unusable


@dataclass(frozen=True, slots=True)
class Comparison:
    """One test: `file:hashes.'SHA-256' IN ('…', '…')`.

    Args:
        path: object type and property without quotes: "file:hashes.SHA-256".
        operator: =, !=, <, <=, >, >=, IN, LIKE, MATCHES, ISSUBSET, ISSUPERSET, EXISTS.
        negated: NOT stands before the operator.
    """

    path: str
    operator: str
    literals: Literals
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Junction:
    how: Literal["and", "or"]
    parts: "tuple[Node, ...]"


Node: TypeAlias = Comparison | Junction


def read_pattern(text: str) -> Node:
    """Return the tree of a pattern.

    Raises:
        PatternProblem: no pattern, or one about several events in order or in number.
    """
    simple = SIMPLE.match(text)
    if simple is not None:
        return Comparison(_path(simple.group(1)), "=", (_unquoted(f"'{simple.group(2)}'"),))
    if len(text) > PATTERN_CHARS_MAX:
        raise PatternProblem(f"Mẫu STIX dài hơn {PATTERN_CHARS_MAX} ký tự nên không được đọc.", unusable=True)
    # imported only now: the grammar takes a tenth of a second, and most lists do not need it
    from antlr4.error.Errors import ParseCancellationException  # type: ignore[import-untyped]
    from stix2patterns.exceptions import ParseException  # type: ignore[import-untyped]
    from stix2patterns.v21.pattern import Pattern  # type: ignore[import-untyped]

    class Visitor:
        """Hands the parse tree out; `Pattern.visit` asks for no more than this method."""

        def visit(self, tree: Any) -> Node:
            return _observations(tree.observationExpressions())

    try:
        found: Node = Pattern(text).visit(Visitor())
    except PatternProblem:
        raise
    except (ParseException, ParseCancellationException, RecursionError) as error:
        raise PatternProblem(f"Mẫu STIX không đọc được: {str(error)[:200]}", unusable=False) from error
    return found


def _observations(context: Any) -> Node:
    if context.FOLLOWEDBY() is not None:
        raise PatternProblem("FOLLOWEDBY nói về nhiều sự kiện nối tiếp; một sự kiện không trả lời được.", unusable=True)
    return _observation_or(context.observationExpressionOr())


def _observation_or(context: Any) -> Node:
    if context.OR() is not None:
        return _junction("or", [_observation_or(part) for part in context.observationExpressionOr()])
    return _observation_and(context.observationExpressionAnd())


def _observation_and(context: Any) -> Node:
    if context.AND() is not None:
        raise PatternProblem(
            "AND giữa hai quan sát nói về nhiều sự kiện; một sự kiện không trả lời được.", unusable=True
        )
    return _observation(context.observationExpression())


def _observation(context: Any) -> Node:
    name = type(context).__name__
    if name == "ObservationExpressionSimpleContext":
        return _comparisons(context.comparisonExpression())
    if name == "ObservationExpressionCompoundContext":
        return _observations(context.observationExpressions())
    qualifier = {"Within": "WITHIN", "Repeated": "REPEATS", "StartStop": "START … STOP"}
    said = next((word for key, word in qualifier.items() if key in name), name)
    raise PatternProblem(f"{said} đếm hay giới hạn nhiều sự kiện; một sự kiện không trả lời được.", unusable=True)


def _comparisons(context: Any) -> Node:
    if context.OR() is not None:
        return _junction("or", [_comparisons(part) for part in context.comparisonExpression()])
    return _comparisons_and(context.comparisonExpressionAnd())


def _comparisons_and(context: Any) -> Node:
    if context.AND() is not None:
        return _junction("and", [_comparisons_and(part) for part in context.comparisonExpressionAnd()])
    return _comparison(context.propTest())


def _comparison(context: Any) -> Node:
    name = type(context).__name__.removeprefix("PropTest").removesuffix("Context")
    if name == "Paren":
        return _comparisons(context.comparisonExpression())
    path = _path(context.objectPath().getText())
    negated = context.NOT() is not None
    if name == "Exists":
        return Comparison(path, "EXISTS", (), negated)
    if name == "Equal":
        operator = "=" if context.EQ() is not None else "!="
        return Comparison(path, operator, (_literal(context.primitiveLiteral().getText()),), negated)
    if name == "Order":
        operator = next(sign for sign, said in zip(
            (">", "<", ">=", "<="), (context.GT(), context.LT(), context.GE(), context.LE()), strict=True
        ) if said is not None)  # fmt: skip
        return Comparison(path, operator, (_literal(context.orderableLiteral().getText()),), negated)
    if name == "Set":
        literals = tuple(_literal(one.getText()) for one in context.setLiteral().primitiveLiteral())
        return Comparison(path, "IN", literals, negated)
    operator = {"Like": "LIKE", "Regex": "MATCHES", "IsSubset": "ISSUBSET", "IsSuperset": "ISSUPERSET"}[name]
    return Comparison(path, operator, (_unquoted(context.StringLiteral().getText()),), negated)


def _junction(how: Literal["and", "or"], parts: list[Node]) -> Node:
    flat: list[Node] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Junction) and part.how == how else (part,))
    return Junction(how, tuple(flat))


def _path(text: str) -> str:
    return text.replace("'", "").replace("[*]", "").strip()


def _literal(text: str) -> str | int | float | bool:
    if text.startswith("'"):
        return _unquoted(text)
    if text in ("true", "false"):
        return text == "true"
    if re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[+-]?[0-9]*\.[0-9]+", text):
        return float(text)
    raise PatternProblem(
        f"Giá trị {text[:60]} (thời gian hay nhị phân) không so được với trường log nào.", unusable=True
    )


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
