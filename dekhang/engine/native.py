"""Compiling to machine code what must run at the speed of reading the log.

`compiled` functions work on arrays and numbers only and hold no lock of Python's. numba compiles them at first use
(half a minute); native_cache.py keeps the result.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.extending import intrinsic

from dekhang.engine.native_cache import CheckedCache, keep_compiled

F = TypeVar("F", bound=Callable[..., Any])

_KEPT = keep_compiled() is not None

# without numba's own counting of references: who calls keeps the arrays alive, and counting takes a third of the time
_OPTIONS: Any = {"nogil": True, "_nrt": False}


def _kept(function: Any, machine: Any) -> Any:
    if _KEPT and machine is not function:  # the same with NUMBA_DISABLE_JIT
        machine._cache = CheckedCache(function)
    return machine


def compiled(function: F) -> F:
    """Return `function` as machine code. Array indexes are not checked in it: every bound is ours to hold.

    `NUMBA_BOUNDSCHECK=1` checks them; tests do.
    """
    return cast(F, _kept(function, numba.njit(**_OPTIONS)(function)))


def inlined(function: F) -> F:
    """Return `function` as machine code that is copied to where it is called: for what runs for every value.

    Arrays in a NamedTuple are handed over one by one, eight words each; a call with fifty costs more than the work.
    """
    return cast(F, _kept(function, numba.njit(inline="always", **_OPTIONS)(function)))


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a machine instruction for use in compiled functions; `function(typing, …)` gives its types and its code."""
    return cast(Callable[..., Any], intrinsic(function))
