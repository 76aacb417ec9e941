"""ATT&CK tactics that rules name: what each means for somebody who is no specialist, and what to do first.

The names are common knowledge of the trade; meaning and advice (advice.yml) are our own words.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from dekhang.cli.detect.words import Language
from dekhang.engine import Rule
from dekhang.engine.attack import OTHER, TACTICS, tactics_of, techniques_of

# which of a rule's tactics decides the advice: what does the most harm comes first
GRAVEST = (
    "impact", "exfiltration", "credential-access", "lateral-movement", "command-and-control", "defense-impairment",
    "initial-access", "persistence", "privilege-escalation", "execution", "defense-evasion", "stealth", "collection",
    "discovery", "reconnaissance", "resource-development",
)  # fmt: skip

# somebody is at the door; whether they came in is still to be found out
AT_THE_DOOR = frozenset(("reconnaissance", "resource-development", "initial-access"))

__all__ = [
    "AT_THE_DOOR",
    "GRAVEST",
    "OTHER",
    "TACTICS",
    "Advice",
    "advice",
    "gravest_of",
    "tactics_of",
    "techniques_of",
]


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


def gravest_of(rule: Rule) -> str:
    """Return the tactic of a rule by which to choose advice."""
    named = tactics_of(rule)
    return next((tactic for tactic in GRAVEST if tactic in named), OTHER)
