"""Systems with what is known of their level at a moment: the rows that `states/level.py` judges, for reports that list them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.rows import Facts
from dekhang.apps.duties.timelines import facts_of


@dataclass(frozen=True, slots=True)
class SystemLevel:
    """One registered system. `level`: as decided, "" when not known; `approved`, `checked`: an accepted text still speaks."""

    unit_id: int
    name: str
    level: str
    approved: bool
    decision: str
    checked: bool
    checked_at: datetime | None


def systems(unit_ids: Collection[int], at: datetime) -> list[SystemLevel]:
    """Systems registered at `at`, in no order. No isolation here: callers name units that the person may see."""
    evidence, _claims = facts_of("level", unit_ids, until=at)
    rows = []
    for unit_id, observations in evidence.items():
        facts = Facts()
        for observation in observations:
            facts.add(observation)
        for system in facts.of(EvidenceKind.SYSTEM_REGISTERED):
            if not system.ok:
                continue
            number = system.subject.removeprefix("system:")
            decision = facts.get(EvidenceKind.DOCUMENT_CHECKED, f"level:{number}")
            controls = facts.get(EvidenceKind.DOCUMENT_CHECKED, f"controls:{number}")
            approved = decision is not None and decision.holds(at)
            checked = controls is not None and controls.holds(at)
            said = decision.payload.get("facts") if approved and decision is not None else None
            decided = str(said.get("level", "")) if isinstance(said, dict) else ""
            rows.append(
                SystemLevel(
                    unit_id,
                    str(system.payload.get("name") or system.subject),
                    decided or str(system.payload.get("level") or ""),
                    approved,
                    str(decision.payload.get("title", "")) if approved and decision is not None else "",
                    checked,
                    controls.observed_at if checked and controls is not None else None,
                )
            )
    return rows
