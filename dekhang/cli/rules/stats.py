"""What a collection of rules consists of, and how much of it works here."""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from dekhang.engine import Rule
from dekhang.engine.attack import OTHER, main_techniques_of, tactics_of
from dekhang.engine.coverage import UnmappedSource, unmapped_sources
from dekhang.engine.expressions import (
    Atom,
    CidrTest,
    ExistsTest,
    Expression,
    FieldTest,
    Not,
    NumberTest,
    RegexTest,
    TextTest,
    TimeTest,
    ValueTest,
    WildcardTest,
)
from dekhang.engine.rules import LEVELS
from dekhang.pipeline.rulebook import Rulebook

STATUSES = ("stable", "test", "experimental", "deprecated", "unsupported")  # Sigma rules, "Status"
Namer: TypeAlias = Callable[[Rule], Iterable[str]]

NONE = "-"  # the rule does not say


@dataclass(frozen=True, slots=True)
class Share:
    """Rules of one kind. `total` counts the sound ones, `usable` those that can be evaluated here."""

    name: str
    usable: int
    total: int


@dataclass(frozen=True, slots=True)
class RuleStats:
    """What `dekhang rules stats` tells.

    Args:
        skipped: reason → rules; without the rules of `unmapped`.
        constructs: Sigma construct → usable rules that need it, after modifiers such as base64 are worked out.
    """

    files: int
    usable: int
    unusable: int
    faulty: int
    levels: tuple[Share, ...]
    statuses: tuple[Share, ...]
    logsources: tuple[Share, ...]
    tactics: tuple[Share, ...]
    techniques: tuple[Share, ...]
    constructs: tuple[tuple[str, int], ...]
    skipped: tuple[tuple[str, int], ...]
    unmapped: tuple[UnmappedSource, ...]


def stats_of(book: Rulebook) -> RuleStats:
    """Count the rules of a rulebook."""
    unmapped = book.ruleset.unmapped
    away = {rule.id for rule in unmapped}
    reasons = Counter(skipped.reason for skipped in book.skipped if skipped.rule_id not in away)
    return RuleStats(
        files=book.files,
        usable=len(book.rules),
        unusable=len(book.skipped),
        faulty=len(book.errors),
        levels=_shares(book, lambda rule: (rule.level,), tuple(reversed(LEVELS))),
        statuses=_shares(book, lambda rule: (rule.status or NONE,), STATUSES),
        logsources=_shares(book, lambda rule: (logsource_of(rule),)),
        tactics=_shares(book, lambda rule: [tactic for tactic in tactics_of(rule) if tactic != OTHER]),
        techniques=_shares(book, main_techniques_of),
        constructs=tuple(Counter(one for rule in book.rules for one in constructs_of(rule)).most_common()),
        skipped=tuple(reasons.most_common()),
        unmapped=unmapped_sources(book.ruleset),
    )


def logsource_of(rule: Rule) -> str:
    """Return product/category/service as one word; a correlation has none of its own."""
    if rule.correlation is not None:
        return "correlation"
    said = rule.logsource
    return "/".join(part or NONE for part in (said.product, said.category, said.service))


def constructs_of(rule: Rule) -> set[str]:
    """Return what a rule needs of the engine, in Sigma's own words."""
    if rule.correlation is not None:
        return {rule.correlation.kind}
    found: set[str] = set()
    if rule.condition is not None:
        _look(rule.condition, found)
    return found


def _look(expression: Expression, found: set[str]) -> None:
    if isinstance(expression, Atom):
        found.add(_word(expression))
        if expression.field is None:
            found.add("keywords")
        if getattr(expression.test, "cased", False):
            found.add("cased")
    elif isinstance(expression, Not):
        inner = expression.part
        if isinstance(inner, Atom) and isinstance(inner.test, ValueTest):
            found.add("null")
        else:
            found.add("not")
            _look(inner, found)
    else:
        for part in expression.parts:
            _look(part, found)


def _word(atom: Atom) -> str:
    test = atom.test
    if isinstance(test, TextTest):
        return test.how
    if isinstance(test, RegexTest):
        return "re"
    if isinstance(test, NumberTest):
        return "lt/gt"
    if isinstance(test, FieldTest):
        return "fieldref"
    if isinstance(test, TimeTest):
        return test.unit
    words = {CidrTest: "cidr", ExistsTest: "exists", ValueTest: "*", WildcardTest: "* ?"}
    return words.get(type(test), type(test).__name__)


def _shares(book: Rulebook, names: Namer, order: tuple[str, ...] = ()) -> tuple[Share, ...]:
    """Count rules by a name of theirs: in the given order, otherwise those with the most rules first."""
    usable = Counter(name for rule in book.rules for name in names(rule))
    total = usable + Counter(name for rule in book.ruleset.unmapped for name in names(rule))
    ranks = {name: rank for rank, name in enumerate(order)}
    ranked = sorted(total, key=lambda name: (ranks.get(name, len(ranks)), -total[name], name))
    return tuple(Share(name, usable[name], total[name]) for name in ranked)
