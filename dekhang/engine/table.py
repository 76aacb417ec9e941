"""The fast path: a lazy decision table for the rules of one route (docs/explanation/engine.md).

1. A field's value is classified once: the set of atoms it satisfies gets a small number, its class.
2. A record is then the tuple of its values' classes. Which rules match is worked out once per tuple, and only for
   rules with a trigger among the satisfied atoms.
3. The next record with known values costs a look-up per field and one for the tuple.

Records of one kind have the same field names in the same order; a Plan per such order says which fields to read.

Everything remembered is counted in a Budget; when that is spent, everything is forgotten and learned again, between
records, because a record's classes are numbers that mean something only until then.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from operator import call
from sys import getsizeof
from typing import TypeAlias

from dekhang.engine.columns import NOTHING, AtomId, Column
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
)
from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.memory import ENTRY_BYTES, Budget, KeywordEar, Limits, Plan, Slot, Verdict
from dekhang.engine.predicates import relates
from dekhang.engine.rules import Rule
from dekhang.engine.text import Value, is_metadata, plain_name, scalars

Aliases: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
Names: TypeAlias = tuple[str, ...]  # a rule's field by all the names that its records give it
Program: TypeAlias = Callable[[frozenset[AtomId]], bool]

CLASS_BYTES = 400  # rough cost of one remembered class or verdict besides its members, for the budget
PLANS_REMEMBERED = 1_000  # per route; attackers may invent orders of fields without end


@dataclass(frozen=True, slots=True)
class NamedTest:
    """An atom by all the names of its field; no name: a keyword. `others`: names of a FieldTest's other field."""

    names: Names
    test: Test
    others: Names = ()


class RouteTable:
    """All rules that apply to the records of one route: a combination of log source kinds.

    Args:
        rules: (position in the rule set, rule), in order; only those with a condition.
        sources: indexes into the mapping of the kinds that a record of this route belongs to.
    """

    def __init__(
        self,
        rules: Sequence[tuple[int, Rule]],
        mapping: LogsourceMapping,
        sources: Sequence[int],
        limits: Limits,
        budget: Budget,
    ) -> None:
        self._limits = limits
        self._budget = budget
        self._ids: dict[Hashable, AtomId] = {}
        self._atoms: list[NamedTest] = []  # by number
        self._positions: list[int] = []
        self._trees: list[Tree] = []
        self._programs: dict[int, Program] = {}
        self._by_trigger: dict[AtomId, list[int]] = {}
        self._always: list[int] = []
        for position, rule in rules:
            self._add(position, rule, mapping, sources)
        self._pairs = [(atom, one) for atom, one in enumerate(self._atoms) if isinstance(one.test, FieldTest)]
        self._by_name, keywords = self._compile_columns()
        self._ear = KeywordEar(keywords, limits, budget) if keywords is not None else None
        self._seen = 0
        self.forget()

    def __len__(self) -> int:
        return len(self._positions)

    def position(self, local: int) -> int:
        """Return the position in the rule set of a rule of this table."""
        return self._positions[local]

    # -- building --------------------------------------------------------------------------------------------

    def _add(self, position: int, rule: Rule, mapping: LogsourceMapping, sources: Sequence[int]) -> None:
        assert rule.condition is not None
        variants: list[Tree] = []
        for index in sources:
            source = mapping.sources[index]
            if not source.answers(rule.logsource):
                continue
            tree = self._number(rule.condition, source.aliases)
            if source.where is not None:
                tree = ("and", (self._number(source.where, ()), tree))
            if tree not in variants:
                variants.append(tree)
        if not variants:
            return
        tree = variants[0] if len(variants) == 1 else ("or", tuple(variants))
        local = len(self._positions)
        self._positions.append(position)
        self._trees.append(tree)
        triggers = self._triggers(tree)
        if triggers is None:
            self._always.append(local)
        else:
            for atom in triggers[1]:
                self._by_trigger.setdefault(atom, []).append(local)

    def _number(self, expression: Expression, aliases: Aliases) -> "Tree":
        """Return an expression with numbered atoms; equal atoms of different rules get one number."""
        if isinstance(expression, Atom):
            test = expression.test
            names = () if expression.field is None else _names(expression.field, aliases)
            others = _names(test.field, aliases) if isinstance(test, FieldTest) else ()
            key = (expression.field is None, names, test, others)
            if key not in self._ids:
                self._ids[key] = len(self._atoms)
                self._atoms.append(NamedTest(names, test, others))
            return self._ids[key]
        if isinstance(expression, Not):
            return ("not", (self._number(expression.part, aliases),))
        how = "and" if isinstance(expression, And) else "or"
        return (how, tuple(self._number(part, aliases) for part in expression.parts))

    def _triggers(self, tree: "Tree") -> tuple[float, frozenset[AtomId]] | None:
        """Return atoms of which at least one holds whenever `tree` does, with their cost; None = there are none."""
        if isinstance(tree, int):
            return self._cost(tree), frozenset((tree,))
        how, parts = tree
        if how == "not":
            return None
        found = [self._triggers(part) for part in parts]
        if how == "and":
            return min((one for one in found if one is not None), key=lambda one: one[0], default=None)
        atoms: frozenset[AtomId] = frozenset()
        cost = 0.0
        for one in found:
            if one is None:
                return None
            cost += one[0]
            atoms |= one[1]
        return cost, atoms

    def _cost(self, atom: AtomId) -> float:
        """Guess how often an atom holds: the longer its text, the rarer."""
        names, test = self._atoms[atom].names, self._atoms[atom].test
        if isinstance(test, (ExistsTest, ValueTest)):
            return 1.0
        if isinstance(test, TextTest):
            base = 1.0 / (1.0 + len(test.text)) ** 2
            # most records of a route have one of few event ids, levels, providers
            return base + (0.05 if names and names[0] in ("EventID", "Provider_Name", "Channel", "Level") else 0.0)
        return 0.02 if isinstance(test, RegexTest) else 0.1

    def _compile_columns(self) -> tuple[dict[str, Slot], Column | None]:
        keywords: list[tuple[AtomId, Test]] = []
        by_name: dict[str, list[tuple[AtomId, Test]]] = {}
        for atom, one in enumerate(self._atoms):
            if isinstance(one.test, FieldTest):
                continue
            if not one.names:
                keywords.append((atom, one.test))
            for name in one.names:
                by_name.setdefault(name, []).append((atom, one.test))
        slots = {
            name: Slot(Column(tests if is_metadata(name) else tests + keywords)) for name, tests in by_name.items()
        }
        return slots, Column(keywords) if keywords else None

    # -- deciding --------------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Drop everything remembered; nothing that was compiled."""
        for slot in self._by_name.values():
            slot.forget()
        if self._ear is not None:
            self._ear.forget()
        self._plans: dict[tuple[str, ...], Plan] = {}
        self._classes: dict[frozenset[AtomId], int] = {NOTHING: 0}
        self._sets: list[frozenset[AtomId]] = [NOTHING]

    def verdict(self, fields: Mapping[str, Value]) -> Verdict:
        """Return the local numbers of the rules that match, ascending."""
        names = tuple(fields)
        plan = self._plans.get(names) or self._plan(names)
        values = plan.values(fields)
        try:
            found: list[int | None] = list(map(call, plan.gets, values))
        except TypeError:  # a list is no dictionary key
            found = [_recall(slot, value) for slot, value in zip(plan.slots, values, strict=True)]
        if None in found:
            for place, known in enumerate(found):
                if known is None:
                    found[place] = self._learn(plan.slots[place], values[place])
        if self._ear is not None:
            self._seen += 1
            found.extend(map(self._class_of, self._keywords(self._ear, plan, fields)))
        if self._pairs:
            found.extend(self._pair_matches(fields))
        key = tuple(found)
        verdict = plan.verdicts.get(key)
        if verdict is None:
            verdict = plan.verdicts[key] = self._decide(key)
        return verdict

    def _plan(self, names: tuple[str, ...]) -> Plan:
        slots: list[tuple[str, Slot]] = []
        heard: list[str] = []
        passing: list[str] = []
        for name in names:
            slot = self._by_name.get(plain_name(name))
            if slot is not None:
                slots.append((name, slot))
            elif self._ear is not None and not is_metadata(name):
                (passing if name in self._ear.passing else heard).append(name)
        if len(self._plans) >= PLANS_REMEMBERED:
            self._plans.clear()
        plan = self._plans[names] = Plan(slots, heard, passing)
        self._budget.spend(CLASS_BYTES + 200 * len(names))
        return plan

    def _keywords(self, ear: KeywordEar, plan: Plan, fields: Mapping[str, Value]) -> list[frozenset[AtomId]]:
        found = []
        if plan.others is not None:
            values = plan.others(fields)
            try:
                harmless = ear.harmless.issuperset(values)
            except TypeError:  # a list is no member of a set
                harmless = False
            if not harmless:
                passing = len(ear.passing)
                found = ear.hear(plan, values, self._seen)
                if len(ear.passing) > passing:
                    self._plans = {}  # they still count the field among those to remember
        if plan.passing is not None:
            found.extend(ear.search(plan.passing(fields)))
        return found

    def _learn(self, slot: Slot, value: object) -> int:
        """Classify a value and remember its class, if it is of a kind that may come again."""
        kind = value.__class__
        if kind is bool or (kind is int and 0 <= value <= 1):  # type: ignore[operator]
            known = slot.typed.get((kind, value))
            if known is None:
                known = slot.typed[(kind, value)] = self._class_of(slot.column.satisfied(value))
            return known
        number = self._class_of(slot.column.satisfied(value))
        if (kind is str and len(value) <= self._limits.value_chars) or kind is int:  # type: ignore[arg-type]
            slot.classes[value] = number
            self._budget.spend(getsizeof(value) + ENTRY_BYTES)
        return number

    def _class_of(self, atoms: frozenset[AtomId]) -> int:
        number = self._classes.get(atoms)
        if number is None:
            number = len(self._sets)
            self._sets.append(atoms)
            self._classes[atoms] = number
            self._budget.spend(CLASS_BYTES + 32 * len(atoms))
        return number

    def _pair_matches(self, fields: Mapping[str, Value]) -> list[int]:
        found = []
        for atom, one in self._pairs:
            lefts = _values(fields, one.names)
            if lefts and isinstance(one.test, FieldTest):
                rights, how = _values(fields, one.others), one.test.how
                if any(relates(how, left, right) for left in lefts for right in rights):
                    found.append(self._class_of(frozenset((atom,))))
        return found

    def _decide(self, key: tuple[int | None, ...]) -> Verdict:
        atoms = NOTHING.union(*(self._sets[number] for number in key if number))
        candidates = set(self._always)
        by_trigger = self._by_trigger
        for atom in atoms:
            if atom in by_trigger:
                candidates.update(by_trigger[atom])
        verdict = tuple(sorted(local for local in candidates if self._program(local)(atoms)))
        self._budget.spend(CLASS_BYTES + 8 * len(key))
        return verdict

    def _program(self, local: int) -> Program:
        program = self._programs.get(local)
        if program is None:
            program = self._programs[local] = _compile(self._trees[local])
        return program


def _recall(slot: Slot, value: object) -> int | None:
    try:
        return slot.classes.get(value)
    except TypeError:
        return None


Tree: TypeAlias = "AtomId | tuple[str, tuple[Tree, ...]]"


def _names(field: str, aliases: Aliases) -> Names:
    plain = plain_name(field)
    names = [plain]
    for name, others in aliases:
        if plain_name(name) == plain:
            names.extend(plain_name(other) for other in others)
    return tuple(dict.fromkeys(names))


def _values(fields: Mapping[str, Value], names: Names) -> list[str | int | float | bool]:
    return [scalar for name, value in fields.items() if plain_name(name) in names for scalar in scalars(value)]


def _compile(tree: Tree) -> Program:
    """Return a numbered expression as a function of the set of atoms that hold."""
    if isinstance(tree, int):
        atom = tree
        return lambda held: atom in held
    how, parts = tree
    if how == "not":
        inner = _compile(parts[0])
        return lambda held: not inner(held)
    plain = frozenset(part for part in parts if isinstance(part, int))
    nested = tuple(_compile(part) for part in parts if not isinstance(part, int))
    if how == "and":
        if not nested:
            return lambda held: plain <= held
        return lambda held: plain <= held and all(part(held) for part in nested)
    if not nested:
        return lambda held: not plain.isdisjoint(held)
    return lambda held: not plain.isdisjoint(held) or any(part(held) for part in nested)
