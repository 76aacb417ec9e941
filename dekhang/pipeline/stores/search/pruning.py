"""Which row groups cannot answer a question: told by the bitmaps of their text, before anything of them is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from dekhang.pipeline.stores.lake.grams import may_hold, places_of
from dekhang.pipeline.stores.search.names import places
from dekhang.pipeline.stores.search.nodes import And, Field, Node, Or, Pattern, Text

Sieve: TypeAlias = Callable[[Any], bool]  # bitmap of a row group → may something in it match?

# columns whose values stand in the text as they are; a host may come from elsewhere, a kind is ours
_IN_THE_TEXT = frozenset({"user", "src_ip", "event_code", "message"})
# JSON has escapes for control characters, and of such an escape nobody knows whether it is meant
WRITTEN_OTHERWISE = re.compile(r"[\x00-\x1f\x7f]|\\+u[0-9a-fA-F]{4}")
_FRACTION = re.compile(r"-?[0-9.]+(e[-+0-9]+)?", re.IGNORECASE)


def sieve(question: Node) -> Sieve | None:
    """Return the test of a question; None: it prunes nothing."""
    if isinstance(question, And):
        parts = [part for one in question.parts if (part := sieve(one)) is not None]
        return (lambda bitmap: all(part(bitmap) for part in parts)) if parts else None
    if isinstance(question, Or):
        either = [sieve(one) for one in question.parts]
        if any(part is None for part in either):
            return None
        tests = [part for part in either if part is not None]
        return lambda bitmap: any(part(bitmap) for part in tests)
    if isinstance(question, Text) or (isinstance(question, Field) and _stands_in_text(question)):
        wanted = [found for piece in _needles(question.pattern) if len(found := places_of(piece))]
        return (lambda bitmap: all(may_hold(bitmap, one) for one in wanted)) if wanted else None
    return None


def _stands_in_text(field: Field) -> bool:
    if not set(places(field.name).columns) <= _IN_THE_TEXT:
        return False
    # 1e3 and 1000.0 are one number to JSON
    return not any(isinstance(piece, str) and "." in piece and _FRACTION.fullmatch(piece) for piece in field.pattern)


def _needles(pattern: Pattern) -> list[str]:
    return [part for piece in pattern if isinstance(piece, str) for part in WRITTEN_OTHERWISE.split(piece) if part]
