"""A rule set at work: records or JSON lines in, matches out.

The sieve proposes which rules could match, the reference decides (both in Finder), the emitter tells and counts. Finding
needs nothing but the records at hand, so it can be done anywhere and in any order; telling needs their order.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.correlate import Losses, Waiting
from dekhang.engine.emission import Emitter
from dekhang.engine.indicators import IndicatorSet
from dekhang.engine.logsources import Place
from dekhang.engine.records import Match, Record
from dekhang.engine.reference import View, decide
from dekhang.engine.ruleset import RuleSet
from dekhang.engine.sieve import INDICATOR, Code, Limits, PathTree, Shape, Sieve, compile_code


@dataclass(frozen=True, slots=True)
class Found:
    """A record that rules or indicators match.

    Args:
        index: of the record in its batch.
        rules: positions in the rule set, ascending.
        indicators: whether an indicator may be in it; telling looks.
    """

    index: int
    record: Record
    rules: tuple[int, ...]
    indicators: bool


class Finder:
    """Finds the rules that match single records. Holds what it learned of names and values.

    Args:
        code: the rule set compiled earlier (`compile_code`), to save the time.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        limits: Limits | None = None,
        code: Code | None = None,
        indicators: IndicatorSet | None = None,
    ) -> None:
        self.ruleset = ruleset
        if code is None:
            code = compile_code(ruleset.rules, ruleset.mapping, indicators=indicators is not None)
        native = indicators.native() if indicators is not None else None
        self._sieve = Sieve(code, ruleset.mapping, limits or Limits(), native)
        self._trees: dict[Shape, PathTree] = {}

    def find(self, records: Sequence[Record]) -> list[Found]:
        """Return what matches in records, in their order."""
        found = []
        for index, rules in self._sieve.sift_records(records).candidates.items():
            one = self._decide(index, records[index], rules)
            if one is not None:
                found.append(one)
        return found

    def find_lines(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        shape: Shape,
        parse: Callable[[int], Record],
    ) -> list[Found]:
        """Return the same as `find` of all lines parsed, without parsing most of them.

        Args:
            data: JSON objects; starts, ends: of each in it.
            shape: which name in a line is which field. It must say of every name what `parse` does with it, or ODD.
            parse: number of a line → its record. Called once for lines that could match or that are not of the shape.
        """
        tree = self._trees.get(shape)
        if tree is None:
            tree = self._trees[shape] = self._sieve.tree(shape)
        sifted = self._sieve.sift_lines(data, starts, ends, tree)
        records = {line: parse(line) for line in sifted.odd}
        candidates = sifted.candidates
        if records:
            lines = list(records)
            of_odd = self._sieve.sift_records(list(records.values())).candidates
            candidates |= {lines[place]: rules for place, rules in of_odd.items()}
        found = []
        for line, rules in sorted(candidates.items()):
            one = self._decide(line, records.get(line) or parse(line), rules)
            if one is not None:
                found.append(one)
        return found

    @property
    def seen(self) -> Counter[Place]:
        """How many records there were by the facts that tell which rules read them."""
        return self._sieve.seen

    def _decide(self, index: int, record: Record, rules: list[int]) -> Found | None:
        view = View(record.fields)
        sources = self._sieve.sources_of(record)
        sighted = INDICATOR in rules
        matching = tuple(
            one for one in sorted(set(rules)) if one != INDICATOR and decide(self.ruleset.rules[one], view, sources)
        )
        return Found(index, record, matching, sighted) if matching or sighted else None


class Detector:
    """Evaluates a rule set, with correlations and indicators.

    Args:
        state: from `state()` of an earlier detector, also one with other rules. What does not fit is discarded;
            bytes that are no state at all leave the detector empty and `state_problem` says so.
        limits, code: as of Finder.
        indicators: looked for in every record; their patterns have to be among the rules.
    """

    def __init__(
        self,
        ruleset: RuleSet,
        state: bytes = b"",
        limits: Limits | None = None,
        code: Code | None = None,
        indicators: IndicatorSet | None = None,
    ) -> None:
        self.ruleset = ruleset
        self.finder = Finder(ruleset, limits, code, indicators)
        self._indicators = indicators
        self._emitter = Emitter(ruleset, state)

    def process(self, records: Sequence[Record]) -> list[Match]:
        """Return the matches in records, in record order, then rule order."""
        matches = self.tell(self.finder.find(records))
        if self._emitter.waits and records:
            newest: dict[int, int] = {}
            for record in records:
                if record.time_ms is not None:
                    newest[record.scope] = max(record.time_ms, newest.get(record.scope, record.time_ms))
            for scope, time_ms in newest.items():
                self._emitter.pass_time(scope, time_ms, len(records) - 1, matches)
        return matches

    def process_lines(
        self,
        data: bytes,
        starts: NDArray[np.int64],
        ends: NDArray[np.int64],
        shape: Shape,
        parse: Callable[[int], Record],
    ) -> list[Match]:
        """Return the matches in JSON lines; arguments as of Finder.find_lines."""
        matches = self.tell(self.finder.find_lines(data, starts, ends, shape, parse))
        if self._emitter.waits and len(starts):
            self.pass_time(parse(len(starts) - 1), len(starts) - 1, matches)
        return matches

    def tell(self, found: Iterable[Found]) -> list[Match]:
        """Return what records tell that a Finder found, in their order; correlations count them in this order."""
        matches: list[Match] = []
        for one in found:
            record, rules = one.record, list(one.rules)
            if self._indicators is not None:
                rules = [rule for rule in rules if self._indicators.in_force(self.ruleset.rules[rule], record.time_ms)]
            if rules:
                self._emitter.emit(one.index, record, rules, matches)
            if one.indicators and self._indicators is not None:
                matches.extend(
                    Match(
                        rule, one.index, shown, (record.key,), 1, record.time_ms, (), record.time_ms, scope=record.scope
                    )
                    for rule, shown in self._indicators.tell(record.fields, record.time_ms)
                )
        return matches

    @property
    def waits(self) -> bool:
        """Whether some correlation is judged at the end of its window, so that `pass_time` is of use."""
        return self._emitter.waits

    def pass_time(self, record: Record, index: int, matches: list[Match]) -> None:
        """Take note of the time of a record that no rule matched; append what ends thereby."""
        if record.time_ms is not None:
            self._emitter.pass_time(record.scope, record.time_ms, index, matches)

    def waiting(self) -> dict[int, Waiting]:
        """Return the windows that wait for their end, by scope: for callers who can tell that nothing more comes."""
        return self._emitter.waiting()

    def end_windows(self, scope: int, time_ms: int) -> list[Match]:
        """Let event time pass in a scope without a record; return what that tells. These matches have the index -1."""
        matches: list[Match] = []
        self._emitter.pass_time(scope, time_ms, -1, matches)
        return matches

    def end_behind(self, scope: int) -> list[Match]:
        """Say that the old records of a scope have all come; return what windows behind its event time tell.

        These matches have the index -1.
        """
        return self._emitter.end_behind(scope)

    @property
    def losses(self) -> Losses:
        """What correlations could not count since this detector was made."""
        return self._emitter.losses

    def close(self) -> list[Match]:
        """Say that no more records will come; return what that tells. These matches have the index -1."""
        return self._emitter.close()

    def state(self) -> bytes:
        """Return what the correlations have counted; the same bytes as long as nothing new counted."""
        return self._emitter.state()

    def state_parts(self, part_of: Callable[[int], int]) -> dict[int, bytes]:
        """Return, by part, what was counted in its scopes: of the parts that changed since the last time this was asked.

        Args:
            part_of: scope → part. Parts may live in different detectors: nothing is counted across scopes.
        """
        return self._emitter.state_parts(part_of)

    def load(self, state: bytes, wanted: Callable[[int], bool] = lambda scope: True) -> None:
        """Add what was saved by `state` or of a part by `state_parts`, as far as its scopes are wanted.

        What does not fit is discarded; bytes that are no state at all add nothing and `state_problem` says so.
        """
        self._emitter.load(state, wanted)

    @property
    def state_problem(self) -> str:
        """Why state could not be loaded; empty when it could."""
        return self._emitter.state_problem
