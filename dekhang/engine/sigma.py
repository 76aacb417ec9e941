"""Reads Sigma YAML into our rules. pySigma parses; what comes out is ours and needs no pySigma any more.

sigma.py            one document: a rule, a correlation, a filter; faults become sentences
sigma_values.py     conditions and values → expressions
sigma_modifiers.py  the modifiers that pySigma does not do as specified
sigma_correlation.py, sigma_lines.py

Importing pySigma takes half a second, so only these do, and only a rule that is not in the cache needs them.
"""

import re
import uuid
from collections.abc import Mapping
from typing import Any, TypeAlias

import sigma.exceptions as faults
import yaml
from sigma.correlations import SigmaCorrelationRule
from sigma.filters import SigmaFilter
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from dekhang.engine.expressions import DEPTH_MAX, Expression, Not, Or, depth
from dekhang.engine.guidance import GuidanceError, read_guidance
from dekhang.engine.predicates import RegexError, regex
from dekhang.engine.rules import Filter, Level, Logsource, Rule, RuleError, Skipped
from dekhang.engine.sigma_correlation import CorrelationError, read_correlation
from dekhang.engine.sigma_lines import Lines, quoted
from dekhang.engine.sigma_modifiers import CannotEvaluate, Placeholders, filled_with, register
from dekhang.engine.sigma_values import expression

Outcome: TypeAlias = Rule | Filter | RuleError | Skipped

RULE_BYTES_MAX = 1 << 20
RULES_FILTERED_MAX = 10_000

register()

# pySigma's faults by what a rule author calls the part, most specific first, and where to look for it
PARTS: tuple[tuple[type[Exception], str, str], ...] = (
    (faults.SigmaModifierError, "modifier", "detection"),
    (faults.SigmaRegularExpressionError, "biểu thức chính quy", "detection"),
    (faults.SigmaConditionError, "condition", "condition"),
    (faults.SigmaTypeError, "giá trị", "detection"),
    (faults.SigmaValueError, "giá trị", "detection"),
    (faults.SigmaFilterError, "filter", "filter"),
    (faults.SigmaDetectionError, "detection", "detection"),
    (faults.SigmaLogsourceError, "logsource", "logsource"),
    (faults.SigmaIdentifierError, "id", "id"),
    (faults.SigmaLevelError, "level", "level"),
    (faults.SigmaStatusError, "status", "status"),
    (faults.SigmaDateError, "date", "date"),
    (faults.SigmaTagError, "tags", "tags"),
    (faults.SigmaTitleError, "title", "title"),
)


class OurRegexEngine(RegexEngine):  # type: ignore[misc]  # pySigma: untyped
    """Lets pySigma take for valid what our predicates can evaluate, and nothing else."""

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        regex(pattern, "")
        try:
            return re.compile(pattern)  # pySigma itself searches only for names of search identifiers
        except (re.error, OverflowError):
            return NEVER

    @property
    def error(self) -> type[Exception]:
        return RegexError


NEVER = re.compile(r"(?!)")
POLICY = SigmaPolicy(regex_engine=OurRegexEngine())


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
    with filled_with(placeholders or {}):
        for number, document in enumerate(documents):
            if document is not None:
                outcomes.append(_read_document(document, path, lines, number))
    if not outcomes:
        outcomes.append(RuleError(path, 1, "Tệp luật trống: không có tài liệu YAML nào."))
    return outcomes


def _read_document(document: Any, path: str, lines: Lines, number: int) -> Outcome:
    first = lines.of(number)
    if not isinstance(document, dict):
        return RuleError(path, first, "Luật phải là một khối khóa: giá trị (title, logsource, detection …).")
    if "action" in document:
        # Sigma 1 repeated parts of documents this way; specification 2 no longer names it
        reason = "Khóa `action` là kiểu viết cũ của Sigma; hãy viết mỗi luật đủ phần của nó, cách nhau bằng `---`."
        return RuleError(path, lines.of(number, "action"), reason)
    if not isinstance(document.get("id", ""), str):
        return RuleError(path, lines.of(number, "id"), "`id` phải là một mã UUID viết thành chữ.")
    try:
        check_alias_expansion(document)
        guidance = read_guidance(document["dekhang"]) if "dekhang" in document else None
        if "correlation" in document:
            return _correlation(document, path, first, guidance)
        if "filter" in document:
            return _filter(document, path, first)
        return _plain(document, path, first, guidance)
    except CannotEvaluate as error:
        return Skipped(path, first, str(error), *_names(document))
    except GuidanceError as error:
        return RuleError(path, lines.of(number, error.key) or lines.of(number, "dekhang"), str(error))
    except CorrelationError as error:
        return RuleError(path, lines.of(number, error.key) or lines.of(number, "correlation") or first, str(error))
    except faults.SigmaError as error:
        for fault, part, key in PARTS:
            if isinstance(error, fault):
                message = _message(error)
                line = lines.naming(number, quoted(message)) or lines.of(number, key)
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


# -- one document ------------------------------------------------------------------------------------------------


def _plain(document: dict[str, Any], path: str, line: int, guidance: Any) -> Rule:
    rule = SigmaRule.from_dict(document, policy=POLICY)
    condition = _condition(rule.detection)
    return Rule(
        logsource=_logsource(rule), condition=condition, guidance=guidance, **_common(rule, document, path, line)
    )


def _filter(document: dict[str, Any], path: str, line: int) -> Filter:
    """Read a filter. Spec: sigma-filters-specification.md "Global Filter".

    Its purpose is "to suppress matches": what its condition describes is let off. Some tools write the same filter as
    `condition: not selection`; what stands behind that `not` is let off then, never its opposite.
    """
    found = SigmaFilter.from_dict(document, policy=POLICY)
    rules = found.filter.rules
    described = _condition(found.filter)
    return Filter(
        id=str(found.id or _own_id(document.get("title"), document.get("filter"))),
        title=str(found.title or path.rsplit("/", 1)[-1]),
        path=path,
        line=line,
        logsource=_logsource(found),
        rules=() if isinstance(rules, str) else tuple(str(one.reference) for one in rules[:RULES_FILTERED_MAX]),
        keeps=described if isinstance(described, Not) else Not(described),
    )


def _correlation(document: dict[str, Any], path: str, line: int, guidance: Any) -> Rule:
    correlation = read_correlation(document["correlation"])
    # pySigma checks what a correlation shares with rules: id, level, tags, dates
    stand_in = {"type": "event_count", "rules": ["x"], "timespan": "1s", "condition": {"gte": 1}}
    rule = SigmaCorrelationRule.from_dict({**document, "correlation": stand_in})
    return Rule(correlation=correlation, guidance=guidance, **_common(rule, document, path, line))


def _condition(detection: Any) -> Expression:
    """Return what a detection asks for; of several conditions any may hold. Spec: "Condition"."""
    parts = []
    for condition in detection.parsed_condition:
        tree = condition.parsed
        if tree is None:
            raise faults.SigmaConditionError("the condition is empty")
        parts.append(expression(tree))
    whole = parts[0] if len(parts) == 1 else Or(tuple(parts))
    if depth(whole) > DEPTH_MAX:
        raise RecursionError
    return whole


def _logsource(rule: Any) -> Logsource:
    asked = rule.logsource
    return Logsource((asked.product or "").lower(), (asked.category or "").lower(), (asked.service or "").lower())


def _own_id(*content: Any) -> uuid.UUID:
    """A rule may come without an id; then its own text is its identity."""
    return uuid.uuid5(uuid.NAMESPACE_URL, repr(content))


def _common(rule: Any, document: Mapping[str, Any], path: str, line: int) -> dict[str, Any]:
    level: Level = rule.level.name.lower() if rule.level else "medium"
    own = rule.id or _own_id(document.get("title"), document.get("detection", document.get("correlation")))
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
