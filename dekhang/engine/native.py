"""Compiling to machine code what must run at the speed of reading the log.

`compiled` functions work on arrays and numbers only and hold no lock of Python's. numba compiles them at first use and
keeps the result beside the module, as Python keeps its .pyc; a change of source or version compiles again.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Return `function` as machine code. Array indexes are not checked in it: every bound is ours to hold.

    `NUMBA_BOUNDSCHECK=1` checks them, `NUMBA_DISABLE_JIT=1` runs the same text as Python (tests do both).
    """
    return cast(F, numba.njit(cache=True, nogil=True)(function))


def inlined(function: F) -> F:
    """Return `function` as machine code that is copied to where it is called: for what runs for every value.

    Arrays in a NamedTuple are handed over one by one, eight words each; a call with fifty costs more than the work.
    """
    return cast(F, numba.njit(cache=True, nogil=True, inline="always")(function))


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a machine instruction for use in compiled functions; `function(typing, …)` gives its types and its code."""
    return cast(Callable[..., Any], intrinsic(function))
