"""What a route remembers so that the next record is quick, and how much of it there may be."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from sys import getsizeof
from typing import TypeAlias

from dekhang.engine.columns import NOTHING, AtomId, Column
from dekhang.engine.text import Value, scalars, text_of

Verdict: TypeAlias = tuple[int, ...]  # local numbers of the matching rules, ascending

ENTRY_BYTES = 100  # cost of a dictionary entry, for the budget
LEARNED_IN_VAIN = 1_000  # values after which a field that brings a new one every other time is called passing
FIELD_NAMES_REMEMBERED = 5_000  # per route; attackers may invent names without end


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a detector may remember.

    Args:
        memory_bytes: for values, classes and verdicts of all routes together.
        value_chars: longer values are classified each time; they rarely come twice.
    """

    memory_bytes: int = 96 << 20  # ≈ 300,000 values of 100 characters; see bench/detect.py
    value_chars: int = 16_384


class Budget:
    """Counts what is remembered. The owner compares both between records and lets everything be forgotten."""

    __slots__ = ("limit", "spent")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.spent = 0

    def spend(self, size: int) -> None:
        self.spent += size


class Slot:
    """A field of the route with tests of its own: its column, and the classes of the values it remembers.

    Args:
        classes: value → class. 0 and 1 are not among them: False and True are the same dictionary keys, yet other
            texts. Whole floats and integers are the same keys and the same texts.
        typed: (kind, value) → class, for 0, 1, False and True.
    """

    __slots__ = ("classes", "column", "typed")

    def __init__(self, column: Column) -> None:
        self.column = column
        self.classes: dict[object, int] = {}
        self.typed: dict[tuple[type, object], int] = {}

    def forget(self) -> None:
        self.classes.clear()  # in place: plans hold its `get`
        self.typed.clear()


class Plan:
    """How to read records with the same field names in the same order, as one kind of event from one shipper has.

    Args:
        slots: of the fields with tests of their own, in their order; `values` picks their values from a record.
        heard: names of the other fields, if keywords are looked for everywhere; `others` picks their values.
        passing: picks the values of those other fields that hardly ever come twice (times, ids): not remembered.
        verdicts: the rules that match, by the classes of the values.
    """

    __slots__ = ("gets", "heard", "others", "passing", "slots", "values", "verdicts")

    def __init__(self, slots: Sequence[tuple[str, Slot]], heard: Sequence[str], passing: Sequence[str]) -> None:
        self.slots = [slot for _, slot in slots]
        self.gets = [slot.classes.get for slot in self.slots]
        self.values = _picker([name for name, _ in slots])
        self.heard = heard
        self.others = _picker(heard) if heard else None
        self.passing = _picker(passing) if passing else None
        self.verdicts: dict[tuple[int | None, ...], Verdict] = {}


def _picker(names: Sequence[str]) -> Callable[[Mapping[str, Value]], Sequence[Value]]:
    if len(names) >= 2:
        return itemgetter(*names)
    if names:
        one = names[0]
        return lambda fields: (fields[one],)
    return lambda fields: ()


class KeywordEar:
    """Looks for keywords in the fields without tests of their own. Remembers values that hold none, in one set.

    Args:
        harmless: values without keywords. Members are texts, None, and numbers where those cannot matter.
        learned: how many values of a field were new; a field that brings a new one every other time is passing.
    """

    def __init__(self, column: Column, limits: Limits, budget: Budget) -> None:
        self._column = column
        self._limits = limits
        self._budget = budget
        self._numbers_matter = column.hears_numbers or any(map(column.satisfied, (True, False)))
        self.harmless: set[object] = set()
        self.passing: set[str] = set()
        self._learned: dict[str, int] = {}
        self.forget()

    def forget(self) -> None:
        self.harmless.clear()
        # as members of the set these are also True and False; where numbers do not matter neither do they
        self.harmless.update((None,) if self._numbers_matter else (None, 0, 1))

    def hear(self, plan: Plan, values: Sequence[Value], seen: int) -> list[frozenset[AtomId]]:
        """Return what the values satisfy, and remember those that satisfy nothing. `seen`: records so far."""
        found = []
        for name, value in zip(plan.heard, values, strict=True):
            kind = value.__class__
            if kind is str or kind is int:
                if value in self.harmless:
                    continue
                atoms = self._column.satisfied(value) if kind is str or self._numbers_matter else NOTHING
                if atoms:
                    found.append(atoms)
                    continue
                self._learn(name, value, seen)
            elif value is not None:
                atoms = self._column.satisfied(value)
                if atoms:
                    found.append(atoms)
        return found

    def _learn(self, name: str, value: Value, seen: int) -> None:
        if value.__class__ is str:
            if len(value) > self._limits.value_chars:
                return
        elif self._numbers_matter:
            return
        self.harmless.add(value)
        self._budget.spend(getsizeof(value) + ENTRY_BYTES)
        if len(self._learned) >= FIELD_NAMES_REMEMBERED:
            self._learned.clear()
        learned = self._learned[name] = self._learned.get(name, 0) + 1
        if learned > LEARNED_IN_VAIN and 2 * learned > seen and len(self.passing) < FIELD_NAMES_REMEMBERED:
            self.passing.add(name)

    def search(self, values: Sequence[Value]) -> list[frozenset[AtomId]]:
        """Return what the values of passing fields satisfy; quick when none does."""
        texts = [value for value in values if value.__class__ is str]
        if len(texts) < len(values):
            for value in values:
                if value.__class__ is not str and (value.__class__ is not int or self._numbers_matter):
                    texts.extend(map(text_of, scalars(value)))
        return self._column.search(texts) if texts else []
