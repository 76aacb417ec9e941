"""Finds the brackets of JSON text that stand outside of strings, a block at a time, without building any value."""

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]
_QUOTE, _BACKSLASH, _CASE = 34, 92, 0x20
_OPEN, _CLOSE = 0x7B, 0x7D  # "{" and "}"; "[" and "]" are the same without the bit _CASE


class BracketScanner:
    """Carries over the blocks whether a string is open, and how deep the brackets are."""

    def __init__(self) -> None:
        self.depth = 0
        self._in_string = False
        self._escaped = False  # the next block's first byte stands behind a backslash that counts

    def scan(self, block: bytes) -> tuple[Positions, Positions, npt.NDArray[np.bool_]]:
        """Return where the brackets are, their levels (0 = outermost, the same for both of a pair), which open.

        A level below 0 is a bracket that closes nothing.
        """
        if not block:
            return np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.bool_)
        view = np.frombuffer(block, np.uint8)
        quotes = self._quotes(view, block)
        folded = view | _CASE
        brackets = np.flatnonzero((folded == _OPEN) | (folded == _CLOSE))
        inside = (np.searchsorted(quotes, brackets) + self._in_string) & 1
        self._in_string = bool((len(quotes) + self._in_string) & 1)
        brackets = brackets[inside == 0]
        opens = folded[brackets] == _OPEN
        depths = self.depth + np.cumsum(np.where(opens, 1, -1))
        if len(depths):
            self.depth = int(depths[-1])
        return brackets, depths - opens, opens

    def _quotes(self, view: npt.NDArray[np.uint8], block: bytes) -> Positions:
        """Where strings begin and end: quotes that are not behind an odd number of backslashes."""
        quotes = np.flatnonzero(view == _QUOTE)
        first_is_escaped = self._escaped
        self._escaped = False
        if b"\\" not in block:
            return quotes[1:] if first_is_escaped and len(quotes) and quotes[0] == 0 else quotes
        slashes = np.flatnonzero(view == _BACKSLASH)
        if first_is_escaped and slashes[0] == 0:  # this one is itself escaped, so the run begins behind it
            slashes = slashes[1:]
            first_is_escaped = False
        escaped = np.empty(0, np.int64)
        if len(slashes):
            breaks = np.flatnonzero(np.diff(slashes) != 1)
            begins = slashes[np.concatenate(([0], breaks + 1))]
            ends = slashes[np.concatenate((breaks, [len(slashes) - 1]))]
            escaped = ends[((ends - begins) & 1) == 0] + 1
            if len(escaped) and escaped[-1] == len(block):
                self._escaped = True
        if first_is_escaped:
            escaped = np.concatenate(([0], escaped))
        return quotes[~np.isin(quotes, escaped, assume_unique=True)]
