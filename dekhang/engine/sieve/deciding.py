"""Which rules could match, given the atoms that hold in a line.

A rule is a chain of questions: does this atom hold? The answer leads to the next question or to yes or no. A rule is
only asked when one of its triggers holds: atoms of which one must hold for it to match.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dekhang.engine.native import compiled

YES = -1
NO = -2


class Programs(NamedTuple):
    """All rules, each in one or several variants: one per set of names and conditions of its log sources.

    Args:
        starts: of each program, its first question.
        atoms: of each question.
        holds, fails: of each question, what comes next when its atom holds or does not: a question, YES or NO.
        trigger_starts: of each atom, where in `triggered` its programs begin; one more at the end.
        triggered: programs by trigger.
    """

    starts: NDArray[np.int32]
    atoms: NDArray[np.int32]
    holds: NDArray[np.int32]
    fails: NDArray[np.int32]
    trigger_starts: NDArray[np.int32]
    triggered: NDArray[np.int32]


class Routes(NamedTuple):
    """What concerns the records of a route: a combination of log source kinds.

    Args:
        programs: uint8[routes, programs]: 1 = the program reads these records.
        columns: uint8[routes, columns]: 1 = a program of the route asks for the column.
        always_starts, always: programs without triggers, by route; one more start at the end.
        keyword_starts, keywords: columns of keywords that every value of the record is searched for, by route.
    """

    programs: NDArray[np.uint8]
    columns: NDArray[np.uint8]
    always_starts: NDArray[np.int32]
    always: NDArray[np.int32]
    keyword_starts: NDArray[np.int32]
    keywords: NDArray[np.int32]


@compiled
def could_match(programs: Programs, program: int, held: Any, line: int) -> bool:
    """Return whether a program says yes; held[atom] == line means that the atom holds."""
    at = programs.starts[program]
    while at >= 0:
        at = programs.holds[at] if held[programs.atoms[at]] == line else programs.fails[at]
    return bool(at == YES)
