"""Texts of which every value matching a pattern contains one: what the sieve looks for before the pattern is asked."""

import re
import warnings
from itertools import product
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any, TypeAlias

from dekhang.engine.expressions import RegexTest, WildcardTest

TEXTS_MAX = 128  # for one pattern
LETTERS_MAX = 4  # of a set of characters that is read as several texts
LENGTH_MIN = 2

Texts: TypeAlias = frozenset[str]
EMPTY: Texts = frozenset(("",))


def required_literals(test: RegexTest | WildcardTest) -> tuple[str, ...]:
    """Return folded texts of which every value matching `test` contains at least one once folded; () = none is known.

    Only ASCII counts: folding of other letters depends on their neighbours.
    """
    if isinstance(test, WildcardTest):
        texts = [part for part in test.parts if isinstance(part, str)]
        if test.cased:
            texts = [run.lower() for text in texts for run in ascii_runs(text)]
        longest = max(texts, key=len, default="")
        return (longest,) if longest else ()
    if "[:" in test.pattern:
        return ()  # RE2 reads a class of characters, Python does not
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            parsed = sre_parser.parse(test.pattern)
        _, needed = _look(list(parsed))
    except (re.error, OverflowError, RecursionError):
        return ()  # RE2 knows some syntax that Python does not
    return tuple(sorted(needed)) if needed else ()


def ascii_runs(text: str) -> list[str]:
    return re.findall(r"[\x00-\x7f]+", text)


def _look(nodes: list[Any]) -> tuple[Texts | None, Texts | None]:
    """Return (all texts that nodes match if they are few, texts of which any match contains one)."""
    whole: Texts | None = EMPTY
    running = EMPTY  # all texts of the nodes since the last one that matches too much
    best: Texts | None = None
    for node in nodes:
        texts, needed = _look_at(*node)
        joined = None
        if texts is not None and len(running) * len(texts) <= TEXTS_MAX:
            joined = frozenset(one + other for one, other in product(running, texts))
        if joined is None:
            whole = None
            best = _better(_better(best, running), needed)
            running = texts if texts is not None else EMPTY
        else:
            running = joined
    best = _better(best, running)
    return (running if whole is not None else None), best


def _look_at(operator: Any, argument: Any) -> tuple[Texts | None, Texts | None]:
    if operator is sre.LITERAL and argument < 128:
        texts: Texts | None = frozenset((chr(argument).lower(),))
        return texts, None
    if operator is sre.AT:
        return EMPTY, None
    if operator is sre.IN and len(argument) <= LETTERS_MAX:
        if all(kind is sre.LITERAL and letter < 128 for kind, letter in argument):
            return frozenset(chr(letter).lower() for _, letter in argument), None
        return None, None
    if operator is sre.SUBPATTERN:
        return _look(list(argument[3]))
    if operator is sre.BRANCH:
        return _any_of([_look(list(branch)) for branch in argument[1]])
    if operator in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        least, most, repeated = argument
        texts, needed = _look(list(repeated))
        if least == most == 1:
            return texts, needed
        if (least, most) == (0, 1) and texts is not None:
            return texts | EMPTY, None
        return None, needed if least >= 1 else None
    return None, None


def _any_of(branches: list[tuple[Texts | None, Texts | None]]) -> tuple[Texts | None, Texts | None]:
    whole: Texts | None = frozenset()
    needed: Texts | None = frozenset()
    for texts, some in branches:
        whole = whole | texts if whole is not None and texts is not None else None
        needed = needed | some if needed is not None and some is not None else None
    if whole is not None and len(whole) > TEXTS_MAX:
        whole = None
    return whole, needed if needed is not None and len(needed) <= TEXTS_MAX else None


def _better(one: Texts | None, other: Texts | None) -> Texts | None:
    """Return which of two choices lets fewer values through: the one whose shortest text is longer, then the smaller."""
    if other is None or min(map(len, other), default=0) < LENGTH_MIN:
        return one
    if one is None or (min(map(len, one)), -len(one)) < (min(map(len, other)), -len(other)):
        return other
    return one
