"""Compiling to machine code what must run at the speed of reading the log.

`compiled` functions work on arrays and numbers only and hold no lock of Python's. numba compiles them at first use
(a quarter of a minute) and keeps the result beside the package, as Python keeps its .pyc, with the same trust: whoever
can write there can change the program itself. numba looks only at a function's own file, so what is kept lies in a
folder named after all of them: a change of any, of numba or of Python compiles anew.
"""

import os
import shutil
import sys
from hashlib import blake2b
from pathlib import Path
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import config
from numba.extending import intrinsic

F = TypeVar("F", bound=Callable[..., Any])


def _keep_compiled() -> None:
    """Tell numba where to keep machine code. Without a folder that only we can write it is compiled at every start."""
    engine = Path(__file__).parent
    digest = blake2b(f"{numba.__version__} {sys.version_info[:3]}".encode(), digest_size=8)
    for folder in (engine, engine / "sieve", engine / "indicators"):
        for source in sorted(folder.glob("*.py")):
            text = source.read_bytes()
            if b"dekhang.engine.native" in text or source.name == "machine.py":
                digest.update(text)
    for home in (engine / "__pycache__", Path.home() / ".cache/dekhang"):
        folder = home / f"native-{digest.hexdigest()}"
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK) and folder.stat().st_uid == os.geteuid():
            config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
            for old in home.glob("native-*"):
                if old != folder:
                    shutil.rmtree(old, ignore_errors=True)
            return


if "NUMBA_CACHE_DIR" not in os.environ:
    _keep_compiled()


# without numba's own counting of references: who calls keeps the arrays alive, and counting takes a third of the time
_OPTIONS: Any = {"cache": True, "nogil": True, "_nrt": False}


def compiled(function: F) -> F:
    """Return `function` as machine code. Array indexes are not checked in it: every bound is ours to hold.

    `NUMBA_BOUNDSCHECK=1` checks them, `NUMBA_DISABLE_JIT=1` runs the same text as Python (tests do both).
    """
    return cast(F, numba.njit(**_OPTIONS)(function))


def inlined(function: F) -> F:
    """Return `function` as machine code that is copied to where it is called: for what runs for every value.

    Arrays in a NamedTuple are handed over one by one, eight words each; a call with fifty costs more than the work.
    """
    return cast(F, numba.njit(inline="always", **_OPTIONS)(function))


def instruction(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a machine instruction for use in compiled functions; `function(typing, …)` gives its types and its code."""
    return cast(Callable[..., Any], intrinsic(function))
