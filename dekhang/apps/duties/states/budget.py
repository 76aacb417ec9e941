"""Duty `budget`: the share of IT spending that goes to security, from a checked document, against the law's share of that day.

Law: CT14-2019 (10 %), L116-2025/38.1 (15 %).
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, time

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem
from dekhang.law import load

EVIDENCE_KINDS = (EvidenceKind.DOCUMENT_CHECKED,)


DECISION = Need(
    EvidenceKind.DOCUMENT_CHECKED,
    "budget",
    gettext_lazy("quyết định giao kinh phí công nghệ thông tin và an toàn thông tin"),
)


class Budget(Needs):
    contradicts = frozenset({"budget_low"})

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return (DECISION,)

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        row = facts.get(EvidenceKind.DOCUMENT_CHECKED, "budget")
        target = load().duty("budget").target_on(timezone.localtime(at).date())
        if row is None or not row.holds(at) or target is None:
            return
        share = share_of(row)
        if share is None or share < target.minimum:
            yield Problem("budget_low", about=row, count=int(target.minimum))

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        """Days on which the law's share changes."""
        return (
            [
                timezone.make_aware(datetime.combine(target.valid_from, time.min))
                for target in load().duty("budget").targets
            ]
            if rows
            else ()
        )

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Security ÷ IT spending in million đồng, of a checked document in force."""
        row = facts.get(EvidenceKind.DOCUMENT_CHECKED, "budget")
        spent = spending(row) if row is not None and row.holds(at) else None
        return Measure(*spent) if spent else None

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        share = share_of(problem.about) if problem.about else None
        shown = _("chưa tính được") if share is None else f"{share:.1f} %".replace(".", ",").replace("%", "%%")
        return {
            "budget_low": (
                _(
                    "Kinh phí an toàn thông tin chiếm {share} kinh phí công nghệ thông tin, mức tối thiểu là %(count)d %%."
                ).format(share=shown),
                _("Bổ sung kinh phí cho an toàn thông tin, rồi nộp quyết định điều chỉnh."),
                "duties:documents",
            )
        }[problem.code]


def share_of(row: Observation) -> float | None:
    """Security ÷ IT spending in percent; None when the document does not give both."""
    spent = spending(row)
    return spent[0] * 100 / spent[1] if spent else None


def spending(row: Observation) -> tuple[float, float] | None:
    """(security, all of IT) in million đồng; None when the document does not give both."""
    facts = row.payload.get("facts")
    if not isinstance(facts, dict):
        return None
    total, part = facts.get("it_spending"), facts.get("security_spending")
    if not isinstance(total, (int, float)) or not isinstance(part, (int, float)) or total <= 0:
        return None
    return part, total
