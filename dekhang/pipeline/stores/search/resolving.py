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

    What was typed means every name that contains it; `#12` means number 12.
    """
    if isinstance(node, (And, Or)):
        return replace(node, parts=tuple(resolve(part, names) for part in node.parts))
    if isinstance(node, Not):
        return Not(resolve(node.part, names))
    if isinstance(node, Named):
        known = names.units if node.what == "unit" else names.sources
        if len(node.pattern) == 1 and (number := re.fullmatch(r"#([0-9]{1,18})", str(node.pattern[0]))):
            return Ids(node.what, frozenset({int(number[1])} & known.keys()))
        sought = re.compile(_expression(node.pattern), re.DOTALL)
        return Ids(node.what, frozenset(one for one, name in known.items() if sought.search(fold(name))))
    return node


def _expression(pattern: Pattern) -> str:
    written = {Wild.MANY: ".*", Wild.ONE: "."}
    return "".join(written[piece] if isinstance(piece, Wild) else re.escape(fold(piece)) for piece in pattern)
