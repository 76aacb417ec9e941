"""The sieve: of thousands of rules it proposes the few that could match a line; the reference decides (engine.md)."""

from dekhang.engine.sieve.code import Code, compile_code
from dekhang.engine.sieve.paths import PathTree, Place, Shape
from dekhang.engine.sieve.sieve import INDICATOR, Limits, Sieve

__all__ = ["INDICATOR", "Code", "Limits", "PathTree", "Place", "Shape", "Sieve", "compile_code"]
