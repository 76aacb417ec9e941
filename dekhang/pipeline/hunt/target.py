"""What a hunt looks for, made from its request: a question, or rules and indicators ready to be looked for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dekhang.engine import Rule, RuleSet, compile_rules
from dekhang.engine.indicators import IndicatorSet
from dekhang.engine.rules import LEVELS
from dekhang.engine.sieve import Code, compile_code
from dekhang.pipeline.indicatorbook import load_indicators
from dekhang.pipeline.rulebook import Rulebook
from dekhang.pipeline.rulesettings import load_installed_rules, read_settings
from dekhang.pipeline.stores.hunts import Hunt, Request
from dekhang.pipeline.stores.search import Node, QueryError, parse
from dekhang.pipeline.stores.search.resolving import Names, resolve


class NothingToHunt(ValueError):
    """The request cannot be carried out; the text is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules and indicators, compiled. Picklable: it is made once and goes to every process."""

    ruleset: RuleSet
    code: Code
    indicators: IndicatorSet | None
    wanted: frozenset[str]  # ids of the rules that are told; empty = all
    least_level: int


Target = Node | Rules


def target_of(data: Path, hunt: Hunt, request: Request, rule_folders: Sequence[Path]) -> Target:
    """Read what a hunt looks for.

    Raises:
        NothingToHunt: nothing usable is left of it.
    """
    if request.kind == "query":
        try:
            return resolve(parse(request.query), Names(request.unit_names, request.source_names))
        except QueryError as fault:
            raise NothingToHunt(f"Câu tìm không đọc được ở ký tự {fault.position + 1}: {fault.reason}") from None
    if request.kind == "indicators":
        book = load_indicators([hunt.folder / "indicators"])
        if not len(book.set):
            said = " ".join(map(str, book.errors[:3]))
            raise NothingToHunt(f"Không có chỉ dấu nào dùng được. {said}".strip())
        ruleset = compile_rules(book.set.rules, read_settings(data).mapping)
        code = compile_code(ruleset.rules, ruleset.mapping, indicators=True)
        return Rules(ruleset, code, book.set, frozenset(), LEVELS.index("informational"))
    return _rules(data, hunt, request, rule_folders)


def _rules(data: Path, hunt: Hunt, request: Request, rule_folders: Sequence[Path]) -> Rules:
    own = hunt.folder / "rules"
    chosen: list[Rule] = []
    wanted: set[str] = set()
    problems: list[str] = []
    mapping = None
    if own.exists():
        book = load_installed_rules([own], data)
        mapping = book.ruleset.mapping
        chosen.extend(book.rules)
        wanted.update(rule.id for rule in book.rules)
        problems += [f"{Path(one.path).name}:{one.line}: {one.reason}" for one in book.errors]
        problems += [f"{Path(one.path).name}:{one.line}: {one.reason}" for one in book.skipped]
    if request.rule_ids:
        copies = hunt.folder / "installed"
        if not copies.exists():
            _copy(load_installed_rules(rule_folders, data), request.rule_ids, copies)
        installed = load_installed_rules([copies], data)
        mapping = installed.ruleset.mapping
        chosen.extend(_with_suppliers(installed.rules, request.rule_ids))
        wanted.update(request.rule_ids)
    if not chosen or mapping is None:
        raise NothingToHunt("\n".join(["Không có luật nào dùng được.", *problems[:10]]))
    unique = list({rule.id: rule for rule in chosen}.values())
    ruleset = compile_rules(unique, mapping)
    code = compile_code(ruleset.rules, ruleset.mapping, indicators=False)
    return Rules(ruleset, code, None, frozenset(wanted), LEVELS.index(request.min_level))


def _copy(installed: Rulebook, rule_ids: Sequence[str], folder: Path) -> None:
    """Keep the files of these rules, whole or not at all: a hunt that is resumed looks for what it has looked for."""
    for rule_id in rule_ids:
        if installed.find(rule_id) is None:
            raise NothingToHunt(f"Không có luật {rule_id} đang dùng được; xem danh sách: dekhang rules stats")
    draft = folder.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    paths = dict.fromkeys(Path(rule.path) for rule in _with_suppliers(installed.rules, rule_ids))
    for number, path in enumerate(paths):
        shutil.copyfile(path, draft / f"{number}-{path.name}")
    draft.rename(folder)


def _with_suppliers(rules: Sequence[Rule], rule_ids: Sequence[str]) -> list[Rule]:
    """These rules, and those whose matches their correlations count."""
    by_name = {name: rule for rule in reversed(rules) for name in rule.names}
    found: dict[str, Rule] = {}
    waiting = list(rule_ids)
    while waiting:
        rule = by_name.get(waiting.pop())
        if rule is not None and rule.id not in found:
            found[rule.id] = rule
            waiting.extend(rule.correlation.rules if rule.correlation is not None else ())
    return [rule for rule in rules if rule.id in found]
