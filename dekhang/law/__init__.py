"""Legal texts, duties, clocks, roles and procedures as dated data. `load()` gives all of it; see docs/explanation/law.md.

Knows no Django and no clock: dates come in, answers go out.
"""

from dekhang.law.book import Law, load
from dekhang.law.deadlines import deadline
from dekhang.law.errors import Fault, LawError, UnknownKey
from dekhang.law.playbooks import Choice, Playbook, Step, load_playbook, load_playbooks

__all__ = [
    "Choice",
    "Fault",
    "Law",
    "LawError",
    "Playbook",
    "Step",
    "UnknownKey",
    "deadline",
    "load",
    "load_playbook",
    "load_playbooks",
]
