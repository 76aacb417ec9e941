"""Reads the `correlation:` block of a rule. pySigma knows less than the specification here (ranges), so we read it.

Spec: sigma-correlation-rules-specification.md. Beyond it, as other tools write them: `value_median`, `percentile:` beside
`value_percentile`, conditions that are an expression over rule names, time spans in weeks, months and years.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

from dekhang.engine.rules import (
    NUMBER_KINDS,
    TEMPORAL_KINDS,
    Absent,
    Correlation,
    CorrelationKind,
    Either,
    Happening,
    Limit,
    LimitRelation,
    Seen,
    Together,
)

KINDS: tuple[CorrelationKind, ...] = get_args(CorrelationKind)
RELATIONS: tuple[LimitRelation, ...] = get_args(LimitRelation)
KEYS = frozenset(("type", "rules", "group-by", "timespan", "condition", "aliases", "generate"))
SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 2_629_746, "y": 31_556_952}
TIMESPAN = re.compile(r"([0-9]{1,9})([smhdwMy])")
TIMESPAN_MAX_SECONDS = 366 * 86_400  # a window is kept in memory and in the saved state
RULES_MAX = 100
FIELDS_MAX = 16
COUNT_MAX = 10_000  # a correlation has to remember as many events
NUMBER_MAX = 1e300
EXPRESSION_PARTS_MAX = 200
EXPRESSION_DEPTH_MAX = 16
TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)|([()]))")

Part = Literal["correlation", "type", "rules", "group-by", "timespan", "condition", "aliases", "generate"]


class CorrelationError(ValueError):
    """The block is not as it should be. The message is a Vietnamese sentence; `key` is the part at fault."""

    def __init__(self, key: Part, reason: str) -> None:
        super().__init__(reason)
        self.key = key


def read_correlation(block: Any) -> Correlation:
    """Return the block as a value.

    Raises:
        CorrelationError: something is missing, unknown or of the wrong kind.
    """
    if not isinstance(block, dict):
        raise CorrelationError("correlation", "`correlation` phải là một khối khóa: giá trị.")
    for key in block:
        if key not in KEYS:
            known = ", ".join(sorted(KEYS))
            raise CorrelationError("correlation", f"`correlation` có khóa lạ `{key}`; các khóa được dùng là {known}.")
    kind = block.get("type")
    if kind not in KINDS:
        raise CorrelationError("type", f"type của correlation là `{kind}`; các kiểu có: {', '.join(KINDS)}.")
    rules = _names(block.get("rules"), "rules", RULES_MAX)
    generate = block.get("generate", False)
    if not isinstance(generate, bool):
        raise CorrelationError("generate", "`generate` phải là true hoặc false.")
    condition = block.get("condition")
    happening: Happening | None = None
    limits: tuple[Limit, ...] = ()
    fields: tuple[str, ...] = ()
    percentile = None
    if isinstance(condition, str):
        rules, happening = _expression(kind, rules, condition)
    elif not rules:
        raise CorrelationError("rules", "`rules` phải nêu ít nhất một luật (id hoặc name).")
    elif condition is None and kind in TEMPORAL_KINDS:
        limits = (Limit("gte", len(rules)),)
    else:
        limits, fields, percentile = _limits(kind, condition)
    return Correlation(
        kind=kind,
        rules=rules,
        window_ms=_timespan(block.get("timespan")),
        limits=limits,
        group_by=_names(block.get("group-by"), "group-by", FIELDS_MAX),
        fields=fields,
        percentile=percentile,
        aliases=_aliases(block.get("aliases")),
        generate=generate,
        happening=happening,
    )


def _names(value: Any, key: Part, most: int) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise CorrelationError(key, f"`{key}` phải là danh sách tên.")
    if len(names) > most:
        raise CorrelationError(key, f"`{key}` có hơn {most} tên.")
    return tuple(dict.fromkeys(names))


def _timespan(value: Any) -> int:
    found = TIMESPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise CorrelationError(
            "timespan", f"timespan `{value}` không đúng: viết số rồi đơn vị s, m, h hoặc d, như 15m."
        )
    seconds = int(found[1]) * SECONDS[found[2]]
    if not 0 < seconds <= TIMESPAN_MAX_SECONDS:
        raise CorrelationError("timespan", f"timespan `{value}` phải dài hơn 0 và không quá 366 ngày.")
    return seconds * 1_000


def _aliases(value: Any) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    if value is None:
        return ()
    sound = isinstance(value, dict) and all(
        isinstance(alias, str)
        and isinstance(fields, dict)
        and all(isinstance(rule, str) and isinstance(field, str) for rule, field in fields.items())
        for alias, fields in value.items()
    )
    if not sound:
        raise CorrelationError("aliases", "`aliases` phải viết như {tên chung: {tên luật: tên trường}}.")
    return tuple((alias, tuple(fields.items())) for alias, fields in value.items())


# -- conditions with numbers -----------------------------------------------------------------------------------------


def _limits(kind: CorrelationKind, condition: Any) -> tuple[tuple[Limit, ...], tuple[str, ...], float | None]:
    if not isinstance(condition, dict):
        raise CorrelationError("condition", "condition của correlation phải là khối như {gte: 10}.")
    for key in condition:
        if key not in (*RELATIONS, "field", "percentile"):
            known = ", ".join((*RELATIONS, "field", "percentile"))
            raise CorrelationError("condition", f"condition của correlation có khóa lạ `{key}`; các khóa có: {known}.")
    limits = tuple(Limit(how, _number(kind, condition[how])) for how in RELATIONS if how in condition)
    if not limits:
        raise CorrelationError("condition", f"condition của correlation thiếu một trong: {', '.join(RELATIONS)}.")
    fields = _names(condition.get("field"), "condition", FIELDS_MAX)
    if kind in NUMBER_KINDS or kind == "value_count":
        if not fields:
            raise CorrelationError("condition", f"Kiểu {kind} cần `field` trong condition.")
        if kind in NUMBER_KINDS and len(fields) > 1:
            raise CorrelationError("condition", f"Kiểu {kind} chỉ đo một trường; `field` đang có {len(fields)}.")
    elif fields:
        raise CorrelationError("condition", f"Kiểu {kind} không dùng `field`.")
    return limits, fields, _percentile(kind, condition)


def _number(kind: CorrelationKind, value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= NUMBER_MAX:
        raise CorrelationError("condition", f"`{value}` trong condition của correlation không phải là số dùng được.")
    if kind not in NUMBER_KINDS and not 0 <= value <= COUNT_MAX:
        most = f"{COUNT_MAX:,}".replace(",", ".")
        raise CorrelationError("condition", f"Ngưỡng đếm {value} phải từ 0 đến {most}.")
    return value


def _percentile(kind: CorrelationKind, condition: Mapping[str, Any]) -> float | None:
    if "percentile" not in condition:
        return None
    value = condition["percentile"]
    if kind != "value_percentile":
        raise CorrelationError("condition", f"Kiểu {kind} không dùng `percentile`.")
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 100:
        raise CorrelationError("condition", f"`percentile: {value}` phải là số từ 0 đến 100.")
    return float(value)


# -- conditions that are an expression -------------------------------------------------------------------------------


def _expression(kind: CorrelationKind, rules: tuple[str, ...], text: str) -> tuple[tuple[str, ...], Happening]:
    """Return the rules, in order, and what must have happened. Binds: not, then and, then or."""
    if kind not in TEMPORAL_KINDS:
        raise CorrelationError("condition", f"Kiểu {kind} cần condition là khối như {{gte: 10}}, không phải biểu thức.")
    reader = _Reader(text)
    happening = reader.read()
    named = tuple(reader.named)
    if rules and set(rules) != set(named):
        odd = ", ".join(sorted(set(rules) ^ set(named)))
        raise CorrelationError("condition", f"`rules` và condition của correlation không nêu cùng các luật: {odd}.")
    return named, happening


class _Reader:
    def __init__(self, text: str) -> None:
        self.named: dict[str, int] = {}
        self._tokens: list[str] = []
        place = 0
        text = text.rstrip()
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None:
                raise CorrelationError("condition", f"condition của correlation sai từ `{text[place : place + 20]}`.")
            self._tokens.append(found[1] or found[2])
            place = found.end()
        if len(self._tokens) > EXPRESSION_PARTS_MAX:
            raise CorrelationError("condition", "condition của correlation quá dài.")
        self._next = 0

    def read(self) -> Happening:
        happening = self._either(0)
        if self._next < len(self._tokens):
            raise CorrelationError("condition", f"condition của correlation thừa `{self._tokens[self._next]}`.")
        return happening

    def _take(self, wanted: str) -> bool:
        if self._next < len(self._tokens) and self._tokens[self._next].lower() == wanted:
            self._next += 1
            return True
        return False

    def _either(self, depth: int) -> Happening:
        parts = [self._together(depth)]
        while self._take("or"):
            parts.append(self._together(depth))
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _together(self, depth: int) -> Happening:
        parts = [self._single(depth)]
        while self._take("and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else Together(tuple(parts))

    def _single(self, depth: int) -> Happening:
        if depth > EXPRESSION_DEPTH_MAX:
            raise CorrelationError("condition", "condition của correlation lồng nhau quá sâu.")
        if self._take("not"):
            return Absent(self._single(depth + 1))
        if self._take("("):
            inner = self._either(depth + 1)
            if not self._take(")"):
                raise CorrelationError("condition", "condition của correlation thiếu dấu đóng ngoặc.")
            return inner
        if self._next == len(self._tokens) or self._tokens[self._next].lower() in ("and", "or", ")"):
            raise CorrelationError("condition", "condition của correlation thiếu tên luật.")
        name = self._tokens[self._next]
        self._next += 1
        return Seen(self.named.setdefault(name, len(self.named)))
