"""Duty `regulation`: the security regulation is checked, in its period of review, and its recurring tasks are done on time.

Law: CT14-2019; QD2273-2019.
"""

from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from dekhang.apps.duties.enums import EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import Facts, Measure, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.DOCUMENT_CHECKED, EvidenceKind.RECURRING_TASK)


TEXT = Need(EvidenceKind.DOCUMENT_CHECKED, "regulation", gettext_lazy("quy chế bảo đảm an toàn thông tin"))


class Regulation(Needs):
    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return (TEXT,)

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        tasks = _standing(facts)
        missed = [row for row in tasks if not row.holds(at)]
        if not tasks:
            yield Problem("no_task_done")
        elif missed:
            yield Problem("task_missed", about=max(missed, key=lambda row: row.observed_at), count=len(missed))

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Recurring tasks in time ÷ recurring tasks."""
        tasks = _standing(facts)
        return Measure(sum(row.holds(at) for row in tasks), len(tasks)) if tasks else None

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        title = str(problem.about.payload.get("title", "")).replace("%", "") if problem.about else ""
        return {
            "no_task_done": (
                _("Chưa có việc định kỳ nào của quy chế được ghi nhận là đã làm."),
                _("Mở “Việc định kỳ”, nhận các việc của quy chế và ghi kết quả lần đầu."),
                None,
            ),
            "task_missed": (
                _("Có %(count)d việc định kỳ quá hạn hoặc không đạt, gần nhất: “{title}”. %(why)s").format(title=title),
                _("Mở “Việc định kỳ” và làm việc quá hạn trước."),
                None,
            ),
        }[problem.code]


def _standing(facts: Facts) -> list[Observation]:
    """Without tasks that their plan has ended: those are neither a proof nor a fault any more."""
    return [row for row in facts.of(EvidenceKind.RECURRING_TASK) if not row.payload.get("ended")]
