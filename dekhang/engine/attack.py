"""What rules say of ATT&CK: tactics in the order of an attack, and techniques, from the tags `attack.…`."""

import re
from typing import Final

from dekhang.engine.rules import Rule

# `stealth` and `defense-impairment` are what newer rules say for `defense-evasion`
TACTICS: Final = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "defense-evasion", "stealth", "defense-impairment", "credential-access", "discovery", "lateral-movement",
    "collection", "command-and-control", "exfiltration", "impact",
)  # fmt: skip
OTHER: Final = "other"  # of rules that name no tactic
TECHNIQUE: Final = re.compile(r"t\d{4}(?:\.\d{3})?")


def tactics_of(rule: Rule) -> tuple[str, ...]:
    """Return the tactics that a rule names, in the order of an attack; (OTHER,) when it names none."""
    named = {tag.lower().removeprefix("attack.").replace("_", "-") for tag in rule.tags if _of_attack(tag)}
    return tuple(tactic for tactic in TACTICS if tactic in named) or (OTHER,)


def techniques_of(rule: Rule) -> tuple[str, ...]:
    """Return the technique ids that a rule names, e.g. T1059.001, each once."""
    found = (tag.lower().removeprefix("attack.") for tag in rule.tags if _of_attack(tag))
    return tuple(dict.fromkeys(one.upper() for one in found if TECHNIQUE.fullmatch(one)))


def main_techniques_of(rule: Rule) -> tuple[str, ...]:
    """Return the same with sub-techniques under their technique, e.g. T1059."""
    return tuple(dict.fromkeys(one.partition(".")[0] for one in techniques_of(rule)))


def _of_attack(tag: str) -> bool:
    return tag.lower().startswith("attack.")
