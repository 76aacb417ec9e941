"""States of claims, computed from plain rows: one module per duty, `walk` goes through the time line."""

from dekhang.apps.duties.states import (
    awareness,
    budget,
    four_layers,
    isp,
    level,
    officer,
    record_attacks,
    regulation,
    respond,
    secrets,
    sop,
)
from dekhang.apps.duties.states.awareness import Awareness
from dekhang.apps.duties.states.budget import Budget
from dekhang.apps.duties.states.four_layers import FourLayers
from dekhang.apps.duties.states.isp import Isp
from dekhang.apps.duties.states.level import Level
from dekhang.apps.duties.states.officer import Officer
from dekhang.apps.duties.states.record_attacks import RecordAttacks
from dekhang.apps.duties.states.regulation import Regulation
from dekhang.apps.duties.states.respond import Respond
from dekhang.apps.duties.states.rows import Assessment, ClaimSpan, Measure, Observation, Reason
from dekhang.apps.duties.states.secrets import Secrets
from dekhang.apps.duties.states.sop import Sop
from dekhang.apps.duties.states.walk import DutyStates, Stretch, assess, timeline

# every duty of dekhang/law: its states and the kinds of evidence they look at
PROVABLE: dict[str, tuple[DutyStates, tuple[str, ...]]] = {
    "awareness": (Awareness(), awareness.EVIDENCE_KINDS),
    "officer": (Officer(), officer.EVIDENCE_KINDS),
    "level": (Level(), level.EVIDENCE_KINDS),
    "regulation": (Regulation(), regulation.EVIDENCE_KINDS),
    "record_attacks": (RecordAttacks(), record_attacks.EVIDENCE_KINDS),
    "sop": (Sop(), sop.EVIDENCE_KINDS),
    "respond": (Respond(), respond.EVIDENCE_KINDS),
    "four_layers": (FourLayers(), four_layers.EVIDENCE_KINDS),
    "budget": (Budget(), budget.EVIDENCE_KINDS),
    "isp": (Isp(), isp.EVIDENCE_KINDS),
    "secrets": (Secrets(), secrets.EVIDENCE_KINDS),
}


def duties_of(evidence_kind: str) -> list[str]:
    """The duties whose states look at this kind of evidence."""
    return [key for key, (_states, kinds) in PROVABLE.items() if evidence_kind in kinds]


def states_of(duty_key: str) -> tuple[DutyStates, tuple[str, ...]]:
    """The states of a duty and the kinds of evidence it looks at."""
    return PROVABLE[duty_key]


__all__ = [
    "PROVABLE",
    "Assessment",
    "ClaimSpan",
    "DutyStates",
    "Measure",
    "Observation",
    "Reason",
    "Stretch",
    "assess",
    "duties_of",
    "states_of",
    "timeline",
]
