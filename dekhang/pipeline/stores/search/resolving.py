"""Names of units and sources in a question → their numbers, which is all that the lake knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from dekhang.pipeline.stores.search.folding import fold
from dekhang.pipeline.stores.search.nodes import And, Ids, Named, Node, Not, Or, Pattern, Wild


@dataclass(frozen=True, slots=True)
class Names:
    """What the person who asks may see: number → name."""

    units: Mapping[int, str]
    sources: Mapping[int, str]


def resolve(node: Node, names: Names) -> Node:
    """Return the question with numbers for names. A name that nobody has finds nothing; its negation everything.

    A name is meant when it contains what was typed, or has its number.
    """
    if isinstance(node, (And, Or)):
        return replace(node, parts=tuple(resolve(part, names) for part in node.parts))
    if isinstance(node, Not):
        return Not(resolve(node.part, names))
    if isinstance(node, Named):
        known = names.units if node.what == "unit" else names.sources
        sought = re.compile(_expression(node.pattern), re.DOTALL)
        ids = {one for one, name in known.items() if sought.search(fold(name)) or node.pattern == (str(one),)}
        return Ids(node.what, frozenset(ids))
    return node


def _expression(pattern: Pattern) -> str:
    written = {Wild.MANY: ".*", Wild.ONE: "."}
    return "".join(written[piece] if isinstance(piece, Wild) else re.escape(fold(piece)) for piece in pattern)
