"""A rule set at work: records or JSON lines in, matches out.

The sieve proposes which rules could match, the reference decides, the emitter tells and counts.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.emission import Emitter
from dekhang.engine.records import Match, Record
from dekhang.engine.reference import View, decide
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.sieve import Limits, PathTree, Shape, Sieve
from dekhang.engine.sieve.code import Code, compile_code


class Detector:
    """Evaluates a rule set. Holds what it learned of values, and the correlations' state.

    Args:
        state: from `state()` of an earlier detector, also one with other rules. What does not fit is discarded;
            bytes that are no state at all leave the detector empty and `state_problem` says so.
        code: the rule set compiled earlier (`compile_code`), to save the time.
    """

    def __init__(
        self, ruleset: RuleSet, state: bytes = b"", limits: Limits | None = None, code: Code | None = None
    ) -> None:
        self.ruleset = ruleset
        self._emitter = Emitter(ruleset, state)
        self.state_problem = self._emitter.state_problem
        self._sieve = Sieve(code or compile_code(ruleset.rules, ruleset.mapping), ruleset.mapping, limits or Limits())
        self._trees: dict[Shape, PathTree] = {}

    def process(self, records: Sequence[Record]) -> list[Match]:
        """Return the matches in records, in record order, then rule order."""
        matches: list[Match] = []
        for index, rules in self._sieve.sift_records(records).candidates.items():
            self._decide(index, records[index], rules, matches)
        return matches

    def process_lines(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        shape: Shape,
        parse: Callable[[int], Record],
    ) -> list[Match]:
        """Return the matches in JSON lines, the same as `process` of all lines parsed, without parsing most of them.

        Args:
            data: the lines; starts, ends: of each in it.
            shape: which name in a line is which field. It must say of every name what `parse` does with it, or ODD.
            parse: number of a line → its record. Called for lines that could match, and once for every line that is
                not of the shape.
        """
        tree = self._trees.get(shape)
        if tree is None:
            tree = self._trees[shape] = self._sieve.tree(shape)
        sifted = self._sieve.sift_lines(data, starts, ends, tree)
        records = {line: parse(line) for line in sifted.odd}
        odd = list(records.values())
        candidates = sifted.candidates
        if odd:
            found = self._sieve.sift_records(odd).candidates
            candidates |= {line: found[place] for place, line in enumerate(records) if place in found}
        matches: list[Match] = []
        for line, rules in sorted(candidates.items()):
            self._decide(line, records.get(line) or parse(line), rules, matches)
        return matches

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._emitter.state()

    def _decide(self, index: int, record: Record, rules: list[int], matches: list[Match]) -> None:
        view = View(record.fields)
        sources = self._sieve.sources_of(record)
        found = [one for one in sorted(set(rules)) if decide(self.ruleset.rules[one], view, sources)]
        if found:
            self._emitter.emit(index, record, found, matches)
