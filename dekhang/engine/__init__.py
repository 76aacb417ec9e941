"""Records in, matches out: Sigma rules, correlations. Pure: no files, no sockets, no database, no clock.

rules = read_rules(...)                      # sigma.py, or pipeline.rulebook with its cache
detector = Detector(compile_rules(rules, default_mapping()))
matches = detector.process(records)
"""

from dekhang.engine.correlate import Losses, Waiting
from dekhang.engine.detector import Detector
from dekhang.engine.logsources import LogsourceMapping, default_mapping
from dekhang.engine.records import Match, Record
from dekhang.engine.rules import Guidance, Rule, RuleError, Skipped
from dekhang.engine.ruleset import RuleSet, compile_rules
from dekhang.engine.sieve import Limits

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
