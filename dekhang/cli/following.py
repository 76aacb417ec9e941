"""A child that ends when its parent is gone, so that `kill -9` of `up` leaves nothing running and no port taken."""

import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    """Ask the kernel for SIGTERM at the parent's death. Elsewhere than on Linux: nothing, the parts go on.

    Safe between fork and exec (`preexec_fn`): one system call, nothing else; it survives exec.
    """
    if _prctl is not None:
        _prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))


def _load_prctl():  # type: ignore[no-untyped-def]
    if sys.platform != "linux":
        return None
    import ctypes

    return ctypes.CDLL(None).prctl


_prctl = _load_prctl()  # looked up here: after a fork there must be no loading of libraries
