"""Plans that come with Đề Kháng, as data: `data/<key>.yml`, read into frozen structs."""

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any, Literal

from dekhang.apps.cascade.enums import DeadlineKind, PartyRole
from dekhang.law.reading import read_yaml
from dekhang.law.shapes import Shape

DATA = Path(__file__).parent / "data"
Kind = Literal["department", "district", "commune", "coordinator"]


class TaskTemplate(Shape, frozen=True, kw_only=True):
    """One task: who leads, until when, what comes out of it and what proves it."""

    title: str
    text: str = ""
    output: str
    basis: tuple[str, ...]
    lead: tuple[Kind, ...]
    coordinate: tuple[Kind, ...] = ()
    due_on: date | None = None
    period: Literal["", "month", "quarter", "half", "year"] = ""
    starts_on: date | None = None
    due_days: int = 0
    duty: str = ""
    own_proof: bool = False

    def facts(self) -> dict[str, Any]:
        """What `services.save_task` takes."""
        kind = DeadlineKind.RECURRING if self.period else DeadlineKind.ONCE if self.due_on else DeadlineKind.STANDING
        return {
            "title": self.title,
            "text": self.text,
            "output": self.output,
            "basis": list(self.basis),
            "deadline": kind,
            "due_on": self.due_on,
            "period": self.period,
            "starts_on": self.starts_on,
            "due_days": self.due_days,
            "duty_key": self.duty,
            "own_proof": self.own_proof,
        }

    def parties(self, coordinator_id: int | None) -> Iterator[tuple[str, int | None, str]]:
        """Parties as `save_task` takes them; the coordinating unit is whichever the registry names."""
        for role, kinds in ((PartyRole.LEAD, self.lead), (PartyRole.COORDINATE, self.coordinate)):
            for kind in kinds:
                if kind != "coordinator":
                    yield role, None, kind
                elif coordinator_id is not None:
                    yield role, coordinator_id, ""


class PlanTemplate(Shape, frozen=True, kw_only=True):
    """A whole plan. `note` says whose words it is."""

    title: str
    decision: str
    day: date
    basis: tuple[str, ...]
    note: str
    tasks: tuple[TaskTemplate, ...]


@cache
def template(key: str = "ct14") -> PlanTemplate:
    return read_yaml(DATA / f"{key}.yml", PlanTemplate)
