"""Reads Sigma YAML into our rules. pySigma parses; what comes out is ours and needs no pySigma any more.

Importing pySigma takes half a second, so only this module does, and only a rule that is not in the cache needs it.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import sigma.conditions as conditions
import sigma.exceptions as faults
import sigma.modifiers as modifiers
import sigma.types as types
import yaml
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.policy.profiles import TrustedPolicy
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

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
    depth,
)
from dekhang.engine.guidance import GuidanceError, read_guidance
from dekhang.engine.predicates import RegexError, regex
from dekhang.engine.rules import Correlation, CorrelationKind, Level, Logsource, Rule, RuleError, Skipped
from dekhang.engine.text import clean, fold, text_of

Outcome: TypeAlias = Rule | RuleError | Skipped
Placeholders: TypeAlias = Mapping[str, Sequence[str]]

RULE_BYTES_MAX = 1 << 20
THRESHOLD_MAX = 10_000  # a correlation has to remember as many events
NODES_SEARCHED = 10_000  # of one level, when a fault is located

# pySigma's faults by what a rule author calls the part, most specific first, and where to look for it
PARTS: tuple[tuple[type[Exception], str, str], ...] = (
    (faults.SigmaModifierError, "modifier", "detection"),
    (faults.SigmaRegularExpressionError, "biểu thức chính quy", "detection"),
    (faults.SigmaConditionError, "condition", "condition"),
    (faults.SigmaCorrelationConditionError, "condition của correlation", "condition"),
    (faults.SigmaCorrelationTypeError, "type của correlation", "type"),
    (faults.SigmaTimespanError, "timespan", "timespan"),
    (faults.SigmaCorrelationRuleError, "correlation", "correlation"),
    (faults.SigmaDetectionError, "detection", "detection"),
    (faults.SigmaLogsourceError, "logsource", "logsource"),
    (faults.SigmaIdentifierError, "id", "id"),
    (faults.SigmaLevelError, "level", "level"),
    (faults.SigmaStatusError, "status", "status"),
    (faults.SigmaDateError, "date", "date"),
    (faults.SigmaTagError, "tags", "tags"),
    (faults.SigmaTitleError, "title", "title"),
)

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
CORRELATIONS: tuple[CorrelationKind, ...] = ("event_count", "value_count", "temporal", "temporal_ordered")


class CannotEvaluate(Exception):
    """The rule is sound, but something it needs is not here. The message is a Vietnamese sentence."""


def read_rules(text: bytes, path: str, placeholders: Placeholders | None = None) -> list[Outcome]:
    """Read a rule file: one outcome for each YAML document in it. Never raises for what stands in the file.

    Args:
        placeholders: values for `%name%` under the modifier `expand`; a rule naming another one is skipped.
    """
    if len(text) > RULE_BYTES_MAX:
        return [
            RuleError(path, 1, f"Tệp luật lớn hơn {RULE_BYTES_MAX // 1024} KiB nên không được đọc; hãy tách nhỏ tệp.")
        ]
    try:
        source = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        return [RuleError(path, line, "Tệp không phải UTF-8; hãy lưu lại tệp với bảng mã UTF-8.")]
    lines = Lines(source)
    try:
        documents = list(yaml.load_all(source, SigmaYAMLLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        return [
            RuleError(path, mark.line + 1 if mark else lines.of_double_key(problem), f"YAML sai cú pháp: {problem}.")
        ]
    except (RecursionError, ValueError) as error:
        return [RuleError(path, 1, f"YAML không đọc được: {type(error).__name__}.")]
    outcomes: list[Outcome] = []
    for number, document in enumerate(documents):
        if document is not None:
            outcomes.append(_read_document(document, path, lines, number, placeholders or {}))
    if not outcomes:
        outcomes.append(RuleError(path, 1, "Tệp luật trống: không có tài liệu YAML nào."))
    return outcomes


def _read_document(document: Any, path: str, lines: "Lines", number: int, placeholders: Placeholders) -> Outcome:
    first = lines.of(number)
    if not isinstance(document, dict):
        return RuleError(path, first, "Luật phải là một khối khóa: giá trị (title, logsource, detection …).")
    if "filter" in document:
        return Skipped(path, first, "Tệp là bộ lọc Sigma (filter); bản này chưa áp dụng bộ lọc.", *_names(document))
    if "action" in document:
        reason = "Khóa `action` là kiểu viết cũ của Sigma; hãy viết thành luật riêng hoặc dùng `correlation`."
        return RuleError(path, lines.of(number, "action"), reason)
    if not isinstance(document.get("id", ""), str):
        return RuleError(path, lines.of(number, "id"), "`id` phải là một mã UUID viết thành chữ.")
    try:
        check_alias_expansion(document)
        guidance = read_guidance(document["dekhang"]) if "dekhang" in document else None
        if "correlation" in document:
            return _correlation(document, path, first, guidance)
        return _plain(document, path, first, guidance, placeholders)
    except CannotEvaluate as error:
        return Skipped(path, first, str(error), *_names(document))
    except GuidanceError as error:
        return RuleError(path, lines.of(number, error.key) or lines.of(number, "dekhang"), str(error))
    except faults.SigmaError as error:
        for fault, part, key in PARTS:
            if isinstance(error, fault):
                message = _message(error)
                line = lines.naming(number, _quoted(message)) or lines.of(number, key)
                return RuleError(path, line or first, f"Phần {part} không đúng: {message}.")
        return RuleError(path, first, f"Luật không đúng chuẩn Sigma: {_message(error)}.")
    except RegexError as error:
        return RuleError(path, lines.of(number, "detection"), f"Biểu thức chính quy không hợp lệ: {error}.")
    except RecursionError:
        return RuleError(path, first, "Luật lồng nhau quá sâu; hãy viết gọn lại điều kiện.")
    except Exception as error:
        # pySigma trips over some malformed documents with plain Python errors; the file is named, the rest loads
        return RuleError(path, first, f"Luật không đúng chuẩn Sigma ({type(error).__name__}: {error}).")


def _names(document: Mapping[str, Any]) -> tuple[str, str]:
    return str(document.get("id") or ""), str(document.get("title") or "")


def _message(error: Exception) -> str:
    return str(error.args[0] if error.args else error).rstrip(".").split(" in file ")[0]


def _quoted(message: str) -> str:
    parts = message.split("'")
    return parts[1].strip() if len(parts) >= 3 else ""


# -- one document ------------------------------------------------------------------------------------------------


def _plain(document: dict[str, Any], path: str, line: int, guidance: Any, placeholders: Placeholders) -> Rule:
    rule = SigmaRule.from_dict(document, policy=TrustedPolicy)
    parts = []
    for condition in rule.detection.parsed_condition:
        tree = condition.parsed
        if tree is None:
            raise faults.SigmaConditionError("the condition is empty")
        parts.append(_expression(tree, placeholders))
    condition = parts[0] if len(parts) == 1 else Or(tuple(parts))
    if depth(condition) > DEPTH_MAX:
        raise RecursionError
    asked = Logsource(
        (rule.logsource.product or "").lower(),
        (rule.logsource.category or "").lower(),
        (rule.logsource.service or "").lower(),
    )
    return Rule(logsource=asked, condition=condition, guidance=guidance, **_common(rule, document, path, line))


def _correlation(document: dict[str, Any], path: str, line: int, guidance: Any) -> Rule:
    rule = SigmaCorrelationRule.from_dict(document)
    kind = rule.type.name.lower()
    if kind not in CORRELATIONS:
        raise CannotEvaluate(f"Bản này chưa tính tương quan kiểu `{kind}`.")
    condition = rule.condition
    if not isinstance(condition, SigmaCorrelationCondition):
        raise CannotEvaluate("Bản này chưa tính điều kiện tương quan viết thành biểu thức.")
    how, count = condition.op.name.lower(), condition.count
    if how not in ("gt", "gte") or not isinstance(count, int):
        raise CannotEvaluate(
            f"Điều kiện tương quan `{how}: {count}` cần chờ hết cửa sổ mới biết; chỉ tính được gt, gte với số nguyên."
        )
    threshold = count + (how == "gt")
    if not 1 <= threshold <= THRESHOLD_MAX:
        raise CannotEvaluate(f"Ngưỡng tương quan phải từ 1 đến {THRESHOLD_MAX:,}.".replace(",", "."))
    fields = condition.fieldref or ()
    correlation = Correlation(
        kind=kind,
        rules=tuple(str(reference.reference) for reference in rule.rules or ()),
        window_ms=rule.timespan.seconds * 1_000,
        threshold=threshold,
        group_by=tuple(rule.group_by or ()),
        fields=(fields,) if isinstance(fields, str) else tuple(fields),
        aliases=tuple(
            (alias.alias, tuple((str(rule.reference), str(field)) for rule, field in alias.mapping.items()))
            for alias in rule.aliases
        ),
        generate=bool(rule.generate),
    )
    if not correlation.rules:
        raise faults.SigmaCorrelationRuleError("the correlation names no rules")
    return Rule(correlation=correlation, guidance=guidance, **_common(rule, document, path, line))


def _common(rule: Any, document: Mapping[str, Any], path: str, line: int) -> dict[str, Any]:
    level: Level = rule.level.name.lower() if rule.level else "medium"
    # a rule may come without an id; then its own text is its identity
    own = rule.id or uuid.uuid5(uuid.NAMESPACE_URL, repr((document.get("title"), document.get("detection"))))
    return {
        "id": str(own),
        "title": str(rule.title or path.rsplit("/", 1)[-1]),
        "level": level,
        "path": path,
        "line": line,
        "name": rule.name or "",
        "status": rule.status.name.lower() if rule.status else "",
        "description": str(rule.description or "").strip(),
        "author": str(rule.author or ""),
        "license": str(rule.license or ""),
        "references": tuple(str(link) for link in rule.references),
        "tags": tuple(str(tag) for tag in rule.tags),
        "falsepositives": tuple(str(text) for text in rule.falsepositives),
    }


# -- conditions --------------------------------------------------------------------------------------------------


def _expression(node: Any, placeholders: Placeholders) -> Expression:
    if isinstance(node, conditions.ConditionNOT):
        return Not(_expression(node.args[0], placeholders))
    if isinstance(node, (conditions.ConditionAND, conditions.ConditionOR)):
        parts = tuple(_expression(part, placeholders) for part in node.args if part is not None)
        return And(parts) if isinstance(node, conditions.ConditionAND) else Or(parts)
    if isinstance(node, conditions.ConditionFieldEqualsValueExpression):
        return _atom(node.field, node.value, _modifiers(node), placeholders)
    if isinstance(node, conditions.ConditionValueExpression):
        return _atom(None, node.value, _modifiers(node), placeholders)
    raise faults.SigmaConditionError(f"unknown part of a condition: '{type(node).__name__}'")


def _modifiers(node: Any) -> frozenset[type]:
    """The modifiers of the detection item that a leaf came from."""
    return frozenset(getattr(node.parent, "modifiers", ()))


def _atom(field: str | None, value: Any, applied: frozenset[type], placeholders: Placeholders) -> Expression:
    if isinstance(value, types.SigmaExpansion):
        parts = tuple(_atom(field, part, applied, placeholders) for part in value.values)
        return parts[0] if len(parts) == 1 else Or(parts)
    if isinstance(value, (types.SigmaString, types.SigmaRegularExpression)) and value.contains_placeholder():
        texts = value.replace_placeholders(lambda placeholder: _fill(placeholder.name, placeholders))
        parts = tuple(_atom(field, text, applied, placeholders) for text in texts)
        return parts[0] if len(parts) == 1 else Or(parts)
    if isinstance(value, types.SigmaNull):
        if field is None:
            raise faults.SigmaDetectionError("a keyword cannot be null")
        return Not(Atom(field, ValueTest()))
    if isinstance(value, types.SigmaExists):
        exists = Atom(field, ExistsTest())
        return exists if value.exists else Not(exists)
    return Atom(field, _test(field, value, applied))


def _fill(name: str, placeholders: Placeholders) -> Any:
    if name not in placeholders:
        raise CannotEvaluate(f"Luật cần danh sách %{name}% mà hệ thống chưa có.")
    yield from placeholders[name]


def _test(field: str | None, value: Any, applied: frozenset[type]) -> Test:
    if isinstance(value, types.SigmaString):
        return _text(value, keyword=field is None)
    if isinstance(value, types.SigmaTimestampPart):
        return TimeTest(TIME_UNITS[value.timestamp_part], int(value.number))
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


# -- where things stand in the file ------------------------------------------------------------------------------


class Lines:
    """Finds lines in a YAML text; composes it only when a fault has to be located."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._documents: list[Any] | None = None

    def of(self, number: int, key: str = "") -> int:
        """Return the line (from 1) of a document, or of the first mapping key called `key` in it; 0 = no such key."""
        if not key and number == 0 and self._documents is None and "\n---" not in self.source:
            return 1  # the usual case costs nothing
        root = self._root(number)
        if root is None:
            return 1
        if not key:
            return int(root.start_mark.line) + 1
        found = _find_key(root, lambda name: name == key)
        return int(found.start_mark.line) + 1 if found is not None else 0

    def naming(self, number: int, text: str) -> int:
        """Return the line of the modifier or value that a fault quotes; 0 = it is nowhere as such."""
        root = self._root(number)
        if root is None or not text:
            return 0
        found = _find_key(root, lambda name: text in name.split("|")[1:]) or _find_value(root, text)
        return int(found.start_mark.line) + 1 if found is not None else 0

    def of_double_key(self, problem: str) -> int:
        """Return the line where a key that stands twice in one mapping stands for the second time."""
        name = _quoted(problem)
        found = [n for n, line in enumerate(self.source.splitlines(), 1) if line.strip().startswith(f"{name}:")]
        return found[1] if len(found) > 1 else 1

    def _root(self, number: int) -> Any:
        if self._documents is None:
            try:
                self._documents = list(yaml.compose_all(self.source, yaml.CSafeLoader))
            except (yaml.YAMLError, RecursionError):
                self._documents = []
        return self._documents[number] if number < len(self._documents) else None


def _find_key(root: Any, wanted: Callable[[str], bool]) -> Any:
    """Return the first key node that is wanted, level by level."""
    for node in _nodes(root):
        if isinstance(node, yaml.MappingNode):
            for name, _ in node.value:
                if wanted(str(name.value)):
                    return name
    return None


def _find_value(root: Any, text: str) -> Any:
    """Return the first value node that is this text."""
    return next((node for node in _nodes(root) if isinstance(node, yaml.ScalarNode) and node.value == text), None)


def _nodes(root: Any) -> Iterator[Any]:
    """Yield a document's nodes but its keys, level by level, so far as a fault is worth looking for."""
    level = [root]
    for _ in range(DEPTH_MAX):
        yield from level
        level = [
            below
            for node in level
            if isinstance(node, (yaml.MappingNode, yaml.SequenceNode))
            for below in ([value for _, value in node.value] if isinstance(node, yaml.MappingNode) else node.value)
        ][:NODES_SEARCHED]
        if not level:
            return
