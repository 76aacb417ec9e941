"""Where in a text a question is answered: what a page shows in colour."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import re2

from dekhang.pipeline.stores.search.folding import MARKS
from dekhang.pipeline.stores.search.nodes import Field, Node, Text, asserted
from dekhang.pipeline.stores.search.sql import expression

SPANS_MOST = 200  # in one text
CHARS_LOOKED_AT = 200_000
_LEAST_CHARS = 2  # of a part of a field's value that is worth a colour


class Marker:
    """Finds the words of a question in texts, as the question means them: without case, accents and backslashes."""

    def __init__(self, question: Node) -> None:
        sought: dict[str, None] = {}
        for one in asserted(question):
            if isinstance(one, Text):
                sought[expression(one.pattern, ignored=rf"\\{MARKS}", dropped="\\", many=r"[^\n]*?")] = None
            elif isinstance(one, Field):
                for piece in one.pattern:
                    if isinstance(piece, str) and len(piece.strip("\\")) >= _LEAST_CHARS:
                        sought[expression((piece,), ignored=rf"\\{MARKS}", dropped="\\")] = None
        # long ones first: of alternatives that begin at the same place the first one wins
        found = sorted((one for one in sought if one), key=len, reverse=True)
        self._expression = re2.compile("(?s)" + "|".join(found)) if found else None

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield (start, stop) of what is found, in order, not overlapping."""
        if self._expression is None:
            return
        for found in islice(self._expression.finditer(text[:CHARS_LOOKED_AT]), SPANS_MOST):
            shown = found[0].rstrip("\\")  # that may follow, but was not asked for
            if shown:
                yield found.start(), found.start() + len(shown)
