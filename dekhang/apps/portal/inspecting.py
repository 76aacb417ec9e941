"""What waits for those who inspect: signs with their rows, visits to come, findings to be checked again or overdue."""

from dataclasses import dataclass

from dekhang.apps.core.models import User
from dekhang.apps.duties.filing.doings import flags
from dekhang.apps.duties.filing.flags import Flag
from dekhang.apps.inspections import selectors
from dekhang.apps.inspections.models import Finding, Visit
from dekhang.apps.registry.selectors import unit_names

SHOWN = 6


@dataclass(frozen=True, slots=True)
class Inspecting:
    """Counts are of all, rows the first ones, each with the name of its unit (a sign: of its units)."""

    signs: tuple[tuple[str, Flag], ...]
    sign_count: int
    visits: tuple[tuple[str, Visit], ...]
    visit_count: int
    filed: tuple[tuple[str, Finding], ...]
    filed_count: int
    overdue: tuple[tuple[str, Finding], ...]
    overdue_count: int


def overview(user: User) -> Inspecting:
    signs = flags()
    visits = selectors.coming(selectors.visits_of(user))
    findings = selectors.findings_of(user)
    filed, overdue = selectors.waiting_for_judgement(findings), selectors.overdue(findings)
    shown_visits, shown_filed, shown_overdue = list(visits[:SHOWN]), list(filed[:SHOWN]), list(overdue[:SHOWN])
    named = {row.unit_id for row in (*shown_visits, *shown_filed, *shown_overdue)}
    names = unit_names(named | {unit_id for flag in signs[:SHOWN] for unit_id in flag.unit_ids[:3]})

    def of(rows: list) -> tuple:
        return tuple((names.get(row.unit_id, ""), row) for row in rows)

    return Inspecting(
        signs=tuple((", ".join(names.get(pk, "") for pk in flag.unit_ids[:3]), flag) for flag in signs[:SHOWN]),
        sign_count=len(signs),
        visits=of(shown_visits),
        visit_count=visits.count(),
        filed=of(shown_filed),
        filed_count=filed.count(),
        overdue=of(shown_overdue),
        overdue_count=overdue.count(),
    )
