"""One field of a route: which of its atoms does a value satisfy? All literals are looked for in one pass.

A value's atoms depend on the value alone, so they are computed once and remembered (see table.py).
"""

import re
import warnings
from collections.abc import Collection, Iterable, Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

import ahocorasick_rs

from dekhang.engine.expressions import CidrTest, RegexTest, Test, TextTest, ValueTest, WildcardTest
from dekhang.engine.expressions import ExistsTest as Exists
from dekhang.engine.predicates import TextPredicate, in_network, network, regex, satisfies, wildcards
from dekhang.engine.text import Scalar, clean, fold, scalars, text_of

AtomId: TypeAlias = int
NOTHING: frozenset[AtomId] = frozenset()

# up to so many literals, `in` beats building and running an automaton (bench/detect.py)
LITERALS_WITHOUT_AUTOMATON = 6
SEPARATOR = "\0"
DIGITS = frozenset("-0123456789")
# an automaton reports every occurrence: long values are read in pieces, so the report of one stays small
PIECE_CHARS = 8_192


class Column:
    """Compiled tests of one field.

    Args:
        tests: (atom, test) of this field, and the keywords of the route.
    """

    __slots__ = (
        "_automaton",
        "_equals",
        "_exists",
        "_find",
        "_gates",
        "_has_value",
        "_literals",
        "_longest",
        "_odd",
        "_only_literals",
        "_prefixes",
        "_separated",
        "_suffixes",
        "_uses",
    )

    def __init__(self, tests: Iterable[tuple[AtomId, Test]]) -> None:
        self._exists: list[AtomId] = []
        self._has_value: list[AtomId] = []
        self._equals: dict[str, list[AtomId]] = {}
        prefixes: dict[int, dict[str, list[AtomId]]] = {}
        suffixes: dict[int, dict[str, list[AtomId]]] = {}
        contains: dict[str, list[AtomId]] = {}
        shapes: dict[str, list[tuple[AtomId, TextPredicate]]] = {}  # on the folded text
        gates: dict[str, list[tuple[AtomId, TextPredicate]]] = {}  # on the text as it is
        self._odd: list[tuple[AtomId, Any]] = []
        for atom, test in tests:
            if isinstance(test, Exists):
                self._exists.append(atom)
            elif isinstance(test, ValueTest):
                self._has_value.append(atom)
            elif isinstance(test, TextTest) and not test.cased:
                if test.how == "equals":
                    self._equals.setdefault(test.text, []).append(atom)
                elif not test.text:
                    self._has_value.append(atom)
                elif test.how == "contains":
                    contains.setdefault(test.text, []).append(atom)
                else:
                    table = prefixes if test.how == "startswith" else suffixes
                    table.setdefault(len(test.text), {}).setdefault(test.text, []).append(atom)
            elif isinstance(test, (RegexTest, WildcardTest)) and (literal := required_literal(test)):
                check = regex(test.pattern, test.flags) if isinstance(test, RegexTest) else wildcards(test.parts)
                on_folded = isinstance(test, WildcardTest) and not test.cased
                (shapes if on_folded else gates).setdefault(literal, []).append((atom, check))
            else:
                self._odd.append((atom, _scalar_predicate(test)))
        self._prefixes = tuple(sorted(prefixes.items()))
        self._suffixes = tuple(sorted(suffixes.items()))
        self._gates = tuple((literal, atom, check) for literal, found in gates.items() for atom, check in found)
        self._literals = list(contains.keys() | shapes.keys() | gates.keys())
        self._uses = [
            (contains.get(literal, ()), shapes.get(literal, ()), gates.get(literal, ())) for literal in self._literals
        ]
        self._longest = max(map(len, self._literals), default=0)
        self._only_literals = not (
            self._exists
            or self._has_value
            or self._equals
            or self._prefixes
            or self._suffixes
            or self._odd
            or self._gates
        )
        self._separated = any(SEPARATOR in literal for literal in self._literals)
        self._automaton = None
        if len(self._literals) > LITERALS_WITHOUT_AUTOMATON:
            self._automaton = ahocorasick_rs.AhoCorasick(
                self._literals, matchkind=ahocorasick_rs.MatchKind.Standard, store_patterns=False
            )

    def satisfied(self, value: object) -> frozenset[AtomId]:
        """Return the atoms that a present field with this value satisfies."""
        if self._only_literals and value.__class__ is str:
            # keyword columns see every value of every record: most hold no keyword
            text = value.lower() if value.isascii() else fold(value)
            if not self._present(text):
                return NOTHING
        found = set(self._exists)
        for scalar in scalars(value):
            self._scan(scalar, found)
        return frozenset(found)

    @property
    def hears_numbers(self) -> bool:
        """Return whether a whole number's text could satisfy anything here."""
        return not self._only_literals or any(set(literal) <= DIGITS for literal in self._literals)

    def search(self, values: list[str]) -> list[frozenset[AtomId]]:
        """Return what the values satisfy, without those that satisfy nothing. Quick when none does."""
        if self._only_literals and not self._separated:
            # one pass over all of them; a literal with the separator in it could be found across two values
            joined = SEPARATOR.join(values)
            if not self._present(joined.lower() if joined.isascii() else fold(joined)):
                return []
        return [atoms for atoms in map(self.satisfied, values) if atoms]

    def _scan(self, scalar: Scalar, found: set[AtomId]) -> None:
        found.update(self._has_value)
        raw = text_of(scalar)
        text = fold(raw)
        if (equal := self._equals.get(text)) is not None:
            found.update(equal)
        for length, table in self._prefixes:
            if (hit := table.get(text[:length])) is not None:
                found.update(hit)
        for length, table in self._suffixes:
            if (hit := table.get(text[-length:])) is not None:
                found.update(hit)
        if self._literals:
            plain_ascii = raw.isascii()
            for index in self._present(text):
                contained, shaped, gated = self._uses[index]
                found.update(contained)
                found.update(atom for atom, check in shaped if check(text))
                if plain_ascii:
                    found.update(atom for atom, check in gated if check(raw))
            if self._gates and not plain_ascii:
                # composing letters after folding can hide a literal (H̱ has no single character, ẖ has): look before it
                normal = clean(raw)
                loose = normal.casefold()
                found.update(atom for literal, atom, check in self._gates if literal in loose and check(normal))
        for atom, predicate in self._odd:
            if predicate(scalar):
                found.add(atom)

    def _present(self, text: str) -> Collection[int]:
        """Return the indexes of the literals that occur in a folded text."""
        if self._automaton is None:
            return [index for index, literal in enumerate(self._literals) if literal in text]
        if len(text) <= PIECE_CHARS:
            return {hit[0] for hit in self._automaton.find_matches_as_indexes(text, overlapping=True)}
        seen: set[int] = set()
        for start in range(0, len(text), PIECE_CHARS):
            piece = text[start : start + PIECE_CHARS + self._longest - 1]
            seen.update(hit[0] for hit in self._automaton.find_matches_as_indexes(piece, overlapping=True))
        return seen


def _scalar_predicate(test: Test) -> Any:
    """Return a test as a function of a scalar, prepared as far as it can be."""
    if isinstance(test, RegexTest):
        check = regex(test.pattern, test.flags)
        return lambda scalar: check(clean(text_of(scalar)))
    if isinstance(test, CidrTest):
        where = network(test.network)
        return lambda scalar: in_network(scalar, where)
    return lambda scalar: satisfies(test, scalar)


def required_literal(test: RegexTest | WildcardTest) -> str:
    """Return a folded text that every value matching `test` contains once folded; "" when none is known.

    Only ASCII counts: folding of other letters depends on their neighbours.
    """
    if isinstance(test, WildcardTest):
        texts = [part for part in test.parts if isinstance(part, str)]
        if not test.cased:
            return max(texts, key=len, default="")
        return max((run for text in texts for run in ascii_runs(text)), key=len, default="").lower()
    if "[:" in test.pattern:
        return ""  # RE2 reads a class of characters, Python does not
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            parsed = sre_parser.parse(test.pattern)
    except (re.error, OverflowError, RecursionError):
        return ""  # RE2 knows some syntax that Python does not
    runs = ["".join(run) for run in _literal_runs(list(parsed))]
    best = max((run for text in runs for run in ascii_runs(text)), key=len, default="")
    return best.lower() if len(best) >= 2 else ""


def ascii_runs(text: str) -> Sequence[str]:
    return re.findall(r"[\x00-\x7f]+", text)


def _literal_runs(nodes: list[Any]) -> list[list[str]]:
    """Return the runs of characters that any match of a parsed expression must contain."""
    runs: list[list[str]] = [[]]
    for operator, argument in nodes:
        if operator is sre.LITERAL:
            runs[-1].append(chr(argument))
        elif operator is sre.SUBPATTERN:
            below = _literal_runs(list(argument[3]))
            runs[-1].extend(below[0])
            runs.extend(below[1:])
        elif operator in (sre.MAX_REPEAT, sre.MIN_REPEAT) and argument[0] >= 1:
            runs.append([])
            runs.extend(_literal_runs(list(argument[2])))
            runs.append([])
        else:
            runs.append([])
    return runs
