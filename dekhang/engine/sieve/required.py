"""A text that every value matching a pattern contains: what the sieve looks for before the pattern is asked."""

import re
import warnings
from collections.abc import Sequence
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from dekhang.engine.expressions import RegexTest, WildcardTest


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
