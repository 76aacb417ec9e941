"""Records in, matches out: Sigma rules, correlations. Pure: no files, no sockets, no database, no clock.

rules = read_rules(...)                      # sigma.py, or pipeline.rulebook with its cache
detector = Detector(compile_rules(rules, default_mapping()))
matches = detector.process(records)
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dekhang.engine.correlate import Losses, Waiting
from dekhang.engine.logsources import LogsourceMapping, default_mapping
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Guidance, Rule, RuleError, Skipped
from dekhang.engine.ruleset import RuleSet, compile_rules

if TYPE_CHECKING:
    from dekhang.engine.detector import Detector
    from dekhang.engine.sieve import Limits

# loaded when asked for: with numba they take half a second and 90 MB, and web pages only want the words of rules
_DETECTING = {"Detector": "dekhang.engine.detector", "Limits": "dekhang.engine.sieve"}

__all__ = [
    "Detector",
    "Guidance",
    "Limits",
    "LogsourceMapping",
    "Losses",
    "Match",
    "Record",
    "Rule",
    "RuleError",
    "RuleSet",
    "Skipped",
    "Waiting",
    "compile_rules",
    "default_mapping",
]


def __getattr__(name: str) -> object:
    if name not in _DETECTING:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_DETECTING[name]), name)
    return found
