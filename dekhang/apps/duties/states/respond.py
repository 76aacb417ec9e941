"""Duty `respond`: the clocks of real incidents, warnings and exercises of the last year were kept. Nothing is declared.

Law: CT14-2019; QD05-2017/11; TT20-2017/9.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from dekhang.apps.duties.enums import ClaimState, EvidenceKind
from dekhang.apps.duties.states.needs import Need, Needs
from dekhang.apps.duties.states.rows import ClaimSpan, Facts, Measure, Observation, Problem

EVIDENCE_KINDS = (EvidenceKind.CLOCK,)


@dataclass(frozen=True, slots=True)
class Respond(Needs):
    counts_days: int = 365  # how long a kept clock proves, and a missed one stands in the way

    def needs(self, facts: Facts, at: datetime) -> Iterable[Need]:
        return ()

    def _recent(self, facts: Facts, at: datetime) -> list[Observation]:
        return [row for row in facts.of(EvidenceKind.CLOCK) if at < row.observed_at + timedelta(days=self.counts_days)]

    def more_problems(self, facts: Facts, at: datetime) -> Iterable[Problem]:
        recent = self._recent(facts, at)
        missed = [row for row in recent if not row.ok]
        if missed:
            yield Problem("clock_missed", about=max(missed, key=lambda row: row.observed_at), count=len(missed))
        elif not recent:
            yield Problem("no_clock")

    def unproven_state(
        self, facts: Facts, problems: Sequence[Problem], *, declared_since: datetime | None, decayed: bool, at: datetime
    ) -> ClaimState:
        if any(problem.code == "clock_missed" for problem in problems):
            return ClaimState.REFUTED
        return ClaimState.DECAYED if decayed else ClaimState.UNKNOWN

    def own_moments(self, rows: Sequence[Observation], claims: Sequence[ClaimSpan]) -> Iterable[datetime]:
        return {row.observed_at + timedelta(days=self.counts_days) for row in rows}

    def proven_until(self, facts: Facts, at: datetime) -> datetime | None:
        ends = [row.observed_at + timedelta(days=self.counts_days) for row in self._recent(facts, at)]
        return max(ends, default=None)

    def measure(self, facts: Facts, at: datetime) -> Measure | None:
        """Clocks kept ÷ clocks that ran out or were kept in the last year."""
        recent = self._recent(facts, at)
        return Measure(sum(row.ok for row in recent), len(recent)) if recent else None

    def words(self, problem: Problem, facts: Facts) -> tuple[str, str, str | None]:
        return {
            "clock_missed": (
                _("Có %(count)d thời hạn báo cáo, xử lý bị trễ trong 12 tháng, gần nhất %(when)s. %(why)s"),
                _("Gửi ngay báo cáo còn thiếu; thời hạn trễ được tính đến hết 12 tháng."),
                "incidents:list",
            ),
            "no_clock": (
                _("Chưa có sự cố hay diễn tập nào cho thấy đơn vị giữ đúng thời hạn."),
                _("Chạy một buổi diễn tập: mọi thời hạn được đo như thật."),
                "incidents:sops",
            ),
        }[problem.code]
