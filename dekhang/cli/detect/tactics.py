"""ATT&CK tactics that rules name: what each means for somebody who is no specialist, and what to do first.

The names are common knowledge of the trade; meaning and advice (advice.yml) are our own words.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dekhang.cli.detect.words import Language
from dekhang.engine import Rule

# in the order of an attack; `stealth` and `defense-impairment` are what newer rules say for `defense-evasion`
TACTICS = (
    "reconnaissance", "resource-development", "initial-access", "execution", "persistence", "privilege-escalation",
    "defense-evasion", "stealth", "defense-impairment", "credential-access", "discovery", "lateral-movement",
    "collection", "command-and-control", "exfiltration", "impact",
)  # fmt: skip
OTHER = "other"  # of rules that name no tactic

# which of a rule's tactics decides the advice: what does the most harm comes first
GRAVEST = (
    "impact", "exfiltration", "credential-access", "lateral-movement", "command-and-control", "defense-impairment",
    "initial-access", "persistence", "privilege-escalation", "execution", "defense-evasion", "stealth", "collection",
    "discovery", "reconnaissance", "resource-development",
)  # fmt: skip

# somebody is at the door; whether they came in is still to be found out
AT_THE_DOOR = frozenset(("reconnaissance", "resource-development", "initial-access"))

TECHNIQUE = re.compile(r"t\d{4}(?:\.\d{3})?")


@dataclass(frozen=True, slots=True)
class Advice:
    name: str
    meaning: str
    actions: tuple[str, ...]


@cache
def advice(language: Language) -> dict[str, Advice]:
    """Return tactic → what it is called, means and asks for; also for OTHER."""
    told = yaml.safe_load(Path(__file__).with_name("advice.yml").read_text("utf-8"))
    return {
        tactic: Advice(texts[language]["name"], texts[language]["meaning"], tuple(texts[language]["actions"]))
        for tactic, texts in told.items()
    }


def tactics_of(rule: Rule) -> tuple[str, ...]:
    """Return the tactics that a rule names, in the order of an attack; (OTHER,) when it names none."""
    named = {tag.lower().removeprefix("attack.").replace("_", "-") for tag in rule.tags if _of_attack(tag)}
    return tuple(tactic for tactic in TACTICS if tactic in named) or (OTHER,)


def gravest_of(rule: Rule) -> str:
    """Return the tactic of a rule by which to choose advice."""
    named = tactics_of(rule)
    return next((tactic for tactic in GRAVEST if tactic in named), OTHER)


def techniques_of(rule: Rule) -> tuple[str, ...]:
    """Return the technique ids that a rule names, e.g. T1059.001, each once."""
    found = (tag.lower().removeprefix("attack.") for tag in rule.tags if _of_attack(tag))
    return tuple(dict.fromkeys(one.upper() for one in found if TECHNIQUE.fullmatch(one)))


def _of_attack(tag: str) -> bool:
    return tag.lower().startswith("attack.")
