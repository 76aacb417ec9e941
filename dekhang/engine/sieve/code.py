"""Rules → the arrays that the kernel works on."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

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
    WildcardTest,
)
from dekhang.engine.logsources import LogsourceMapping
from dekhang.engine.rules import Logsource, Rule
from dekhang.engine.sieve.deciding import NO, YES, Programs
from dekhang.engine.sieve.kernel import Columns
from dekhang.engine.sieve.literals import AT_END, AT_START, GRAM, Literals
from dekhang.engine.sieve.packing import is_letter, pack_literals, ragged
from dekhang.engine.sieve.required import required_literals
from dekhang.engine.text import fold, plain_name

Aliases: TypeAlias = tuple[tuple[str, tuple[str, ...]], ...]
Names: TypeAlias = tuple[str, ...]
Ragged: TypeAlias = tuple[NDArray[np.int32], NDArray[np.int32]]


@dataclass(slots=True)
class Column:
    """What is asked of one field, or of every value (keywords). Atoms by number."""

    present: list[int]
    valued: list[int]
    unsure: list[int]
    lettered: list[int]
    literals: list[tuple[bytes, int, int]]  # folded text, AT_START | AT_END, atom
    wholes: list[tuple[bytes, int]]  # folded text, atom


@dataclass(frozen=True, slots=True)
class Code:
    """A rule set compiled.

    Args:
        rules: of each program, the position of its rule.
        readers: of each program, the log sources (indexes into the mapping) whose records it reads, as 0/1 by index.
        asked: of each program, the columns it asks for.
        always: programs without triggers.
        keywords: of each program, its column of keywords, -1 = none.
        column_names: field name → column.
        indicator: the atom that says that an indicator may be there, and the program that says yes then.
    """

    programs: Programs
    columns: Columns
    literals: Literals
    rules: NDArray[np.int32]
    readers: NDArray[np.uint8]
    asked: Ragged
    always: NDArray[np.int32]
    keywords: NDArray[np.int32]
    column_names: dict[str, int]
    atom_count: int
    other_column: int
    indicator_atom: int
    indicator_program: int


def compile_code(rules: Sequence[Rule], mapping: LogsourceMapping, *, indicators: bool = False) -> Code:
    """Compile the rules with a condition. Correlations are no programs: they count what these find."""
    return _Compiler(mapping).run(rules, indicators)


class _Compiler:
    def __init__(self, mapping: LogsourceMapping) -> None:
        self._mapping = mapping
        self._variants: dict[Logsource, list[tuple[Expression | None, Aliases, tuple[int, ...]]]] = {}
        self._names: dict[tuple[str | None, Aliases], Names] = {}
        self._atoms: dict[Any, int] = {}
        self._facts: list[tuple[Names, Test]] = []  # by atom
        self._question_atoms: list[int] = []
        self._holds: list[int] = []
        self._fails: list[int] = []

    def run(self, rules: Sequence[Rule], indicators: bool) -> Code:
        starts: list[int] = []
        owners: list[int] = []
        readers: list[tuple[int, ...]] = []
        triggered: list[tuple[int, int]] = []
        always: list[int] = []
        asked: list[set[int]] = []
        for position, rule in enumerate(rules):
            if rule.condition is None:
                continue
            for where, aliases, sources in self._variants_of(rule.logsource):
                program = len(starts)
                used: set[int] = set()
                first = self._questions(rule.condition, aliases, False, YES, NO, used)
                triggers = self._triggers(rule.condition, aliases, False)
                if where is not None:
                    first = self._questions(where, (), False, first, NO, used)
                    triggers = min(
                        (one for one in (triggers, self._triggers(where, (), False)) if one is not None),
                        key=lambda one: one[0],
                        default=None,
                    )
                starts.append(first)
                owners.append(position)
                readers.append(sources)
                asked.append(used)
                if triggers is None:
                    always.append(program)
                else:
                    triggered.extend((atom, program) for atom in triggers[1])
        indicator_atom, indicator_program = len(self._facts), len(starts)
        if indicators:
            self._facts.append((("",), ExistsTest()))
            starts.append(len(self._question_atoms))
            self._question_atoms.append(indicator_atom)
            self._holds.append(YES)
            self._fails.append(NO)
            owners.append(-1)
            readers.append(tuple(range(len(self._mapping.sources))))
            asked.append(set())
            triggered.append((indicator_atom, indicator_program))
        return self._pack(
            starts, owners, readers, triggered, always, asked, indicator_atom, indicator_program, indicators
        )

    # -- rules ---------------------------------------------------------------------------------------------------

    def _variants_of(self, asked: Logsource) -> list[tuple[Expression | None, Aliases, tuple[int, ...]]]:
        """Return the ways to read a rule: condition and names of its log sources, with those that share them."""
        if asked not in self._variants:
            groups: dict[tuple[Expression | None, Aliases], list[int]] = {}
            for index, source in enumerate(self._mapping.sources):
                if source.answers(asked):
                    groups.setdefault((source.where, source.aliases), []).append(index)
            self._variants[asked] = [(where, names, tuple(found)) for (where, names), found in groups.items()]
        return self._variants[asked]

    def _atom(self, atom: Atom, aliases: Aliases) -> int:
        test = atom.test
        names = self._names_of(atom.field, aliases)
        key = (names, test, self._names_of(test.field, aliases) if isinstance(test, FieldTest) else None)
        number = self._atoms.get(key)
        if number is None:
            number = self._atoms[key] = len(self._facts)
            self._facts.append((names, test))
        return number

    def _names_of(self, field: str | None, aliases: Aliases) -> Names:
        if field is None:
            return ()
        key = (field, aliases)
        found = self._names.get(key)
        if found is None:
            plain = plain_name(field)
            others = (other for name, names in aliases if plain_name(name) == plain for other in names)
            found = self._names[key] = tuple(dict.fromkeys((plain, *map(plain_name, others))))
        return found

    def _questions(
        self, expression: Expression, aliases: Aliases, negated: bool, yes: int, no: int, used: set[int]
    ) -> int:
        """Write the questions of an expression, last one first; return the first one."""
        if isinstance(expression, Not):
            return self._questions(expression.part, aliases, not negated, yes, no, used)
        if isinstance(expression, Atom):
            if negated and not exact(expression.test):
                return yes  # nobody but the reference knows that it does not hold
            atom = self._atom(expression, aliases)
            used.add(atom)
            self._question_atoms.append(atom)
            self._holds.append(no if negated else yes)
            self._fails.append(yes if negated else no)
            return len(self._question_atoms) - 1
        every = isinstance(expression, And) != negated
        for part in reversed(expression.parts):
            if every:
                yes = self._questions(part, aliases, negated, yes, no, used)
            else:
                no = self._questions(part, aliases, negated, yes, no, used)
        return yes if every else no

    def _triggers(self, expression: Expression, aliases: Aliases, negated: bool) -> tuple[float, frozenset[int]] | None:
        """Return atoms of which one holds whenever the program says yes, with their cost; None = there are none."""
        if isinstance(expression, Not):
            return self._triggers(expression.part, aliases, not negated)
        if isinstance(expression, Atom):
            if negated:
                return None
            atom = self._atom(expression, aliases)
            return self._cost(atom), frozenset((atom,))
        found = [self._triggers(part, aliases, negated) for part in expression.parts]
        if isinstance(expression, And) != negated:
            return min((one for one in found if one is not None), key=lambda one: one[0], default=None)
        if None in found:
            return None
        known = [one for one in found if one is not None]
        return sum(one[0] for one in known), frozenset(chain.from_iterable(one[1] for one in known))

    def _cost(self, atom: int) -> float:
        """Guess how often an atom holds: the longer its text, the rarer."""
        names, test = self._facts[atom]
        if isinstance(test, TextTest):
            base = 0.9 if is_scrap(test) else 1.0 / (1.0 + len(test.text)) ** 2
            # most records of a route have one of few event ids, levels, providers
            return base + (0.05 if names and names[0] in ("EventID", "Provider_Name", "Channel", "Level") else 0.0)
        if isinstance(test, (RegexTest, WildcardTest)):
            return min(0.9, sum(1.0 / (1.0 + len(literal)) ** 2 for literal in required_bytes(test))) or 0.9
        return 1.0

    # -- arrays --------------------------------------------------------------------------------------------------

    def _pack(
        self,
        starts: list[int],
        owners: list[int],
        readers: list[tuple[int, ...]],
        triggered: list[tuple[int, int]],
        always: list[int],
        asked: list[set[int]],
        indicator_atom: int,
        indicator_program: int,
        indicators: bool,
    ) -> Code:
        names: dict[str, int] = {}
        columns: list[Column] = []
        of_atom: list[tuple[int, ...]] = []
        for atom, (atom_names, test) in enumerate(self._facts):
            places = []
            for name in atom_names:
                if name not in names:
                    names[name] = len(columns)
                    columns.append(Column([], [], [], [], [], []))
                places.append(names[name])
                if atom != indicator_atom:
                    enter(columns[names[name]], atom, test)
            of_atom.append(tuple(places))
        other = len(columns)  # for values that only indicators are about
        columns.append(Column([], [], [], [], [], []))
        keyword_columns: dict[tuple[int, ...], int] = {}  # by readers: programs of one route ask for the same ones
        keywords = []
        for program, used in enumerate(asked):
            spoken = [atom for atom in used if not self._facts[atom][0]]
            if not spoken:
                keywords.append(-1)
                continue
            number = keyword_columns.get(readers[program])
            if number is None:
                number = keyword_columns[readers[program]] = len(columns)
                columns.append(Column([], [], [], [], [], []))
            for atom in spoken:
                enter(columns[number], atom, self._facts[atom][1])
            keywords.append(number)
        raw = [-1] * len(columns)
        for number in keyword_columns.values():
            # a letter beyond ASCII needs no run: values with such letters are looked at in any case
            runs = [plain_run(text) for text, _, _ in columns[number].literals if not is_letter(text)]
            if not columns[number].valued and not columns[number].wholes and all(runs):
                raw[number] = len(columns)
                columns.append(Column([], [], [], [], [(run, 0, 0) for run in dict.fromkeys(runs)], []))
        raw += [-1] * (len(columns) - len(raw))
        reading = np.zeros((len(starts), max(1, len(self._mapping.sources))), np.uint8)
        for program, sources in enumerate(readers):
            reading[program, list(sources)] = 1
        by_trigger: list[list[int]] = [[] for _ in self._facts]
        for atom, program in triggered:
            by_trigger[atom].append(program)
        trigger_starts, programs = ragged(by_trigger)
        packed = Columns(
            *ragged([unique(column.present) for column in columns]),
            *ragged([unique(column.valued) for column in columns]),
            *ragged([unique(column.unsure) for column in columns]),
            *ragged([unique(column.lettered) for column in columns]),
            int_array(raw),
            np.array([bool(column.wholes) for column in columns], np.uint8),
            np.array([indicators] * len(columns), np.uint8),
        )
        return Code(
            Programs(
                int_array(starts),
                int_array(self._question_atoms),
                int_array(self._holds),
                int_array(self._fails),
                trigger_starts,
                programs,
            ),
            packed,
            pack_literals([(column.literals, column.wholes) for column in columns]),
            int_array(owners),
            reading,
            ragged([sorted({place for atom in used for place in of_atom[atom]}) for used in asked]),
            int_array(always),
            int_array(keywords),
            names,
            len(self._facts),
            other,
            indicator_atom,
            indicator_program,
        )


def exact(test: Test) -> bool:
    """Return whether the sieve itself knows that a test fails; of the others it only knows when they cannot hold."""
    if isinstance(test, TextTest):
        return not test.cased and not is_scrap(test)
    return isinstance(test, (ExistsTest, ValueTest))


def is_scrap(test: TextTest) -> bool:
    """Return whether a text is a single sign anywhere in a value: it takes too long to look for."""
    text = fold(test.text).encode("utf-8", "replace")
    if test.how != "contains" or not 0 < len(text) < GRAM or is_letter(text):
        return False
    return len(text) == 1 or not text.isascii()


def enter(column: Column, atom: int, test: Test) -> None:
    """Note in a column how an atom is recognised there."""
    if isinstance(test, ExistsTest):
        column.present.append(atom)
    elif isinstance(test, TextTest):
        text = fold(test.text).encode("utf-8", "replace") if test.cased else test.text.encode("utf-8", "replace")
        if test.how == "equals":
            column.wholes.append((text, atom))
        elif is_scrap(test) and not text.isascii():
            column.lettered.append(atom)
        elif not text or is_scrap(test):
            column.valued.append(atom)
        else:
            flags = {"contains": 0, "startswith": AT_START, "endswith": AT_END}[test.how]
            column.literals.append((text, flags, atom))
        if test.cased and test.how != "equals":
            column.unsure.append(atom)
    elif isinstance(test, (RegexTest, WildcardTest)) and (literals := required_bytes(test)):
        column.literals.extend((literal, 0, atom) for literal in literals)
        if isinstance(test, RegexTest) or test.cased:
            column.unsure.append(atom)
    else:
        column.valued.append(atom)


def plain_run(text: bytes) -> bytes:
    """Return the longest part of a text that stands in JSON as it is, whoever writes it; at least GRAM bytes or none."""
    run = max(re.findall(rb"[^\x00-\x1f\"\\/\x7f-\xff]+", text), key=len, default=b"")
    return run if len(run) >= GRAM else b""


def required_bytes(test: RegexTest | WildcardTest) -> list[bytes]:
    texts = [text.encode("utf-8", "replace") for text in required_literals(test)]
    return texts if min(map(len, texts), default=0) >= 2 else []


def unique(numbers: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(numbers))


def int_array(numbers: Sequence[int]) -> NDArray[np.int32]:
    return np.array(numbers, np.int32) if numbers else np.zeros(0, np.int32)
